package index_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/indextest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target keeps what was applied to it. Fresh and Replace make it a Rebuilder.
type target struct {
	mu       sync.Mutex
	position index.Position
	seqs     []pulse.CommitSeq // that were applied since the last reset
	gone     []pulse.CommitSeq // of those the tombstones
	resets   int
	err      error
	gate     chan struct{} // when set, Apply waits for it
}

func (t *target) Position() index.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.position
}

func (t *target) Apply(ctx context.Context, commits []pulse.Commit, to index.Position) error {
	t.mu.Lock()
	gate, err := t.gate, t.err
	t.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range commits {
		t.seqs = append(t.seqs, c.Seq)
		if c.Document.State == pulse.StateGone {
			t.gone = append(t.gone, c.Seq)
		}
	}
	t.position = to
	return nil
}

func (t *target) Reset(_ context.Context, to index.Position) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.position, t.seqs = to, nil
	t.resets++
	return nil
}

func (t *target) set(err error, gate chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err, t.gate = err, gate
}

func (t *target) applied() []pulse.CommitSeq {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]pulse.CommitSeq(nil), t.seqs...)
}

func document(id int) pulse.Commit {
	return pulse.Commit{Document: pulse.Document{ID: pulse.DocumentID(id), State: pulse.StateLive, Text: "0123456789"}}
}

// run starts a follower inside the test's bubble and returns what stops it.
func run(t *testing.T, f *index.Follower) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	}
}

func wantSeqs(t *testing.T, got *target, want ...pulse.CommitSeq) {
	t.Helper()
	if diff := cmp.Diff(want, got.applied()); diff != "" {
		t.Errorf("applied commits (-want +got):\n%s", diff)
	}
}

func TestFollowsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &target{}
		for i := range 5 {
			log.Add(document(i))
		}
		var batches []int
		f := index.New("local", log, to, index.Options{BatchBytes: 20, OnBatch: func(n int, _ pulse.CommitSeq, _ time.Duration) {
			batches = append(batches, n)
		}})
		if f.CaughtUp() || len(f.Reasons()) == 0 {
			t.Errorf("caught up before it ran: %v", f.Reasons())
		}
		stop := run(t, f)
		synctest.Wait()
		wantSeqs(t, to, 1, 2, 3, 4, 5)
		if !f.CaughtUp() || f.Applied() != 5 || f.Reasons() != nil {
			t.Errorf("caught up %v, applied %d, reasons %v", f.CaughtUp(), f.Applied(), f.Reasons())
		}
		log.Add(document(2))
		synctest.Wait()
		wantSeqs(t, to, 1, 2, 3, 4, 5, 6)
		stop()
		if diff := cmp.Diff([]int{2, 2, 1, 1}, batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]pulse.CommitSeq{2, 4, 5, 6}, log.Notes()); diff != "" {
			t.Errorf("noted as applied (-want +got):\n%s", diff)
		}

		// A new follower goes on where the data is.
		log.Add(document(9))
		stop = run(t, index.New("local", log, to, index.Options{}))
		synctest.Wait()
		wantSeqs(t, to, 1, 2, 3, 4, 5, 6, 7)
		stop()
	})
}

func TestUnknownHistoryRebuilds(t *testing.T) {
	f := func(name string, before index.Position, wantResets int, want ...pulse.CommitSeq) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, to := indextest.NewLog("one"), &target{position: before}
				for i := range 3 {
					log.Add(document(i))
				}
				stop := run(t, index.New("local", log, to, index.Options{}))
				synctest.Wait()
				stop()
				wantSeqs(t, to, want...)
				if to.resets != wantResets {
					t.Errorf("%d resets, want %d", to.resets, wantResets)
				}
			})
		})
	}
	f("known", index.Position{Store: "test", History: "one", Seq: 2}, 0, 3)
	f("at the head", index.Position{Store: "test", History: "one", Seq: 3}, 0)
	f("empty", index.Position{}, 1, 1, 2, 3)
	f("other history", index.Position{Store: "test", History: "zero", Seq: 2}, 1, 1, 2, 3)
	f("other store", index.Position{Store: "else", History: "one", Seq: 2}, 1, 1, 2, 3)
	f("past the head", index.Position{Store: "test", History: "one", Seq: 4}, 1, 1, 2, 3)
}

