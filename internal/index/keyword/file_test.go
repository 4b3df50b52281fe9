package keyword

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

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
)

// shelf is a world whose index has files, as an owner has them.
type shelf struct {
	*world
	folder    string
	documents int
	paths     map[*File]string
}

func newShelf(t *testing.T, r *rand.Rand) *shelf {
	return &shelf{world: newWorld(t, r), folder: t.TempDir(), documents: 10 + r.IntN(300), paths: make(map[*File]string)}
}

func (s *shelf) state(document uint32) State {
	return State{ID: uint64(document) + 1000, Seq: s.seqs[document]}
}

// number is the owner's answer when a file is attached.
func (s *shelf) number(state State) (uint32, bool) {
	document := uint32(state.ID - 1000)
	return document, s.seqs[document] == state.Seq
}

func (s *shelf) change(times int) {
	for range times {
		s.world.change(s.documents)
	}
}

// write writes a file, beside changes and searches, and opens it.
func (s *shelf) write(w io.WriterTo, beside int) *File {
	s.Helper()
	var out bytes.Buffer
	var n int64
	var err error
	written := make(chan struct{})
	go func() {
		defer close(written)
		n, err = w.WriteTo(&out)
	}()
	s.change(beside)
	s.compare()
	<-written
	s.next++
	path := filepath.Join(s.folder, fmt.Sprint(s.next, ".terms"))
	if err != nil || n != int64(out.Len()) {
		s.Fatalf("wrote %d of %d bytes: %v", n, out.Len(), err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		s.Fatal(err)
	}
	return s.open(path)
}

func (s *shelf) open(path string) *File {
	s.Helper()
	f, err := Open(path)
	if err != nil {
		s.Fatal(err)
	}
	s.paths[f] = path
	s.Cleanup(func() { must(f.Close()) })
	if s.r.IntN(2) == 0 {
		if err := f.Scrub(context.Background()); err != nil {
			s.Error(err)
		}
	}
	return f
}

func (s *shelf) flush(beside int) {
	s.Helper()
	sealed := s.x.Seal(s.state)
	if sealed == nil {
		return
	}
	f := s.write(sealed, beside)
	s.change(beside)
	if err := s.x.Adopt(sealed, f); err != nil {
		s.Fatal(err)
	}
}

// merge merges some of the files.
func (s *shelf) merge() {
	s.Helper()
	var files []*File
	for _, f := range s.x.Files() {
		if s.r.IntN(3) > 0 {
			files = append(files, f)
		}
	}
	m := s.x.Merge(files, s.state)
	f := s.write(m, 5)
	for !s.x.Move(m, f, 1+s.r.IntN(40)) {
		s.change(1)
		s.compareAll()
	}
	for _, old := range m.Files() {
		if slices.Contains(s.x.Files(), old) {
			s.Error("a merged file is still in the index")
		}
	}
}

// reopen makes another index of the files.
func (s *shelf) reopen() {
	s.Helper()
	s.flush(0)
	files := s.x.Files()
	s.x = New(s.x.options)
	s.r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for _, f := range files {
		if err := s.x.Attach(s.open(s.paths[f]), s.number); err != nil {
			s.Fatal(err)
		}
	}
}

// compareAll compares searches, and all statistics.
func (s *shelf) compareAll() {
	s.Helper()
	s.compare()
	fields := [numFields]*field{newField(), newField()}
	languages := make(map[string]int)
	for _, d := range s.tw.documents {
		for i := range d.Chunks {
			fields[inText].add(&d.Chunks[i])
		}
		if len(d.Chunks) > 0 {
			languages[baseOf(d.Language)]++
			if d.Title != nil {
				fields[inTitle].add(d.Title)
			}
		}
	}
	if diff := cmp.Diff(languages, s.x.languages); diff != "" {
		s.Errorf("languages (-twin +index):\n%s", diff)
	}
	live := 0
	for _, g := range s.x.segments {
		live += g.numAlive
	}
	if live != s.x.Chunks() {
		s.Errorf("%d chunks live, %d are counted", live, s.x.Chunks())
	}
	for i, want := range fields {
		if got := s.x.totals[i]; got != (total{want.all, want.length}) {
			s.Errorf("totals of field %d: %+v, want %d and %d", i, got, want.all, want.length)
		}
		for text, n := range want.frequency {
			if got := s.x.mostHeld(i, []queryTerm{newQueryTerm(text)}); got != n {
				s.Errorf("%d hold %q in field %d, want %d", got, text, i, n)
			}
		}
	}
	for _, f := range s.x.Files() {
		live := 0
		for _, g := range f.segments {
			live += g.numAlive
		}
		if live != f.Live() || f.Damage() != nil {
			s.Errorf("file of %d live, %d are counted; %v", live, f.Live(), f.Damage())
		}
	}
}

// TestFileHistories changes an index, flushes, merges and opens it again, in any order,
// and compares it with its twin after each.
func TestFileHistories(t *testing.T) {
	r := newRand(t)
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		s := newShelf(t, r)
		for range 25 {
			s.change(r.IntN(60))
			s.compareAll()
			switch r.IntN(4) {
			case 0:
				s.merge()
			case 1:
				s.reopen()
			default:
				s.flush(r.IntN(20))
			}
			s.compareAll()
			s.explain()
		}
	}
}

