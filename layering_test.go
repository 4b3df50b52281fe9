package pulse_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows says which packages of the module a package may import, beside the words at
// the root, which are open to all. Patterns are path.Match's; "…/..." also takes what
// lies below. What is not listed may import nothing of the module. Test files are
// free, since they stand parts up side by side; only app and cmd stay out of reach
// for all but e2e.
var arrows = []struct {
	from string
	to   []string
}{
	{".", nil},
	{"cmd/pulse", []string{"internal/app", "internal/client", "internal/bench/...", "internal/eval", "internal/token/...", "internal/chunk", "internal/source/file", "internal/jsonscan"}},
	{"internal/app", []string{"internal/..."}},
	{"internal/httpapi/...", []string{"internal/source/*", "internal/store", "internal/queue", "internal/search", "internal/pagekey", "internal/jsonscan"}},
	{"internal/source/*", []string{"internal/pagekey", "internal/jsonscan"}},
	{"internal/store", []string{"internal/half"}},
	{"internal/index/keyword", []string{"internal/mapped"}},
	{"internal/index/vector", []string{"internal/half", "internal/mapped"}},
	{"internal/queue/...", []string{"internal/store"}},
	{"internal/notify", []string{"internal/store"}},
	{"internal/ingest", []string{"internal/store", "internal/queue", "internal/clean", "internal/chunk", "internal/embed", "internal/source/*", "internal/pagekey"}},
	{"internal/search", []string{"internal/store", "internal/index", "internal/index/keyword", "internal/embed"}},
	{"internal/index", []string{"internal/store", "internal/index/*"}},
	{"internal/index/local", []string{"internal/index", "internal/index/keyword", "internal/index/vector", "internal/mapped"}},
	{"internal/index/qdrant", []string{"internal/index", "internal/index/keyword", "internal/index/vector"}},
	{"internal/index/indextest", []string{"internal/index", "internal/store"}},
	{"internal/token", []string{"internal/jsonscan", "internal/mapped"}},
	{"internal/token/builtin", []string{"internal/token"}},
	{"internal/chunk", []string{"internal/token"}},
	{"internal/embed/*", []string{"internal/embed", "internal/token/..."}},
	{"internal/bench", []string{"internal/client", "internal/bench/sample", "internal/embed"}},
	{"tools/token/*", []string{"internal/token", "internal/token/tokentest"}},
	{"tools/chunk/rate", []string{"internal/chunk", "internal/token"}},
}

// standardLibraryOnly are packages that import nothing from outside.
var standardLibraryOnly = []string{".", "internal/jsonscan", "internal/client", "internal/bench/sample"}

// module is the first line of go.mod, without its keyword.
const module = "pulse"

// allowed says what is wrong with a file of package from importing a path, or "".
func allowed(from, file, imported string) string {
	own, inModule := within(imported)
	if !inModule {
		if slices.Contains(standardLibraryOnly, from) && !strings.HasSuffix(file, "_test.go") && strings.Contains(imported, ".") {
			return "imports the standard library only"
		}
		return ""
	}
	if from == "e2e" {
		if strings.HasSuffix(file, "_test.go") {
			return ""
		}
		return "e2e holds tests only"
	}
	if own == "." || own == from {
		return ""
	}
	if strings.HasSuffix(file, "_test.go") {
		if own == "internal/app" && from != "cmd/pulse" || strings.HasPrefix(own, "cmd/") || own == "e2e" {
			return "points up, from a test"
		}
		return ""
	}
	for _, a := range arrows {
		if matches(a.from, from) && slices.ContainsFunc(a.to, func(p string) bool { return matches(p, own) }) {
			return ""
		}
	}
	return "is not an arrow of the table"
}

// within is the path of an import inside the module; "." is the root.
func within(imported string) (string, bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func matches(pattern, dir string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == below || strings.HasPrefix(dir, below+"/")
	}
	ok, err := path.Match(pattern, dir)
	return ok && err == nil
}

// goFiles are the Go files of the module by folder, whatever their build tags.
func goFiles(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(p, ".go") {
			dir := filepath.ToSlash(filepath.Dir(p))
			files[dir] = append(files[dir], p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// imports are the paths that a file imports.
func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatalf("parse %s: %v", file, err)
	}
	var paths []string
	for _, s := range f.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			t.Fatalf("%s imports %s: %v", file, s.Path.Value, err)
		}
		paths = append(paths, p)
	}
	return paths
}

func TestLayering(t *testing.T) {
	line, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(line), "module "+module+"\n") {
		t.Fatalf("go.mod does not begin with module %s", module)
	}
	for dir, files := range goFiles(t) {
		for _, file := range files {
			for _, imported := range imports(t, file) {
				if why := allowed(dir, file, imported); why != "" {
					t.Errorf("%s imports %s: %s %s", file, imported, dir, why)
				}
			}
		}
	}
}

// TestLayeringSeesForbiddenArrows guards the guard.
func TestLayeringSeesForbiddenArrows(t *testing.T) {
	f := func(from, file, imported string, ok bool) {
		t.Helper()
		why := allowed(from, from+"/"+file, imported)
		if got := why == ""; got != ok {
			t.Errorf("%s/%s imports %s: allowed %v (%s), want %v", from, file, imported, got, why, ok)
		}
	}
	f("internal/store", "x.go", "pulse", true)
	f("internal/store", "x.go", "modernc.org/sqlite", true)
	f("internal/store", "x.go", "pulse/internal/queue", false)
	f("internal/store", "x.go", "pulse/internal/pagekey", false)
	f("internal/store", "x_test.go", "pulse/internal/store/faultfs", true)
	f("internal/store", "x_test.go", "pulse/internal/app", false)
	f("internal/ingest", "x.go", "pulse/internal/source/firecrawl", true)
	f("internal/ingest", "x.go", "pulse/internal/index", false)
	f("internal/index/keyword", "x.go", "pulse/internal/store", false)
	f("internal/index", "x.go", "pulse/internal/index/local", true)
	f("internal/source/file", "x.go", "pulse/internal/source/firecrawl", false)
	f("internal/bench", "x.go", "pulse/internal/app", false)
	f("internal/bench", "x.go", "pulse/internal/store", false)
	f("internal/unheard", "x.go", "pulse/internal/store", false)
	f("cmd/pulse", "x.go", "pulse/internal/app", true)
	f("cmd/pulse", "x.go", "pulse/internal/store", false)
	f("internal/app", "x.go", "pulse/cmd/pulse", false)
	f(".", "x.go", "net/http", true)
	f(".", "x.go", "github.com/cespare/xxhash/v2", false)
	f(".", "x_test.go", "github.com/google/go-cmp/cmp", true)
	f("e2e", "x_test.go", "pulse/internal/app", true)
	f("e2e", "x.go", "pulse/internal/store", false)
	f("tools/sample", "x.go", "pulse/internal/store", false)
}

// TestLayeringReadsImports makes a file with a forbidden arrow and sees that it is read.
func TestLayeringReadsImports(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wrong.go")
	source := fmt.Sprintf("//go:build never\n\npackage store\n\nimport q %q\n\nvar _ = q.New\n", module+"/internal/queue")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	got := imports(t, file)
	if want := []string{module + "/internal/queue"}; !slices.Equal(got, want) {
		t.Fatalf("imports %q, want %q", got, want)
	}
	if why := allowed("internal/store", file, got[0]); why == "" {
		t.Error("a forbidden arrow passed")
	}
}
