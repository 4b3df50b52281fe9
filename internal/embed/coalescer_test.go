package embed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs a test with its own clock on coalesced endpoints.
func inBubble(t *testing.T, o embed.Options, endpoints []*embedtest.Simulated, test func(t *testing.T, c *embed.Coalescer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		all := make([]embed.Endpoint, len(endpoints))
		for i, e := range endpoints {
			all[i] = e
		}
		c := embed.New(all, o)
		test(t, c)
		c.Close()
		time.Sleep(24 * time.Hour) // what the endpoints still compute ends
	})
}

// gpu is about a small server: 5 ms a batch and 10 µs a token, batches of 16,384 tokens.
func gpu() *embedtest.Simulated {
	return &embedtest.Simulated{Fixed: 5 * time.Millisecond, PerToken: 10 * time.Microsecond}
}

// words is a text of n tokens that no other has.
func text(id, tokens int) string {
	s := fmt.Sprintf("text %d ", id)
	return s + strings.Repeat("x", max(0, 4*tokens-4-len(s)))
}

// load embeds documents of one chunk each by so many callers, and gives tokens a second.
func load(t *testing.T, e embed.Embedder, documents, callers, tokens int) float64 {
	t.Helper()
	began := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for {
				i := int(next.Add(1))
				if i > documents {
					return
				}
				in := text(i, tokens)
				v, err := e.Embed(t.Context(), embed.Request{Lane: embed.LaneCrawl, Turn: "crawl", Texts: []string{in}})
				if err != nil {
					t.Errorf("document %d: %v", i, err)
					return
				}
				holds(t, in, v[0])
			}
		})
	}
	all.Wait()
	return float64(documents*tokens) / time.Since(began).Seconds()
}

// holds says whether a vector is this text's own.
func holds(t *testing.T, text string, v pulse.Vector) {
	t.Helper()
	if !slices.Equal(v, embedtest.Fingerprint(text, 8)) {
		t.Errorf("%.30q has the vector of another text, or none", text)
	}
}