// TestOlderStorePutBack: the log has lost commits that the target holds, and goes on with others
// of the same numbers. What is of them is no less foreign once the log is as long again.
func TestOlderStorePutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &target{}
		for i := range 5 {
			log.Add(document(i))
		}
		stop := run(t, index.New("local", log, to, index.Options{}))
		synctest.Wait()
		stop()
		log.Reopen("second", 3)
		for i := range 4 {
			log.Add(document(10 + i))
		}
		stop = run(t, index.New("local", log, to, index.Options{}))
		synctest.Wait()
		stop()
		wantSeqs(t, to, 1, 2, 3, 4, 5, 6, 7)
		if to.resets != 2 || to.position.Session != "second" {
			t.Errorf("%d resets, at %+v", to.resets, to.position)
		}
		log.Reopen("third", 7)
		log.Add(document(20))
		stop = run(t, index.New("local", log, to, index.Options{}))
		synctest.Wait()
		stop()
		if to.resets != 2 {
			t.Errorf("%d resets: the end of a session is known", to.resets)
		}
	})
}

func TestHistoryChangesWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &target{}
		for i := range 3 {
			log.Add(document(i))
		}
		f := index.New("local", log, to, index.Options{})
		stop := run(t, f)
		synctest.Wait()
		gate := make(chan struct{})
		to.set(nil, gate)
		log.Restart("two", 1)
		synctest.Wait()
		if f.CaughtUp() || f.Applied() != 0 || f.Reasons() == nil {
			t.Errorf("emptied: caught up %v, applied %d, reasons %v", f.CaughtUp(), f.Applied(), f.Reasons())
		}
		waited := waitFor(f, 1)
		synctest.Wait()
		if len(waited) > 0 {
			t.Error("Wait took a commit of the former history for one of the new")
		}
		close(gate)
		if err := <-waited; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		wantSeqs(t, to, 1)
		if !f.CaughtUp() || f.Applied() != 1 {
			t.Errorf("after the history was cut at 1: caught up %v, applied %d", f.CaughtUp(), f.Applied())
		}
		stop()
	})
}

// waitFor waits for a commit in the background.
func waitFor(f *index.Follower, seq pulse.CommitSeq) <-chan error {
	waited := make(chan error, 1)
	go func() { waited <- f.Wait(context.Background(), seq) }()
	return waited
}

// The history changes while the follower is busy with the former one: until it looks,
// what it has applied counts for nothing.
func TestWaitKnowsTheHistoryFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		log, to := indextest.NewLog("one"), &rebuilder{gate: make(chan struct{})}
		for i := range 3 {
			log.Add(document(i))
		}
		f := index.New("local", log, to, index.Options{})
		stop := run(t, f)
		synctest.Wait()
		to.set(nil, gate)
		log.Add(document(3))
		synctest.Wait() // it applies 4 of the former history
		log.Restart("two", 3)
		waited := waitFor(f, 2)
		synctest.Wait()
		if f.Applied() != 0 || len(waited) > 0 {
			t.Errorf("applied %d of a history that it has not seen", f.Applied())
		}
		close(gate)
		synctest.Wait() // it has reached 4, and fills the new data now
		if len(waited) > 0 {
			t.Error("Wait took a commit of the former history for one of the new")
		}
		close(to.gate)
		if err := <-waited; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		wantSeqs(t, &to.target, -1, 1, 2, 3)
		stop()
	})
}