// explain compares what explanations add up to with scores.
func (s *shelf) explain() {
	s.Helper()
	q := query(s.x, s.text(3))
	for _, r := range searchBest(s.x, q, nil, 3) {
		parts, err := s.x.Explain(q, r.Document, r.Ordinal)
		must(err)
		sum := 0.0
		for _, p := range parts {
			sum += p.Score
		}
		if diff := sum - r.Score; diff > 1e-9 || diff < -1e-9 {
			s.Errorf("parts add up to %v, score %v: %+v", sum, r.Score, parts)
		}
	}
}

// TestFilesOfFullSegments has a file of several segments, one document in two of them,
// a dense list and frequencies past a byte; then merges it.
func TestFilesOfFullSegments(t *testing.T) {
	s := newShelf(t, newRand(t))
	counter := NewCounter()
	spread := Document{Language: "en"}
	for range 300 {
		spread.Chunks = append(spread.Chunks, counter.Count(s.text(3), "en"))
	}
	title := counter.Count("files", "en")
	spread.Title = &title
	long := counter.Count(string(bytes.Repeat([]byte("files "), 700)), "en")
	filler := make([]Counts, 500)
	for i := range filler {
		filler[i] = counter.Count(s.text(1+s.r.IntN(4)), "en")
	}
	put := func(n uint32, d Document) {
		s.next++
		s.seqs[n] = s.next
		s.x.Replace(n, d)
		s.tw.Replace(n, d)
	}
	for n := range uint32(segmentSlots / 500) {
		put(n, Document{Language: "en", Chunks: filler})
	}
	put(500, spread)
	put(501, Document{Language: "en", Chunks: []Counts{long}})
	for n := range uint32(20) {
		put(n+600, s.world.document())
	}
	s.flush(0)
	if f := s.x.Files()[0]; len(f.segments) != 2 || len(s.x.locations[500]) != 2 {
		t.Fatalf("%d segments, %d places of a document", len(f.segments), len(s.x.locations[500]))
	}
	s.compareAll()
	s.reopen()
	s.compareAll()
	s.x.Delete(3)
	s.tw.Delete(3)
	m := s.x.Merge(s.x.Files(), s.state)
	f := s.write(m, 0)
	for !s.x.Move(m, f, 9000) {
		s.compare()
	}
	s.compareAll()
	s.reopen()
	s.compareAll()
}

