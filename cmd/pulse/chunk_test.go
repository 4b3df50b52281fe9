package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse/internal/chunk"
	"pulse/internal/token"
)

// chunkedText is what becomes of a line.
type chunkedText struct {
	Chunks []struct {
		Start, End, Tokens int
		Headings           []string
		Text, Embed        string
	}
}

func TestChunk(t *testing.T) {
	f := func(input, want string) {
		t.Helper()
		r := withInput(t, input, "chunk", "--max-tokens", "16", "--overlap", "0")
		if diff := cmp.Diff(want, r.stdout); diff != "" || r.code != exitDone {
			t.Fatalf("exit code %d, -want +got:\n%s", r.code, diff)
		}
	}
	f("", "")
	f(`{"text":""}`, `{"chunks":[]}`+"\n")
	f("{\"text\":\"a <b>\"}\n\n", `{"chunks":[{"start":0,"end":5,"tokens":6,"headings":[],"text":"a <b>","embed":"a <b>"}]}`+"\n")
	f(`{"text":"# A\n\nOne two three.\n\n## B\n\nFour five six seven eight nine ten."}`+"\n"+`{"text":"\u65e5\t\"\\\u0001"}`,
		`{"chunks":[{"start":0,"end":19,"tokens":8,"headings":["A"],"text":"# A\n\nOne two three.","embed":"# A\n\nOne two three."},`+
			`{"start":21,"end":62,"tokens":14,"headings":["A","B"],"text":"## B\n\nFour five six seven eight nine ten.","embed":"A\n\n## B\n\nFour five six seven eight nine ten."}]}`+"\n"+
			`{"chunks":[{"start":0,"end":7,"tokens":5,"headings":[],"text":"日\t\"\\\u0001","embed":"日\t\"\\\u0001"}]}`+"\n")
}

// TestChunkLongLine: a line is as long as it is.
func TestChunkLongLine(t *testing.T) {
	line, err := json.Marshal(map[string]string{"text": strings.Repeat("word ", 100_000)})
	if err != nil {
		t.Fatal(err)
	}
	r := withInput(t, string(line), "chunk", "--tokenizer", "Qwen3-Embedding")
	var answer chunkedText
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		t.Fatal(err)
	}
	last := answer.Chunks[len(answer.Chunks)-1]
	if last.End != 499_999 || last.Tokens > 256 {
		t.Fatalf("%d chunks, the last is %+v", len(answer.Chunks), last)
	}
}

// TestChunkAllocatesLittle: what a line costs is what it is made of, its pieces and their
// texts, and its path of headings; however many chunks it has.
func TestChunkAllocatesLittle(t *testing.T) {
	if raceDetector {
		t.Skip("pools forget what they hold under the race detector")
	}
	tokenizer, err := token.Load(tinyTokenizer)
	if err != nil {
		t.Fatal(err)
	}
	chunker := chunk.New(tokenizer, chunk.Options{MaxTokens: 64})
	line := `{"text":"# A heading\n\n` + strings.Repeat("Pulse takes crawl webhooks and makes the pages searchable. ", 40) + `"}` + "\n"
	allocations := func(lines int) float64 {
		input := strings.Repeat(line, lines)
		return testing.AllocsPerRun(3, func() {
			if err := eachText(t.Context(), io.NopCloser(strings.NewReader(input)), io.Discard, chunkAnswer(t.Context(), chunker)); err != nil {
				t.Fatal(err)
			}
		})
	}
	if each := (allocations(1010) - allocations(10)) / 1000; each > 6 {
		t.Errorf("%.1f allocations a line", each)
	}
}

func TestChunkErrors(t *testing.T) {
	withInput(t, "{\"text\":\"a\"}\n\n{}", "chunk").check(t, exitFailed, "line 3: ")
	withInput(t, "", "chunk", "--tokenizer", "nowhere").check(t, exitUsage, "there is no such file or folder", "all-MiniLM-L6-v2")
	withInput(t, "", "chunk", "--max-tokens", "2").check(t, exitUsage, "--max-tokens 2: every text has 2 special tokens")
}
