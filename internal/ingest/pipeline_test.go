package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/queue"
	"pulse/internal/store"
)

func TestPageIsCommitted(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		change := page(1)
		change.Country, change.IsMobile, change.Language = "de", true, "en"
		change.Metadata = pulse.Metadata{"author": "someone"}
		change.AskedURL = "https://example.org/old?utm_source=x"
		change.Markdown += "   \r\n\r\n\r\n\r\nend"
		change.HTML = "<p>html</p>"
		job := w.add(1, change)
		r := w.next()
		if r.Job.Outcome != pulse.OutcomeIndexed || r.Job.State != pulse.JobDone || r.Job.CommitSeq != 1 || r.Err != nil {
			t.Fatalf("report %+v, job %+v", r, r.Job)
		}
		write := w.store.writes[job.Key]
		if r.Chunks == 0 || len(write.Chunks) != r.Chunks || write.Layout != 1 || write.VectorsPending || write.Vectors != nil {
			t.Errorf("write %+v with %d chunks reported", write, r.Chunks)
		}
		d := write.Document
		if d.Title != "Page 1" || d.Language != "en" || d.Country != "de" || !d.IsMobile || d.Key != job.Key || len(d.ContentHash) != 32 {
			t.Errorf("document %+v", d)
		}
		if string(write.Source) != change.Markdown || write.HTML != nil {
			t.Errorf("source %q, html %q", write.Source, write.HTML)
		}
		if diff := cmp.Diff([]string{"https://example.org/old"}, write.Aliases); diff != "" {
			t.Errorf("aliases (-want +got):\n%s", diff)
		}
	})
}

func TestKeptSource(t *testing.T) {
	f := func(name string, drop, html bool, change pulse.Change, wantSource, wantHTML string) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) { w.opts.DropSource, w.opts.KeepHTML = drop, html }, func(w *world) {
				j := w.add(1, change)
				w.next()
				write := w.store.writes[j.Key]
				if string(write.Source) != wantSource || string(write.HTML) != wantHTML {
					t.Errorf("source %q, html %q", write.Source, write.HTML)
				}
			})
		})
	}
	odd := pulse.Change{Markdown: "# Title\r\n\r\nsome words", HTML: "<p>some words</p>"}
	f("kept where it differs", false, false, odd, odd.Markdown, "")
	f("dropped", true, true, odd, "", odd.HTML)
	f("of html alone", false, true, pulse.Change{HTML: odd.HTML}, "", odd.HTML)
	clean := pulse.Change{Markdown: "some words"}
	f("equal to the text", false, true, clean, "", "")
}

