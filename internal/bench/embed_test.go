package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pulse/internal/embed/embedtest"
)

func TestEmbed(t *testing.T) {
	var out bytes.Buffer
	s := &embedtest.Simulated{Label: "here", Fixed: time.Millisecond, Permits: 100} // fewer than the grid's last point has on its way
	if err := Embed(t.Context(), EmbedOptions{Endpoint: s, Tokens: 32, Callers: 16, Time: 20 * time.Millisecond, Screen: &Screen{W: &out}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"simulated:here: simulated, 8 numbers, at most 32 texts", "16 at once", "of the best point", "of processor time here"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 100 {
			t.Errorf("a line of %d: %s", len(line), line)
		}
	}
}
