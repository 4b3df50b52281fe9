package main

import (
	"context"
	"strings"

	"pulse/internal/app"
)

// doctorCmd looks for what is wrong.
type doctorCmd struct {
	JSON bool `name:"json" help:"As JSON."`
}

// Run is pulse doctor.
func (c *doctorCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	findings := app.Doctor(ctx, cfg)
	failed := false
	for _, f := range findings {
		failed = failed || f.Level == app.LevelFail
	}
	if c.JSON {
		if err := out.json(findings); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			out.finding(f)
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// finding prints what was found, and below it what to do.
func (o *output) finding(f app.Finding) {
	colour := map[string]string{app.LevelOK: green, app.LevelWarn: yellow, app.LevelFail: red}[f.Level]
	const indent = 22
	for i, line := range wrap(printable(f.Found), o.across-indent) {
		if i == 0 {
			o.line("%s  %s%s", o.paint(colour, pad(f.Level, 4)), pad(f.Name, indent-6), line)
		} else {
			o.line("%s%s", strings.Repeat(" ", indent), line)
		}
	}
	if f.Next != "" {
		for i, line := range wrap(printable(f.Next), o.across-indent-2) {
			arrow := "  "
			if i == 0 {
				arrow = "→ "
			}
			o.line("%s%s", strings.Repeat(" ", indent), o.paint(dim, arrow+line))
		}
	}
}
