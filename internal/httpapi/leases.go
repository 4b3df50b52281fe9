package httpapi

import (
	"context"
	"errors"
	"slices"

	"pulse"
	"pulse/internal/store"
)

// leases are the jobs that run, the newest first: the queue alone knows them, the
// store has them as available. They are read before the store, so that a job which
// ends meanwhile is shown as ended.
type leases []pulse.JobID

func (s *server) leases() leases { return s.deps.Queue.LeasedIDs() }

// mark gives a job that runs its state, and says whether it does.
func (l leases) mark(j *pulse.Job) bool {
	if j.State != pulse.JobAvailable || !slices.Contains(l, j.ID) {
		return false
	}
	j.State = pulse.JobLeased
	return true
}

// listJobs is the store's list with the state that jobs which run have.
func (s *server) listJobs(ctx context.Context, st *store.Store, f store.JobFilter, p store.Page) (store.List[pulse.Job], error) {
	leased := s.leases()
	if f.State == pulse.JobLeased {
		run, err := leased.matching(ctx, st, f)
		return pageOf(run, p), err
	}
	list, err := st.Jobs(ctx, f, p)
	if err != nil {
		return list, err
	}
	for i := range list.Items {
		leased.mark(&list.Items[i])
	}
	if f.State == pulse.JobAvailable {
		err = leased.leaveOut(ctx, st, f, &list)
	}
	return list, err
}

// leaveOut takes the jobs that run out of a list of available ones. Such a page may
// have fewer lines than were asked for; the list goes on where the store's does.
func (l leases) leaveOut(ctx context.Context, st *store.Store, f store.JobFilter, list *store.List[pulse.Job]) error {
	run, err := l.matching(ctx, st, f)
	if err != nil {
		return err
	}
	list.Items = slices.DeleteFunc(list.Items, func(j pulse.Job) bool { return j.State == pulse.JobLeased })
	list.Total = max(int64(len(list.Items)), list.Total-int64(len(run)))
	return nil
}

// matching reads the jobs that run and match the filter, whatever state it names.
func (l leases) matching(ctx context.Context, st *store.Store, f store.JobFilter) ([]pulse.Job, error) {
	var run []pulse.Job
	for _, id := range l {
		j, err := st.Job(ctx, id)
		if errors.Is(err, pulse.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if l.mark(j) && matches(j, &f) {
			run = append(run, *j)
		}
	}
	return run, nil
}

// matches chooses as the store's lists do, but for the state.
func matches(j *pulse.Job, f *store.JobFilter) bool {
	fits := func(want, have string) bool { return want == "" || want == have }
	return fits(string(f.Outcome), string(j.Outcome)) && fits(f.Source, j.Source) && fits(f.Crawl, j.Crawl) &&
		fits(f.Collection, j.Collection) && fits(f.Key, j.Key) &&
		(f.Delivery == 0 || f.Delivery == j.Delivery) && !j.AcceptedAt.Before(f.Since)
}

// pageOf is a page of jobs that are all here, newest first, as the store's lists page.
func pageOf(all []pulse.Job, p store.Page) store.List[pulse.Job] {
	list := store.List[pulse.Job]{Total: int64(len(all))}
	for i := range all {
		if p.After != 0 && int64(all[i].ID) >= p.After {
			continue
		}
		list.Items = append(list.Items, all[i])
		if len(list.Items) == p.Limit {
			list.Next = int64(all[i].ID)
			break
		}
	}
	return list
}
