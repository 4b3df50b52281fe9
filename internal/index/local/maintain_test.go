package local

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pulse"
	"pulse/internal/index"
)

// TestMaintainBesideAll maintains an index while commits are applied, pages are searched, and
// the whole is filled anew; what a start then reads is what the log says.
func TestMaintainBesideAll(t *testing.T) {
	n := storySeed(t)
	folder := directory(t.TempDir())
	s := tell(n, folder)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	maintained := make(chan error, 1)
	running.Go(func() { maintained <- s.x.Maintain(ctx) })
	running.Go(func() {
		r := rand.New(rand.NewPCG(n, 9))
		for ctx.Err() == nil {
			for _, collection := range []string{"", "other"} {
				retrieve(t, s.x, index.Request{Text: storyWords[r.IntN(len(storyWords))], Vector: direction(r, 8), Collection: collection})
			}
		}
	})
	for i := range 400 {
		s.add()
		catchUp(t, s.x, s.log)
		if i%50 == 49 {
			rebuild(t, s)
		}
	}
	cancel()
	running.Wait()
	if err := <-maintained; err != nil {
		t.Fatal(err)
	}
	onlyNamed(t, s.x)
	if err := s.x.Close(); err != nil {
		t.Fatal(err)
	}
	x := reopened(t, folder)
	if x.Position().Seq != s.log.Head() || len(x.Lost()) > 0 {
		t.Fatalf("at commit %d of %d, lost %v", x.Position().Seq, s.log.Head(), x.Lost())
	}
	s.compare(t, "started again", x, len(s.adds))
}

// rebuild fills two fresh indexes, of which one is thrown away and one takes over.
func rebuild(t *testing.T, s *story) {
	thrown, fresh := s.x.Fresh().(*Index), s.x.Fresh().(*Index)
	catchUp(t, thrown, s.log)
	s.x.Discard(thrown)
	catchUp(t, fresh, s.log)
	s.x.Replace(fresh)
}

// TestFlushTimes tells when what waits is written.
func TestFlushTimes(t *testing.T) {
	now := time.Unix(1000, 0)
	o := Options{Now: func() time.Time { return now }}
	x := open(directory(t.TempDir()), o)
	f := func(what string, size int, after time.Duration, want bool) {
		t.Helper()
		apply(t, x, page(1, string(make([]byte, size)), func(c *pulse.Commit) { c.Seq = x.data.position.Seq + 1 }))
		x.data.position.Seq++
		now = now.Add(after)
		if d, any := x.dueIn(); !any || (d == 0) != want {
			t.Errorf("%s: due in %v, %v", what, d, any)
		}
		if err := x.flush(); err != nil {
			t.Fatal(err)
		}
		if _, any := x.dueIn(); any {
			t.Errorf("%s: something waits after a flush", what)
		}
	}
	f("a little", 10, 59*time.Second, false)
	f("a little, late", 10, time.Minute, true)
	f("a megabyte", 1<<20, 4*time.Second, false)
	f("a megabyte, soon", 1<<20, 5*time.Second, true)
	f("much", 32<<20, 0, true)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestMaintainFlushesInTime: what comes while nothing is due is written when its time has come,
// and not when the next look was planned before.
func TestMaintainFlushesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := open(directory(t.TempDir()), Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- x.Maintain(ctx) }()
		time.Sleep(10 * time.Second)
		big := page(1, strings.Repeat("word ", 300_000), nil)
		if err := x.Apply(t.Context(), []pulse.Commit{big}, index.Position{Store: "s", History: "h", Seq: 1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if m, err := x.disk.readManifest(); err != nil || m == nil || m.Position.Seq != 1 {
			t.Errorf("after 6 s the manifest is %+v, %v", m, err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}