// grid is the best that requests of a fixed size, so many at once, get from the endpoint,
// with no more texts in flight than 64 workers have.
func grid(t *testing.T, tokens int) (best float64, at string) {
	for _, batch := range []int{1, 2, 4, 8, 16, 32} {
		for _, at1 := range []int{1, 2, 4, 8, 16} {
			if batch*at1 > 64 {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				s := gpu()
				const texts = 4096
				began := time.Now()
				var next atomic.Int64
				var all sync.WaitGroup
				for range at1 {
					all.Go(func() {
						for {
							i := int(next.Add(int64(batch)))
							if i > texts {
								return
							}
							in := make([]string, batch)
							for j := range in {
								in[j] = text(i+j, tokens)
							}
							if _, err := s.Embed(t.Context(), in); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				if rate := texts * float64(tokens) / time.Since(began).Seconds(); rate > best {
					best, at = rate, fmt.Sprintf("%d texts, %d at once", batch, at1)
				}
			})
		}
	}
	return best, at
}

// TestThroughputIsThatOfTheBestGridPoint is documents of one chunk, 64 workers.
func TestThroughputIsThatOfTheBestGridPoint(t *testing.T) {
	for _, tokens := range []int{64, 256} {
		best, at := grid(t, tokens)
		inBubble(t, embed.Options{CacheVectors: -1}, []*embedtest.Simulated{gpu()}, func(t *testing.T, c *embed.Coalescer) {
			load(t, c, 4096, 64, tokens) // it finds its pace
			rate := load(t, c, 16384, 64, tokens)
			t.Logf("%d tokens a text: best of the grid %.0f tokens/s (%s), coalescer %.0f: %.1f %%, %+v", tokens, best, at, rate, 100*rate/best, c.Endpoints()[0])
			if rate < 0.97*best {
				t.Errorf("%d tokens: %.1f %% of the best grid point", tokens, 100*rate/best)
			}
		})
	}
}

// TestQueryUnderLoad measures queries while a crawl is embedded.
func TestQueryUnderLoad(t *testing.T) {
	const tokens = 256
	s := gpu()
	inBubble(t, embed.Options{CacheVectors: -1}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		query := func(i int) time.Duration {
			began := time.Now()
			if _, err := c.EmbedQuery(t.Context(), fmt.Sprint("query ", i)); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		query(0)
		idle := query(1)
		var crawl sync.WaitGroup
		crawl.Go(func() { load(t, c, 8192, 64, tokens) })
		time.Sleep(2 * time.Second)
		var took []time.Duration
		for i := range 100 {
			took = append(took, query(2+i))
			time.Sleep(37 * time.Millisecond)
		}
		crawl.Wait()
		slices.Sort(took)
		batch := s.Fixed + 16_384*s.PerToken
		t.Logf("idle %v, under load p50 %v, worst %v; a batch takes %v", idle, took[50], took[99], batch)
		if took[99] > idle+batch {
			t.Errorf("a query took %v, idle %v and a batch %v", took[99], idle, batch)
		}
	})
}

// TestIdleAddsNothing sends one text at once.
func TestIdleAddsNothing(t *testing.T) {
	s := gpu()
	inBubble(t, embed.Options{}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		synctest.Wait()
		time.Sleep(time.Second)
		began := time.Now()
		if _, err := c.Embed(t.Context(), embed.Request{Texts: []string{text(1, 10)}}); err != nil {
			t.Fatal(err)
		}
		if took, want := time.Since(began), s.Fixed+10*s.PerToken; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

// TestLanesAndTurns fills the lanes of a busy endpoint and looks at when each text is answered. The
// texts of one request are answered in the same instant of the bubble's clock, whoever wakes first.
func TestLanesAndTurns(t *testing.T) {
	s := &embedtest.Simulated{Fixed: time.Second, BatchTexts: 4}
	inBubble(t, embed.Options{Requests: 1}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		time.Sleep(time.Minute) // it has learned who answers
		var mu sync.Mutex
		answered := map[string][]time.Time{}
		var all sync.WaitGroup
		ask := func(l embed.Lane, turn string) {
			all.Go(func() {
				if _, err := c.Embed(t.Context(), embed.Request{Lane: l, Turn: turn, Texts: []string{fmt.Sprintf("%-8s%-8s%20d", l, turn, rand.Uint64())}}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				answered[l.String()+turn] = append(answered[l.String()+turn], time.Now())
			})
			synctest.Wait()
		}
		ask(embed.LaneCrawl, "first") // takes the only slot
		for range 8 {
			ask(embed.LaneBulk, "")
		}
		for range 8 {
			ask(embed.LaneCrawl, "A")
		}
		for range 4 {
			ask(embed.LaneCrawl, "B")
		}
		ask(embed.LaneWanted, "")
		all.Wait()
		first := answered["crawlfirst"][0]
		if at := answered["wanted"][0].Sub(first); at > time.Second {
			t.Errorf("a wanted page was answered %v after the request before it", at)
		}
		// Of the next three requests' twelve texts one is the wanted page's, and every other one B's until it has no more.
		for _, at := range answered["crawlB"] {
			if at.Sub(first) > 3*time.Second {
				t.Errorf("crawl B had to wait for crawl A: %v", answered)
			}
		}
		crawls := slices.Concat(answered["crawlA"], answered["crawlB"])
		last := slices.MaxFunc(crawls, time.Time.Compare)
		if bulk := slices.MinFunc(answered["bulk"], time.Time.Compare); bulk.Before(last) {
			t.Errorf("bulk was answered at %v, a crawl at %v", bulk, last)
		}
	})
}

// TestOnePoisonAmongMany refuses one text and breaks the model by another.
func TestOnePoisonAmongMany(t *testing.T) {
	const documents = 10_000
	bad := map[string]embed.FailureKind{text(5000, 20): embed.Refused, text(7000, 20): embed.Broken}
	s := gpu()
	s.Fail = func(texts []string) error {
		for _, in := range texts {
			if kind, ok := bad[in]; ok {
				return &embed.Failure{Kind: kind, Status: 422, Message: "bad text"}
			}
		}
		return nil
	}
	inBubble(t, embed.Options{CacheVectors: -1}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		var all sync.WaitGroup
		for w := range 64 {
			all.Go(func() {
				for i := w; i < documents; i += 64 {
					in := text(i, 20)
					v, err := c.Embed(t.Context(), embed.Request{Lane: embed.LaneCrawl, Texts: []string{in}})
					if err != nil {
						t.Errorf("document %d: %v", i, err)
						continue
					}
					if _, poison := bad[in]; poison != (v[0] == nil) {
						t.Errorf("document %d: vector %v", i, v[0])
					} else if !poison {
						holds(t, in, v[0])
					}
				}
			})
		}
		all.Wait()
	})
}

// TestStorm lets everything go wrong that a server can do.
func TestStorm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	storm := func([]string) error {
		mu.Lock()
		n := rng.IntN(100)
		mu.Unlock()
		switch {
		case n < 30:
			return &embed.Failure{Kind: embed.Overloaded, Status: 429}
		case n < 40:
			return &embed.Failure{Kind: embed.Unavailable, Status: 500}
		case n < 42:
			return errors.New("connection reset by peer")
		}
		return nil
	}
	a, b := gpu(), gpu()
	a.Label, b.Label, a.Fail, b.Fail = "a", "b", storm, storm
	inBubble(t, embed.Options{CacheVectors: -1, Timeout: 10 * time.Second}, []*embedtest.Simulated{a, b}, func(t *testing.T, c *embed.Coalescer) {
		var all sync.WaitGroup
		const documents = 3000
		for w := range 64 {
			all.Go(func() {
				for i := w; i < documents; i += 64 {
					in := []string{text(i, 30), text(i+documents, 60), text(i+2*documents, 10)}
					for {
						v, err := c.Embed(t.Context(), embed.Request{Lane: embed.LaneCrawl, Turn: fmt.Sprint(i % 3), Texts: in})
						var away *embed.AwayError
						if errors.As(err, &away) { // both were away at once: the worker comes again
							time.Sleep(time.Until(away.Until))
							continue
						}
						if err != nil {
							t.Errorf("document %d: %v", i, err)
							break
						}
						for j := range in {
							holds(t, in[j], v[j])
						}
						break
					}
				}
			})
		}
		began := time.Now()
		time.Sleep(3 * time.Second)
		a.Change(func(s *embedtest.Simulated) { s.BatchTexts = 5 }) // restarted with other limits
		all.Wait()
		t.Logf("%d documents took %v", documents, time.Since(began))
	})
}

// TestTextThatEndsTheServer has a text at which the connection breaks, one with which the
// server has an error of its own, and one that it never comes to an end with: each is
// without a vector, and no other text is.
func TestTextThatEndsTheServer(t *testing.T) {
	f := func(name string, broken error) {
		t.Run(name, func(t *testing.T) {
			const documents = 2000
			poison := text(700, 20)
			s := gpu()
			s.Fail = func(texts []string) error {
				if slices.Contains(texts, poison) {
					return broken
				}
				return nil
			}
			inBubble(t, embed.Options{CacheVectors: -1}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
				var all sync.WaitGroup
				began := time.Now()
				for w := range 64 {
					all.Go(func() {
						for i := w; i < documents; i += 64 {
							in := text(i, 20)
							v, err := c.Embed(t.Context(), embed.Request{Lane: embed.LaneCrawl, Texts: []string{in}})
							if err != nil || (v[0] == nil) != (in == poison) {
								t.Errorf("document %d: vector %v, %v", i, v, err)
							} else if in != poison {
								holds(t, in, v[0])
							}
						}
					})
				}
				all.Wait()
				t.Logf("%d documents took %v", documents, time.Since(began))
			})
		})
	}
	f("connection", errors.New("connection reset by peer"))
	f("server error", &embed.Failure{Kind: embed.Unavailable, Status: 500})
	f("no answer", &embed.Failure{Kind: embed.Overloaded, Message: "no answer in time"})
}

// TestEndpointGoneForAMinute covers for each other, and all gone is told at once.
func TestEndpointGoneForAMinute(t *testing.T) {
	gone := func([]string) error { return errors.New("connection refused") }
	a, b := gpu(), gpu()
	a.Label, b.Label = "a", "b"
	inBubble(t, embed.Options{CacheVectors: -1}, []*embedtest.Simulated{a, b}, func(t *testing.T, c *embed.Coalescer) {
		load(t, c, 500, 64, 100)
		a.Change(func(s *embedtest.Simulated) { s.Fail = gone })
		load(t, c, 500, 64, 100) // b alone
		b.Change(func(s *embedtest.Simulated) { s.Fail = gone })
		var away *embed.AwayError
		began := time.Now()
		for {
			_, err := c.Embed(t.Context(), embed.Request{Texts: []string{"late"}})
			if errors.As(err, &away) {
				break
			}
			if time.Since(began) > 10*time.Second {
				t.Fatalf("no endpoint is there, and nobody is told: %v", err)
			}
		}
		time.Sleep(time.Minute)
		a.Change(func(s *embedtest.Simulated) { s.Fail = nil })
		time.Sleep(31 * time.Second) // the longest pause
		load(t, c, 100, 64, 100)
	})
}

// TestStranger sets an endpoint aside that answers with another model, at the start and
// after it was away.
func TestStranger(t *testing.T) {
	a, b := gpu(), gpu()
	a.Label, b.Label, b.Salt = "a", "b", "another model"
	inBubble(t, embed.Options{CacheVectors: -1, Verify: func(m embed.Model, probe pulse.Vector) error {
		return embed.SameModel(embedtest.Fingerprint(embed.ProbeText, 8), probe)
	}}, []*embedtest.Simulated{a, b}, func(t *testing.T, c *embed.Coalescer) {
		load(t, c, 500, 64, 100)
		if states := c.Endpoints(); states[0].State != "up" || states[1].State != "stranger" {
			t.Fatalf("endpoints stand so: %+v", states)
		}
		a.Change(func(s *embedtest.Simulated) { s.Fail = func([]string) error { return errors.New("connection reset") } })
		_, _ = c.Embed(t.Context(), embed.Request{Texts: []string{"one"}})
		a.Change(func(s *embedtest.Simulated) { s.Fail, s.Salt = nil, "another model" })
		time.Sleep(5 * time.Minute)
		var away *embed.AwayError
		if _, err := c.Embed(t.Context(), embed.Request{Texts: []string{"two"}}); !errors.As(err, &away) {
			t.Fatalf("a stranger was used: %v", err)
		}
		a.Change(func(s *embedtest.Simulated) { s.Salt = "" })
		time.Sleep(2 * time.Minute)
		load(t, c, 100, 64, 100)
	})
}

// TestCancelledCallersLeave looks into the lanes after callers have gone.
func TestCancelledCallersLeave(t *testing.T) {
	s := &embedtest.Simulated{}
	inBubble(t, embed.Options{Requests: 1, Timeout: 10 * time.Hour}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		load(t, c, 1, 1, 1)
		synctest.Wait() // its slot is free again
		s.Change(func(s *embedtest.Simulated) { s.Fixed = time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				if _, err := c.Embed(ctx, embed.Request{Lane: embed.LaneCrawl, Turn: fmt.Sprint(i % 3), Texts: []string{text(i, 5), text(i+10, 5)}}); !errors.Is(err, context.Canceled) {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		time.Sleep(time.Minute)
		if n := c.Waiting()[embed.LaneCrawl]; n == 0 {
			t.Error("nothing waits")
		}
		cancel()
		all.Wait()
		if n := c.Waiting()[embed.LaneCrawl]; n != 0 {
			t.Errorf("%d texts wait for nobody", n)
		}
	})
}

// TestBadVectors takes a vector that cannot be compared for a refusal.
func TestBadVectors(t *testing.T) {
	for _, v := range []pulse.Vector{nil, {0, 0}, {1, float32(inf())}, {float32(inf() - inf()), 1}} {
		if embed.CheckVector(v) == nil {
			t.Errorf("%v passed", v)
		}
	}
	if err := embed.CheckVector(pulse.Vector{0, 1}); err != nil {
		t.Error(err)
	}
}

func inf() float64 { x := 1e308; return x * 10 }

// TestNothingIsEmbeddedTwice counts texts that stand on many pages.
func TestNothingIsEmbeddedTwice(t *testing.T) {
	s := gpu()
	var reused atomic.Int64
	inBubble(t, embed.Options{OnReused: func(n int) { reused.Add(int64(n)) }}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		for i := range 50 {
			v, err := c.Embed(t.Context(), embed.Request{Lane: embed.LaneCrawl, Texts: []string{"footer", text(i, 10)}})
			if err != nil {
				t.Fatal(err)
			}
			holds(t, "footer", v[0])
		}
		if counts, _ := s.Embedded(); counts["footer"] != 1 || reused.Load() != 49 {
			t.Errorf("the footer was embedded %d times, reused %d times", counts["footer"], reused.Load())
		}
	})
}

// TestWaitTells is what a worker decides by.
func TestWaitTells(t *testing.T) {
	s := &embedtest.Simulated{PerToken: 100 * time.Microsecond} // 10,000 tokens a second
	inBubble(t, embed.Options{CacheVectors: -1}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		if w := c.Wait(embed.LaneBulk); w != 0 {
			t.Errorf("nothing waits, and it takes %v", w)
		}
		var all sync.WaitGroup
		all.Go(func() { load(t, c, 10_000, 256, 100) })
		time.Sleep(20 * time.Second)
		if w := c.Wait(embed.LaneCrawl); w < time.Second || w > 2600*time.Millisecond {
			t.Errorf("some 190 texts of 100 tokens wait, and it takes %v", w)
		}
		if w := c.Wait(embed.LaneWanted); w != 0 {
			t.Errorf("nothing goes before a wanted page, and it takes %v", w)
		}
		all.Wait()
	})
}
