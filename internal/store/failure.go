package store

import (
	"context"
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"pulse"
)

// code is SQLite's extended result code of err, 0 when it is not SQLite's.
func code(err error) int {
	var e interface{ Code() int } // *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// stops says whether a statement's failure leaves its transaction in doubt: after
// these SQLite may have rolled it back on its own, and what follows on the same
// connection would run in autocommit. (sqlite.org/lang_transaction.html §3)
func stops(err error) bool {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CORRUPT,
		sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_MISUSE:
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, errBadConn) || errors.Is(err, errPanic)
}

// fsyncFailed says whether the kernel refused to make written data durable. What
// the file then holds is unknown, and asking again proves nothing (Rebello et
// al., "Can Applications Recover from fsync Failures?", ATC 2020).
func fsyncFailed(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC:
		return true
	}
	return false
}

// explain turns SQLite's failure into the word that callers branch on, keeping
// the original in the chain.
func explain(err error) error {
	switch code(err) & 0xff {
	case 0:
		return err
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", pulse.ErrDiskFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", pulse.ErrDamaged, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		return fmt.Errorf("%w: %w", pulse.ErrUnavailable, err)
	}
	return err
}
