package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"pulse"
)

// A session is the commits that were made between two starts. Who follows the log notes in
// which it was at its last commit: a store that was put back from an older copy, or that a
// copy has parted from, goes on with commits of the same numbers, but in other sessions.
type session struct {
	ID    string          `json:"id"`
	Begin pulse.CommitSeq `json:"begin"` // the head when it began
}

// maxSessions bounds those that are kept. Who was last there before them follows anew.
const maxSessions = 1000

// beginSession begins a session, on disk before any commit of it is, unless the last has
// made no commit.
func (s *Store) beginSession(ctx context.Context, head pulse.CommitSeq) error {
	var kept []byte
	err := s.read.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'sessions'`).Scan(&kept)
	if err == nil {
		err = json.Unmarshal(kept, &s.sessions)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read sessions: %w", err)
	}
	if n := len(s.sessions); n > 0 && s.sessions[n-1].Begin == head {
		return nil
	}
	s.sessions = append(s.sessions, session{newID(), head})
	s.sessions = s.sessions[max(0, len(s.sessions)-maxSessions):]
	kept, err = json.Marshal(s.sessions)
	if err == nil {
		_, err = s.write.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES ('sessions', ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, string(kept))
	}
	if err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	return nil
}

// Session is the one that commits are made in now.
func (s *Store) Session() string { return s.sessions[len(s.sessions)-1].ID }

// Reached says whether the log was at a commit in a session.
func (s *Store) Reached(id string, seq pulse.CommitSeq) bool {
	i := slices.IndexFunc(s.sessions, func(o session) bool { return o.ID == id })
	if i < 0 {
		return false
	}
	if i+1 < len(s.sessions) {
		return seq <= s.sessions[i+1].Begin
	}
	return seq <= s.Head()
}
