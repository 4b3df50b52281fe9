package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pulse"
	"pulse/internal/store"
)

// Finding is what one of the doctor's looks found.
type Finding struct {
	Level string `json:"level"` // ok, warn or fail
	Name  string `json:"name"`
	Found string `json:"found"`
	Next  string `json:"next,omitempty"` // what to do
}

// The levels of findings.
const (
	LevelOK   = "ok"
	LevelWarn = "warn"
	LevelFail = "fail"
)

// doctor gathers findings.
type doctor struct {
	cfg      *Config
	dir      string
	findings []Finding
	answers  bool // a server answers at the address
}

func (d *doctor) add(level, name, found, next string) {
	d.findings = append(d.findings, Finding{level, name, found, next})
}

// Doctor looks at the configuration, the data folder and the server, and says what
// to do about what it finds. It changes nothing but for a small file that it removes.
func Doctor(ctx context.Context, cfg *Config) []Finding {
	d := &doctor{cfg: cfg}
	v := BuildVersion()
	d.add(LevelOK, "version", fmt.Sprintf("%s, %s, %s", v.Version, v.Go, v.Platform), "")
	d.config()
	d.tokenizer()
	d.embedders(ctx)
	if dir, err := cfg.storeDir(); err == nil {
		d.dir = dir
		d.server(ctx)
		d.folder()
		d.store(ctx)
	}
	return d.findings
}

func (d *doctor) config() {
	if err := d.cfg.Check(); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			d.add(LevelFail, "options", line, "see pulse serve --print-config")
		}
	} else {
		d.add(LevelOK, "options", "can be run", "")
	}
	d.secret("API key", d.cfg.APIKey == "", "PULSE_API_KEY")
	d.secret("webhook secret", d.cfg.unsignedFirecrawl(), "PULSE_FIRECRAWL_SECRET")
	for _, name := range d.cfg.warnings {
		d.add(LevelWarn, "variable", name+" does nothing in this release", "remove it")
	}
}

func (d *doctor) secret(name string, missing bool, variable string) {
	if missing {
		d.add(LevelWarn, name, "not set: open to programs of this machine", "set "+variable+"=$(openssl rand -hex 32)")
		return
	}
	d.add(LevelOK, name, "set", "")
}

// server asks the address: a Pulse, something else, or nothing.
func (d *doctor) server(ctx context.Context) {
	c, err := dial(ctx, d.cfg)
	if err == nil {
		defer c.Close()
		d.answers = true
		ready, err := c.Ready(ctx, false)
		switch {
		case err != nil:
			d.add(LevelFail, "server", fmt.Sprintf("answers at %s: %v", d.cfg.shownURL(), err), "look at its log")
		case !ready.Ready:
			d.add(LevelWarn, "server", "search is not warm: "+strings.Join(ready.Reasons, "; "), "wait, or look at its log")
		default:
			d.add(LevelOK, "server", "ready at "+d.cfg.shownURL(), "")
		}
		return
	}
	if d.cfg.Server != "" {
		d.add(LevelFail, "server", err.Error(), "start it, or correct --server")
		return
	}
	l, err := net.Listen("tcp", d.cfg.Listen)
	if err != nil {
		d.add(LevelFail, "address", err.Error(), "stop what listens there, or choose another --listen")
		return
	}
	l.Close()
	d.add(LevelOK, "address", d.cfg.Listen+" is free, no server runs", "")
}

// slowFsync is where waiting for the disk begins to be felt by senders.
const slowFsync = 20 * time.Millisecond

func (d *doctor) folder() {
	info, err := os.Stat(d.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.add(LevelWarn, "data folder", d.dir+" is not there", "it is made by the first pulse serve or pulse ingest")
		return
	case err != nil:
		d.add(LevelFail, "data folder", err.Error(), "correct --data or its permissions")
		return
	case !info.IsDir():
		d.add(LevelFail, "data folder", d.dir+" is a file", "correct --data")
		return
	}
	d.disk()
	median, err := fsyncTime(d.dir)
	switch {
	case err != nil:
		d.add(LevelFail, "data folder", "cannot be written to: "+err.Error(), writeAdvice(err, "give it to the user that runs pulse, or mount it for writing"))
		return
	case median > slowFsync:
		d.add(LevelWarn, "fsync", fmt.Sprintf("%v in the middle of 50", median.Round(10*time.Microsecond)), "put --data on a faster or local disk: each delivery waits for one")
	default:
		d.add(LevelOK, "fsync", fmt.Sprintf("%v in the middle of 50", median.Round(10*time.Microsecond)), "")
	}
	d.add(LevelOK, "data folder", d.dir+" can be written to", "")
}

