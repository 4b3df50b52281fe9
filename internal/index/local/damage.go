package local

import (
	"context"
	"errors"
	"maps"
	"slices"

	"pulse"
	"pulse/internal/mapped"
)

// letGo takes files out that have proved damaged: what they held is lost, and comes from
// the log again. found is false when there were none.
func (x *Index) letGo() (found bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	kept := make([]*stored, 0, len(x.data.files))
	for _, s := range x.data.files {
		err := s.damage()
		if err == nil {
			kept = append(kept, s)
			continue
		}
		found = true
		documents := x.data.detach(s)
		x.retired = append(x.retired, s)
		x.options.Log.Warn("A file of the index is damaged; what it held is read from the store",
			"file", s.Name, "documents", documents, "error", err)
	}
	x.data.files = kept
	if found {
		x.tellLost()
		x.wake()
	}
	return found
}

func (s *stored) damage() error {
	switch {
	case s.terms != nil:
		return s.terms.Damage()
	case s.vectors != nil:
		return s.vectors.Damage()
	}
	return nil
}

// detach takes a file out of its index and says how many documents are lost by it.
func (d *data) detach(s *stored) (documents int) {
	c := d.collections[s.Collection]
	var numbers []uint32
	if s.terms != nil {
		numbers = c.keyword.Detach(s.terms)
	} else if v := c.vectors[s.Dimension]; v != nil && slices.Contains(v.Files(), s.vectors) {
		numbers = v.Detach(s.vectors)
	}
	for _, number := range numbers {
		d.lost[c.documents[number].seq] = true
	}
	return len(numbers)
}

// tellLost wakes the follower.
func (x *Index) tellLost() {
	select {
	case x.losses <- struct{}{}:
	default:
	}
}

// Losses implements index.Repairer.
func (x *Index) Losses() <-chan struct{} { return x.losses }

// Lost implements index.Repairer.
func (x *Index) Lost() []pulse.CommitSeq {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Sorted(maps.Keys(x.data.lost))
}

// Restore implements index.Repairer.
func (x *Index) Restore(ctx context.Context, lost []pulse.CommitSeq, commits []pulse.Commit) error {
	x.applying.Lock()
	defer x.applying.Unlock()
	if err := x.applyAll(ctx, commits); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, seq := range lost {
		delete(x.data.lost, seq)
	}
	return nil
}

// whole does what reads files, again after letting go of those that prove damaged by it.
func (x *Index) whole(read func() error) error {
	for {
		err := read()
		if err == nil || !errors.Is(err, mapped.ErrDamaged) || !x.letGo() {
			return err
		}
	}
}
