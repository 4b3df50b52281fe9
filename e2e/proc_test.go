package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// usage is what a process holds, as Linux tells it.
type usage struct {
	rss, peak int64 // bytes
	files     int
}

// read asks /proc; elsewhere the test is skipped.
func readUsage(t *testing.T, pid int) usage {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("skipped: no /proc to read memory from: %v", err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return usage{rss: field(t, status, "VmRSS:"), peak: field(t, status, "VmHWM:"), files: len(files)}
}

// field is a line of /proc/PID/status in bytes.
func field(t *testing.T, status []byte, name string) int64 {
	t.Helper()
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("no %s in /proc/PID/status", name)
	return 0
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }
