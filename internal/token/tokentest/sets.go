// Package tokentest holds the texts that tokenizers are compared with the reference on:
// real pages, torture files and judged collections of the shared data, and generated
// adversarial texts that need no file.
package tokentest

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
)

// Set is a named list of texts, always in the same order. Texts may be invalid UTF-8.
type Set struct {
	Name  string
	Texts iter.Seq[string]
}

// Generated is the set of adversarial texts; it is the same on every machine.
func Generated() Set { return Set{"generated", slices.Values(generated())} }

// generated are made once: many tests want them.
var generated = sync.OnceValue(func() []string { return slices.Collect(generate) })

// Sets lists the sets under a folder laid out as shared/data, or an error when the
// folder lacks them.
func Sets(data string) ([]Set, error) {
	torture, err := filepath.Glob(filepath.Join(data, "torture", "*.txt"))
	if err != nil || len(torture) == 0 {
		return nil, fmt.Errorf("no torture texts in %s (%v)", data, err)
	}
	sets := []Set{{"torture", files(torture)}}
	for _, pattern := range []string{"pages/*.jsonl.gz", "ir/*/*.jsonl"} {
		paths, err := filepath.Glob(filepath.Join(data, filepath.FromSlash(pattern)))
		if err != nil || len(paths) == 0 {
			return nil, fmt.Errorf("no %s in %s (%v)", pattern, data, err)
		}
		sort.Strings(paths)
		for _, path := range paths {
			rel, _ := filepath.Rel(data, path)
			name, _, _ := strings.Cut(filepath.ToSlash(rel), ".jsonl")
			sets = append(sets, Set{name, lines(path)})
		}
	}
	return sets, nil
}

func files(paths []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				panic(err)
			}
			if !yield(string(b)) {
				return
			}
		}
	}
}

// lines yields the text of each line of a JSON Lines file: markdown, or title and text.
func lines(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		f, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		var in io.Reader = f
		if strings.HasSuffix(path, ".gz") {
			if in, err = gzip.NewReader(f); err != nil {
				panic(fmt.Errorf("%s: %w", path, err))
			}
		}
		yieldLines(path, in, yield)
	}
}

func yieldLines(path string, in io.Reader, yield func(string) bool) {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 64<<20)
	for n := 1; scan.Scan(); n++ {
		var line struct{ Markdown, Title, Text string }
		if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
			panic(fmt.Errorf("%s:%d: %w", path, n, err))
		}
		text := line.Markdown
		if text == "" {
			text = line.Title + "\n" + line.Text
		}
		if !yield(text) {
			return
		}
	}
	if err := scan.Err(); err != nil {
		panic(fmt.Errorf("%s: %w", path, err))
	}
}

// Documents lists what benchmarks encode: real documents of 2 to 64 KB, at most 2 MB of
// each kind.
func Documents(data string) ([]Set, error) {
	sets, err := Sets(data)
	if err != nil {
		return nil, err
	}
	kinds := map[string]string{"pages/k8s-en": "markdown", "pages/k8s-zh-ja-ko": "cjk", "ir/cookbook-code/fulldocs": "code"}
	var out []Set
	for _, set := range sets {
		if kind, ok := kinds[set.Name]; ok {
			out = append(out, Set{kind, documents(set.Texts)})
		}
	}
	return out, nil
}

func documents(texts iter.Seq[string]) iter.Seq[string] {
	const smallest, largest, total = 2 << 10, 64 << 10, 2 << 20
	return func(yield func(string) bool) {
		size := 0
		for text := range texts {
			if len(text) < smallest || len(text) > largest {
				continue
			}
			if size += len(text); size > total || !yield(text) {
				return
			}
		}
	}
}
