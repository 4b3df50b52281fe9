package vector

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shelf is an index with files and what must be in it, as an owner has it.
type shelf struct {
	t       *testing.T
	r       *rand.Rand
	folder  string
	x       *Index
	want    twin
	seqs    map[uint32]uint64
	next    uint64
	vectors [][]float32
	files   []string
}

func newShelf(t *testing.T, dimension int, metric Metric) *shelf {
	r := newRand(t)
	return &shelf{
		t: t, r: r, folder: t.TempDir(), x: New(dimension, metric), want: make(twin),
		seqs: make(map[uint32]uint64), vectors: clusteredVectors(r, 60, dimension, 6, 0.4),
	}
}

func (s *shelf) state(document uint32) State {
	return State{ID: uint64(document) + 1000, Seq: s.seqs[document]}
}

// number is the owner's answer when a file is attached.
func (s *shelf) number(state State) (uint32, bool) {
	document := uint32(state.ID - 1000)
	return document, s.seqs[document] == state.Seq
}

func (s *shelf) change(documents int) {
	s.t.Helper()
	for range documents {
		document := uint32(s.r.IntN(1300))
		s.next++
		s.seqs[document] = s.next
		if s.r.IntN(6) == 0 {
			s.x.Delete(document)
			delete(s.want, document)
			continue
		}
		chunks, plain := randomChunks(s.t, s.r, s.x.metric, s.vectors)
		if err := s.x.Replace(document, chunks); err != nil {
			s.t.Fatal(err)
		}
		s.want[document] = plain
	}
}

