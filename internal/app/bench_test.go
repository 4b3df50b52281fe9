package app

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writePages writes n pages of about 2 KB of words as JSON Lines.
func writePages(b *testing.B, path string, n int) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	rng := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for i := range n {
		text.Reset()
		fmt.Fprintf(&text, "# Page %d\\n\\n", i)
		for text.Len() < 2000 {
			// Word frequencies fall off as in prose.
			fmt.Fprintf(&text, "w%d ", int(20000*rng.Float64()*rng.Float64()*rng.Float64()))
			if rng.IntN(60) == 0 {
				text.WriteString("\\n\\n")
			}
		}
		fmt.Fprintf(w, `{"url":"https://example.com/%d","markdown":"%s"}`+"\n", i, text.String())
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkImport measures pages from a file to searchable, the start of the app
// left out.
func BenchmarkImport(b *testing.B) {
	path := filepath.Join(b.TempDir(), "pages.jsonl")
	writePages(b, path, b.N)
	cfg, err := LoadConfig([]string{"--data", b.TempDir(), "--listen", "127.0.0.1:0", "--min-free", "0"}, nil, "")
	if err != nil {
		b.Fatal(err)
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	a, err := Start(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Stop()
	if err := a.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	i := NewImport(ImportOptions{Paths: []string{path}})
	if err := i.Into(b.Context(), a); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if r := i.Report(); r.Indexed != int64(b.N) {
		b.Fatalf("%+v", r)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}
