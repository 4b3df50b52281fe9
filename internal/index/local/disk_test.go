package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/indextest"
)

// smallFlushes make every batch worth a flush.
var smallFlushes = Options{Flush: FlushOptions{Bytes: 1}, Compose: func(title string, headings []string, span string) string {
	return fmt.Sprint(title, " ", headings, " ", span)
}}

// story is a random history of commits and of an index that follows them into a folder.
type story struct {
	r    *rand.Rand
	log  *indextest.Log
	adds []pulse.Commit // all that were added to the log
	x    *Index
	want map[int]*Index // in memory, by the commits in its log
}

func tell(seed uint64, in folder) *story {
	return &story{r: rand.New(rand.NewPCG(seed, 1)), log: indextest.NewLog("one"), x: open(in, smallFlushes), want: make(map[int]*Index)}
}

var storyWords = []string{"apple", "pear", "plum", "cherry", "quince", "medlar", "sloe"}

// add commits something: a page of up to three chunks with or without vectors, of one of two
// dimensions, or a tombstone.
func (s *story) add() {
	n := s.r.IntN(20)
	d := pulse.Document{
		ID: pulse.DocumentID(n + 1), Key: fmt.Sprintf("https://example.com/%d", n), State: pulse.StateGone,
		Collection: []string{"", "other"}[n%2], Language: []string{"", "en", "de"}[s.r.IntN(3)],
	}
	c := pulse.Commit{Document: d}
	if s.r.IntN(4) > 0 {
		c = s.live(d)
	}
	s.log.Add(c)
	s.adds = append(s.adds, c)
}

func (s *story) live(d pulse.Document) pulse.Commit {
	d.State, d.ContentHash = pulse.StateLive, fmt.Sprint(s.r.Uint64())
	d.ReceivedAt = time.Unix(s.r.Int64N(1e9), s.r.Int64N(1e9)).UTC()
	d.Metadata = pulse.Metadata{"author": storyWords[s.r.IntN(2)], "tags": []any{"a", 1.5, true}}
	if s.r.IntN(2) == 0 {
		d.Title = storyWords[s.r.IntN(len(storyWords))] + " title"
	}
	c := pulse.Commit{Document: d, VectorsPending: s.r.IntN(3) == 0}
	dimension := 8
	if s.r.IntN(8) == 0 {
		dimension = 12
	}
	for i := range s.r.IntN(4) {
		start := len(c.Document.Text)
		for range 1 + s.r.IntN(5) {
			c.Document.Text += storyWords[s.r.IntN(len(storyWords))] + " "
		}
		c.Chunks = append(c.Chunks, pulse.Chunk{
			Ordinal: i, Start: start, End: len(c.Document.Text), Tokens: s.r.IntN(300), Hash: s.r.Uint64(),
			Headings: [][]string{nil, {"one"}, {"one", "two"}}[s.r.IntN(3)],
		})
		v := direction(s.r, dimension)
		if c.VectorsPending && i%2 == 0 { // some are known before the others follow
			v = nil
		}
		c.Vectors = append(c.Vectors, v)
	}
	return c
}

// step does one thing of those that happen to an index. An error of the folder is what the
// caller asked for.
func (s *story) step(t testing.TB) {
	switch s.r.IntN(8) {
	case 0, 1:
		_ = s.x.flush()
	case 2, 3:
		_, _ = s.x.maintain()
	case 4:
		if err := s.x.tidy(); err != nil && !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
	default:
		for range 1 + s.r.IntN(4) {
			s.add()
		}
		catchUp(t, s.x, s.log)
	}
}

