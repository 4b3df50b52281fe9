package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random histories; 0 draws one")

// seed draws, or takes, the seed of a random test and prints it.
func seed(t *testing.T) *rand.Rand {
	n := *seedFlag
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (run again with -seed=%d)", n, n)
	return rand.New(rand.NewPCG(n, 1))
}

// model is the plain map that a store must agree with: the newest change of each
// key by (version, job), and the erasures.
type model struct {
	newest   map[string]modelChange
	erasures []Erasure
}

type modelChange struct {
	version pulse.Version
	job     pulse.JobID
	gone    bool
	text    string
	crawl   string
}

func (m *model) add(key string, c modelChange) {
	old, ok := m.newest[key]
	if !ok || c.version > old.version || c.version == old.version && c.job >= old.job {
		m.newest[key] = c
	}
}

// live is what can be found in the end.
func (m *model) live() map[string]string {
	live := map[string]string{}
	for key, c := range m.newest {
		gone := c.gone
		for i := range m.erasures {
			gone = gone || m.erasures[i].covers(pulse.DefaultCollection, key, c.crawl, c.version)
		}
		if !gone {
			live[key] = c.text
		}
	}
	return live
}

// history drives one random history against a store that is closed and opened
// again between any two calls.
type history struct {
	t     *testing.T
	rng   *rand.Rand
	s     *Store
	dir   string
	now   time.Time
	model model

	open     map[pulse.JobID]pulse.Job // jobs that have not ended
	ended    []pulse.Job
	text     map[pulse.JobID]string // of upserts
	erasing  map[pulse.JobID]Erasure
	follower map[string]string // applied from the log
	position pulse.CommitSeq
	identity Identity
	layout   pulse.LayoutID
}

