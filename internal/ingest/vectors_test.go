package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/store"
)

var errAway = errors.New("connection refused")

func away(context.Context, []string) ([]pulse.Vector, error) { return nil, errAway }

// hang answers when the caller has lost patience.
func hang(ctx context.Context, _ []string) ([]pulse.Vector, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func withEmbedder(e *fakeEmbedder) func(w *world) {
	return func(w *world) { w.deps.Layout.Embedder = e }
}

func TestVectors(t *testing.T) {
	t.Run("with the page", func(t *testing.T) {
		inWorld(t, withEmbedder(new(fakeEmbedder)), func(w *world) {
			j := w.add(1, page(1))
			r := w.next()
			write := w.store.writes[j.Key]
			if len(write.Vectors) != len(write.Chunks) || write.Vectors[0] == nil || write.VectorsPending || r.VectorsPending || r.Refused != 0 {
				t.Errorf("write %+v, report %+v", write, r)
			}
		})
	})
	t.Run("partial", func(t *testing.T) {
		partial := func(_ context.Context, texts []string) ([]pulse.Vector, error) {
			vectors := vectorsOf(texts)
			vectors[0] = nil
			return vectors, nil
		}
		inWorld(t, withEmbedder(&fakeEmbedder{answer: partial}), func(w *world) {
			j := w.add(1, page(1))
			r := w.next()
			write := w.store.writes[j.Key]
			if r.Refused != 1 || write.Vectors[0] != nil || write.VectorsPending || r.Job.Outcome != pulse.OutcomeIndexed {
				t.Errorf("write %+v, report %+v", write, r)
			}
		})
	})
	t.Run("late, because the embedder is slow", func(t *testing.T) {
		e := &fakeEmbedder{answer: hang}
		inWorld(t, withEmbedder(e), func(w *world) {
			start := time.Now()
			j := w.add(1, page(1))
			r, _ := w.last(j.ID) // its embed job may be reported first
			if took := time.Since(start); took != 5*time.Second || !r.VectorsPending || r.Job.Outcome != pulse.OutcomeIndexed {
				t.Errorf("after %v: %+v", took, r)
			}
			e.set(nil)
			if r, _ := w.last(1001); r.Job.Kind != pulse.KindEmbed || r.Job.Outcome != pulse.OutcomeIndexed || r.Job.Attempt != 1 {
				t.Errorf("embed job %+v: %v", r.Job, r.Err)
			}
			if write := w.store.writes[j.Key]; write.VectorsPending || len(write.Vectors) != len(write.Chunks) {
				t.Errorf("write %+v", write)
			}
		})
	})
	t.Run("late, because a wrong number came", func(t *testing.T) {
		e := &fakeEmbedder{answer: func(context.Context, []string) ([]pulse.Vector, error) { return nil, nil }}
		inWorld(t, withEmbedder(e), func(w *world) {
			w.add(1, page(1))
			if r, _ := w.last(1); !r.VectorsPending { // its embed job may be reported first
				t.Errorf("report %+v", r)
			}
		})
	})
	t.Run("equal to those embedded with the page", func(t *testing.T) {
		texts := make(chan []string, 10)
		e := &fakeEmbedder{answer: func(_ context.Context, got []string) ([]pulse.Vector, error) {
			texts <- got
			if len(texts) == 1 {
				return nil, errAway
			}
			return vectorsOf(got), nil
		}}
		inWorld(t, withEmbedder(e), func(w *world) {
			w.add(1, page(1))
			w.last(1001)
			with, later := <-texts, <-texts
			if strings.Join(with, "\x00") != strings.Join(later, "\x00") {
				t.Errorf("embedded %q with the page, %q later", with, later)
			}
		})
	})
}

func TestUnchangedPageIsNotEmbeddedAgain(t *testing.T) {
	e := new(fakeEmbedder)
	inWorld(t, withEmbedder(e), func(w *world) {
		w.add(1, page(1))
		w.next()
		j := newJob(1)
		j.ID, j.Version = 2, 2
		w.queue.Add(j)
		if r := w.next(); r.Job.Outcome != pulse.OutcomeUnchanged || e.count() != 1 || r.VectorsPending {
			t.Errorf("outcome %q after %d calls", r.Job.Outcome, e.count())
		}
	})
}

// While the embedder is away, pages do not wait for it one by one, and what it
// costs to ask does not grow with the jobs that wait.
func TestEmbedderAway(t *testing.T) {
	e := &fakeEmbedder{answer: away}
	inWorld(t, withEmbedder(e), func(w *world) {
		start := time.Now()
		for id := 1; id <= 200; id++ {
			w.add(id, page(id))
		}
		pages := 0
		for pages < 200 {
			r := w.next()
			if r.Job.Kind == pulse.KindUpsert {
				pages++
				if r.Job.Outcome != pulse.OutcomeIndexed || !r.VectorsPending {
					t.Fatalf("page %+v: %v", r, r.Err)
				}
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("200 pages took %v without an embedder", took)
		}
		<-time.After(time.Hour)
		if n := e.count(); n > 4*(3600/15) {
			t.Errorf("%d calls in an hour", n)
		}
		if n := len(w.logs.lines("level=WARN", "part=embedder")); n < 50 || n > 65 {
			t.Errorf("%d lines in an hour", n)
		}
		e.set(nil)
		<-time.After(time.Minute)
		synctest.Wait()
		for _, write := range w.store.writes {
			if write.VectorsPending {
				t.Errorf("%s has no vectors yet", write.Job.Key)
			}
		}
		if len(w.logs.lines("Outage is over", "part=embedder")) != 1 {
			t.Errorf("lines %v", w.logs.lines("Outage"))
		}
	})
}

// TestEmbedJobCutsAnew: chunks without a number of tokens were cut by a stand-in, and are
// replaced when the page gets its vectors.
func TestEmbedJobCutsAnew(t *testing.T) {
	inWorld(t, withEmbedder(new(fakeEmbedder)), func(w *world) {
		d := pulse.Document{Key: newJob(1).Key, Text: "some text", State: pulse.StateLive, Layout: 1, CommitSeq: 9}
		w.store.docs[d.Key] = &store.DocumentRecord{Document: d, Chunks: []pulse.Chunk{{End: 4}, {Ordinal: 1, Start: 5, End: 9}}}
		w.store.writes[d.Key] = &store.Write{}
		j := newJob(1)
		j.ID, j.Kind = 50, pulse.KindEmbed
		w.queue.Add(j)
		if r := w.next(); r.Job.Outcome != pulse.OutcomeIndexed {
			t.Fatalf("%s: %v", r.Job.Outcome, r.Err)
		}
		got := w.store.writes[d.Key]
		if len(got.Chunks) != 1 || got.Chunks[0].End != 9 || got.Chunks[0].Tokens == 0 || len(got.Vectors) != 1 {
			t.Errorf("chunks %+v with %d vectors", got.Chunks, len(got.Vectors))
		}
	})
}

func TestEmbedJob(t *testing.T) {
	embedJob := func(w *world) pulse.Job {
		j := newJob(1)
		j.ID, j.Kind = 50, pulse.KindEmbed
		return j
	}
	stored := func(w *world, change func(d *pulse.Document)) {
		d := pulse.Document{Key: newJob(1).Key, Text: "some text", State: pulse.StateLive, Layout: 1, CommitSeq: 9}
		change(&d)
		w.store.docs[d.Key] = &store.DocumentRecord{Document: d, Chunks: []pulse.Chunk{{End: 9, Tokens: 2}}}
		w.store.writes[d.Key] = &store.Write{}
	}
	f := func(name string, change func(d *pulse.Document), state pulse.JobState, outcome pulse.Outcome) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, withEmbedder(new(fakeEmbedder)), func(w *world) {
				if change != nil {
					stored(w, change)
				}
				w.queue.Add(embedJob(w))
				if r := w.next(); r.Job.State != state || r.Job.Outcome != outcome {
					t.Errorf("%s %s: %v", r.Job.State, r.Job.Outcome, r.Err)
				}
			})
		})
	}
	f("of a live page", func(*pulse.Document) {}, pulse.JobDone, pulse.OutcomeIndexed)
	f("of a page never seen", nil, pulse.JobDone, pulse.OutcomeSuperseded)
	f("of a page that is gone", func(d *pulse.Document) { d.State, d.Text = pulse.StateGone, "" }, pulse.JobDone, pulse.OutcomeSuperseded)
	f("of another layout", func(d *pulse.Document) { d.Layout = 2 }, pulse.JobDone, pulse.OutcomeSuperseded)
	f("of spans that are not in the text", func(d *pulse.Document) { d.Text = "short" }, pulse.JobDead, pulse.OutcomeFailed)

	t.Run("while the page moves", func(t *testing.T) {
		var w *world
		e := &fakeEmbedder{}
		e.answer = func(_ context.Context, texts []string) ([]pulse.Vector, error) {
			stored(w, func(d *pulse.Document) { d.CommitSeq = 10 })
			return vectorsOf(texts), nil
		}
		inWorld(t, func(here *world) { w = here; w.deps.Layout.Embedder = e }, func(w *world) {
			stored(w, func(*pulse.Document) {})
			w.queue.Add(embedJob(w))
			if r := w.next(); r.Job.Outcome != pulse.OutcomeSuperseded {
				t.Errorf("outcome %q: %v", r.Job.Outcome, r.Err)
			}
		})
	})
	t.Run("refused by the embedder", func(t *testing.T) {
		e := &fakeEmbedder{answer: func(context.Context, []string) ([]pulse.Vector, error) {
			return nil, &pulse.InputError{Message: "no such model"}
		}}
		inWorld(t, withEmbedder(e), func(w *world) {
			stored(w, func(*pulse.Document) {})
			w.queue.Add(embedJob(w))
			if r := w.next(); r.Job.State != pulse.JobDead {
				t.Errorf("%s: %v", r.Job.State, r.Err)
			}
		})
	})
	t.Run("without an embedder", func(t *testing.T) {
		inWorld(t, nil, func(w *world) {
			stored(w, func(*pulse.Document) {})
			w.queue.Add(embedJob(w))
			if r := w.next(); r.Job.Outcome != pulse.OutcomeSuperseded {
				t.Errorf("%s: %v", r.Job.Outcome, r.Err)
			}
		})
	})
	t.Run("dead after three days without the embedder", func(t *testing.T) {
		inWorld(t, withEmbedder(&fakeEmbedder{answer: away}), func(w *world) {
			start := time.Now()
			stored(w, func(*pulse.Document) {})
			w.queue.Add(embedJob(w))
			r, _ := w.last(50)
			if took := time.Since(start); took < 72*time.Hour || took > 73*time.Hour || r.Job.State != pulse.JobDead || r.Job.Attempt != 1 {
				t.Errorf("%s after %v", r.Job.State, took)
			}
			if !strings.Contains(r.Job.LastError, "embedder away for 72h0m0s") {
				t.Errorf("cause %q", r.Job.LastError)
			}
		})
	})
}

