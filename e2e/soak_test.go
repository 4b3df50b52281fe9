package e2e

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"pulse/internal/bench"
)

// holdings is what a process holds when it has nothing to do.
type holdings struct {
	usage
	heap       int64 // bytes, after a collection
	goroutines int
}

// kept is what a server may fill over time and keeps on purpose: the end of the commit
// log for followers, and the ranked lists of the last two minutes' queries.
const kept = 128 << 20

// readers are the files that the store's reading connections may open as they are
// needed, two each.
const readers = 16

// TestSoak updates the same pages again and again, and reads what the server holds at
// the start and at the end. With PULSE_SOAK=1 it is 50,000 pages, and what is kept on
// purpose is full at the start of the comparison, half-way.
func TestSoak(t *testing.T) {
	pages, rounds, from, grow := 500, 8, 1, int64(kept)
	if os.Getenv("PULSE_SOAK") != "" {
		pages, rounds, from, grow = 2_500, 20, 11, 16<<20
	}
	debug := freeAddress(t)
	s := newServer(t, "--debug-listen", debug)
	s.start()
	s.ready()
	writer, sender := bench.NewWriter(1), bench.NewSender(secret, 1)
	var begin holdings
	for round := range rounds {
		deliveries := make([]bench.Delivery, pages)
		for i := range deliveries {
			deliveries[i] = sender.Page(writer.Page(i, 2048))
		}
		load := bench.Load{Base: s.base(), Connections: 16}
		if r, err := load.Run(context.Background(), deliveries); err != nil || r.Refused > 0 {
			t.Fatalf("round %d: %d turned away, %v", round, r.Refused, err)
		}
		s.settled(time.Minute)
		for i := range 50 {
			s.hits("pod "+strconv.Itoa(i)+" container", 10)
		}
		if round == 0 {
			t.Logf("after %d pages: %s", pages, s.holdings(debug))
		}
		if round == from {
			begin = s.holdings(debug)
			t.Logf("after %d pages: %s", (from+1)*pages, begin)
		}
	}
	end := s.holdings(debug)
	t.Logf("after %d pages: %s", rounds*pages, end)
	if end.goroutines > begin.goroutines+3 || end.files > begin.files+readers {
		t.Errorf("goroutines %d, were %d; files %d, were %d", end.goroutines, begin.goroutines, end.files, begin.files)
	}
	if limit := begin.heap*9/8 + grow; end.heap > limit {
		t.Errorf("the heap holds %s, held %s", megabytes(end.heap), megabytes(begin.heap))
	}
	if limit := begin.rss*5/4 + 64<<20 + grow; end.rss > limit {
		t.Errorf("the process holds %s, held %s", megabytes(end.rss), megabytes(begin.rss))
	}
	s.stop()
}

// String names what is held.
func (h holdings) String() string {
	return "heap " + megabytes(h.heap) + ", resident " + megabytes(h.rss) + ", at most " + megabytes(h.peak) +
		", " + strconv.Itoa(h.goroutines) + " goroutines, " + strconv.Itoa(h.files) + " files"
}

var (
	heapAlloc       = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)
	goroutineTotal  = regexp.MustCompile(`(?m)^goroutine profile: total (\d+)$`)
	restingPatience = 10 * time.Second
)

// holdings reads what the process holds, once connections that nobody uses are gone.
func (s *server) holdings(debug string) holdings {
	s.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	s.client.Close()
	read := func() (h holdings) {
		h.heap = s.profiled(debug, "heap?gc=1&debug=1", heapAlloc)
		h.goroutines = int(s.profiled(debug, "goroutine?debug=1", goroutineTotal))
		h.usage = readUsage(s.t, s.cmd.Process.Pid)
		http.DefaultClient.CloseIdleConnections()
		return h
	}
	last := read()
	ctx, cancel := context.WithTimeout(context.Background(), restingPatience)
	defer cancel()
	err := bench.Until(ctx, 100*time.Millisecond, func() (bool, error) { // twice the same: at rest
		h := read()
		same := h.goroutines == last.goroutines && h.files == last.files
		last = h
		return same, nil
	})
	if err != nil {
		s.t.Errorf("the server does not come to rest: %v", err)
	}
	return last
}

// profiled reads one number of a profile.
func (s *server) profiled(debug, profile string, number *regexp.Regexp) int64 {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+debug+"/debug/pprof/"+profile, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	status, body := s.request(req)
	m := number.FindStringSubmatch(body)
	if status != http.StatusOK || m == nil {
		s.t.Fatalf("profile %s: answer %d without %s", profile, status, number)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
