package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pulse/internal/token"
)

const tinyTokenizer = "../../internal/token/testdata/tokenizers/bert-raw"

// withInput runs a command whose standard input is a file with the text.
func withInput(t *testing.T, input string, args ...string) result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(path, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = f
	t.Cleanup(func() { os.Stdin = before; f.Close() })
	return command(t, args...)
}

func TestTokenize(t *testing.T) {
	tokenizer, err := token.Load(tinyTokenizer)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"", "Pulse takes crawl webhooks.", "caf\u00e9 \u4e2d\u6587 \x00 \U0001f600", strings.Repeat("word ", 100_000)}
	input := "\n"
	for _, text := range texts {
		line, _ := json.Marshal(map[string]any{"text": text, "other": []int{1}})
		input += string(line) + "\r\n"
	}
	for _, special := range []bool{false, true} {
		args := []string{"tokenize", "--tokenizer", tinyTokenizer}
		if special {
			args = append(args, "--add-special-tokens")
		}
		r := withInput(t, input, args...)
		counts := withInput(t, input, append(args, "--count")...)
		answers, numbers := strings.Split(r.stdout, "\n"), strings.Split(counts.stdout, "\n")
		if r.code != exitDone || len(answers) != len(texts)+1 || len(numbers) != len(answers) {
			t.Fatalf("exit code %d, %d answers, %d counts\n%s%s", r.code, len(answers), len(numbers), r.stderr, counts.stderr)
		}
		for i, text := range texts {
			want := tokenizer.AppendIDs(nil, text)
			if special {
				want = tokenizer.AppendSpecial(nil, text)
			}
			var got struct{ IDs []uint32 }
			var count struct{ Count int }
			if err := json.Unmarshal([]byte(answers[i]), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(numbers[i]), &count); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.IDs, want) || count.Count != len(want) {
				t.Errorf("%.50q: got %d ids, count %d, want %d", text, len(got.IDs), count.Count, len(want))
			}
		}
	}
}

func TestTokenizeBadInput(t *testing.T) {
	f := func(input, want string) {
		t.Helper()
		r := withInput(t, `{"text":"a"}`+"\n"+input, "tokenize", "--tokenizer", tinyTokenizer)
		r.check(t, exitFailed, want)
		if !strings.HasPrefix(r.stdout, `{"ids":[`) {
			t.Errorf("the line before it is not answered: %q", r.stdout)
		}
	}
	f(`{"text":`, `pulse: line 2: `)
	f("\n"+`{"text":1}`, `pulse: line 3: "text" is a number, not a string`)
	f(`{"txt":"a"}`, `pulse: line 2: "text" is no value, not a string`)
	f(`["a"]`, `pulse: line 2: is an array, not an object`)
	f("{\"text\":\"\xff\"}", `pulse: line 2: `)
	f(`{"text":"a"} {}`, `pulse: line 2: `)
	withInput(t, "", "tokenize", "--tokenizer", "nowhere").check(t, exitUsage, "nowhere")
}

// After a first line, a line costs no allocation.
func TestTokenizeAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("pools forget what they hold under the race detector")
	}
	tokenizer, err := token.Load(tinyTokenizer)
	if err != nil {
		t.Fatal(err)
	}
	line := `{"text":"Pulse takes crawl webhooks \u00e9\n and makes the pages searchable."}` + "\n"
	allocations := func(lines int) float64 {
		input := strings.Repeat(line, lines)
		return testing.AllocsPerRun(5, func() {
			in := io.NopCloser(strings.NewReader(input))
			if err := eachText(t.Context(), in, io.Discard, new(tokenizeCmd).answer(tokenizer)); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocations(10), allocations(10_000); many-few > 100 {
		t.Errorf("%v allocations for 10,000 lines, %v for 10", many, few)
	}
}

// An answer is written before the next line comes: input may be a conversation.
func TestTextLinesStream(t *testing.T) {
	in, feed := io.Pipe()
	read, out := io.Pipe()
	done := make(chan error)
	go func() {
		done <- eachText(t.Context(), in, out, func(dst []byte, text string) []byte { return append(dst, text...) })
		out.Close()
	}()
	answer := make([]byte, 4)
	for _, want := range []string{"one\n", "two\n"} {
		line, _ := json.Marshal(map[string]string{"text": strings.TrimSpace(want)})
		if _, err := feed.Write(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(read, answer); err != nil || string(answer) != want {
			t.Fatalf("got %q, %v", answer, err)
		}
	}
	feed.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// An interrupt ends the command though no more input comes.
func TestTextLinesEndWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, _ := io.Pipe()
	cancel()
	err := eachText(ctx, in, io.Discard, func(dst []byte, _ string) []byte { return dst })
	if err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func FuzzTextLines(f *testing.F) {
	f.Add([]byte(`{"text":"a\u0000\ud800"}` + "\n\n{}"))
	f.Add([]byte("{\"text\":\"\"}\r\n{\"text\":\"b\",\"text\":\"c\"}"))
	f.Fuzz(func(t *testing.T, input []byte) {
		var got []string
		err := eachText(t.Context(), io.NopCloser(bytes.NewReader(input)), io.Discard, func(dst []byte, text string) []byte {
			got = append(got, strings.Clone(text))
			return dst
		})
		if err != nil {
			return
		}
		var want []string
		for line := range bytes.Lines(input) {
			var l struct{ Text string }
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			if err := json.Unmarshal(line, &l); err != nil {
				t.Fatalf("%q was taken: %v", line, err)
			}
			want = append(want, l.Text)
		}
		if len(got) != len(want) {
			t.Fatalf("%d texts, want %d", len(got), len(want))
		}
	})
}