func (d *doctor) disk() {
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		d.add(LevelFail, "disk", err.Error(), "look at the disk")
		return
	}
	free := Bytes(st.Bavail) * Bytes(st.Bsize)
	found := free.Rounded() + " free"
	switch {
	case free < d.cfg.MinFree:
		d.add(LevelFail, "disk", found+", below --min-free "+d.cfg.MinFree.String()+": deliveries are refused", "free some space, or lower --min-free")
	case free < 4*d.cfg.MinFree:
		d.add(LevelWarn, "disk", found, "deliveries are refused below "+d.cfg.MinFree.String())
	default:
		d.add(LevelOK, "disk", found, "")
	}
}

// fromCopy is the way on from a store that is damaged. There is no command for it.
const fromCopy = "stop pulse, move the data folder aside, and copy it back from a copy of your own; " +
	"without one, start on an empty folder and have the pages sent again"

// writeAdvice says what to do about a write that failed: a disk that is full is no matter
// of permissions.
func writeAdvice(err error, other string) string {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, pulse.ErrDiskFull):
		return "free some space on its disk"
	case errors.Is(err, unix.EDQUOT):
		return "free some space, or have the user's quota raised"
	}
	return other
}

// fsyncTime is the median of 50 small writes that are made durable.
func fsyncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "pulse-doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	times := make([]time.Duration, 50)
	page := make([]byte, 4096)
	for i := range times {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// store opens the store if nobody holds it, and lets SQLite check its file.
func (d *doctor) store(ctx context.Context) {
	path := filepath.Join(d.dir, store.FileName)
	if _, err := os.Stat(path); err != nil {
		return
	}
	st, err := store.Open(ctx, store.Options{Dir: d.dir})
	switch {
	case errors.Is(err, pulse.ErrLocked) && d.answers:
		d.add(LevelOK, "store", "held by the server that answers; stop it to have the file checked", "")
		return
	case errors.Is(err, pulse.ErrLocked):
		d.add(LevelWarn, "store", err.Error(), "no server answers at "+d.cfg.shownURL()+": name its address with --server")
		return
	case errors.Is(err, pulse.ErrDamaged):
		d.add(LevelFail, "store", err.Error(), fromCopy)
		return
	case errors.Is(err, pulse.ErrNewerSchema):
		d.add(LevelFail, "store", err.Error(), "run the newer pulse")
		return
	case err != nil:
		d.add(LevelFail, "store", err.Error(), writeAdvice(err, "look at the folder's permissions and disk"))
		return
	}
	defer st.Close()
	d.contents(ctx, st)
	if err := st.Check(ctx); err != nil {
		d.add(LevelFail, "store file", err.Error(), fromCopy)
		return
	}
	d.documents(ctx, st)
}

// documents reads every page: the file can be sound while what is in it is not.
func (d *doctor) documents(ctx context.Context, st *store.Store) {
	const shown = 5
	damaged, err := st.Damaged(ctx, shown+1)
	switch {
	case err != nil:
		d.add(LevelFail, "store file", err.Error(), "keep the file, and put back a copy of the folder")
	case len(damaged) > shown:
		d.add(LevelFail, "pages", "many are damaged: "+strings.Join(damaged[:shown], ", ")+", …", "delete them (pulse documents delete URL) and send them again")
	case len(damaged) > 0:
		d.add(LevelFail, "pages", "damaged: "+strings.Join(damaged, ", "), "delete them (pulse documents delete URL) and send them again")
	default:
		d.add(LevelOK, "store file", "it is sound, and every page in it can be read", "")
	}
}

func (d *doctor) contents(ctx context.Context, st *store.Store) {
	stats, err := st.Stats(ctx)
	if err != nil {
		d.add(LevelFail, "store", err.Error(), "look at the disk")
		return
	}
	d.add(LevelOK, "store", fmt.Sprintf("%d documents, %d jobs wait", stats.Documents, stats.Jobs.Available), "")
	if stats.Jobs.Dead > 0 {
		d.add(LevelWarn, "dead jobs", fmt.Sprint(stats.Jobs.Dead), "see pulse jobs --state dead, then pulse jobs retry --all")
	}
	_, have, err := st.ActiveLayout(ctx, pulse.DefaultCollection)
	if err == nil && have != (store.LayoutSpec{}) {
		d.settings(have)
	}
}

// settings compares with those that the data was cut and embedded by.
func (d *doctor) settings(have store.LayoutSpec) {
	c := d.cfg.forData(have)
	t, err := c.tokenizer()
	if err != nil {
		return // said already
	}
	want := settled(c.layoutSpec(t), have)
	switch {
	case have != want:
		d.add(LevelFail, "settings", "the store was filled with others: "+layoutDifferences(have, want), c.wayOn(have, want))
	case c != d.cfg:
		d.add(LevelWarn, "vectors", "the pages have none, and are found by keyword alone", "run pulse reembed --embedder builtin; --embedder none says that this is meant")
	}
}