func newRandomHistory(t *testing.T, rng *rand.Rand) *history {
	h := &history{t: t, rng: rng, dir: t.TempDir(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		open: map[pulse.JobID]pulse.Job{}, text: map[pulse.JobID]string{}, erasing: map[pulse.JobID]Erasure{},
		follower: map[string]string{}, layout: 1, model: model{newest: map[string]modelChange{}}}
	h.reopen()
	return h
}

func (h *history) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// die is a death of the process between two store calls: what was in memory is gone,
// and nothing was closed. The files go on as they were at that moment.
func (h *history) die() {
	h.s.stop() // its loops end first: else they may write while the files are copied
	h.s.background.Wait()
	dir := h.t.TempDir()
	for _, name := range []string{FileName + "-wal", FileName} {
		data, err := os.ReadFile(filepath.Join(h.dir, name))
		h.must(err)
		h.must(os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	h.must(h.s.Close())
	h.dir = dir
	h.reopen()
}

// restart is a clean end and a new start.
func (h *history) restart() {
	h.must(h.s.Close())
	h.reopen()
}

// reopen sees that all jobs that were accepted and have not ended still wait.
func (h *history) reopen() {
	s, err := Open(h.t.Context(), Options{Dir: h.dir, Now: func() time.Time { return h.now }, TailBytes: 4096})
	h.must(err)
	h.s = s
	waiting, err := s.AvailableJobs(h.t.Context(), 0, s.LastJobAtOpen(), 1<<20)
	h.must(err)
	got, want := map[pulse.JobID]bool{}, map[pulse.JobID]bool{}
	for _, j := range waiting {
		got[j.ID] = true
	}
	for id := range h.open {
		want[id] = true
	}
	if !maps.Equal(got, want) {
		h.t.Fatalf("after a restart %v wait, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func (h *history) key() string {
	return fmt.Sprintf("https://h%d.example/%d", h.rng.IntN(2), h.rng.IntN(4))
}

func (h *history) step() {
	h.now = h.now.Add(time.Duration(h.rng.IntN(3)) * time.Second)
	switch n := h.rng.IntN(100); {
	case n < 4: // an event without pages
		d := page("", "")
		d.Elements = nil
		accept(h.t, h.s, d)
	case n < 30:
		h.deliver()
	case n < 75:
		h.work()
	case n < 80:
		h.replay()
	case n < 84:
		h.erase()
	case n < 90:
		h.follow()
	case n < 92:
		h.changeLayout()
	case n < 94:
		h.must(h.s.NewHistory(h.t.Context()))
	case n < 98:
		h.die()
	default:
		h.restart()
	}
}

// deliver accepts an upsert or a deletion, sometimes cached, sometimes twice.
func (h *history) deliver() {
	d := page(h.key(), "{}")
	d.Key = fmt.Sprint("k", h.now.UnixNano(), h.rng.Uint64())
	d.Crawl.ID = []string{"", "c1", "c2"}[h.rng.IntN(3)]
	e := &d.Elements[0]
	if h.rng.IntN(5) == 0 {
		e.Kind = pulse.KindDelete
	}
	if h.rng.IntN(5) == 0 {
		e.CachedAt = h.now.Add(-time.Duration(h.rng.IntN(20)) * time.Second)
	}
	r := accept(h.t, h.s, d)
	job := r.Jobs[0]
	text := fmt.Sprintf("text %d", h.rng.IntN(3)) // few texts: many unchanged upserts
	h.open[job.ID], h.text[job.ID] = job, text
	h.model.add(job.Key, modelChange{version: job.Version, job: job.ID, gone: e.Kind == pulse.KindDelete, text: text, crawl: job.Crawl})
	if h.rng.IntN(4) == 0 {
		again := *d
		if r := accept(h.t, h.s, &again); !r.Duplicate || r.JobIDs[0] != job.ID {
			h.t.Fatalf("a repeat got %+v", r)
		}
	}
}

// work runs up to four of the waiting jobs at once, in any order.
func (h *history) work() {
	ids := slices.Sorted(maps.Keys(h.open))
	h.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	ids = ids[:min(len(ids), 1+h.rng.IntN(4))]
	pending := h.rng.IntN(4) == 0
	added := make([][]pulse.Job, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		job := h.open[id]
		wg.Go(func() { added[i] = h.run(job, pending) })
	}
	wg.Wait()
	for i, id := range ids {
		h.ended = append(h.ended, h.open[id])
		delete(h.open, id)
		for _, j := range added[i] {
			h.open[j.ID] = j
		}
	}
}

// run is what a worker does with one job; it returns jobs that the commit queued.
func (h *history) run(job pulse.Job, pending bool) []pulse.Job {
	ctx := context.Background()
	var done Committed
	var err error
	erasure, erasing := h.erasing[job.ID]
	switch {
	case erasing:
		for next := pulse.DocumentID(1); next != 0 && err == nil; {
			next, _, err = h.s.EraseSlice(ctx, erasure, next, 3)
		}
		err = errors.Join(err, h.s.End(ctx, &job, Ending{State: pulse.JobDone, Outcome: pulse.OutcomeDeleted}))
	case job.Kind == pulse.KindEmbed:
		var rec *DocumentRecord
		if rec, err = h.s.Document(ctx, job.Collection, job.Key); err == nil {
			chunks, n := recutOf(rec, job.ID)
			_, err = h.s.CommitVectors(ctx, &job, job.CommitSeq, h.layout, chunks, slices.Repeat([]pulse.Vector{{1, 2}}, n))
		}
	case job.Kind == pulse.KindDelete:
		done, err = h.s.Commit(ctx, &Write{Job: &job, Gone: true})
	default:
		w := write(job, h.text[job.ID])
		w.Layout, w.VectorsPending = h.layout, pending
		if pending && job.ID%2 == 0 { // what the former version said
			w.Vectors = []pulse.Vector{{1, 2}}
		}
		done, err = h.s.Commit(ctx, w)
	}
	if err != nil {
		h.t.Errorf("run job %d: %v", job.ID, err)
	}
	return done.Jobs
}

// recutOf is what a page is cut into anew when it is embedded: nothing for every other job.
func recutOf(rec *DocumentRecord, id pulse.JobID) (chunks []pulse.Chunk, n int) {
	if id%2 == 0 || len(rec.Chunks) == 0 {
		return nil, len(rec.Chunks)
	}
	for i := range 1 + int(id%3) {
		chunks = append(chunks, pulse.Chunk{Ordinal: i, End: len(rec.Document.Text), Tokens: 7})
	}
	return chunks, len(chunks)
}

// replay puts an ended job back, under its old version or a new one.
func (h *history) replay() {
	if len(h.ended) == 0 {
		return
	}
	i := h.rng.IntN(len(h.ended))
	job := h.ended[i]
	if job.Kind == pulse.KindEmbed || h.erasing[job.ID].Job != 0 {
		return
	}
	force := h.rng.IntN(2) == 0
	jobs, err := h.s.Retry(h.t.Context(), []pulse.JobID{job.ID}, force)
	h.must(err)
	h.ended = slices.Delete(h.ended, i, i+1)
	h.open[job.ID] = jobs[0]
	h.model.add(job.Key, modelChange{version: jobs[0].Version, job: job.ID, gone: job.Kind == pulse.KindDelete, text: h.text[job.ID], crawl: job.Crawl})
}

func (h *history) erase() {
	e := []Erasure{{Scope: EraseCrawl, Value: "c1"}, {Scope: EraseDomain, Value: "h1.example"}, {Scope: EraseCollection}}[h.rng.IntN(3)]
	d := &pulse.Delivery{Source: "api", EventType: "documents.delete", Result: pulse.ResultQueued,
		Elements: []pulse.Element{{Kind: pulse.KindDelete, Body: []byte("{}")}}}
	r, err := h.s.AcceptErasure(h.t.Context(), d, e)
	h.must(err)
	job := r.Jobs[0]
	e.Collection, e.Version, e.Job = pulse.DefaultCollection, job.Version, job.ID
	h.open[job.ID], h.erasing[job.ID] = job, e
	h.model.erasures = append(h.model.erasures, e)
}

// changeLayout fills another layout for all live documents and switches to it.
func (h *history) changeLayout() {
	ctx := h.t.Context()
	id, err := h.s.StartFilling(ctx, LayoutSpec{MaxTokens: h.rng.IntN(1 << 20)})
	h.must(err)
	if h.rng.IntN(4) == 0 { // given up half-way: the next one's sweep removes it
		h.fill(id, 1)
		return
	}
	h.fill(id, 1<<20)
	h.must(h.s.SwitchLayout(ctx, id))
	former := h.layout
	h.layout = id
	h.commitByFormer(former)
	h.sweep(3)
}

// fill fills a layout for up to most documents.
func (h *history) fill(id pulse.LayoutID, most int) {
	ctx := h.t.Context()
	left, err := h.s.CountUnfilled(ctx, id)
	h.must(err)
	for position := pulse.CommitSeq(0); most > 0; {
		commits, err := h.s.Unfilled(ctx, id, position, 1)
		h.must(err)
		if len(commits) == 0 {
			if left != 0 {
				h.t.Fatalf("%d documents were left out", left)
			}
			return
		}
		for i := range commits {
			d := &commits[i].Document
			vectors := [][]pulse.Vector{nil, {{1, 2}, nil}}[h.rng.IntN(2)]
			half := len(d.Text) / 2
			ok, err := h.s.FillLayout(ctx, d.ID, d.CommitSeq, id, []pulse.Chunk{{End: half}, {Ordinal: 1, Start: half, End: len(d.Text)}}, vectors)
			if err != nil || !ok {
				h.t.Fatalf("fill layout: %v, %v", ok, err)
			}
			position = d.CommitSeq
			left--
			most--
		}
	}
}

// commitByFormer runs a waiting job that was cut before the switch: it is refused.
func (h *history) commitByFormer(former pulse.LayoutID) {
	active, _, err := h.s.ActiveLayout(h.t.Context(), pulse.DefaultCollection)
	h.must(err)
	for _, job := range h.open {
		if active == 0 || former == active || job.Kind != pulse.KindUpsert || h.erasing[job.ID].Job != 0 {
			continue
		}
		w := write(job, h.text[job.ID])
		w.Layout = former
		if _, err := h.s.Commit(h.t.Context(), w); !errors.Is(err, ErrOtherLayout) {
			h.t.Fatalf("commit by layout %d after a switch to %d: %v", former, active, err)
		}
		return
	}
}

func (h *history) sweep(limit int) {
	for from := pulse.DocumentID(0); ; {
		next, err := h.s.SweepLayouts(h.t.Context(), from, limit)
		h.must(err)
		if next == 0 {
			return
		}
		from = next
	}
}

// follow reads the log to its end, as a follower that keeps its position.
func (h *history) follow() {
	if id := h.s.Identity(); id != h.identity {
		h.identity, h.position, h.follower = id, 0, map[string]string{}
	}
	for {
		commits, next, err := h.s.Commits(h.t.Context(), h.position, 200)
		h.must(err)
		last := h.position
		for _, c := range commits {
			if c.Seq <= last || c.Seq > next {
				h.t.Fatalf("commit %d after %d, up to %d", c.Seq, last, next)
			}
			last = c.Seq
			h.compare(&c)
			if c.Document.State == pulse.StateLive {
				h.follower[c.Document.Key] = c.Document.Text
			} else {
				delete(h.follower, c.Document.Key)
			}
		}
		if next == h.position {
			return
		}
		h.position = next
		h.s.NoteApplied(LocalFollower, next, h.now)
	}
}

// compare holds what the log tells against what is on disk, where the document has not moved.
func (h *history) compare(told *pulse.Commit) {
	kept, err := h.s.Former(h.t.Context(), told.Document.Collection, told.Document.Key)
	h.must(err)
	if kept.Seq != told.Seq {
		return
	}
	if diff := cmp.Diff(told.Vectors, kept.Vectors); diff != "" || told.VectorsPending != kept.VectorsPending {
		h.t.Fatalf("commit %d, pending %v: vectors that are told (-) and kept (+):\n%s", told.Seq, told.VectorsPending, diff)
	}
}

// check drains the jobs and compares all that can be read with the model.
func (h *history) check() {
	for len(h.open) > 0 {
		h.work()
	}
	_, err := h.s.StartFilling(h.t.Context(), LayoutSpec{MaxTokens: -1}) // nothing that was given up is kept
	h.must(err)
	h.sweep(2)
	h.follow()
	want := h.model.live()
	if !maps.Equal(h.follower, want) {
		h.t.Fatalf("follower holds %v, want %v", h.follower, want)
	}
	var chunks int64
	for key, text := range want {
		rec, err := h.s.Document(h.t.Context(), pulse.DefaultCollection, key)
		h.must(err)
		newest := h.model.newest[key]
		d := rec.Document
		if d.State != pulse.StateLive || d.Text != text || d.Version != newest.version || d.Job != newest.job || d.Crawl != newest.crawl {
			h.t.Fatalf("document %+v, want %+v", d, newest)
		}
		chunks += int64(len(rec.Chunks))
	}
	stats, err := h.s.Stats(h.t.Context())
	h.must(err)
	if stats.Documents != int64(len(want)) || stats.Chunks != chunks || stats.VectorsPending != 0 || stats.Jobs.Available != 0 || stats.Jobs.Dead != 0 {
		h.t.Fatalf("stats %+v, want %d documents, %d chunks", stats, len(want), chunks)
	}
	h.checkNothingLeft()
}

// checkNothingLeft looks for bodies, chunks and vectors that no live document has.
func (h *history) checkNothingLeft() {
	for name, query := range map[string]string{
		"bodies":  `SELECT count(*) FROM bodies WHERE id NOT IN (SELECT body FROM documents UNION SELECT body FROM vectors)`,
		"staged":  `SELECT count(*) FROM staged`,
		"chunks":  `SELECT count(*) FROM chunks c WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = c.document AND d.state = 'live' AND d.layout = c.layout)`,
		"vectors": `SELECT count(*) FROM vectors v WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = v.document AND d.state = 'live' AND d.layout = v.layout)`,
	} {
		var n int
		h.must(h.s.read.QueryRow(query).Scan(&n))
		if n != 0 {
			h.t.Fatalf("%d %s are left over", n, name)
		}
	}
}

// TestOrderDoesNotMatter runs random histories against the plain map.
func TestOrderDoesNotMatter(t *testing.T) {
	rng := seed(t)
	rounds, steps := 25, 120
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			h := newRandomHistory(t, rng)
			defer func() { h.s.Close() }()
			for range steps {
				h.step()
			}
			h.check()
		})
	}
}
