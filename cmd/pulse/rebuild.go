package main

import (
	"context"

	"pulse/internal/app"
)

// rebuildCmd builds the index anew.
type rebuildCmd struct{}

// Run is pulse rebuild.
func (c *rebuildCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		if conn.Own() { // it has just built its own from the store
			stats, err := conn.Stats(ctx)
			if err != nil {
				return err
			}
			out.line("no server runs: the index is built from the store at every start")
			out.line("%d documents were read just now", stats.Documents)
			return nil
		}
		if err := conn.Rebuild(ctx); err != nil {
			return err
		}
		out.line("%s builds its index anew", conn.Base())
		out.line("search goes on by the former one until it is there; the server's log says when")
		return nil
	})
}
