package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// loadIdentity reads the store's and its history's id, giving a new store both.
func (s *Store) loadIdentity(ctx context.Context) error {
	var id Identity
	for name, into := range map[string]*string{"store": &id.Store, "history": &id.History} {
		err := s.read.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = ?`, name).Scan(into)
		if errors.Is(err, sql.ErrNoRows) {
			*into = newID()
			_, err = s.write.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?, ?)`, name, *into)
		}
		if err != nil {
			return fmt.Errorf("read %s id: %w", name, err)
		}
	}
	s.identity.Store(&id)
	return nil
}

// Identity tells followers whose log this is.
func (s *Store) Identity() Identity { return *s.identity.Load() }

// NewHistory marks the log as another one from here on: after a restore, a copy, or
// a switch of layout every follower rebuilds.
func (s *Store) NewHistory(ctx context.Context) error {
	err := s.group.do(ctx, true, 0, s.newHistory)
	if err != nil {
		return fmt.Errorf("begin a new history: %w", err)
	}
	return nil
}

func (s *Store) newHistory(t *tx) error {
	id := Identity{Store: s.Identity().Store, History: newID()}
	t.newHistory = true
	t.onCommit(func() {
		s.applied.restart()
		s.tail.restart(func() { s.identity.Store(&id) })
	})
	if err := t.exec(`DELETE FROM applied`); err != nil {
		return err
	}
	return t.exec(`UPDATE settings SET value = ? WHERE name = 'history'`, id.History)
}