func TestOutcomes(t *testing.T) {
	type want struct {
		state   pulse.JobState
		outcome pulse.Outcome
		text    string // in the reason or the last error
		attempt int
	}
	f := func(name string, prepare func(w *world), want want) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				prepare(w)
				r := w.next()
				got := r.Job.Reason + r.Job.LastError
				if r.Job.State != want.state || r.Job.Outcome != want.outcome || !strings.Contains(got, want.text) || (want.text == "") != (got == "") {
					t.Errorf("%s %s %q, want %+v", r.Job.State, r.Job.Outcome, got, want)
				}
				if r.Job.Attempt != want.attempt {
					t.Errorf("attempt %d, want %d", r.Job.Attempt, want.attempt)
				}
				if c := w.queue.Counts(); c.Leased != 0 {
					t.Errorf("the queue still has %+v", c)
				}
			})
		})
	}
	dead := func(text string) want { return want{pulse.JobDead, pulse.OutcomeFailed, text, 1} }
	done := func(o pulse.Outcome) want { return want{pulse.JobDone, o, "", 1} }

	f("indexed", func(w *world) { w.add(1, page(1)) }, done(pulse.OutcomeIndexed))
	f("unchanged", func(w *world) {
		w.add(1, page(1))
		w.next()
		j := newJob(1)
		j.ID, j.Delivery, j.Version = 2, 1, 2
		w.queue.Add(j)
	}, done(pulse.OutcomeUnchanged))
	f("superseded", func(w *world) {
		w.store.docs[newJob(1).Key] = &store.DocumentRecord{Document: pulse.Document{Version: 99}}
		w.add(1, page(1))
	}, done(pulse.OutcomeSuperseded))
	f("deleted", func(w *world) {
		j := newJob(1)
		j.Kind = pulse.KindDelete
		w.queue.Add(j)
	}, done(pulse.OutcomeDeleted))
	f("deleted by the source's own words", func(w *world) { w.add(1, pulse.Change{Kind: pulse.KindDelete}) }, done(pulse.OutcomeDeleted))
	f("refused", func(w *world) { w.add(1, pulse.Change{Markdown: " \n "}) },
		want{pulse.JobDone, pulse.OutcomeRefused, "empty after cleaning", 1})
	f("part is no json", func(w *world) { w.addPart(newJob(1), "{") }, dead("decode part 0 of delivery 1: unexpected end"))
	f("body expired", func(w *world) { w.queue.Add(newJob(1)) }, dead("read part 0 of delivery 1: gone"))
	f("unknown source", func(w *world) {
		j := newJob(1)
		j.Source = "nobody"
		w.queue.Add(j)
	}, dead(`no decoder for source "nobody"`))
	for _, kind := range []pulse.Kind{pulse.KindRescrape, pulse.KindReconcile, pulse.KindReembed, "?"} {
		f("kind "+string(kind), func(w *world) {
			j := newJob(1)
			j.Kind = kind
			w.queue.Add(j)
		}, dead(fmt.Sprintf("no worker does jobs of kind %q", kind)))
	}
	f("bad input found by the store", func(w *world) {
		w.store.fail = onCall("commit", &pulse.InputError{Field: "metadata", Message: "too large"})
		w.add(1, page(1))
	}, dead("metadata: too large"))
	f("ended by somebody else", func(w *world) {
		w.store.fail = onCall("commit", pulse.ErrConflict)
		w.add(1, page(1))
	}, want{pulse.JobAvailable, "", "", 0})
	f("killed the process five times", func(w *world) {
		j := newJob(1)
		j.Suspect, j.Deaths = true, 5
		w.queue.Add(j)
	}, dead("process died 5 times while it ran alone"))
}

// onCall fails each call of a name.
func onCall(name string, err error) func(context.Context, string, *pulse.Job) error {
	return func(_ context.Context, call string, _ *pulse.Job) error {
		if call == name {
			return err
		}
		return nil
	}
}