// TestVectorsOfAQueueThatIsTooLong commits for keyword search at once where the embedder
// says that a text would wait longer than its page may.
func TestVectorsOfAQueueThatIsTooLong(t *testing.T) {
	e := new(fakeEmbedder)
	e.wait.Store(int64(6 * time.Second))
	inWorld(t, withEmbedder(e), func(w *world) {
		start := time.Now()
		w.add(1, page(1))
		r, _ := w.last(1)
		if took := time.Since(start); took != 0 || !r.VectorsPending {
			t.Errorf("after %v: %+v", took, r)
		}
		e.wait.Store(int64(time.Second))
		w.add(2, page(2))
		if r, _ := w.last(2); r.VectorsPending {
			t.Errorf("a second was too long: %+v", r)
		}
		late := newJob(3) // accepted a minute ago: what it may wait is over
		late.AcceptedAt = time.Now().Add(-time.Minute)
		w.addPart(late, `{"Kind":"upsert","Title":"Page 3","Markdown":"Some text that waits."}`)
		if r, _ := w.last(3); !r.VectorsPending {
			t.Errorf("a late page waited: %+v", r)
		}
	})
}

// stays is a text whose chunks are the same whatever comes after it.
var stays = strings.Repeat("# One\n\n"+strings.Repeat("some words that stay here ", 40)+"\n\n", 3)