func TestRebuilderServesFormerHistoryMeanwhile(t *testing.T) {
	f := func(name string, change func(log *indextest.Log), wantHead pulse.CommitSeq, want ...pulse.CommitSeq) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				log, to := indextest.NewLog("one"), &rebuilder{gate: make(chan struct{})}
				for i := range 3 {
					log.Add(document(i))
				}
				f := index.New("local", log, to, index.Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
				stop := run(t, f)
				synctest.Wait()
				change(log)
				synctest.Wait()
				wantSeqs(t, &to.target, 1, 2, 3)
				if !f.CaughtUp() || f.Reasons() != nil || f.Applied() != 0 || to.resets != 1 {
					t.Errorf("meanwhile: caught up %v, reasons %v, applied %d, %d resets", f.CaughtUp(), f.Reasons(), f.Applied(), to.resets)
				}
				if _, err := f.Rebuild(t.Context()); !errors.Is(err, pulse.ErrConflict) {
					t.Errorf("rebuild beside it: %v", err)
				}
				waited := waitFor(f, wantHead)
				synctest.Wait()
				if len(waited) > 0 {
					t.Error("Wait returned before the new data is there")
				}
				close(to.gate)
				if err := <-waited; err != nil {
					t.Error(err)
				}
				synctest.Wait()
				wantSeqs(t, &to.target, want...)
				if !f.CaughtUp() || f.Applied() != wantHead {
					t.Errorf("after it: caught up %v, applied %d", f.CaughtUp(), f.Applied())
				}
				if n := strings.Count(out.String(), "another history"); n != 1 || strings.Count(out.String(), "Index rebuilt") != 1 {
					t.Errorf("log:\n%s", out.String())
				}
				stop()
			})
		})
	}
	f("all of it", func(log *indextest.Log) { log.Restart("two", 3) }, 3, -1, 1, 2, 3)
	f("cut", func(log *indextest.Log) { log.Restart("two", 1) }, 1, -1, 1)
	f("grown since", func(log *indextest.Log) { log.Restart("two", 2); log.Add(document(7)) }, 3, -1, 1, 2, 3)
	f("the same, cut", func(log *indextest.Log) { log.Restart("one", 1); log.Restart("two", 1) }, 1, -1, 1)
}

// At the start nothing that a target of another history holds counts.
func TestStartsPastTheHead(t *testing.T) {
	f := func(name string, before index.Position) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, to := indextest.NewLog("one"), &rebuilder{gate: make(chan struct{})}
				to.position = before
				log.Add(document(1))
				f := index.New("local", log, to, index.Options{})
				stop := run(t, f)
				waited := waitFor(f, 1)
				synctest.Wait()
				if f.CaughtUp() || f.Applied() != 0 || len(waited) > 0 || to.resets != 0 {
					t.Errorf("caught up %v, applied %d, waited %d, %d resets", f.CaughtUp(), f.Applied(), len(waited), to.resets)
				}
				close(to.gate)
				if err := <-waited; err != nil {
					t.Error(err)
				}
				synctest.Wait()
				wantSeqs(t, &to.target, -1, 1)
				stop()
			})
		})
	}
	f("past the head", index.Position{Store: "test", History: "one", Seq: 4})
	f("other history", index.Position{Store: "test", History: "zero", Seq: 4})
}

// A try that fails does not begin anew: what it has filled is gone on with.
func TestRenewalGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &rebuilder{}
		for i := range 3 {
			log.Add(document(i))
		}
		f := index.New("local", log, to, index.Options{BatchBytes: 10})
		stop := run(t, f)
		synctest.Wait()
		to.gate = make(chan struct{})
		log.Restart("two", 3)
		synctest.Wait() // it applies 1 to the fresh target
		log.Fail(errors.New("damaged document 2"))
		close(to.gate)
		synctest.Wait()
		if reasons := strings.Join(f.Reasons(), " "); !strings.Contains(reasons, "damaged document 2") {
			t.Errorf("reasons %q", reasons)
		}
		wantSeqs(t, &to.target, 1, 2, 3)
		log.Fail(nil)
		if err := f.Wait(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		wantSeqs(t, &to.target, -1, 1, 2, 3)
		if to.made != 1 {
			t.Errorf("%d fresh targets", to.made)
		}
		stop()
	})
}

