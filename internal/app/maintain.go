package app

import (
	"context"
	"fmt"
	"time"

	"pulse"
)

const (
	expireEvery = time.Hour
	expireFirst = time.Minute // after the start, which has enough to do
	lookEvery   = 10 * time.Second
)

// startMaintenance lets the bodies of old deliveries expire and watches the disk.
func (a *App) startMaintenance(context.Context) error {
	disk := &outage{log: a.log, now: a.now, what: "Disk is low, deliveries are refused"}
	failing := &outage{log: a.log, now: a.now, what: "Old deliveries cannot be expired"}
	a.maintain.start(func(ctx context.Context) error {
		look, expire := time.NewTicker(lookEvery), time.NewTimer(expireFirst)
		defer look.Stop()
		defer expire.Stop()
		a.lookAtDisk(disk)
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-look.C:
				a.lookAtDisk(disk)
			case <-expire.C:
				a.expire(ctx, failing)
				expire.Reset(expireEvery)
			}
		}
	})
	return nil
}

func (a *App) lookAtDisk(disk *outage) {
	free, err := a.pool.Store.FreeDisk()
	switch {
	case err != nil:
		disk.note("error", err)
	case free < int64(a.cfg.MinFree):
		disk.note("free", Bytes(free).Rounded(), "min_free", a.cfg.MinFree.String())
	default:
		disk.over()
	}
}

// checkDisk refuses to keep more while too little is free. A disk that cannot be looked at
// passes: the store will say what is wrong with it.
func (a *App) checkDisk() error {
	free, err := a.pool.Store.FreeDisk()
	if err != nil || free >= int64(a.cfg.MinFree) {
		return nil
	}
	return fmt.Errorf("%w: %s is free in %s, below --min-free %s", pulse.ErrDiskFull, Bytes(free).Rounded(), a.cfg.DataDir(), a.cfg.MinFree)
}

// expire passes all deliveries that are older than they are kept.
func (a *App) expire(ctx context.Context, failing *outage) {
	before := a.now().Add(-a.cfg.KeepDeliveries)
	for total := 0; ctx.Err() == nil; {
		passed, err := a.pool.Store.Expire(ctx, before)
		if err != nil {
			failing.note("error", err)
			return
		}
		if total += passed; passed == 0 {
			failing.over()
			if total > 0 {
				a.log.Info("Old deliveries expired", "deliveries", total, "before", before.UTC().Format(time.RFC3339))
			}
			return
		}
	}
}
