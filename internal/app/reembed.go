package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/httpapi"
	"pulse/internal/ingest"
)

// reembedding is one change of layout at work: another layout is filled beside the one
// that search goes by, then all collections switch, the index is filled anew from it, and
// queries go by it from the moment in which it serves.
//
// It needs no jobs of its own: what is filled is in the store, and the next call goes on
// from there.
type reembedding struct {
	switching sync.Mutex   // held while the store and the workers' layout move together
	serves    sync.RWMutex // held while the index's data and the embedder of queries do; taken after switching

	mu     sync.Mutex
	status httpapi.ReembedStatus
	cancel context.CancelFunc
	done   sync.WaitGroup
}

const (
	meetPatience  = time.Minute // for an endpoint that says its model
	firstSwitch   = 100 * time.Millisecond
	sweepSlice    = 256
	fillAtOnce    = 16
	statusRunning = "running"
	statusDone    = "done"
	statusFailed  = "failed"
	statusIdle    = "idle"
)

// Reembed begins to change how pages are cut and embedded; pulse.ErrConflict while another
// change runs.
func (a *App) Reembed(change httpapi.ReembedChange) error {
	target, err := a.changed(change)
	if err != nil {
		return err
	}
	r := &a.reembedding
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.State == statusRunning {
		return fmt.Errorf("another change of layout runs: %w", pulse.ErrConflict)
	}
	if err := a.checkChange(target); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.status = httpapi.ReembedStatus{State: statusRunning, Began: a.now()}
	r.done.Go(func() {
		defer cancel()
		err := a.reembed(ctx, target)
		r.set(func(s *httpapi.ReembedStatus) {
			s.State = statusDone
			if err != nil {
				s.State, s.Error = statusFailed, err.Error()
			}
		})
		switch {
		case err == nil:
			a.log.Info("Reembedded; start with these options from now on", "options", target.layoutOptions())
		case errors.Is(err, errNoChange):
			a.log.Info("Not reembedded", "reason", err)
		case ctx.Err() == nil:
			a.log.Error("Reembedding failed; the former layout serves on", "error", err)
		}
	})
	return nil
}

// stop ends a change that runs; what it has filled is kept.
func (r *reembedding) stop() {
	r.mu.Lock()
	if r.cancel != nil {
		r.cancel()
	}
	r.mu.Unlock()
	r.done.Wait()
}

func (r *reembedding) set(f func(*httpapi.ReembedStatus)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.status)
}

// ReembedStatus tells how far the change is.
func (a *App) ReembedStatus() httpapi.ReembedStatus {
	r := &a.reembedding
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	if s.State == "" {
		s.State = statusIdle
	}
	return s
}

// changed is the configuration with what is to change.
func (a *App) changed(change httpapi.ReembedChange) (*Config, error) {
	c := *a.pool.layout.Load().cfg
	set := func(to *string, v *string) {
		if v != nil {
			*to = *v
		}
	}
	set(&c.Embedder, change.Embedder)
	set(&c.Tokenizer, change.Tokenizer)
	set(&c.DocumentPrefix, change.DocumentPrefix)
	set(&c.QueryPrefix, change.QueryPrefix)
	if change.MaxChunkTokens != nil {
		c.MaxChunkTokens = *change.MaxChunkTokens
	}
	if change.ChunkOverlapTokens != nil {
		c.ChunkOverlapTokens = *change.ChunkOverlapTokens
	}
	for name, given := range map[string]bool{"document-prefix": change.DocumentPrefix != nil, "query-prefix": change.QueryPrefix != nil} {
		if given {
			c.setOrigin(name, "pulse reembed")
		}
	}
	if err := c.checkEmbedder(); err != nil {
		return nil, inBodysWords(err)
	}
	if _, err := c.tokenizer(); err != nil {
		return nil, inBodysWords(err)
	}
	if err := c.checkNumbers(); err != nil {
		return nil, inBodysWords(err)
	}
	return &c, nil
}

