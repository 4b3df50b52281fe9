//go:build !linux

package vector

import "time"

var started = time.Now()

func threadTime() time.Duration { return time.Since(started) }
