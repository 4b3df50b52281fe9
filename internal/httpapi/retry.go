package httpapi

import (
	"context"
	"errors"
	"net/http"

	"pulse"
	"pulse/internal/store"
)

const (
	againPage = 1000 // jobs or deliveries put back in one transaction
	shownIDs  = 1000 // of a mass retry or replay
)

// againAnswer answers a retry or a replay of one or many.
type againAnswer struct {
	Status     string   `json:"status" enum:"queued,dry_run"`
	Matched    int64    `json:"matched" doc:"Jobs, or deliveries, that match"`
	QueuedJobs int      `json:"queued_jobs"`
	Skipped    int      `json:"skipped,omitempty" doc:"Waiting or running already, or their bodies have expired"`
	JobIDs     []string `json:"job_ids" doc:"The first 1,000"`
}

func (s *server) againRoutes() {
	for _, r := range []struct {
		id, path, summary string
		h                 func(context.Context, *againInput) (*output[againAnswer], error)
	}{
		{"retry-job", "/v1/jobs/{id}/retry", "Run a dead or done job again, under its old version", s.retryJob},
		{"replay-delivery", "/v1/deliveries/{id}/replay", "Run a delivery's jobs again, under their old versions", s.replayDelivery},
	} {
		op := operation(r.id, http.MethodPost, r.path, scopeWrite, "ledger", r.summary)
		op.DefaultStatus = http.StatusAccepted
		register(s, op, r.h)
	}
	retry := operation("retry-jobs", http.MethodPost, "/v1/jobs/retry", scopeWrite, "ledger", "Retry the jobs that match a filter; dead ones where it names no state")
	retry.DefaultStatus, retry.Metadata["mass"] = http.StatusAccepted, true
	register(s, retry, s.retryJobs)
	replay := operation("replay-deliveries", http.MethodPost, "/v1/deliveries/replay", scopeWrite, "ledger", "Replay the deliveries that match a filter")
	replay.DefaultStatus, replay.Metadata["mass"] = http.StatusAccepted, true
	register(s, replay, s.replayDeliveries)
}

type againInput struct {
	IDInput
	Force bool `query:"force" doc:"Under a new version: may turn a page back"`
}

func (s *server) retryJob(_ context.Context, in *againInput) (*output[againAnswer], error) {
	st, n, err := s.storeAndID(in.IDInput)
	if err != nil {
		return nil, err
	}
	run := again{s: s, force: in.Force}
	err = run.retry(st, []pulse.JobID{pulse.JobID(n)})
	return run.one(err)
}

func (s *server) replayDelivery(_ context.Context, in *againInput) (*output[againAnswer], error) {
	st, n, err := s.storeAndID(in.IDInput)
	if err != nil {
		return nil, err
	}
	run := again{s: s, force: in.Force}
	err = run.replay(st, pulse.DeliverySeq(n))
	return run.one(err)
}

// again gathers what one request puts back.
type again struct {
	s     *server
	force bool
	out   againAnswer
}

func (a *again) one(err error) (*output[againAnswer], error) {
	if errors.Is(err, pulse.ErrGone) {
		return nil, newProblem(http.StatusConflict, "its body has expired")
	}
	if err != nil {
		return nil, err
	}
	a.out.Status, a.out.Matched = string(pulse.ResultQueued), 1
	return answer(a.out), nil
}

// retry puts jobs back; a client that goes away does not undo it half-way.
func (a *again) retry(st *store.Store, ids []pulse.JobID) error {
	if err := a.s.deps.Queue.Admit("", len(ids)); err != nil {
		return err
	}
	return a.queue(st.Retry(context.Background(), ids, a.force))
}

func (a *again) replay(st *store.Store, seq pulse.DeliverySeq) error {
	if err := a.s.deps.Queue.Admit("", 1); err != nil {
		return err
	}
	return a.queue(st.Replay(context.Background(), seq, a.force))
}

func (a *again) queue(jobs []pulse.Job, err error) error {
	if err != nil {
		return err
	}
	a.s.deps.Queue.Add(jobs...)
	a.out.QueuedJobs += len(jobs)
	a.out.JobIDs = orEmpty(a.out.JobIDs)
	for i := range jobs {
		if len(a.out.JobIDs) < shownIDs {
			a.out.JobIDs = append(a.out.JobIDs, id(jobs[i].ID))
		}
	}
	return nil
}

// skipped counts one that cannot be put back, among many; other errors go on.
func (a *again) skipped(err error) error {
	if errors.Is(err, pulse.ErrConflict) || errors.Is(err, pulse.ErrGone) || errors.Is(err, pulse.ErrNotFound) {
		a.out.Skipped++
		return nil
	}
	return err
}

