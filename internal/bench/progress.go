package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows how far counters are: bars on a terminal, else a line now and then.
// Its methods are for one goroutine.
type progress struct {
	screen  *Screen
	names   []string
	totals  []int64
	current []int64
	bars    *mpb.Progress // nil: plain lines
	each    []*mpb.Bar
	printed time.Time
}

// plainEvery is how often plain progress is printed.
const plainEvery = time.Second

func newProgress(s *Screen, names []string, totals []int64) *progress {
	p := &progress{screen: s, names: names, totals: totals, current: make([]int64, len(names)), printed: time.Now()}
	if !s.Live {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(s.W), mpb.WithWidth(s.columns()-4), mpb.WithRefreshRate(50*time.Millisecond))
	for i, name := range names {
		style := mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░")
		p.each = append(p.each, p.bars.New(totals[i], style,
			mpb.PrependDecorators(decor.Name("  "+name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)),
		))
	}
	return p
}

// set says how far a counter is.
func (p *progress) set(i int, n int64) {
	p.current[i] = n
	if p.bars != nil {
		p.each[i].SetCurrent(min(n, p.totals[i]))
		return
	}
	if now := time.Now(); now.Sub(p.printed) >= plainEvery {
		p.printed = now
		p.line()
	}
}

func (p *progress) line() {
	parts := make([]string, len(p.names))
	for i, name := range p.names {
		parts[i] = fmt.Sprintf("%s %d of %d", name, p.current[i], p.totals[i])
	}
	p.screen.Line("  %s", strings.Join(parts, ", "))
}

// end leaves the last state on the screen.
func (p *progress) end() {
	if p.bars == nil {
		p.line()
		return
	}
	for i, bar := range p.each {
		bar.SetTotal(max(p.current[i], 1), p.current[i] > 0)
		if p.current[i] == 0 {
			bar.Abort(false)
		}
	}
	p.bars.Wait()
}
