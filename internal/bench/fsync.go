package bench

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// SyncTime is the median time of writing 4 KB to the end of a file in dir and having
// the disk keep it (fsync): what a lone acknowledgment cannot go below.
func SyncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "fsync-*")
	if err != nil {
		return 0, fmt.Errorf("measure fsync: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const rounds = 101
	block := make([]byte, 4096)
	times := make([]time.Duration, rounds)
	for i := range times {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[rounds/2], nil
}
