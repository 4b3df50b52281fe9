package static

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// readLines reads a file of the judged collections; where they are
// absent, the test or benchmark is skipped.
func readLines(t testing.TB, path string, each func(line []byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("the judged collections are not here: %v", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		each(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

var sharedIR = filepath.Join("..", "..", "..", "..", "shared", "data", "ir")

// sharedChunks are 2,000 texts of 256 tokens out of scifact's corpus.
func sharedChunks(t testing.TB, e *Embedder) []string {
	var chunks []string
	readLines(t, filepath.Join(sharedIR, "scifact", "corpus.jsonl"), func(line []byte) {
		var d struct{ Text string }
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatal(err)
		}
		tokens := e.tokenizer.AppendTokens(nil, d.Text)
		if len(tokens) >= 256 && len(chunks) < 2000 {
			chunks = append(chunks, d.Text[:tokens[255].End])
		}
	})
	return chunks
}
