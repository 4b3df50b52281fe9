//go:build failpoints

package app

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// failpoint reads PULSE_FAILPOINT, "name:n[,name:n…]": this process dies, as by a
// crash, when the named point is passed for the n-th time. A wrong value ends the
// process too, because a test that never dies would prove nothing.
func failpoint() func(name string) {
	left := map[string]*atomic.Int64{}
	for _, one := range strings.Split(os.Getenv("PULSE_FAILPOINT"), ",") {
		if one == "" {
			continue
		}
		name, count, _ := strings.Cut(one, ":")
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n < 1 || !failpoints[name] {
			fmt.Fprintf(os.Stderr, "pulse: PULSE_FAILPOINT: %q is not name:n\n", one)
			os.Exit(2)
		}
		left[name] = new(atomic.Int64)
		left[name].Store(n)
	}
	return func(name string) {
		if n := left[name]; n != nil && n.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way: nothing more may happen here
		}
	}
}

var failpoints = map[string]bool{
	"accept.before": true, "accept.after": true, "commit.before": true, "commit.after": true,
	"apply.before": true, "apply.after": true,
}
