package e2e

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// after waits for a random time of at most limit: the moment of a crash.
func after(r *rand.Rand, limit time.Duration) { <-time.After(time.Duration(r.Int64N(int64(limit)))) }

// TestCrashKill kills the server at random moments, more often where few of them left time
// for a start.
func TestCrashKill(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	kills, want := 0, 25*factor(t, "PULSE_CRASH_ROUNDS")
	s := newServer(t)
	s.start()
	ride(t, s, seed, func(r *rand.Rand, st *storm) {
		for kills < want || st.acked.Load() < wantAcknowledged && kills < 20*want {
			kills++
			after(r, 300*time.Millisecond)
			if !s.running() {
				t.Errorf("the server died by itself:\n%s", s.log)
				break
			}
			s.kill()
			s.launch() // and not waited for: a start can be cut short, too
		}
		if err := s.receiving(20 * time.Second); err != nil {
			t.Errorf("the server does not come back: %v\n%s", err, s.log)
		}
	})
	t.Logf("%d kills", kills)
}

// TestCrashTerminate asks the server to end, again and again.
func TestCrashTerminate(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	ends := 20 * factor(t, "PULSE_CRASH_ROUNDS")
	s := newServer(t)
	s.start()
	ride(t, s, seed, func(r *rand.Rand, st *storm) {
		for range ends {
			after(r, 300*time.Millisecond)
			s.stop()
			s.start()
		}
	})
	s.stop()
}

// failpoints are the places where the process dies, around each write that matters.
// A death during a commit counts against the jobs that were running if they ran
// alone, so it comes late enough that a start's own leftovers are done.
var failpoints = []struct {
	name  string
	least int64
}{
	{"accept.before", 1}, {"accept.after", 1},
	{"commit.before", 20}, {"commit.after", 20},
	{"apply.before", 1}, {"apply.after", 1},
}

// TestCrashFailpoints dies before and after every acceptance, commit and apply.
func TestCrashFailpoints(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	rounds := 10 * factor(t, "PULSE_CRASH_ROUNDS")
	hit := map[string]int{}
	s := newServer(t)
	s.start()
	ride(t, s, seed, func(r *rand.Rand, st *storm) {
		s.kill()
		for range rounds {
			for _, i := range r.Perm(len(failpoints)) {
				f := failpoints[i]
				s.launch(fmt.Sprintf("PULSE_FAILPOINT=%s:%d", f.name, f.least+r.Int64N(60)))
				if s.exitCode(30*time.Second) != -1 || s.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Errorf("%s: the process ended by itself:\n%s", f.name, s.log)
					return
				}
				hit[f.name]++
			}
		}
		s.start()
	})
	for _, f := range failpoints {
		if hit[f.name] < 10 {
			t.Errorf("%s was hit %d times, want at least 10", f.name, hit[f.name])
		}
	}
	t.Logf("hit %v", hit)
}
