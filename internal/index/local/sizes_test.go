package local

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulse"
	"pulse/internal/index"
)

// TestSizes prints what an index on files takes at the sizes of PULSE_SIZES, in chunks: pages
// of four chunks of about 1,000 bytes, each with a vector of 256 numbers. Start is of a
// process that has just written the files, so that the system has them in memory.
func TestSizes(t *testing.T) {
	sizes := os.Getenv("PULSE_SIZES")
	if sizes == "" {
		t.Skip("set PULSE_SIZES to a list of sizes: make sizes-index")
	}
	t.Logf("%10s %8s %10s %8s %8s %8s %10s %10s %10s %10s", "chunks", "fill s", "B/chunk", "files",
		"start s", "heap MB", "RSS MB", "p50 ms", "p99 ms", "in merge")
	for _, size := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			t.Fatal(err)
		}
		sizeOf(t, n)
	}
}

func sizeOf(t *testing.T, n int) {
	dir := t.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := newSized()
	for id := 0; 4*id < n; id += 500 {
		var batch []pulse.Commit
		for i := id; i < id+500 && 4*i < n; i++ {
			batch = append(batch, s.page(i+1))
		}
		if err := x.Apply(t.Context(), batch, index.Position{Store: "s", History: "h", Seq: batch[len(batch)-1].Seq}); err != nil {
			t.Fatal(err)
		}
		if x.full() {
			s.settle(t, x)
		}
	}
	if err := x.end(); err != nil {
		t.Fatal(err)
	}
	fill := time.Since(began)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = nil
	runtime.GC()

	x, err = Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := x.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Since(began)
	runtime.GC()
	heap, rss := memory()
	idle := s.searches(t, x, 300)
	files := len(x.data.files)
	t.Logf("%10d %8.1f %10d %8d %8.2f %8d %10d %10.2f %10.2f %10s", x.Size().Chunks, fill.Seconds(), folderBytes(t, dir)/int64(n), files,
		start.Seconds(), heap>>20, rss>>20, milli(idle[150]), milli(idle[297]), s.whileMerging(t, x))
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func milli(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

type sized struct {
	r     *rand.Rand
	words *rand.Zipf
}

func newSized() *sized {
	r := rand.New(rand.NewPCG(1, 2))
	return &sized{r, rand.NewZipf(r, 1.1, 8, 1<<20)}
}

func (s *sized) text(words int) string {
	var b strings.Builder
	for range words {
		b.WriteString(strconv.FormatUint(1e6+s.words.Uint64()*2654435761%(1<<32), 36))
		b.WriteByte(' ')
	}
	return b.String()
}

func (s *sized) page(id int) pulse.Commit {
	return page(id, "", func(c *pulse.Commit) {
		c.Document.Language, c.Document.Title = "en", s.text(5)
		for i := range 4 {
			start := len(c.Document.Text)
			c.Document.Text += s.text(150)
			c.Chunks = append(c.Chunks[:i], pulse.Chunk{Ordinal: i, Start: start, End: len(c.Document.Text), Tokens: 250, Headings: []string{"a heading", "another"}})
			c.Vectors = append(c.Vectors, direction(s.r, 256))
		}
	})
}

// settle does all that is due.
func (s *sized) settle(t *testing.T, x *Index) {
	for more := true; more; {
		var err error
		if more, err = x.maintain(); err != nil {
			t.Fatal(err)
		}
	}
}

// searches returns the times of searches by word and vector for the best ten, sorted.
func (s *sized) searches(t *testing.T, x *Index, n int) (times []time.Duration) {
	r := rand.New(rand.NewPCG(5, 6))
	for range n {
		request := index.Request{Text: s.text(4), Vector: direction(r, 256), Window: 1000}
		began := time.Now()
		retrieve(t, x, request)
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times
}

// whileMerging is the p99 of searches beside a merge of all files of terms.
func (s *sized) whileMerging(t *testing.T, x *Index) string {
	var plan *mergePlan
	for _, files := range x.data.groups() {
		if files[0].kind() == termsKind {
			plan = &mergePlan{of: x.data, files: files[:min(4, len(files))]}
		}
	}
	done := make(chan error, 1)
	go func() { done <- x.mergeFiles(plan) }()
	var times []time.Duration
	every := time.NewTicker(20 * time.Millisecond) // a reader at a time leaves no room to move documents
	defer every.Stop()
	for ; ; <-every.C {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(times)
			return fmt.Sprintf("%.2f", milli(times[len(times)*99/100]))
		default:
			times = append(times, s.searches(t, x, 1)...)
		}
	}
}

func folderBytes(t *testing.T, dir string) (sum int64) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

// memory is what the heap holds, and what the process has of memory that no file backs.
func memory() (heap, rss uint64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return m.HeapAlloc, 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			rss = kb << 10
		}
	}
	return m.HeapAlloc, rss
}