// TestCorrectionsOfFiles finds what is near a word in files as in memory.
func TestCorrectionsOfFiles(t *testing.T) {
	s := newShelf(t, newRand(t))
	x := s.x
	for n, d := range []Document{inEnglish("kubernetes runs pods and the deployments"), inEnglish("kubernetes deployment, filing", "a port")} {
		x.Replace(uint32(n), d)
		s.tw.Replace(uint32(n), d)
	}
	want := make(map[string][]Correction)
	texts := []string{"kubermetes", "deploimments", "prot", "filling", "teh"}
	ask := func(text string) []Correction {
		_, got, err := x.Query(Parse(text))
		must(err)
		return got
	}
	for _, text := range texts {
		want[text] = ask(text)
	}
	s.flush(0)
	for _, text := range texts {
		if diff := cmp.Diff(want[text], ask(text), cmp.AllowUnexported(Correction{}, queryTerm{})); diff != "" {
			t.Errorf("%q (-memory +file):\n%s", text, diff)
		}
	}
	if len(want["kubermetes"]) != 1 || want["deploimments"] == nil {
		t.Errorf("corrected: %+v", want)
	}
}

// TestPackOfASealedSegment: what packs and what writes files need not know each other.
func TestPackOfASealedSegment(t *testing.T) {
	s := newShelf(t, newRand(t))
	s.change(200)
	s.x.segments = append(s.x.segments, newSegment())
	packing, late := s.x.Unpacked(), s.x.Unpacked()
	packing.Run()
	s.flush(0)
	s.x.Pack(packing)
	late.Run()
	s.x.Pack(late)
	if l := s.x.segments[0].lists[inText]; s.x.segments[0].file == nil || &l.starts[0] == &packing.packed[inText].starts[0] {
		t.Error("a file's lists were replaced by those in memory")
	}
	s.compareAll()
}

func TestSealOfNothing(t *testing.T) {
	s := newShelf(t, newRand(t))
	if s.x.Seal(s.state) != nil {
		t.Error("an empty index has something to write")
	}
	s.x.Replace(0, inEnglish("red"))
	s.x.Delete(0)
	if s.x.Seal(s.state) != nil {
		t.Error("an index without chunks has something to write")
	}
	if len(s.x.segments) != 1 {
		t.Errorf("%d segments of nothing", len(s.x.segments))
	}
}

// fileOf is a file of some documents, and the index that it was made of.
func fileOf(t testing.TB, documents int) (data []byte, x *Index) {
	x = New(Options{TitleWeight: 1})
	r := rand.New(rand.NewPCG(1, 1))
	for n := range uint32(documents) {
		text := ""
		for range 1 + r.IntN(60) {
			text += fmt.Sprintf(" word%d", r.IntN(1+r.IntN(400)))
		}
		x.Replace(n, document("en", fmt.Sprintf("title word%d", n%7), text))
	}
	var out bytes.Buffer
	if _, err := x.Seal(plainState).WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), x
}

func plainState(document uint32) State { return State{uint64(document), 7} }

func plainNumber(s State) (uint32, bool) { return uint32(s.ID), s.Seq == 7 }