// Another target than a Rebuilder is not ready while it is built anew in place.
func TestRebuildInPlaceIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &target{}
		log.Add(document(1))
		f := index.New("local", log, to, index.Options{})
		stop := run(t, f)
		synctest.Wait()
		gate, done := make(chan struct{}), make(chan error, 1)
		to.set(nil, gate)
		go func() {
			_, err := f.Rebuild(t.Context())
			done <- err
		}()
		synctest.Wait()
		waited := waitFor(f, 1)
		synctest.Wait()
		if f.CaughtUp() || f.Applied() != 0 || len(waited) > 0 {
			t.Errorf("emptied: caught up %v, applied %d", f.CaughtUp(), f.Applied())
		}
		close(gate)
		if err := errors.Join(<-done, <-waited); err != nil {
			t.Error(err)
		}
		if !f.CaughtUp() || f.Applied() != 1 {
			t.Errorf("rebuilt: caught up %v, applied %d", f.CaughtUp(), f.Applied())
		}
		stop()
	})
}

func TestErrorsSkipNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log, to := indextest.NewLog("one"), &target{}
		f := index.New("local", log, to, index.Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
		to.set(errors.New("target is away"), nil)
		log.Add(document(1))
		began := time.Now()
		stop := run(t, f)
		<-time.After(10 * time.Minute) // of the bubble's clock
		synctest.Wait()
		if f.CaughtUp() || !strings.Contains(strings.Join(f.Reasons(), " "), "target is away") {
			t.Errorf("reasons %v", f.Reasons())
		}
		if n := log.Reads(); n < 20 || n > 60 {
			t.Errorf("%d tries in ten minutes: backoff does not double up to 30 s", n)
		}
		to.set(nil, nil)
		if err := f.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > 11*time.Minute {
			t.Errorf("went on after %v", waited)
		}
		log.Fail(errors.New("log is away"))
		log.Add(document(2))
		synctest.Wait()
		log.Fail(nil)
		if err := f.Wait(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		wantSeqs(t, to, 1, 2)
		if n := strings.Count(out.String(), "stands still"); n != 2 {
			t.Errorf("%d lines about standing still, want one for each outage:\n%s", n, out.String())
		}
		if n := strings.Count(out.String(), "goes on"); n != 2 {
			t.Errorf("%d lines about going on, want 2:\n%s", n, out.String())
		}
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &target{}
		f := index.New("local", log, to, index.Options{})
		results := make([]error, 4)
		var waiting sync.WaitGroup
		for i := range results {
			waiting.Go(func() { results[i] = f.Wait(context.Background(), pulse.CommitSeq(i)) })
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Wait(short, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait past its deadline: %v", err)
		}
		stop := run(t, f)
		log.Add(document(1))
		synctest.Wait()
		log.Add(document(2))
		synctest.Wait()
		stop()
		waiting.Wait()
		if diff := cmp.Diff([]bool{true, true, true, false}, []bool{
			results[0] == nil, results[1] == nil, results[2] == nil, results[3] == nil,
		}); diff != "" || !errors.Is(results[3], pulse.ErrClosed) {
			t.Errorf("waits for 0 to 3 of 2: %v", results)
		}
		if err := f.Wait(t.Context(), 3); !errors.Is(err, pulse.ErrClosed) {
			t.Errorf("wait after the end: %v", err)
		}
	})
}

func TestRebuildInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &target{}
		for i := range 3 {
			log.Add(document(i))
		}
		f := index.New("local", log, to, index.Options{})
		stop := run(t, f)
		synctest.Wait()
		seq, err := f.Rebuild(t.Context())
		if err != nil || seq != 3 {
			t.Errorf("Rebuild: %d, %v", seq, err)
		}
		wantSeqs(t, to, 1, 2, 3)
		stop()
	})
}

// rebuilder is a target whose fresh twin can be held back.
type rebuilder struct {
	target
	gate chan struct{}
	made int // fresh twins
}

func (r *rebuilder) Fresh() index.Applier {
	r.made++
	return &target{gate: r.gate}
}

func (r *rebuilder) Replace(fresh index.Applier) {
	other := fresh.(*target)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.position, r.seqs = other.position, append([]pulse.CommitSeq{-1}, other.seqs...)
}

func (r *rebuilder) Discard(index.Applier) {}

func TestRebuildServesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &rebuilder{gate: make(chan struct{})}
		log.Add(document(1))
		f := index.New("local", log, to, index.Options{})
		stop := run(t, f)
		synctest.Wait()
		done := make(chan error, 1)
		go func() {
			_, err := f.Rebuild(t.Context())
			done <- err
		}()
		synctest.Wait()
		log.Add(document(2))
		synctest.Wait()
		wantSeqs(t, &to.target, 1, 2) // the old data follows while the new is made
		if _, err := f.Rebuild(t.Context()); !errors.Is(err, pulse.ErrConflict) {
			t.Errorf("second rebuild: %v", err)
		}
		close(to.gate)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		log.Add(document(3))
		synctest.Wait()
		wantSeqs(t, &to.target, -1, 1, 2, 3)
		stop()
	})
}

// repairer is a target that loses commits when it is told to.
type repairer struct {
	target
	lost   map[pulse.CommitSeq]bool
	losses chan struct{}
}

func (r *repairer) lose(seqs ...pulse.CommitSeq) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, seq := range seqs {
		r.lost[seq] = true
	}
	r.losses <- struct{}{}
}

func (r *repairer) Losses() <-chan struct{} { return r.losses }

func (r *repairer) Lost() []pulse.CommitSeq {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.lost))
}

func (r *repairer) Restore(_ context.Context, lost []pulse.CommitSeq, commits []pulse.Commit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	for _, seq := range lost {
		delete(r.lost, seq)
	}
	for _, c := range commits {
		r.seqs = append(r.seqs, -c.Seq)
	}
	return nil
}

func TestLostCommitsAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := indextest.NewLog("one")
		to := &repairer{lost: make(map[pulse.CommitSeq]bool), losses: make(chan struct{}, 1)}
		for i := range 6 {
			log.Add(document(i))
		}
		f := index.New("local", log, to, index.Options{BatchBytes: 20})
		stop := run(t, f)
		defer stop()
		synctest.Wait()
		wantSeqs(t, to.wanted(), 1, 2, 3, 4, 5, 6)
		to.lose(2, 3, 6)
		synctest.Wait()
		wantSeqs(t, to.wanted(), 1, 2, 3, 4, 5, 6, -2, -3, -6)
		log.Add(document(3)) // commit 4 is not in the log any more
		synctest.Wait()
		to.lose(4, 5)
		synctest.Wait()
		wantSeqs(t, to.wanted(), 1, 2, 3, 4, 5, 6, -2, -3, -6, 7, -5)
		to.set(errors.New("disk"), nil)
		to.lose(1)
		synctest.Wait()
		if f.Reasons() == nil {
			t.Error("nobody is told that lost commits cannot be restored")
		}
		to.set(nil, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantSeqs(t, to.wanted(), 1, 2, 3, 4, 5, 6, -2, -3, -6, 7, -5, -1)
		if len(to.Lost()) > 0 || f.Reasons() != nil {
			t.Errorf("still lost: %v; reasons %v", to.Lost(), f.Reasons())
		}
	})
}

func (r *repairer) wanted() *target { return &r.target }

// TestDamagedContentIsATombstone: a page that cannot be read keeps no other from being applied.
func TestDamagedContentIsATombstone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, to := indextest.NewLog("one"), &target{}
		log.Add(document(1))
		spoiled := document(2)
		spoiled.Damage = errors.New("checksum")
		log.Add(spoiled)
		log.Add(document(3))
		var told bytes.Buffer
		stop := run(t, index.New("local", log, to, index.Options{Log: slog.New(slog.NewTextHandler(&told, nil))}))
		synctest.Wait()
		stop()
		wantSeqs(t, to, 1, 2, 3)
		if got := to.gone; len(got) != 1 || got[0] != 2 {
			t.Errorf("tombstones: %v", got)
		}
		if n := strings.Count(told.String(), "damaged"); n != 1 || !strings.Contains(told.String(), "checksum") {
			t.Errorf("log: %s", told.String())
		}
		if commits, _, _ := log.Commits(t.Context(), 1, 1); commits[0].Document.State != pulse.StateLive {
			t.Error("what the log keeps was changed")
		}
	})
}