// revise queues another version of page 1.
func (w *world) revise(id int, text string) pulse.Job {
	w.t.Helper()
	part, err := json.Marshal(pulse.Change{Kind: pulse.KindUpsert, Title: "Page", Markdown: text})
	if err != nil {
		w.t.Fatal(err)
	}
	j := newJob(id)
	j.Key, j.URL = newJob(1).Key, newJob(1).URL
	w.addPart(j, string(part))
	return j
}

// holdVectors says whether the chunks of page 1 have their own vectors, but so many that have none.
func (w *world) holdVectors(lacking int) {
	w.t.Helper()
	got, none := w.store.writes[newJob(1).Key], 0
	for i, c := range got.Chunks {
		switch embedded := chunk.Embed("Page", c.Headings, got.Document.Text[c.Start:c.End]); {
		case i >= len(got.Vectors) || got.Vectors[i] == nil:
			none++
		case got.Vectors[i][0] != float32(len(embedded)):
			w.t.Errorf("chunk %d has another's vector", i)
		}
	}
	if none != lacking {
		w.t.Errorf("%d chunks have no vector, want %d", none, lacking)
	}
}

// TestVectorsAreKept embeds only the chunks that say something else.
func TestVectorsAreKept(t *testing.T) {
	var texts atomic.Int64
	e := &fakeEmbedder{answer: func(_ context.Context, in []string) ([]pulse.Vector, error) {
		texts.Add(int64(len(in)))
		return vectorsOf(in), nil
	}}
	inWorld(t, withEmbedder(e), func(w *world) {
		w.revise(1, stays+"# Two\n\nThe old end.")
		first, _ := w.last(1)
		w.revise(2, stays+"# Two\n\nThe new end.")
		r, _ := w.last(2)
		if r.Chunks != first.Chunks || r.Reused != r.Chunks-1 || int(texts.Load()) != first.Chunks+1 {
			t.Errorf("first %d chunks, then %d with %d kept; %d texts embedded", first.Chunks, r.Chunks, r.Reused, texts.Load())
		}
		w.holdVectors(0)
	})
}

