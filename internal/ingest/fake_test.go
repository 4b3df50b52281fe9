package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/embed"
	"pulse/internal/queue"
	"pulse/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeStore keeps the rules of truth in their plainest form, in maps.
type fakeStore struct {
	// fail, if set, is asked before each call; its error is the call's.
	fail func(ctx context.Context, call string, job *pulse.Job) error

	mu     sync.Mutex
	parts  map[pulse.DeliverySeq][]byte
	docs   map[string]*store.DocumentRecord
	writes map[string]*store.Write // newest by key
	ends   map[pulse.JobID][]store.Ending
	deaths map[pulse.JobID]bool // whether it had run alone
	erases map[pulse.JobID]bool // ids of mass deletions
	erased []store.Erasure
	commit pulse.CommitSeq
	nextID pulse.JobID
	calls  map[string]int
}

func newFakeStore() *fakeStore {
	return &fakeStore{
		parts: map[pulse.DeliverySeq][]byte{}, docs: map[string]*store.DocumentRecord{}, writes: map[string]*store.Write{},
		ends: map[pulse.JobID][]store.Ending{}, deaths: map[pulse.JobID]bool{}, nextID: 1000, calls: map[string]int{},
	}
}

func (s *fakeStore) enter(ctx context.Context, call string, job *pulse.Job) error {
	s.mu.Lock()
	s.calls[call]++
	s.mu.Unlock()
	if s.fail == nil {
		return nil
	}
	return s.fail(ctx, call, job)
}

// count is how often a call was made.
func (s *fakeStore) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call]
}

func (s *fakeStore) Part(ctx context.Context, seq pulse.DeliverySeq, _ int) ([]byte, error) {
	if err := s.enter(ctx, "part", nil); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts[seq] == nil {
		return nil, pulse.ErrGone
	}
	return s.parts[seq], nil
}

func (s *fakeStore) Former(ctx context.Context, _, key string) (*pulse.Commit, error) {
	if err := s.enter(ctx, "document", nil); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs[key] == nil {
		return nil, nil
	}
	c := &pulse.Commit{Seq: s.docs[key].Document.CommitSeq, Document: s.docs[key].Document, Chunks: s.docs[key].Chunks}
	if w := s.writes[key]; w != nil {
		c.Vectors = w.Vectors
	}
	return c, nil
}