func TestMassDeletion(t *testing.T) {
	massDeletion := func() pulse.Job {
		j := newJob(7)
		j.Kind, j.Key, j.URL, j.Source = pulse.KindDelete, "", "", "api"
		return j
	}
	t.Run("slice by slice", func(t *testing.T) {
		inWorld(t, nil, func(w *world) {
			w.addPart(massDeletion(), `{"scope":"domain","value":"example.org"}`)
			r := w.next()
			if r.Job.Outcome != pulse.OutcomeDeleted || r.Err != nil || w.store.ends[7][0].State != pulse.JobDone {
				t.Errorf("report %+v, ends %+v", r, w.store.ends)
			}
			want := store.Erasure{Collection: pulse.DefaultCollection, Scope: store.EraseDomain, Value: "example.org", Version: 7, Job: 7}
			if diff := cmp.Diff([]store.Erasure{want, want, want}, w.store.erased); diff != "" {
				t.Errorf("slices (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("longer than a job may take", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.store.fail = func(ctx context.Context, call string, _ *pulse.Job) error {
				if call == "erase" {
					<-time.After(9 * time.Minute)
				}
				return ctx.Err()
			}
		}, func(w *world) {
			w.addPart(massDeletion(), `{"scope":"crawl","value":"x"}`)
			if r := w.next(); r.Job.Outcome != pulse.OutcomeDeleted {
				t.Errorf("outcome %q: %v", r.Job.Outcome, r.Err)
			}
		})
	})
	t.Run("bad part", func(t *testing.T) {
		inWorld(t, nil, func(w *world) {
			w.addPart(massDeletion(), `[]`)
			if r := w.next(); r.Job.State != pulse.JobDead {
				t.Errorf("state %q: %v", r.Job.State, r.Err)
			}
		})
	})
}

func TestContentHash(t *testing.T) {
	base := pulse.Document{Text: "text", Title: "title", Description: "d", Language: "en", Country: "de", Metadata: pulse.Metadata{"a": 1.0, "b": []string{"x"}}}
	hash := func(change func(d *pulse.Document)) string {
		d := base
		change(&d)
		h, err := contentHash(&d)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	same := func(change func(d *pulse.Document)) {
		t.Helper()
		if got := hash(change); got != hash(func(*pulse.Document) {}) {
			t.Errorf("hash %s changed", got)
		}
	}
	seen := map[string]bool{hash(func(*pulse.Document) {}): true}
	differs := func(change func(d *pulse.Document)) {
		t.Helper()
		got := hash(change)
		if seen[got] {
			t.Errorf("hash %s was seen before", got)
		}
		seen[got] = true
	}
	differs(func(d *pulse.Document) { d.Text = "text " })
	differs(func(d *pulse.Document) { d.Text = strings.Repeat("long", 5000) })
	differs(func(d *pulse.Document) { d.Text, d.Title = "texttitle", "" })
	differs(func(d *pulse.Document) { d.Title, d.Description = "d", "title" })
	differs(func(d *pulse.Document) { d.Language = "fr" })
	differs(func(d *pulse.Document) { d.Country = "" })
	differs(func(d *pulse.Document) { d.IsMobile = true })
	differs(func(d *pulse.Document) { d.Metadata = nil })
	differs(func(d *pulse.Document) { d.Metadata = pulse.Metadata{"a": 2.0, "b": []string{"x"}} })
	same(func(d *pulse.Document) { d.URL, d.Key, d.Version, d.Crawl = "u", "k", 9, "c" })
	same(func(d *pulse.Document) {
		var decoded pulse.Metadata
		if err := json.Unmarshal([]byte(`{"b":["x"],"a":1}`), &decoded); err != nil {
			t.Fatal(err)
		}
		d.Metadata = decoded
	})
	if a, b := hash(func(d *pulse.Document) { d.Metadata = nil }), hash(func(d *pulse.Document) { d.Metadata = pulse.Metadata{} }); a != b {
		t.Error("no metadata and empty metadata differ")
	}
}

// Large pages run one at a time: the budget has room for one. With vectors less is large.
// However large one is, bodies are received beside it.
func TestByteBudget(t *testing.T) {
	f := func(bytes int64, dimension, want int) {
		t.Helper()
		running, most := make(chan int, 1), 0
		running <- 0
		inWorld(t, func(w *world) {
			w.deps.Budget = queue.NewBudget(1 << 20)
			if dimension > 0 {
				w.deps.Layout.Embedder = &fakeEmbedder{model: embed.Model{Dimension: dimension}}
			}
			w.store.fail = func(_ context.Context, call string, _ *pulse.Job) error {
				if call != "part" {
					return nil
				}
				n := <-running + 1
				most = max(most, n)
				running <- n
				if !w.deps.Budget.TryAcquire(1 << 16) {
					t.Error("there is no room for a body")
				} else {
					w.deps.Budget.Release(1 << 16)
				}
				<-time.After(time.Second)
				running <- <-running - 1
				return nil
			}
		}, func(w *world) {
			for id := 1; id <= 6; id++ {
				j := newJob(id)
				j.Bytes = bytes
				w.addPart(j, `{"Markdown":"x"}`)
			}
			for range 6 {
				w.next()
			}
			if most != want {
				t.Errorf("%d pages of %d bytes ran at once, want %d", most, bytes, want)
			}
			if used := w.deps.Budget.Used(); used != 0 {
				t.Errorf("%d bytes of the budget are still taken", used)
			}
		})
	}
	f(80_000, 0, 1)
	f(60_000, 0, 2)
	f(60_000, 512, 1)
	f(500_000, 512, 1)
}

// All jobs run on the same parts: none is built for a job.
func TestJobsShareTheInstances(t *testing.T) {
	embedder := new(fakeEmbedder)
	inWorld(t, func(w *world) { w.deps.Layout.Embedder, w.opts.Workers = embedder, 8 }, func(w *world) {
		chunker := w.workers.layout.Load().Chunker
		for id := 1; id <= 100; id++ {
			w.add(id, page(id))
		}
		for range 100 {
			if r := w.next(); r.Job.Outcome != pulse.OutcomeIndexed {
				t.Errorf("job %d: %v", r.Job.ID, r.Err)
			}
		}
		if embedder.count() != 100 || w.workers.layout.Load().Embedder != Embedder(embedder) || w.workers.layout.Load().Chunker != chunker {
			t.Errorf("%d calls of the one embedder", embedder.count())
		}
	})
}

func TestCleanErrorIsPermanentUnlessARefusal(t *testing.T) {
	var p *permanentError
	if !errors.As(cleanError(errOdd), &p) {
		t.Error("cleaning is pure, so its errors are permanent")
	}
}
