package main

import (
	"pulse/internal/app"
)

// versionCmd says what this binary is.
type versionCmd struct {
	JSON bool `name:"json" help:"As JSON."`
}

// Run is pulse version.
func (c *versionCmd) Run(out *output) error {
	v := app.BuildVersion()
	if c.JSON {
		return out.json(v)
	}
	commit := v.Commit
	if commit == "" {
		commit = "unknown"
	}
	if v.Modified {
		commit += " with changes"
	}
	out.line("pulse %s", v.Version)
	out.line("commit %s", commit)
	out.line("%s %s", v.Go, v.Platform)
	return nil
}