// inBodysWords says of a value of a request's body what is wrong with the option that it is.
func inBodysWords(err error) error {
	wrong := &pulse.InputError{Code: "invalid", Message: err.Error()}
	var option *optionError
	if errors.As(err, &option) {
		wrong.Field = fieldOf(option.flag)
		wrong.Message = strings.ReplaceAll(option.wrong.Error(), "--max-chunk-tokens", fieldOf("max-chunk-tokens"))
	}
	return wrong
}

// fieldOf is a flag as a field of JSON.
func fieldOf(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// checkChange refuses a change that says by itself that it changes nothing. Of a model
// that only an endpoint can name, openTarget finds it later.
func (a *App) checkChange(target *Config) error {
	t, err := target.tokenizer()
	if err != nil {
		return err
	}
	want := target.layoutSpec(t)
	if want.Model == unknownModel || want.Tokenizer == unknownModel {
		return nil
	}
	_, have, err := a.pool.Store.ActiveLayout(context.Background(), pulse.DefaultCollection)
	if err != nil {
		return err
	}
	if want.Model == have.Model && want.Dimension == 0 {
		want.Dimension = have.Dimension
	}
	if want == have {
		return errNoChange
	}
	return nil
}

var errNoChange = fmt.Errorf("nothing is to change: all pages are cut and embedded so already: %w", pulse.ErrConflict)

// reembed fills the target's layout and switches to it.
func (a *App) reembed(ctx context.Context, target *Config) error {
	parts, err := a.openTarget(ctx, target)
	if err != nil {
		return err
	}
	if err := a.fillAndSwitch(ctx, parts); err != nil {
		parts.close()
		return err
	}
	if a.pool.Workers != nil {
		a.pool.Workers.Adopt(parts.ingest())
	}
	if err := a.pool.Follower.Wait(ctx, a.pool.Store.Head()); err != nil {
		return fmt.Errorf("wait for the index: %w", err)
	}
	return a.sweepLayouts(ctx)
}

// openTarget makes the parts of the layout to come, once an endpoint has said what its
// model is.
func (a *App) openTarget(ctx context.Context, target *Config) (*layoutParts, error) {
	t, err := target.tokenizer()
	if err != nil {
		return nil, err
	}
	known := &identity{store: a.pool.Store, spec: target.layoutSpec(t), met: make(chan struct{})}
	parts, err := a.newLayoutParts(target, known)
	if err != nil {
		return nil, err
	}
	if err := a.awaitModel(ctx, parts); err != nil {
		parts.close()
		return nil, err
	}
	_, active, err := a.pool.Store.ActiveLayout(ctx, pulse.DefaultCollection)
	spec := known.settledSpec()
	if err == nil && active == spec {
		err = errNoChange
	}
	if err == nil {
		parts.id, err = a.pool.Store.StartFilling(ctx, spec)
	}
	if err == nil {
		err = known.keep(ctx, parts.id)
	}
	if err != nil {
		parts.close()
		return nil, err
	}
	return parts, nil
}

func (a *App) awaitModel(ctx context.Context, parts *layoutParts) error {
	if _, ok := parts.embedder.(*remote); !ok {
		return nil
	}
	patience := time.NewTimer(meetPatience)
	defer patience.Stop()
	select {
	case <-parts.identity.met:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
	}
	return fmt.Errorf("no endpoint of %s has answered within %v", redacted(parts.cfg.Embedder), meetPatience)
}

// keep binds the identity to a layout that is kept now.
func (i *identity) keep(ctx context.Context, layout pulse.LayoutID) error {
	i.mu.Lock()
	i.layout = layout
	probe := i.probe
	i.mu.Unlock()
	if probe == nil {
		return nil
	}
	return i.store.KeepProbe(ctx, layout, probe)
}

// fillAndSwitch fills until nothing is lacking at the moment of the switch. Pages that
// come meanwhile are cut by the former layout and are filled too; they become fewer with
// each round, unless they come faster than they can be embedded.
func (a *App) fillAndSwitch(ctx context.Context, parts *layoutParts) error {
	left, err := a.pool.Store.CountUnfilled(ctx, parts.id)
	if err != nil {
		return err
	}
	a.log.Info("Reembedding", "documents", left, "options", parts.cfg.layoutOptions())
	r := &a.reembedding
	r.set(func(s *httpapi.ReembedStatus) { s.Total = left })
	trouble := outage{log: a.log, now: a.now, what: "A page cannot be reembedded and waits"}
	options := ingest.FillOptions{Workers: fillAtOnce, SameModel: a.sameModel(parts), OnTrouble: func(err error) { trouble.note("error", err) },
		OnFilled: func(reused int) {
			a.metrics.onKept(reused)
			r.set(func(s *httpapi.ReembedStatus) { s.Filled++; s.Total = max(s.Total, s.Filled) })
		}}
	for {
		if err := ingest.Fill(ctx, a.pool.Store, parts.ingest(), options); err != nil {
			return err
		}
		err := a.switchTo(ctx, parts)
		if !errors.Is(err, pulse.ErrConflict) {
			return err
		}
		pause(ctx, firstSwitch)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// switchTo moves the store and what is made of its layout; the index cannot be filled anew
// and ask for the layout in between.
func (a *App) switchTo(ctx context.Context, parts *layoutParts) error {
	a.reembedding.switching.Lock()
	defer a.reembedding.switching.Unlock()
	err := a.pool.Store.SwitchLayout(ctx, parts.id)
	if err == nil {
		a.pool.layout.Store(parts)
	}
	return err
}

// sameModel says whether the vectors of the active layout may be kept.
func (a *App) sameModel(parts *layoutParts) bool {
	have, want := a.pool.layout.Load().identity.settledSpec(), parts.identity.settledSpec()
	return have.Model != "" && have.Model != unknownModel && have.Model == want.Model && have.Dimension == want.Dimension && have.Prefixes == want.Prefixes
}

// replaceIndex gives the index that serves its new data, and with them the embedder of
// queries: nobody sees the one without the other.
func (a *App) replaceIndex(replace func()) {
	a.reembedding.switching.Lock()
	defer a.reembedding.switching.Unlock()
	now := a.pool.layout.Load()
	a.reembedding.serves.Lock()
	replace()
	former := a.pool.queries.Swap(now)
	a.reembedding.serves.Unlock()
	if former != nil && former != now {
		former.close()
	}
}

// forQueries is what embeds queries, and the history of the index that they compare with.
func (a *App) forQueries() (p *layoutParts, history string) {
	a.reembedding.serves.RLock()
	defer a.reembedding.serves.RUnlock()
	return a.pool.queries.Load(), a.pool.Index.Position().History
}

// sweepLayouts removes what layouts that nobody uses have left, in slices.
func (a *App) sweepLayouts(ctx context.Context) error {
	for from := pulse.DocumentID(0); ; {
		next, err := a.pool.Store.SweepLayouts(ctx, from, sweepSlice)
		if err != nil || next == 0 {
			return err
		}
		from = next
	}
}

// layoutOptions are the options that make this layout, as a command line has them.
func (c *Config) layoutOptions() string {
	s := fmt.Sprintf("--embedder %s --max-chunk-tokens %d --chunk-overlap-tokens %d", redacted(c.Embedder), c.MaxChunkTokens, c.ChunkOverlapTokens)
	if c.Tokenizer != "" {
		s += " --tokenizer " + c.Tokenizer
	}
	if c.Given("document-prefix") {
		s += fmt.Sprintf(" --document-prefix %q", c.DocumentPrefix)
	}
	return s
}

// ReembedChange is what flags and variables say of how pages are to be cut and embedded.
func (c *Config) ReembedChange() client.ReembedChange {
	given := func(flag string, v *string) *string {
		if c.Given(flag) {
			return v
		}
		return nil
	}
	change := client.ReembedChange{
		Embedder: given("embedder", &c.Embedder), Tokenizer: given("tokenizer", &c.Tokenizer), QueryPrefix: given("query-prefix", &c.QueryPrefix), DocumentPrefix: given("document-prefix", &c.DocumentPrefix),
	}
	if c.Given("max-chunk-tokens") {
		change.MaxChunkTokens = &c.MaxChunkTokens
	}
	if c.Given("chunk-overlap-tokens") {
		change.ChunkOverlapTokens = &c.ChunkOverlapTokens
	}
	return change
}
