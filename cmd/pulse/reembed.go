package main

import (
	"context"
	"fmt"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"pulse/internal/app"
	"pulse/internal/client"
)

// reembedCmd changes how pages are cut and embedded.
type reembedCmd struct{}

// Help is shown by pulse reembed --help.
func (reembedCmd) Help() string {
	return "Cuts and embeds all pages anew, from their stored text, as --embedder, --max-chunk-tokens, --chunk-overlap-tokens and --document-prefix say; " +
		"what is not said stays. Search goes on by the former settings and changes over at once when all is there. " +
		"It may be interrupted: with a server that runs it goes on there, else the next run goes on where this one stopped. " +
		"Start the server with the new settings from then on."
}

// reembedLook is between looks at how far it is.
const reembedLook = 200 * time.Millisecond

// Run is pulse reembed.
func (reembedCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	conn, err := app.ConnectToReembed(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Reembed(ctx, cfg.ReembedChange()); client.Invalid(err) {
		return app.Usage(err)
	} else if err != nil {
		return err
	}
	status, err := out.followReembed(ctx, conn)
	switch {
	case err != nil && ctx.Err() != nil && !conn.Own():
		out.note("pulse: interrupted; %s goes on with it", conn.Base())
		return errReported
	case err != nil && ctx.Err() != nil:
		out.note("pulse: interrupted: run the same command again to go on")
		return errReported
	case err != nil:
		return err
	case status.State == "failed":
		return fmt.Errorf("reembed: %s: the former settings serve on", status.Error)
	}
	out.line("%d documents are cut and embedded anew", status.Filled)
	out.line("start the server with these settings from now on")
	return nil
}

// followReembed shows how far it is until it ends: a bar with rate and time left on a
// terminal, a line now and then elsewhere.
func (o *output) followReembed(ctx context.Context, conn *app.Connection) (*client.ReembedStatus, error) {
	show, end := o.reembedLines()
	if o.live {
		show, end = o.reembedBar()
	}
	defer end()
	tick := time.NewTicker(reembedLook)
	defer tick.Stop()
	for {
		status, err := conn.ReembedStatus(ctx)
		if err != nil {
			return nil, err
		}
		show(status)
		if status.State != "running" {
			return status, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func (o *output) reembedLines() (show func(*client.ReembedStatus), end func()) {
	told := time.Now()
	return func(s *client.ReembedStatus) {
		if time.Since(told) < tellEvery {
			return
		}
		told = time.Now()
		took := time.Since(s.Began).Seconds()
		rate := float64(s.Filled) / max(took, 1e-3)
		o.note("reembed: filled=%d total=%d documents_per_second=%.0f left=%s", s.Filled, s.Total, rate,
			time.Duration(float64(s.Total-s.Filled)/max(rate, 1e-3)*float64(time.Second)).Round(time.Second))
	}, func() {}
}

func (o *output) reembedBar() (show func(*client.ReembedStatus), end func()) {
	bars := mpb.New(mpb.WithOutput(o.errors), mpb.WithWidth(o.across-4), mpb.WithRefreshRate(drawEvery))
	bar := bars.New(1, mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░"),
		mpb.PrependDecorators(decor.Name("  reembed ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d / %d", decor.WCSyncSpace), decor.AverageSpeed(0, " %.0f/s"), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
	return func(s *client.ReembedStatus) {
			bar.SetTotal(max(s.Total, 1), false)
			bar.SetCurrent(s.Filled)
		}, func() {
			bar.Abort(false)
			bars.Wait()
		}
}