// catchUp is what a follower does.
func catchUp(t testing.TB, x *Index, log *indextest.Log) {
	t.Helper()
	ctx, position := context.Background(), x.Position()
	id := log.Identity()
	if position.Store != id.Store || position.History != id.History || position.Seq > log.Head() {
		position = index.Position{Store: id.Store, History: id.History}
		if err := x.Reset(ctx, position); err != nil {
			t.Fatal(err)
		}
	}
	for position.Seq < log.Head() {
		commits, next, err := log.Commits(ctx, position.Seq, 100)
		if err != nil {
			t.Fatal(err)
		}
		position.Seq = next
		if err := x.Apply(ctx, commits, position); err != nil {
			t.Fatal(err)
		}
	}
	for _, seq := range x.Lost() {
		commits, _, err := log.Commits(ctx, seq-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		commits = slices.DeleteFunc(commits, func(c pulse.Commit) bool { return c.Seq != seq })
		if err := x.Restore(ctx, []pulse.CommitSeq{seq}, commits); err != nil {
			t.Fatal(err)
		}
	}
}

// logOf is a log of the first commits of the story.
func (s *story) logOf(n int) *indextest.Log {
	log := indextest.NewLog("one")
	for _, c := range s.adds[:n] {
		log.Add(c)
	}
	return log
}

// wanted is an index in memory of the first commits of the story.
func (s *story) wanted(t testing.TB, n int) *Index {
	if s.want[n] == nil {
		s.want[n] = New(smallFlushes)
		catchUp(t, s.want[n], s.logOf(n))
	}
	return s.want[n]
}

// compare compares all that can be found with what an index in memory finds of the first n
// commits.
func (s *story) compare(t testing.TB, what string, got *Index, n int) {
	t.Helper()
	want := s.wanted(t, n)
	r := rand.New(rand.NewPCG(3, 4))
	eight, twelve := direction(r, 8), direction(r, 12)
	for _, collection := range []string{"", "other"} {
		requests := []index.Request{
			{Vector: eight}, {Vector: twelve}, {Vector: eight, Filter: pulse.Filter{Language: "de"}},
			{Text: "apple pear -plum"}, {Text: `"apple pear"`, Explain: true}, {Text: "aple title"},
			{Text: "pear", Filter: pulse.Filter{Metadata: map[string]string{"author": "apple", "tags": "1.5"}}},
			{Text: "plum", Filter: pulse.Filter{Since: time.Unix(5e8, 0)}}, {Text: "one"},
		}
		for _, word := range storyWords {
			requests = append(requests, index.Request{Text: word})
		}
		for _, request := range requests {
			request.Collection = collection
			a, b := retrieve(t, got, request), retrieve(t, want, request)
			if diff := cmp.Diff(b, a); diff != "" {
				t.Fatalf("%s: %+v (-in memory +of files):\n%s", what, request, diff)
			}
		}
	}
	if a, b := got.Size(), want.Size(); a.Documents != b.Documents || a.Chunks != b.Chunks || a.Vectors != b.Vectors {
		t.Fatalf("%s: holds %+v, want %+v", what, a, b)
	}
}

// reopened is an index of a folder as after a start.
func reopened(t testing.TB, in folder) *Index {
	t.Helper()
	x := open(in, smallFlushes)
	if err := x.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func storySeed(t testing.TB) uint64 {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", n)
	return n
}

// TestCrashAtEveryOperation lets the power go after each operation on files of a random
// history; what a start then finds, and reads of the log, must be what the log says.
func TestCrashAtEveryOperation(t *testing.T) {
	n := storySeed(t)
	folder := newCrashFolder(t)
	s := tell(n, folder)
	var added []int // commits in the log, by operations on files
	folder.onOp = func() { added = append(added, len(s.adds)) }
	steps := 70
	if testing.Short() {
		steps = 25
	}
	for range steps {
		s.step(t)
	}
	s.compare(t, "without a crash", s.x, len(s.adds))
	merges := 0
	for i, op := range folder.ops {
		if op.kind == "remove" {
			merges++
		}
		r := rand.New(rand.NewPCG(n, uint64(i)))
		dir := t.TempDir()
		if err := folder.crash(i+1, r, dir); err != nil {
			t.Fatal(err)
		}
		log := s.logOf(added[i])
		x := open(directory(dir), smallFlushes)
		if err := x.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := x.Position(); p.Seq > log.Head() {
			t.Fatalf("seed %d, after operation %d (%s %s): at commit %d, the log at %d", n, i, op.kind, op.name, p.Seq, log.Head())
		}
		for _, seq := range x.Lost() { // but for what was of the past already when files were merged
			if commits, _, _ := log.Commits(t.Context(), seq-1, 1); len(commits) > 0 && commits[0].Seq == seq {
				t.Fatalf("seed %d, after operation %d (%s %s): commit %d is lost", n, i, op.kind, op.name, seq)
			}
		}
		catchUp(t, x, log)
		s.compare(t, fmt.Sprintf("seed %d, after operation %d (%s %s)", n, i, op.kind, op.name), x, added[i])
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if merges < 5 && !testing.Short() {
		t.Errorf("%d files were removed in %d operations: too few merges to say anything", merges, len(folder.ops))
	}
	if err := s.x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFaultAtEveryOperation lets each operation on files fail, once or several times in a
// row: searches see nothing of it, and once the disk works again the files hold all.
func TestFaultAtEveryOperation(t *testing.T) {
	n := storySeed(t)
	steps, every := 60, 2
	if testing.Short() {
		steps, every = 30, 7
	}
	clean := newCrashFolder(t)
	s := tell(n, clean)
	for range steps {
		s.step(t)
	}
	if err := s.x.Close(); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(clean.ops); at += every {
		folder := newCrashFolder(t)
		folder.failNth(at, at%3)
		s := tell(n, folder)
		for range steps {
			s.step(t)
		}
		what := fmt.Sprintf("seed %d, operation %d failed", n, at)
		s.compare(t, what, s.x, len(s.adds))
		folder.fail = nil
		for more := true; more; {
			var err error
			if more, err = s.x.maintain(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if err := s.x.end(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		s.compare(t, what+", and worked again", s.x, len(s.adds))
		x := reopened(t, folder)
		if x.Position().Seq != s.log.Head() || len(x.Lost()) > 0 {
			t.Fatalf("%s: at commit %d of %d, lost %v", what, x.Position().Seq, s.log.Head(), x.Lost())
		}
		s.compare(t, what+", and started again", x, len(s.adds))
		if err := x.end(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		onlyNamed(t, x)
		if err := s.x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// onlyNamed checks that a folder holds the manifest and what it names alone.
func onlyNamed(t testing.TB, x *Index) {
	t.Helper()
	names, err := x.disk.names()
	if err != nil {
		t.Fatal(err)
	}
	m, err := x.disk.readManifest()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{manifestName}
	for _, e := range m.Files {
		want = append(want, e.Name)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == nextManifestName })
	slices.Sort(names)
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-named +there):\n%s", diff)
	}
}

// TestDamagedFiles damages each file of a folder before a start: cut off, with one bit
// turned, or taken away.
func TestDamagedFiles(t *testing.T) {
	n := storySeed(t)
	whole := newCrashFolder(t)
	s := tell(n, whole)
	for range 100 {
		s.step(t)
	}
	if err := s.x.end(); err != nil {
		t.Fatal(err)
	}
	if err := s.x.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := whole.names()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(n, 2))
	for i, name := range names {
		if testing.Short() && name != manifestName && i%4 > 0 {
			continue
		}
		ways := []string{"gone", "bit", "bit", "cut"}
		if testing.Short() {
			ways = ways[:2]
		}
		for _, how := range ways {
			dir := directory(t.TempDir())
			for _, other := range names {
				copyFile(t, whole.path(other), dir.path(other))
			}
			damage(t, r, dir.path(name), how)
			what := fmt.Sprintf("seed %d, %s: %s", n, name, how)
			x := reopened(t, dir)
			catchUp(t, x, s.log)
			x.scrubAll(t)
			catchUp(t, x, s.log)
			s.compare(t, what, x, len(s.adds))
			if err := x.end(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			onlyNamed(t, x)
			again := reopened(t, dir)
			if again.Position().Seq != s.log.Head() || len(again.Lost()) > 0 {
				t.Fatalf("%s: then at commit %d of %d, lost %v", what, again.Position().Seq, s.log.Head(), again.Lost())
			}
			s.compare(t, what+", mended", again, len(s.adds))
		}
	}
}

func (x *Index) scrubAll(t testing.TB) {
	for range len(x.data.files) {
		x.scrub(t.Context())
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func damage(t testing.TB, r *rand.Rand, path, how string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case "cut":
		err = os.WriteFile(path, data[:r.IntN(len(data))], 0o600)
	case "bit":
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		err = os.WriteFile(path, data, 0o600)
	case "gone":
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFileDamagedWhileServing cuts files off under their mappings, between searches.
func TestFileDamagedWhileServing(t *testing.T) {
	n := storySeed(t)
	s := tell(n, newCrashFolder(t))
	for range 100 {
		s.step(t)
	}
	if err := s.x.end(); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		name := ""
		for _, f := range s.x.data.files {
			if f.kind() != documentsKind {
				name = f.Name
			}
		}
		if name == "" {
			t.Fatal("no file is left")
		}
		if err := os.Truncate(s.x.disk.path(name), 0); err != nil {
			t.Fatal(err)
		}
		for _, word := range storyWords {
			retrieve(t, s.x, index.Request{Text: word, Vector: direction(s.r, 8)})
			retrieve(t, s.x, index.Request{Text: word, Vector: direction(s.r, 12), Collection: "other"})
		}
		s.x.scrubbed = make(map[string]bool)
		s.x.scrubAll(t)
		catchUp(t, s.x, s.log)
		s.compare(t, fmt.Sprintf("seed %d, without %s", n, name), s.x, len(s.adds))
		if _, err := s.x.maintain(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.x.end(); err != nil {
		t.Fatal(err)
	}
	s.compare(t, fmt.Sprintf("seed %d, mended", n), s.x, len(s.adds))
	if err := s.x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFlippedWhileServing changes bytes of files whose pages were read, and found right, before:
// whatever is read then, nothing ends the process, and once it is noticed all is right again.
func TestFlippedWhileServing(t *testing.T) {
	n := storySeed(t)
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		s := tell(n+uint64(round), newCrashFolder(t))
		for range 30 {
			s.step(t)
		}
		if err := s.x.end(); err != nil {
			t.Fatal(err)
		}
		s.compare(t, "before", s.x, len(s.adds))
		flip(t, s)
		for range 20 {
			s.add()
			catchUp(t, s.x, s.log)
			for _, word := range storyWords {
				if _, err := s.x.Retrieve(t.Context(), index.Request{Text: word, Vector: direction(s.r, 8)}); err != nil {
					t.Fatalf("seed %d: %v", n+uint64(round), err)
				}
			}
		}
		clear(s.x.scrubbed)
		s.x.scrubAll(t)
		catchUp(t, s.x, s.log)
		what := fmt.Sprintf("seed %d", n+uint64(round))
		s.compare(t, what+", mended", s.x, len(s.adds))
		for more := true; more; {
			var err error
			if more, err = s.x.maintain(); err != nil {
				t.Fatal(err)
			}
		}
		s.compare(t, what+", merged", s.x, len(s.adds))
		if err := s.x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// flip changes bytes of one file of terms or vectors.
func flip(t *testing.T, s *story) {
	t.Helper()
	var names []string
	for _, f := range s.x.data.files {
		if f.kind() != documentsKind {
			names = append(names, f.Name)
		}
	}
	f, err := os.OpenFile(s.x.disk.path(names[s.r.IntN(len(names))]), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for range 1 + s.r.IntN(40) {
		if _, err := f.WriteAt([]byte{byte(s.r.Uint32())}, s.r.Int64N(info.Size())); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFreshFlushFails: the pages of a flush that failed while a rebuild filled an index go into
// files once that has taken over.
func TestFreshFlushFails(t *testing.T) {
	folder := newCrashFolder(t)
	s := tell(storySeed(t), folder)
	for range 20 {
		s.add()
	}
	catchUp(t, s.x, s.log)
	fresh := s.x.Fresh().(*Index)
	folder.failNth(0, 1000)
	commits, next, err := s.log.Commits(t.Context(), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.Apply(t.Context(), commits, index.Position{Store: "test", History: "one", Seq: next}); !errors.Is(err, errDisk) {
		t.Fatalf("a flush that fails ended with %v", err)
	}
	folder.fail = nil
	s.x.Replace(fresh) // as the follower does, which finds it filled
	if err := s.x.end(); err != nil {
		t.Fatal(err)
	}
	s.compare(t, "taken over", s.x, len(s.adds))
	if err := s.x.Close(); err != nil {
		t.Fatal(err)
	}
	x := reopened(t, folder)
	if x.Position().Seq != s.log.Head() || len(x.Lost()) > 0 {
		t.Errorf("at commit %d of %d, lost %v", x.Position().Seq, s.log.Head(), x.Lost())
	}
	s.compare(t, "started again", x, len(s.adds))
}
