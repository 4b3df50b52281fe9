package vector

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSizes measures an index on files as it grows: PULSE_SIZES are the numbers of
// vectors to stop at, PULSE_DIMENSION theirs (1024). `make sizes-vectors` runs it.
func TestSizes(t *testing.T) {
	var sizes []int
	for _, s := range strings.FieldsFunc(os.Getenv("PULSE_SIZES"), func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	if len(sizes) == 0 {
		t.Skip("PULSE_SIZES is not set: make sizes-vectors sets it")
	}
	dimension := 1024
	if s := os.Getenv("PULSE_DIMENSION"); s != "" {
		dimension, _ = strconv.Atoi(s)
	}
	runtime.LockOSThread() // for threadTime
	defer runtime.UnlockOSThread()
	s := &growing{t: t, folder: t.TempDir(), x: New(dimension, Cosine), subjects: newSubjects(dimension)}
	t.Log("vectors | query p50, p99 CPU ms | recall@10 | heap MB | files resident MB | disk MB | start s | build CPU s")
	for _, n := range sizes {
		s.grow(n)
		s.restart()
		s.report()
	}
}

// subjects makes vectors around 2,000 centres, as far from them as the centres are
// long.
type subjects struct {
	r       *rand.Rand
	centres [][]float32
}

func newSubjects(dimension int) *subjects {
	s := &subjects{r: rand.New(rand.NewPCG(1, 1))}
	for range 2000 {
		s.centres = append(s.centres, gaussian(s.r, dimension, 1))
	}
	return s
}

func (s *subjects) next(v []float32) []float32 {
	for i, f := range s.centres[s.r.IntN(len(s.centres))] {
		v[i] = f + (s.r.Float32()-0.5)*math.Sqrt2*2.45 // of deviation 1
	}
	return v
}

type growing struct {
	t        *testing.T
	folder   string
	x        *Index
	subjects *subjects
	paths    []string
	build    time.Duration
	start    time.Duration
}

const sizesFile = 128 * blockVectors

// grow adds vectors, by files.
func (s *growing) grow(n int) {
	s.t.Helper()
	v := make([]float32, s.x.Dimension())
	for s.x.Chunks() < n {
		for range min(sizesFile, n-s.x.Chunks()) {
			s.subjects.next(v)
			began := threadTime()
			err := s.x.Replace(uint32(s.x.Chunks()), []Chunk{mustEncode(s.t, Cosine, 0, v)})
			s.build += threadTime() - began
			if err != nil {
				s.t.Fatal(err)
			}
		}
		s.flush()
	}
}

func (s *growing) flush() {
	s.t.Helper()
	began := threadTime()
	sealed := s.x.Seal(func(document uint32) State { return State{uint64(document), 1} })
	path := filepath.Join(s.folder, strconv.Itoa(len(s.paths)))
	file, err := os.Create(path)
	if err == nil {
		_, err = sealed.WriteTo(file)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = file.Close()
	}
	var f *File
	if err == nil {
		f, err = Open(path)
	}
	if err == nil {
		err = s.x.Adopt(sealed, f)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.paths = append(s.paths, path)
	s.build += threadTime() - began
}

// restart opens all files anew.
func (s *growing) restart() {
	s.t.Helper()
	for _, f := range s.x.Files() {
		if err := f.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	s.x = New(s.x.Dimension(), Cosine)
	debug.FreeOSMemory()
	began := time.Now()
	for _, path := range s.paths {
		f, err := Open(path)
		if err == nil {
			err = s.x.Attach(f, func(state State) (uint32, bool) { return uint32(state.ID), true })
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.start = time.Since(began)
}

func (s *growing) report() {
	s.t.Helper()
	const queries = 40
	var times []time.Duration
	right := 0
	w := window{size: 10, list: make([]found, 0, 11)}
	for range queries {
		query := s.subjects.next(make([]float32, s.x.Dimension()))
		s.x.signsFrom = minSignsBytes
		best := time.Duration(math.MaxInt64)
		for range 3 {
			w.list = w.list[:0]
			began := threadTime()
			if err := s.x.Search(query, w.size, lowest, nil, w.add); err != nil {
				s.t.Fatal(err)
			}
			best = min(best, threadTime()-began)
		}
		times = append(times, best)
		s.x.signsFrom = math.MaxInt
		for _, f := range searchWindow(s.t, s.x, query, 10, nil) {
			if slices.Contains(w.list, f) {
				right++
			}
		}
	}
	s.x.signsFrom = minSignsBytes
	slices.Sort(times)
	disk := int64(0)
	for _, f := range s.x.Files() {
		disk += f.length()
	}
	s.t.Logf("%d | %.2f, %.2f | %.4f | %d | %d | %d | %.2f | %.0f", s.x.Chunks(),
		1e3*times[queries/2].Seconds(), 1e3*times[queries-1].Seconds(), float64(right)/(10*queries),
		residentMB("RssAnon"), residentMB("RssFile"), disk/1e6, s.start.Seconds(), s.build.Seconds())
	runtime.KeepAlive(s.x)
}

// residentMB is a figure of this process, where the system tells it.
func residentMB(name string) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			var kB int
			if _, err := fmt.Sscan(rest, &kB); err == nil {
				return kB / 1000
			}
		}
	}
	return 0
}