// TestPendingPageKeepsVectors revises a page while the embedder is away: what it said before
// keeps its vectors at once, and only the rest is embedded when the embedder is back.
func TestPendingPageKeepsVectors(t *testing.T) {
	e := new(fakeEmbedder)
	inWorld(t, withEmbedder(e), func(w *world) {
		w.revise(1, stays+"# Two\n\nThe old end.")
		first, _ := w.last(1)
		e.set(away)
		w.revise(2, stays+"# Two\n\nThe new end.")
		r, _ := w.last(2)
		if r.Chunks != first.Chunks || r.Reused != r.Chunks-1 || !r.VectorsPending || r.Refused != 0 {
			t.Errorf("first %d chunks, then %+v", first.Chunks, r)
		}
		w.store.mu.Lock()
		w.holdVectors(1)
		w.store.mu.Unlock()
		asked := make(chan []string, 10)
		e.set(func(_ context.Context, texts []string) ([]pulse.Vector, error) {
			asked <- texts
			return vectorsOf(texts), nil
		})
		if r, _ := w.last(1001); r.Job.Kind != pulse.KindEmbed || r.Job.Outcome != pulse.OutcomeIndexed || r.Reused != 0 {
			t.Errorf("embed job %+v: %v", r.Job, r.Err)
		}
		if texts := <-asked; len(texts) != 1 || !strings.HasSuffix(texts[0], "The new end.") || len(asked) != 0 {
			t.Errorf("embedded %d texts: %.40q", len(texts), texts)
		}
		w.holdVectors(0)
	})
}

// TestKnownVectorsNeedNoEmbedder revises a page so that it says nothing new.
func TestKnownVectorsNeedNoEmbedder(t *testing.T) {
	e := new(fakeEmbedder)
	inWorld(t, withEmbedder(e), func(w *world) {
		w.revise(1, stays+"# Two\n\nThe end.")
		w.last(1)
		e.set(away)
		w.revise(2, stays)
		if r, _ := w.last(2); r.VectorsPending || r.Reused != r.Chunks || e.count() != 1 {
			t.Errorf("after %d calls: %+v", e.count(), r)
		}
		w.holdVectors(0)
	})
}

// TestAnotherLayoutCutsAnew runs a job again that was cut by the former layout.
func TestAnotherLayoutCutsAnew(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.fail = func(_ context.Context, call string, _ *pulse.Job) error {
			if call == "commit" && w.workers.layout.Load().ID == 1 {
				w.workers.Adopt(Layout{ID: 2, Chunker: w.deps.Layout.Chunker})
				return store.ErrOtherLayout
			}
			return nil
		}
	}, func(w *world) {
		j := w.add(1, page(1))
		r, runs := w.last(1)
		if r.Job.Outcome != pulse.OutcomeIndexed || runs != 2 || w.store.writes[j.Key].Layout != 2 {
			t.Errorf("after %d runs: %+v", runs, r.Job)
		}
	})
}
