package queue

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"pulse"
)

func realJob(id int) pulse.Job {
	url := fmt.Sprintf("https://kubernetes.io/docs/concepts/workloads/controllers/page-%07d/", id)
	return pulse.Job{
		ID: pulse.JobID(id), Delivery: pulse.DeliverySeq(id), Kind: pulse.KindUpsert, Source: "firecrawl",
		Collection: pulse.DefaultCollection, Key: url, URL: url + "?utm=1", Version: pulse.Version(id), Priority: pulse.PriorityCrawl,
		Turn: fmt.Sprintf("crawl-%d", id%3), Crawl: fmt.Sprintf("crawl-%d", id%3), Bytes: 2000, AcceptedAt: time.Now(),
	}
}

func BenchmarkAdd(b *testing.B) {
	b.ReportAllocs()
	jobs := make([]pulse.Job, 10_000)
	for i := range jobs {
		jobs[i] = realJob(i)
	}
	q := New(Options{})
	for i := 0; b.Loop(); i++ {
		j := jobs[i%len(jobs)]
		j.ID = pulse.JobID(i)
		q.Add(j)
	}
}

// BenchmarkTakeDone is 64 workers that do nothing but take and end jobs.
func BenchmarkTakeDone(b *testing.B) {
	b.ReportAllocs()
	q := New(Options{})
	for i := range b.N {
		q.Add(realJob(i))
	}
	b.ResetTimer()
	var workers sync.WaitGroup
	for w := range 64 {
		workers.Go(func() {
			for i := w; i < b.N; i += 64 {
				j, err := q.Take(b.Context())
				if err != nil {
					b.Error(err)
					return
				}
				q.Done(j.ID)
			}
		})
	}
	workers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkHandOver is jobs that come one by one to workers that wait for them.
func BenchmarkHandOver(b *testing.B) {
	b.ReportAllocs()
	q := New(Options{})
	var workers sync.WaitGroup
	for range 64 {
		workers.Go(func() {
			for {
				j, err := q.Take(b.Context())
				if err != nil {
					return
				}
				q.Done(j.ID)
			}
		})
	}
	j := realJob(1)
	for i := 0; b.Loop(); i++ {
		j.ID = pulse.JobID(i)
		q.Add(j)
	}
	q.Drain()
	workers.Wait()
}

// TestMemoryOfAWaitingJob holds the size of a waiting job, its key and URL included.
func TestMemoryOfAWaitingJob(t *testing.T) {
	const jobs = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	q := New(Options{})
	for i := range jobs {
		q.Add(realJob(i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / jobs
	t.Logf("%.0f bytes a waiting job with %d bytes of key and URL", each, 2*len(realJob(1).Key)+6)
	if each > 330 {
		t.Errorf("%.0f bytes a waiting job", each)
	}
	runtime.KeepAlive(q)
}
