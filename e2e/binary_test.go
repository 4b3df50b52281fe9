// Package e2e tests the built binary as a process: from outside, by HTTP, signals and
// /proc. It holds tests only.
package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

// build makes the binary as users get it, static, with the failpoints that a normal
// build leaves out.
func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pulse-e2e-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "pulse")
	cmd := exec.Command("go", "build", "-tags", "failpoints", "-ldflags", "-X pulse/internal/app.version=e2e", "-o", binary, "./cmd/pulse")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: build the binary: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// seed is PULSE_SEED, else another each time; it is printed so that a run can be
// repeated.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if given := os.Getenv("PULSE_SEED"); given != "" {
		var err error
		if n, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("PULSE_SEED: %v", err)
		}
	}
	t.Logf("PULSE_SEED=%d", n)
	return n
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x653265)) }

// factor is how many times as long a test runs than it must.
func factor(t *testing.T, variable string) int {
	t.Helper()
	given := os.Getenv(variable)
	if given == "" {
		return 1
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number of rounds", variable, given)
	}
	return n
}
