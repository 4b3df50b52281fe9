package local

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/index"
)

var update = flag.Bool("update", false, "write testdata's folder of the present version")

func someRows() []tableRow {
	return []tableRow{
		{id: 1, seq: 9},
		{id: 2, seq: 10, collection: "default", document: &document{id: 2, seq: 10, received: time.Time{}.UTC(), chunks: []pulse.Chunk{}}},
		{id: 300, seq: 1 << 40, collection: "c", document: &document{
			dimension: 384, id: 300, seq: 1 << 40, key: "https://example.com/ä", language: "de-AT", country: "AT", isMobile: true, contentHash: "h",
			metadata: pack(pulse.Metadata{"a": []any{"x", 1.5, true, nil, []any{"y"}}}), vectorWeight: 0.5,
			received: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
			chunks: []pulse.Chunk{
				{Start: 3, End: 9, Tokens: 4, Hash: 1<<64 - 1, Headings: []string{"one", ""}},
				{Ordinal: 1, Start: 7, End: 12, Headings: []string{"one", ""}},
				{Ordinal: 2, Start: 12, End: 12},
				{Ordinal: 3, Start: 12, End: 1 << 24, Headings: []string{"three"}},
			},
		}},
	}
}

func rowsFile(t testing.TB, rows []tableRow) []byte {
	t.Helper()
	var out bytes.Buffer
	n, err := writeRows(&out, len(rows), func(i int) []byte { return rows[i].append(nil) })
	if err != nil || n != int64(out.Len()) {
		t.Fatal(n, err)
	}
	return out.Bytes()
}

func TestRowsComeBack(t *testing.T) {
	path, want := filepath.Join(t.TempDir(), "rows"), someRows()
	if err := os.WriteFile(path, rowsFile(t, want), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []tableRow
	if _, _, err := eachRow(path, func(row []byte) error {
		id, seq, gone, err := parseState(row)
		if err != nil {
			return err
		}
		parsed, err := parseRow(row)
		if parsed.id != id || parsed.seq != seq || (parsed.document == nil) != gone {
			t.Errorf("state of document %d at %d, gone %v, of %+v", id, seq, gone, parsed)
		}
		got = append(got, parsed)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(tableRow{}, document{})); diff != "" {
		t.Errorf("rows (-written +read):\n%s", diff)
	}
}

func TestPackedMetadata(t *testing.T) {
	m := pulse.Metadata{"s": "text", "n": -0.25, "t": true, "f": false, "list": []any{"a", 2.0}, "strings": []string{"b"}, "nothing": nil}
	p := pack(m)
	want := map[string]any{"s": "text", "n": -0.25, "t": true, "f": false, "list": []any{"a", 2.0}, "strings": []any{"b"}, "nothing": nil, "absent": nil}
	for name, value := range want {
		got, ok := p.value(name)
		if diff := cmp.Diff(value, got); diff != "" || ok != (value != nil) {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}

func FuzzParseRow(f *testing.F) {
	for _, row := range someRows() {
		f.Add(row.append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		row, err := parseRow(data)
		if err != nil {
			return
		}
		again, err := parseRow(row.append(nil))
		if diff := cmp.Diff(row, again, cmp.AllowUnexported(tableRow{}, document{})); diff != "" || err != nil {
			t.Errorf("%v (-first +second):\n%s", err, diff)
		}
		if row.document != nil {
			row.document.metadata.value("none")
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"position":{"Store":"s","History":"h","Seq":3},"files":[{"name":"00000001.terms"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseManifest(append(headOf(body), body...))
		if err != nil {
			return
		}
		again, err := parseManifest(m.encode())
		if diff := cmp.Diff(m, again); diff != "" || err != nil {
			t.Errorf("%v (-first +second):\n%s", err, diff)
		}
	})
}

// TestFormatVersions reads the folders of all versions in testdata.
func TestFormatVersions(t *testing.T) {
	commits := []pulse.Commit{
		page(1, "red and blue", func(c *pulse.Commit) { c.Vectors = []pulse.Vector{{1, 2, 3}} }),
		page(2, "red alone", func(c *pulse.Commit) {
			c.Document.Metadata, c.Document.Collection = pulse.Metadata{"n": 1.0}, "other"
		}),
	}
	position := index.Position{Store: "s", History: "h", Seq: 2}
	if *update {
		writeVersion(t, commits, position)
	}
	folders, err := filepath.Glob("testdata/v*")
	if err != nil || len(folders) != manifestVersion {
		t.Fatalf("%d folders of %d versions: %v", len(folders), manifestVersion, err)
	}
	want := filled(t, Options{}, commits...)
	for _, folder := range folders {
		x, err := Open(folder, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Load(t.Context()); err != nil || x.Position() != position || len(x.Lost()) > 0 {
			t.Fatalf("%s: %v, at %+v, lost %v", folder, err, x.Position(), x.Lost())
		}
		for _, request := range []index.Request{
			{Text: "red"}, {Vector: pulse.Vector{3, 2, 1}},
			{Text: "red", Collection: "other", Filter: pulse.Filter{Metadata: map[string]string{"n": "1"}}},
		} {
			if diff := cmp.Diff(retrieve(t, want, request), retrieve(t, x, request)); diff != "" {
				t.Errorf("%s: %+v (-want +got):\n%s", folder, request, diff)
			}
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
}

func writeVersion(t *testing.T, commits []pulse.Commit, position index.Position) {
	folder := fmt.Sprintf("testdata/v%d", manifestVersion)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	x, err := Open(folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Apply(t.Context(), commits, position); err != nil {
		t.Fatal(err)
	}
	if err := x.end(); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOtherEditionIsNotUsed: files that were made by other analysis, titles or composition
// hold other terms than are looked for.
func TestOtherEditionIsNotUsed(t *testing.T) {
	dir := directory(t.TempDir())
	s := tell(storySeed(t), dir)
	for range 30 {
		s.add()
	}
	catchUp(t, s.x, s.log)
	if err := s.x.end(); err != nil {
		t.Fatal(err)
	}
	if err := s.x.Close(); err != nil {
		t.Fatal(err)
	}
	o := smallFlushes
	o.Edition = "another"
	x := open(dir, o)
	if err := x.Load(t.Context()); err != nil || x.Position() != (index.Position{}) || x.Size().Documents > 0 {
		t.Fatalf("%v, at %+v, %+v", err, x.Position(), x.Size())
	}
	catchUp(t, x, s.log)
	if err := x.end(); err != nil {
		t.Fatal(err)
	}
	onlyNamed(t, x)
	s.compare(t, "another edition", x, len(s.adds))
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

func TestUnknownVersions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	dir := directory(t.TempDir())
	for name, data := range map[string][]byte{
		"version": (&manifest{Version: manifestVersion + 1}).encode(),
		"garbage": randomBytes(r), "empty": nil, "no JSON": append(headOf([]byte("x")), 'x'),
	} {
		if err := os.WriteFile(dir.path(manifestName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		x := open(dir, Options{})
		if err := x.Load(t.Context()); err != nil || x.Position() != (index.Position{}) {
			t.Errorf("%s: %v, at %+v", name, err, x.Position())
		}
	}
}

func randomBytes(r *rand.Rand) []byte {
	data := make([]byte, 100)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}