// TestCutOff opens a file that was cut off anywhere.
func TestCutOff(t *testing.T) {
	whole, _ := fileOf(t, 30)
	for n := range whole {
		if _, err := parseFile(whole[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut off at %d: %v", n, err)
		}
	}
	if _, err := parseFile(append(slices.Clone(whole), 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("with more behind it: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestTurnedBits turns one bit of a file: no search then gives an answer that is wrong,
// and what no search came by is found by Scrub.
func TestTurnedBits(t *testing.T) {
	r := newRand(t)
	whole, right := fileOf(t, 300)
	texts := []string{"word1 word3 title", "word77", "word200 word5", `"word1 word2"`, "wrod12345678"}
	var want [][]result
	for _, text := range texts {
		want = append(want, mustFind(right, text))
	}
	noticed := 0
	for range 400 {
		at := r.IntN(len(whole))
		changed := slices.Clone(whole)
		changed[at] ^= 1 << r.IntN(8)
		f, err := parseFile(changed)
		if err == nil {
			x := New(Options{TitleWeight: 1})
			if err = x.Attach(f, plainNumber); err == nil {
				for i, text := range texts {
					got, failed := find(x, text)
					if diff := cmp.Diff(want[i], got); failed == nil && diff != "" {
						t.Fatalf("byte %d, %q (-right +got):\n%s", at, text, diff)
					}
					err = errors.Join(err, failed)
				}
			}
			if err != nil && f.Damage() == nil {
				t.Errorf("byte %d: the file does not know that %v", at, err)
			}
			if scrub := f.Scrub(context.Background()); !errors.Is(scrub, ErrDamaged) {
				t.Errorf("byte %d: scrubbed: %v", at, scrub)
			}
		}
		if err != nil {
			noticed++
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
	}
	if noticed == 0 {
		t.Error("no turned bit was noticed before the scrub")
	}
}

func find(x *Index, text string) ([]result, error) {
	q, _, err := x.Query(Parse(text))
	if err != nil {
		return nil, err
	}
	var accept Set
	if q.Constrained() {
		accept = slices.Repeat(Set{1<<64 - 1}, 64)
		if err := x.Constrain(accept, q); err != nil {
			return nil, err
		}
	}
	var got []result
	err = x.Search(q, accept, 0, func(document, ordinal uint32, score float64) float64 {
		got = append(got, result{document, ordinal, score})
		return 0
	})
	slices.SortFunc(got, compareResults)
	return got, err
}

func mustFind(x *Index, text string) []result {
	got, err := find(x, text)
	must(err)
	return got
}

// TestDamageIsKept: a change that comes by a damaged page cannot be counted, so that
// searches fail until the file is let go; then they are those of what is left.
func TestDamageIsKept(t *testing.T) {
	whole, right := fileOf(t, 300)
	f, err := parseFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.segments[0].sequences[inText] {
		f.segments[0].sequences[inText][i] ^= 0x80
	}
	x := New(Options{TitleWeight: 1})
	must(x.Attach(f, plainNumber))
	x.Replace(1000, inEnglish("word1 word2 word3"))
	x.Delete(5)
	for range 2 {
		if _, err := find(x, "word1"); !errors.Is(err, ErrDamaged) {
			t.Errorf("search: %v", err)
		}
	}
	if _, err := x.Explain(&Query{}, 6, 0); !errors.Is(err, ErrDamaged) || f.Damage() == nil {
		t.Errorf("explain: %v", err)
	}
	if lost := x.Detach(f); len(lost) != 299 || slices.Contains(lost, 5) || slices.Contains(lost, 1000) {
		t.Errorf("lost %d documents", len(lost))
	}
	alone := New(Options{TitleWeight: 1})
	alone.Replace(1000, inEnglish("word1 word2 word3"))
	if diff := cmp.Diff(mustFind(alone, "word1"), mustFind(x, "word1")); diff != "" || x.totals != alone.totals {
		t.Errorf("of what is left (-want +got):\n%s", diff)
	}
	if len(x.Files()) != 0 || right.Chunks() != 300 {
		t.Errorf("%d files are left", len(x.Files()))
	}
}

// TestFileCutOffWhileMapped is about what a mapping does when the file behind it loses
// its end: that must be an error.
func TestFileCutOffWhileMapped(t *testing.T) {
	whole, _ := fileOf(t, 2000)
	path := filepath.Join(t.TempDir(), "terms")
	must(os.WriteFile(path, whole, 0o600))
	f, err := Open(path)
	must(err)
	defer f.Close()
	x := New(Options{TitleWeight: 1})
	must(x.Attach(f, plainNumber))
	q := query(x, "word1 word2 word3")
	m := x.Merge(x.Files(), plainState)
	must(os.Truncate(path, pageSize))
	x.Delete(3)
	if err := x.Search(q, nil, 0, func(uint32, uint32, float64) float64 { return 0 }); !errors.Is(err, ErrDamaged) {
		t.Errorf("search: %v", err)
	}
	if err := f.Scrub(context.Background()); !errors.Is(err, ErrDamaged) {
		t.Errorf("scrub: %v", err)
	}
	if _, err := m.WriteTo(io.Discard); !errors.Is(err, ErrDamaged) {
		t.Errorf("merge: %v", err)
	}
	if lost := x.Detach(f); len(lost) != 1999 || x.Chunks() != 0 {
		t.Errorf("lost %d documents, %d chunks are left", len(lost), x.Chunks())
	}
}

func TestWriteFails(t *testing.T) {
	_, x := fileOf(t, 200)
	full := errors.New("disk full")
	x.Replace(500, inEnglish("red"))
	sealed := x.Seal(plainState)
	if _, err := sealed.WriteTo(writerFunc(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("write: %v", err)
	}
	if got := mustFind(x, "red"); len(got) != 1 {
		t.Errorf("%d found after a write that failed", len(got))
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var update = flag.Bool("update", false, "write testdata's file of the present version")

// versioned is what the files of all versions in testdata hold.
func versioned() *Index {
	x := New(Options{TitleWeight: 1})
	x.Replace(1, document("en", "Red things", "red green", "blue and yellow files"))
	x.Replace(2, document("de", "", "die roten Häuser", "", "東京都 kube-apiserver"))
	x.Replace(3, inEnglish("files files filing"))
	return x
}

// TestFormatVersions opens the files of all versions in testdata.
func TestFormatVersions(t *testing.T) {
	if *update {
		var out bytes.Buffer
		_, err := versioned().Seal(plainState).WriteTo(&out)
		must(err)
		must(os.WriteFile(fmt.Sprintf("testdata/v%d.terms", formatVersion), out.Bytes(), 0o600))
	}
	paths, err := filepath.Glob("testdata/v*.terms")
	if err != nil || len(paths) != formatVersion {
		t.Fatalf("%d files of %d versions: %v", len(paths), formatVersion, err)
	}
	for _, path := range paths {
		f, err := Open(path)
		must(err)
		defer f.Close()
		x := New(Options{TitleWeight: 1})
		must(x.Attach(f, plainNumber))
		for _, text := range []string{"files", "red", "Haus", `"blue and yellow"`, "apiserver", "東京", "gren"} {
			want := mustFind(versioned(), text)
			if diff := cmp.Diff(want, mustFind(x, text)); diff != "" || len(want) == 0 {
				t.Errorf("%s, %q (-want +got):\n%s", path, text, diff)
			}
		}
		must(f.Scrub(context.Background()))
	}
}

func TestUnknownVersion(t *testing.T) {
	data, _ := fileOf(t, 3)
	data[8] = 77
	if _, err := parseFile(data); !errors.Is(err, ErrVersion) {
		t.Errorf("version 77: %v", err)
	}
}

// TestWarmFilesAllocateNothing: as TestSearchAllocatesNothing.
func TestWarmFilesAllocateNothing(t *testing.T) {
	s := newShelf(t, newRand(t))
	for n := range uint32(500) {
		d := s.world.document()
		s.x.Replace(n, d)
		s.tw.Replace(n, d)
	}
	s.flush(0)
	q := query(s.x, "files wordaa wordba the")
	yield := func(uint32, uint32, float64) float64 { return 0 }
	if n := testing.AllocsPerRun(100, func() { must(s.x.Search(q, nil, 0, yield)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParseFile takes any tables, with right checksums and a right end: what is changed
// of a file's segments, checksums alone must notice.
func FuzzParseFile(f *testing.F) {
	whole, _ := fileOf(f, 5)
	e, err := parseEnd(whole)
	must(err)
	documents, rest := whole[e.tailAt:][:e.documents*documentSize], whole[e.tailAt+e.documents*documentSize:]
	languages, images := rest[:e.languages], rest[e.languages:][:e.segments*imageSize]
	sums := rest[e.languages+len(images):][:e.pages()*sumSize]
	f.Add(documents, languages, images)
	f.Fuzz(func(t *testing.T, documents, languages, images []byte) {
		documents, images = documents[:len(documents)/documentSize*documentSize], images[:len(images)/imageSize*imageSize]
		tail := slices.Concat(documents, languages, images, sums)
		e := end{
			segments: len(images) / imageSize, documents: len(documents) / documentSize, languages: len(languages),
			tailAt: e.tailAt, sum: xxhash.Sum64(tail),
		}
		file, err := parseFile(e.append(append(slices.Clone(whole[:e.tailAt]), tail...)))
		if err != nil {
			return
		}
		file.known(plainNumber)
		if file.checkLanguages() != nil {
			return
		}
		for n := range uint32(file.end.documents) {
			_ = file.languages[file.language(n)]
		}
	})
}