func (s *fakeStore) Commit(ctx context.Context, w *store.Write) (store.Committed, error) {
	if err := s.enter(ctx, "commit", w.Job); err != nil {
		return store.Committed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.docs[w.Job.Key]
	if old != nil && old.Document.Version > w.Job.Version {
		return store.Committed{Outcome: pulse.OutcomeSuperseded}, nil
	}
	d := w.Document
	d.Version, d.Layout, d.State = w.Job.Version, w.Layout, pulse.StateLive
	if old != nil && !w.Gone && old.Document.State == pulse.StateLive && old.Document.ContentHash == d.ContentHash {
		old.Document.Version = d.Version
		return store.Committed{Outcome: pulse.OutcomeUnchanged}, nil
	}
	s.commit++
	d.CommitSeq = s.commit
	c := store.Committed{Outcome: pulse.OutcomeIndexed, Seq: s.commit}
	if w.Gone {
		d.State, c.Outcome = pulse.StateGone, pulse.OutcomeDeleted
	}
	s.docs[w.Job.Key] = &store.DocumentRecord{Document: d, Chunks: w.Chunks}
	s.writes[w.Job.Key] = w
	if w.VectorsPending {
		s.nextID++
		later := *w.Job
		later.ID, later.Kind, later.Attempt, later.RunAt = s.nextID, pulse.KindEmbed, 0, time.Time{}
		c.Jobs = []pulse.Job{later}
	}
	return c, nil
}

func (s *fakeStore) CommitVectors(ctx context.Context, job *pulse.Job, basedOn pulse.CommitSeq, _ pulse.LayoutID, chunks []pulse.Chunk, vectors []pulse.Vector) (store.Committed, error) {
	if err := s.enter(ctx, "commitVectors", job); err != nil {
		return store.Committed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs[job.Key].Document.CommitSeq != basedOn {
		return store.Committed{Outcome: pulse.OutcomeSuperseded}, nil
	}
	s.commit++
	s.docs[job.Key].Document.CommitSeq = s.commit
	s.writes[job.Key].Vectors, s.writes[job.Key].VectorsPending = vectors, false
	if chunks != nil {
		s.writes[job.Key].Chunks = chunks
	}
	return store.Committed{Outcome: pulse.OutcomeIndexed, Seq: s.commit}, nil
}

// EraseSlice has three slices, whatever the scope.
func (s *fakeStore) EraseSlice(ctx context.Context, e store.Erasure, from pulse.DocumentID, limit int) (pulse.DocumentID, int, error) {
	if err := s.enter(ctx, "erase", nil); err != nil {
		return 0, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erased = append(s.erased, e)
	if from == 2 {
		return 0, limit, nil
	}
	return from + 1, limit, nil
}

func (s *fakeStore) End(ctx context.Context, job *pulse.Job, e store.Ending) error {
	if err := s.enter(ctx, "end", job); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends[job.ID] = append(s.ends[job.ID], e)
	return nil
}

func (s *fakeStore) Job(ctx context.Context, id pulse.JobID) (*pulse.Job, error) {
	if err := s.enter(ctx, "job", nil); err != nil {
		return nil, err
	}
	j := newJob(int(id))
	if s.erases[id] {
		j.Kind, j.Key, j.URL = pulse.KindDelete, "", ""
	}
	return &j, nil
}

func (s *fakeStore) MarkDeath(ctx context.Context, ids []pulse.JobID, alone bool) error {
	if err := s.enter(ctx, "markDeath", nil); err != nil {
		return err
	}
	for _, id := range ids {
		s.deaths[id] = alone
	}
	return nil
}

// fakeEmbedder gives each text the vector of its length.
type fakeEmbedder struct {
	answer func(ctx context.Context, texts []string) ([]pulse.Vector, error) // nil: the vectors
	calls  int
	mu     sync.Mutex
	wait   atomic.Int64 // nanoseconds that Wait tells
	model  embed.Model
}

func (e *fakeEmbedder) Model() embed.Model { return e.model }

func (e *fakeEmbedder) Wait(embed.Lane) time.Duration { return time.Duration(e.wait.Load()) }

func (e *fakeEmbedder) Embed(ctx context.Context, r embed.Request) ([]pulse.Vector, error) {
	texts := r.Texts
	e.mu.Lock()
	e.calls++
	answer := e.answer
	e.mu.Unlock()
	if answer != nil {
		return answer(ctx, texts)
	}
	vectors := vectorsOf(texts)
	for i := range vectors {
		vectors[i] = append(vectors[i], make(pulse.Vector, max(0, e.model.Dimension-1))...)
	}
	return vectors, nil
}

func (e *fakeEmbedder) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls
}

func (e *fakeEmbedder) set(answer func(ctx context.Context, texts []string) ([]pulse.Vector, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

func vectorsOf(texts []string) []pulse.Vector {
	vectors := make([]pulse.Vector, len(texts))
	for i := range texts {
		vectors[i] = pulse.Vector{float32(len(texts[i]))}
	}
	return vectors
}

type words struct{}

func (words) Tokens(_ context.Context, texts []string) ([]chunk.Tokens, error) {
	out := make([]chunk.Tokens, len(texts))
	for i, s := range texts {
		out[i].Count = len(strings.Fields(s))
	}
	return out, nil
}

// decode reads a pulse.Change as JSON; a title of "panic" panics.
func decode(part []byte) (*pulse.Change, error) {
	c := new(pulse.Change)
	if err := json.Unmarshal(part, c); err != nil {
		return nil, err
	}
	if c.Title == "panic" {
		panic("this page breaks the decoder")
	}
	return c, nil
}

// world is workers on a fake store, in a bubble of their own time.
type world struct {
	t       *testing.T
	store   *fakeStore
	queue   *queue.Queue
	deps    Deps
	opts    Options
	logs    *logBuffer
	workers *Workers
	reports chan JobReport
	stop    context.CancelFunc
	ended   chan error
}

// inWorld runs a test on workers that prepare has set up.
func inWorld(t *testing.T, prepare func(w *world), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if prepare != nil {
			prepare(w)
		}
		w.start()
		test(w)
		w.stop()
		if err := <-w.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: newFakeStore(), queue: queue.New(queue.Options{}), logs: new(logBuffer), reports: make(chan JobReport, 100_000), ended: make(chan error, 1)}
	w.deps = Deps{
		Store: w.store, Queue: w.queue, Budget: queue.NewBudget(1 << 20),
		Layout: Layout{ID: 1, Chunker: chunk.NewCounting(words{}, chunk.Options{})}, Decoders: map[string]Decoder{"test": decode},
	}
	w.opts = Options{
		Workers: 4, Log: slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnJob: func(r JobReport) { w.reports <- r },
	}
	return w
}

func (w *world) start() {
	if w.workers == nil {
		w.workers = New(w.deps, w.opts)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go func() { w.ended <- w.workers.Run(ctx) }()
}

// add queues an upsert of a change, as its own delivery.
func (w *world) add(id int, change pulse.Change) pulse.Job {
	w.t.Helper()
	part, err := json.Marshal(change)
	if err != nil {
		w.t.Fatal(err)
	}
	j := newJob(id)
	j.Bytes = int64(len(part))
	w.addPart(j, string(part))
	return j
}

func (w *world) addPart(j pulse.Job, part string) {
	w.store.mu.Lock()
	w.store.parts[j.Delivery] = []byte(part)
	w.store.mu.Unlock()
	w.queue.Add(j)
}

func newJob(id int) pulse.Job {
	url := fmt.Sprintf("https://example.org/%d", id)
	return pulse.Job{
		ID: pulse.JobID(id), Delivery: pulse.DeliverySeq(id), Kind: pulse.KindUpsert, Source: "test", Collection: pulse.DefaultCollection,
		Key: url, URL: url, Version: pulse.Version(id), Priority: pulse.PriorityCrawl, Turn: "crawl", AcceptedAt: time.Now(),
	}
}

func page(id int) pulse.Change {
	return pulse.Change{Kind: pulse.KindUpsert, Title: fmt.Sprint("Page ", id), Markdown: fmt.Sprintf("# Page %d\n\nThis is the text of page %d.", id, id)}
}

// next is the report of the next run that ends.
func (w *world) next() JobReport {
	w.t.Helper()
	select {
	case r := <-w.reports:
		return r
	case <-time.After(1000 * time.Hour):
		w.t.Fatal("no job ends")
		return JobReport{}
	}
}

// last waits until the job ends done or dead, and says after how many runs.
func (w *world) last(id pulse.JobID) (r JobReport, runs int) {
	w.t.Helper()
	for {
		if r := w.next(); r.Job.ID == id {
			if runs++; r.Job.State != pulse.JobAvailable {
				return r, runs
			}
		}
	}
}

// logBuffer is a log that tests read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// lines is the lines that contain all of the words.
func (l *logBuffer) lines(words ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
next:
	for line := range strings.Lines(l.b.String()) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

var errOdd = errors.New("constraint failed")
