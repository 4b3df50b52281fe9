package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"

	"pulse"
	"pulse/internal/embed"
)

// BenchmarkPages is pages through the whole pipeline into a store that does nothing.
func BenchmarkPages(b *testing.B) {
	b.ReportAllocs()
	text := strings.Repeat("A sentence of the page, with some words in it.\n\n", 40) // 2 KB
	part, err := json.Marshal(pulse.Change{Title: "A page", Markdown: text})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(nil)
	w.store.parts[1] = part
	w.store.fail = onCall("none", nil)
	w.opts.Workers, w.opts.Log = 64, slog.New(slog.NewTextHandler(io.Discard, nil))
	ended := make(chan struct{}, 1<<20)
	w.opts.OnJob = func(JobReport) { ended <- struct{}{} }
	w.start()
	b.ResetTimer()
	for i := range b.N {
		j := newJob(1)
		j.ID, j.Version, j.Bytes = pulse.JobID(i+1), pulse.Version(i+1), int64(len(part))
		w.queue.Add(j)
	}
	for range b.N {
		<-ended
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
	w.stop()
	<-w.ended
}

// TestMemoryOfAPage holds the weights: the most memory that one page takes while
// it runs, its part included, with the collector close behind. What the collector is
// late with on a busy machine counts too, so that the least of a few runs is held.
func TestMemoryOfAPage(t *testing.T) {
	const runs = 5
	f := func(name string, change pulse.Change, dimension int) {
		t.Run(name, func(t *testing.T) {
			for run := 1; ; run++ {
				peak, part, weight := memoryOf(t, change, dimension)
				t.Logf("a part of %d KB takes %d KB, %.1f times its size; its weight is %d KB", part>>10, peak>>10, float64(peak)/float64(part), weight>>10)
				if slack := int64(1 << 20); peak <= weight+slack {
					return
				}
				if run == runs {
					t.Fatal("a page takes more than its weight")
				}
			}
		})
	}
	sizes := []int{2_000, 8_000, 60_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, sentences := range sizes {
		var prose strings.Builder
		for i := range sentences {
			fmt.Fprintf(&prose, "Sentence %d says something, and then \"quotes\" it.  \n\n", i)
		}
		html := "<article><p>" + strings.ReplaceAll(prose.String(), "\n\n", "</p><p>") + "</p></article>"
		f(fmt.Sprintf("markdown/%d", sentences), pulse.Change{Title: "Prose", Markdown: prose.String()}, 0)
		f(fmt.Sprintf("vectors/%d", sentences), pulse.Change{Title: "Prose", Markdown: prose.String()}, 512)
		f(fmt.Sprintf("html/%d", sentences), pulse.Change{Title: "Prose", HTML: html}, 0)
		f(fmt.Sprintf("dense html/%d", sentences), pulse.Change{Title: "Tags", HTML: "<p>" + strings.Repeat("<b>x</b> <i>y</i> ", 3*sentences)}, 0)
	}
}

// memoryOf is the memory that a page takes, the length of its part, and its weight.
func memoryOf(t *testing.T, change pulse.Change, dimension int) (peak, length, weight int64) {
	w := newWorld(t)
	w.opts.Workers = 1
	if dimension > 0 {
		w.deps.Layout.Embedder = &fakeEmbedder{model: embed.Model{Dimension: dimension}}
	}
	j := newJob(1)
	var encoded bytes.Buffer
	e := json.NewEncoder(&encoded)
	e.SetEscapeHTML(false)
	if err := e.Encode(change); err != nil {
		t.Fatal(err)
	}
	part := encoded.Bytes()
	w.store.parts[j.Delivery] = part
	w.start()
	peak = peakOf(func() {
		w.queue.Add(j)
		if r := w.next(); r.Err != nil || r.Job.Outcome != pulse.OutcomeIndexed {
			t.Errorf("%s: %v", r.Job.Outcome, r.Err)
		}
	})
	w.stop()
	<-w.ended
	length = int64(len(part))
	return peak + length, length, max(w.deps.Layout.weight(length), htmlWeight(&change))
}

// peakOf is how far the heap grows while f runs.
func peakOf(f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	heap := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	before := heap()
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := int64(0)
		for {
			most = max(most, heap()-before)
			select {
			case <-done:
				peak <- most
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	f()
	close(done)
	return <-peak
}
