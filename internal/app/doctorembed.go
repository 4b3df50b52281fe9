package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pulse/internal/embed"
)

// doctorPatience is how long an endpoint has to embed one text.
const doctorPatience = 30 * time.Second

// embedders embeds one text with each endpoint.
func (d *doctor) embedders(ctx context.Context) {
	if d.cfg.Embedder == embedderNone || d.cfg.isStatic() || d.cfg.checkEmbedder() != nil {
		return
	}
	endpoints, closeAll, err := d.cfg.Endpoints()
	if err != nil {
		d.add(LevelFail, "embedder", err.Error(), "correct --embedder")
		return
	}
	defer closeAll()
	for _, e := range endpoints {
		d.embedder(ctx, e)
	}
}

func (d *doctor) embedder(ctx context.Context, e embed.Endpoint) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	began := time.Now()
	says, probe, err := embed.Meet(ctx, e)
	if err == nil {
		d.add(LevelOK, "embedder", fmt.Sprintf("%s embeds with %s, %d numbers, in %v", e.Name(), says.Model, len(probe), time.Since(began).Round(time.Millisecond)), "")
		return
	}
	next := "start it, or correct --embedder; pages are kept and found by keyword meanwhile"
	var f *embed.Failure
	if errors.As(err, &f) && f.Kind == embed.Denied {
		next = "correct its model or PULSE_EMBEDDER_API_KEY"
	}
	d.add(LevelFail, "embedder", fmt.Sprintf("%s: %v", e.Name(), err), next)
}
