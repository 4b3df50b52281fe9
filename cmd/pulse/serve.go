package main

import (
	"context"

	"pulse/internal/app"
)

// serveCmd is everything in one process.
type serveCmd struct {
	PrintConfig bool `help:"Show every option, its value and where it came from, and end."`
}

// Run is pulse serve.
func (c *serveCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if c.PrintConfig {
		return cfg.Print(out)
	}
	return app.Run(ctx, cfg)
}