// write writes a file and opens it.
func (s *shelf) write(w io.WriterTo) *File {
	s.t.Helper()
	s.next++
	path := filepath.Join(s.folder, fmt.Sprint(s.next, ".vectors"))
	file, err := os.Create(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := w.WriteTo(file); err != nil {
		s.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.open(path)
}

func (s *shelf) open(path string) *File {
	s.t.Helper()
	f, err := Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.files = append(s.files, path)
	s.t.Cleanup(func() {
		if err := f.Close(); err != nil {
			s.t.Error(err)
		}
	})
	if err := f.Scrub(context.Background()); err != nil {
		s.t.Error(err)
	}
	return f
}

func (s *shelf) flush() {
	s.t.Helper()
	sealed := s.x.Seal(s.state)
	if sealed == nil {
		return
	}
	s.change(5) // beside the writing
	if err := s.x.Adopt(sealed, s.write(sealed)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) merge() {
	s.t.Helper()
	m := s.x.Merge(slices.Clone(s.x.Files()), s.state)
	s.change(20)
	f := s.write(m)
	for !s.x.Move(m, f, 100) {
		s.change(2)
		s.compare()
	}
	s.files = s.files[len(s.files)-1:]
	if got := s.x.Files(); len(got) != 1 || got[0] != f {
		s.t.Errorf("%d files after a merge", len(got))
	}
}

// reopen makes another index of the files and what is only in memory.
func (s *shelf) reopen() {
	s.t.Helper()
	s.flush()
	s.flush() // what changed beside the first
	if sealed := s.x.Seal(s.state); sealed != nil {
		if err := s.x.Adopt(sealed, s.write(sealed)); err != nil {
			s.t.Fatal(err)
		}
	}
	metric := s.x.metric
	s.x = New(s.x.Dimension(), metric)
	files := s.files
	s.files = nil
	for _, path := range files {
		if err := s.x.Attach(s.open(path), s.number); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *shelf) compare() {
	s.t.Helper()
	s.x.deviations = certain
	for _, signsFrom := range []int{0, 1 << 40} {
		s.x.signsFrom = signsFrom
		compareWithTwin(s.t, s.r, s.x, s.want, s.vectors[s.r.IntN(len(s.vectors))])
	}
	live := 0
	for _, f := range s.x.Files() {
		live += f.Live()
	}
	for i, slot := range s.x.slots {
		if b := s.x.blocks[i/blockVectors]; slot.document != none && b.file == nil {
			live++
		}
	}
	if live != s.x.Chunks() {
		s.t.Errorf("%d vectors are live, %d are counted", live, s.x.Chunks())
	}
}

// TestFileHistories changes an index, flushes, merges and opens it again, and compares
// it with a plain map after each.
func TestFileHistories(t *testing.T) {
	for _, dimension := range []int{3, 130} {
		for _, metric := range []Metric{Cosine, Dot} {
			t.Run(fmt.Sprintf("%d/%d", dimension, metric), func(t *testing.T) {
				s := newShelf(t, dimension, metric)
				for range 2 {
					s.change(500)
					s.flush()
					s.compare()
					s.change(100)
					s.flush()
					s.compare()
					s.merge()
					s.compare()
					s.reopen()
					s.compare()
				}
			})
		}
	}
}

func TestSealOfNothing(t *testing.T) {
	s := newShelf(t, 4, Cosine)
	if s.x.Seal(s.state) != nil {
		t.Error("an empty index has something to write")
	}
	if err := s.x.Replace(0, []Chunk{mustEncode(t, Cosine, 0, []float32{1, 2, 3, 4})}); err != nil {
		t.Fatal(err)
	}
	s.x.Delete(0)
	if s.x.Seal(s.state) != nil {
		t.Error("an index without vectors has something to write")
	}
}

// image is a file of some vectors.
func image(t testing.TB, dimension, vectors int) []byte {
	x := indexOf(t, Cosine, clusteredVectors(rand.New(rand.NewPCG(1, 1)), vectors, dimension, 6, 0.4))
	var out bytes.Buffer
	n, err := x.Seal(func(document uint32) State { return State{uint64(document), 1} }).WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatalf("wrote %d of %d bytes: %v", n, out.Len(), err)
	}
	return out.Bytes()
}

// TestDamage opens a file that was cut off or changed anywhere. What Open does not
// notice, Scrub does.
func TestDamage(t *testing.T) {
	r := newRand(t)
	whole := image(t, 130, 1100)
	path := filepath.Join(t.TempDir(), "vectors")
	f := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err == nil {
			err = errors.Join(file.Scrub(context.Background()), file.Close())
		}
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, n := range []int{0, 1, 8, 63, 64, 4095, 4096, 4097, len(whole) / 2, len(whole) - 1} {
		f(fmt.Sprintf("cut off at %d", n), whole[:n])
	}
	f("with more behind it", append(slices.Clone(whole), 0))
	places := []int{0, 8, 12, 16, 20, 24, 56, pageSize, len(whole) - 1, len(whole) - 20, len(whole) - 30, len(whole) - 100, len(whole) - 9000}
	for range 100 {
		places = append(places, pageSize+r.IntN(len(whole)-pageSize))
	}
	for _, at := range places {
		changed := slices.Clone(whole)
		changed[at] ^= byte(1 << r.IntN(8))
		f(fmt.Sprintf("a bit of byte %d is turned", at), changed)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestUnknownVersion(t *testing.T) {
	data := image(t, 3, 5)
	data[8] = 77
	if _, err := parseFile(data); !errors.Is(err, ErrVersion) {
		t.Errorf("version 77: %v", err)
	}
}

func TestAttachRefuses(t *testing.T) {
	f, err := parseFile(image(t, 3, 5))
	if err != nil {
		t.Fatal(err)
	}
	number := func(s State) (uint32, bool) { return uint32(s.ID), true }
	for x, want := range map[*Index]error{New(4, Cosine): ErrDimension, New(3, Dot): ErrMetric, New(3, Cosine): nil} {
		if err := x.Attach(f, number); !errors.Is(err, want) {
			t.Errorf("attach: %v, want %v", err, want)
		}
	}
}

// TestFileCutOffWhileMapped is about what a mapping does when the file behind it
// loses its end: that must be an error of the search.
func TestFileCutOffWhileMapped(t *testing.T) {
	vectors := clusteredVectors(newRand(t), 2000, 130, 6, 0.4)
	x := New(130, Cosine)
	path := filepath.Join(t.TempDir(), "vectors")
	if err := os.WriteFile(path, image(t, 130, 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := x.Attach(f, func(s State) (uint32, bool) { return uint32(s.ID), true }); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 2*pageSize); err != nil {
		t.Fatal(err)
	}
	w := window{size: 10}
	for _, k := range kernels() {
		x.kernel = k
		if err := x.Search(vectors[0], 0, lowest, nil, w.add); !errors.Is(err, ErrDamaged) {
			t.Errorf("search with %s: %v", k.name, err)
		}
	}
	if _, _, ok := x.Best(vectors[0], 1999); ok {
		t.Error("a vector that cannot be read has a score")
	}
	if err := f.Scrub(context.Background()); !errors.Is(err, ErrDamaged) {
		t.Errorf("scrub: %v", err)
	}
	m := x.Merge(x.Files(), func(document uint32) State { return State{uint64(document), 1} })
	if _, err := m.WriteTo(io.Discard); !errors.Is(err, ErrDamaged) {
		t.Errorf("merge: %v", err)
	}
}

func TestWriteFails(t *testing.T) {
	x := indexOf(t, Cosine, clusteredVectors(newRand(t), 100, 20, 2, 1))
	sealed := x.Seal(func(document uint32) State { return State{uint64(document), 1} })
	full := errors.New("disk full")
	for _, after := range []int{0, 1, 2, 3} {
		n := 0
		if _, err := sealed.WriteTo(writerFunc(func(p []byte) (int, error) {
			if n++; n > after {
				return 0, full
			}
			return len(p), nil
		})); !errors.Is(err, full) {
			t.Errorf("after %d writes: %v", after, err)
		}
	}
	if got := searchWindow(t, x, gaussian(newRand(t), 20, 1), 5, nil); len(got) != 5 {
		t.Errorf("%d found after failed writes", len(got))
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var update = flag.Bool("update", false, "write testdata's file of the present version")

// TestFormatVersions opens the files of all versions in testdata. Each holds two
// documents of one vector: 1, chunk 0: (1, 0, 0), and 2, chunk 3: (0, 1, 0).
func TestFormatVersions(t *testing.T) {
	if *update {
		writeVersion(t)
	}
	files, err := filepath.Glob("testdata/v*.vectors")
	if err != nil || len(files) != formatVersion {
		t.Fatalf("%d files of %d versions: %v", len(files), formatVersion, err)
	}
	for _, path := range files {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		x := New(f.dimension, f.metric)
		if err := x.Attach(f, func(s State) (uint32, bool) { return uint32(s.ID), s.Seq == 7 }); err != nil {
			t.Fatal(err)
		}
		got := searchWindow(t, x, []float32{1, 0, 0}, 9, nil)
		want := []found{{1, 0, 1}, {2, 3, 0}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(found{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if err := f.Scrub(context.Background()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func writeVersion(t *testing.T) {
	t.Helper()
	x := New(3, Cosine)
	for document, c := range map[uint32]Chunk{
		1: mustEncode(t, Cosine, 0, []float32{1, 0, 0}), 2: mustEncode(t, Cosine, 3, []float32{0, 1, 0}),
	} {
		if err := x.Replace(document, []Chunk{c}); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if _, err := x.Seal(func(document uint32) State { return State{uint64(document), 7} }).WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fmt.Sprintf("testdata/v%d.vectors", formatVersion), out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add(image(f, 3, 5))
	f.Add(image(f, 130, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parseFile(data)
		if err != nil {
			return
		}
		x := New(file.dimension, file.metric)
		if err := x.Attach(file, func(s State) (uint32, bool) { return uint32(s.ID % 100), true }); err != nil {
			t.Fatal(err)
		}
		query := make([]float32, file.dimension)
		query[0] = 1
		w := window{size: 3}
		if err := x.Search(query, 0, lowest, nil, w.add); err != nil {
			t.Fatal(err)
		}
	})
}
