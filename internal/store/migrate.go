package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"

	"pulse"
)

// applicationID marks the file as Pulse's in SQLite's header ("Puls").
const applicationID = 0x50756c73

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the number of the last migration that this binary has.
func schemaVersion() (int, []string) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is constant
	}
	sort.Strings(names)
	return len(names), names
}

// migrate brings the file to this binary's schema, one transaction a migration.
func migrate(ctx context.Context, db *sql.DB, dir string) error {
	var have, app int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return err
	}
	if have > 0 && app != applicationID {
		return fmt.Errorf("%s is not a store of Pulse: %w", filepath.Join(dir, FileName), pulse.ErrDamaged)
	}
	if have < 0 {
		return fmt.Errorf("%s says that its schema is %d, which Pulse never writes: %w", filepath.Join(dir, FileName), have, pulse.ErrDamaged)
	}
	want, names := schemaVersion()
	if have > want {
		return fmt.Errorf("schema %d was written by a newer Pulse (this one knows up to %d): start that one, or stop Pulse and copy the data folder back from a copy that you made before: %w",
			have, want, pulse.ErrNewerSchema)
	}
	for i := have; i < want; i++ {
		if err := migrateOne(ctx, db, names[i], i+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", i+1, err)
		}
	}
	return nil
}

func migrateOne(ctx context.Context, db *sql.DB, name string, version int) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	script := string(text) + fmt.Sprintf("; PRAGMA user_version = %d; PRAGMA application_id = %d;", version, applicationID)
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return err
	}
	return tx.Commit()
}
