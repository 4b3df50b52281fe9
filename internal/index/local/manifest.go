package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cespare/xxhash/v2"

	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
	"pulse/internal/mapped"
)

const (
	manifestName     = "manifest"
	nextManifestName = "manifest.next"
)

// manifestVersion is of the manifest and of what it names as a whole. Its history:
//
//	1: the first.
//
// A manifest is a line of "pulse-index" and the xxhash64 of what follows, by hexadecimal
// digits, and the manifest as JSON. It takes the place of the one before by a rename. What
// the folder holds and it does not name is of no use.
const manifestVersion = 1

// manifest says what an index is made of.
type manifest struct {
	Version  int            `json:"version"`
	Edition  string         `json:"edition"` // of what made the files: see Index.edition
	Position index.Position `json:"position"`
	Files    []entry        `json:"files"`
}

// entry names one file.
type entry struct {
	Name       string `json:"name"`
	Collection string `json:"collection,omitempty"` // of terms and vectors
	Dimension  int    `json:"dimension,omitempty"`  // of vectors
}

func (m *manifest) encode() []byte {
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		panic(err) // it is of strings and numbers
	}
	return append(headOf(body), body...)
}

func headOf(body []byte) []byte { return fmt.Appendf(nil, "pulse-index %016x\n", xxhash.Sum64(body)) }

func parseManifest(data []byte) (*manifest, error) {
	_, body, _ := bytes.Cut(data, []byte("\n"))
	if !bytes.HasPrefix(data, headOf(body)) {
		return nil, fmt.Errorf("checksum: %w", mapped.ErrDamaged)
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", err, mapped.ErrDamaged)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("version %d, this program knows %d: %w", m.Version, manifestVersion, mapped.ErrVersion)
	}
	for _, e := range m.Files {
		if _, ok := numberOf(e.Name); !ok || (e.kind() == vectorsKind) != (e.Dimension > 0) || (e.kind() == documentsKind) != (e.Collection == "") {
			return nil, fmt.Errorf("file %q of %q and %d numbers: %w", e.Name, e.Collection, e.Dimension, mapped.ErrDamaged)
		}
	}
	return &m, nil
}

// readManifest returns nil where there is none.
func (d *disk) readManifest() (*manifest, error) {
	if err := d.regular(manifestName); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(d.path(manifestName))
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.path(manifestName), err)
	}
	return m, nil
}

// writeManifest makes the manifest the one that a start reads. All that it names must have
// been written.
func (d *disk) writeManifest(data []byte) error {
	if err := d.write(nextManifestName, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}); err != nil {
		return err
	}
	if err := d.folder.sync(); err != nil { // names of new files, before the one that names them
		return fmt.Errorf("sync %s: %w", d.path(""), err)
	}
	if err := d.rename(nextManifestName, manifestName); err != nil {
		return fmt.Errorf("write %s: %w", d.path(manifestName), err)
	}
	if err := d.folder.sync(); err != nil {
		return fmt.Errorf("sync %s: %w", d.path(""), err)
	}
	return nil
}

// writeManifest names the files that there are now, if they were not named already. Only
// who maintains calls it.
func (x *Index) writeManifest() error {
	x.mu.RLock()
	m := manifest{Version: manifestVersion, Edition: x.edition(), Position: x.data.stored}
	for _, s := range x.data.files {
		m.Files = append(m.Files, s.entry)
	}
	x.mu.RUnlock()
	data := m.encode()
	if bytes.Equal(data, x.manifest) {
		return nil
	}
	if err := x.disk.writeManifest(data); err != nil {
		return err
	}
	x.manifest = data
	return nil
}

// edition names all that the files depend on besides the documents: files of another one
// are not used.
func (x *Index) edition() string {
	return fmt.Sprintf("terms %d, titles %t, metric %d, %s", keyword.Analysis, x.options.TitleWeight > 0, x.options.Metric, x.options.Edition)
}

// stored is a file that the manifest names, or will.
type stored struct {
	entry
	bytes   int64         // of documents: its size
	rows    int           // of documents
	stuck   bool          // it could not be removed, and that was said
	terms   *keyword.File // of its kind, as vectors; else nil
	vectors *vector.File
}