func (a *again) many(matched int64, dryRun bool, run func() error) (*output[againAnswer], error) {
	a.out.Status, a.out.Matched, a.out.JobIDs = string(pulse.ResultQueued), matched, []string{}
	if dryRun {
		a.out.Status = "dry_run"
		return answer(a.out), nil
	}
	if err := run(); err != nil {
		return nil, err
	}
	return answer(a.out), nil
}

// againBody is the filter of a mass retry or replay as a JSON body; its fields may stand
// in the query as well.
type againBody[F any] struct {
	Filter F    `json:"filter,omitempty"`
	DryRun bool `json:"dry_run,omitempty" doc:"Only count"`
	Force  bool `json:"force,omitempty" doc:"Under new versions: may turn pages back"`
}

type retryInput struct {
	JobParams
	DryRun bool                  `query:"dry_run" doc:"Only count"`
	Force  bool                  `query:"force" doc:"Under new versions"`
	Body   *againBody[JobParams] `nameHint:"RetryBody"`
}

func (s *server) retryJobs(ctx context.Context, in *retryInput) (*output[againAnswer], error) {
	params := in.JobParams
	if b := in.Body; b != nil {
		if params != (JobParams{}) {
			return nil, invalid("filter", "give the filter in the query or in the body, not in both")
		}
		params, in.DryRun, in.Force = b.Filter, in.DryRun || b.DryRun, in.Force || b.Force
	}
	f, err := params.filter()
	if err != nil {
		return nil, err
	}
	switch f.State {
	case "":
		f.State = pulse.JobDead
	case pulse.JobAvailable, pulse.JobLeased:
		return nil, invalid("state", "only dead and done jobs can be run again")
	}
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	list, err := st.Jobs(ctx, f, store.Page{Limit: againPage})
	if err != nil {
		return nil, err
	}
	run := again{s: s, force: in.Force}
	return run.many(list.Total, in.DryRun, func() error { return run.retryAll(ctx, st, f, list) })
}

// retryAll goes on from page to page, newest first, so that what it puts back never
// comes again.
func (a *again) retryAll(ctx context.Context, st *store.Store, f store.JobFilter, list store.List[pulse.Job]) error {
	for {
		if err := a.retryPage(st, list.Items); err != nil {
			return err
		}
		if list.Next == 0 {
			return nil
		}
		var err error
		if list, err = st.Jobs(ctx, f, store.Page{Limit: againPage, After: list.Next}); err != nil {
			return err
		}
	}
}

// retryPage puts a page of jobs back at once, or one by one where one of them cannot be.
func (a *again) retryPage(st *store.Store, jobs []pulse.Job) error {
	all := make([]pulse.JobID, len(jobs))
	for i := range jobs {
		all[i] = jobs[i].ID
	}
	err := a.retry(st, all)
	if !errors.Is(err, pulse.ErrConflict) && !errors.Is(err, pulse.ErrGone) {
		return err
	}
	for i := range all {
		if err := a.skipped(a.retry(st, all[i:i+1])); err != nil {
			return err
		}
	}
	return nil
}

type replayInput struct {
	DeliveryParams
	DryRun bool                       `query:"dry_run" doc:"Only count"`
	Force  bool                       `query:"force" doc:"Under new versions"`
	Body   *againBody[DeliveryParams] `nameHint:"ReplayBody"`
}

func (s *server) replayDeliveries(ctx context.Context, in *replayInput) (*output[againAnswer], error) {
	params := in.DeliveryParams
	if b := in.Body; b != nil {
		if params != (DeliveryParams{}) {
			return nil, invalid("filter", "give the filter in the query or in the body, not in both")
		}
		params, in.DryRun, in.Force = b.Filter, in.DryRun || b.DryRun, in.Force || b.Force
	}
	if params == (DeliveryParams{}) {
		return nil, invalid("filter", "a filter is needed")
	}
	f, err := params.filter()
	if err != nil {
		return nil, err
	}
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	list, err := st.Deliveries(ctx, f, store.Page{Limit: againPage})
	if err != nil {
		return nil, err
	}
	run := again{s: s, force: in.Force}
	return run.many(list.Total, in.DryRun, func() error { return run.replayAll(ctx, st, f, list) })
}

func (a *again) replayAll(ctx context.Context, st *store.Store, f store.DeliveryFilter, list store.List[store.DeliveryRecord]) error {
	for {
		for i := range list.Items {
			if err := a.skipped(a.replay(st, list.Items[i].Delivery.Seq)); err != nil {
				return err
			}
		}
		if list.Next == 0 {
			return nil
		}
		var err error
		if list, err = st.Deliveries(ctx, f, store.Page{Limit: againPage, After: list.Next}); err != nil {
			return err
		}
	}
}
