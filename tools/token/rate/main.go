// Command rate measures internal/token for bench.py, which interleaves it with other
// libraries: it loads the documents of a kind, then answers each line of its standard
// input: "load" makes the tokenizer anew, "pass" encodes all documents with it and
// "count" counts their tokens. An answer is the processor seconds and the number of tokens.
//
//	go run ./tools/token/rate TOKENIZER DATA KIND
package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"pulse/internal/token"
	"pulse/internal/token/tokentest"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: rate TOKENIZER DATA KIND")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "rate:", err)
		os.Exit(1)
	}
}

func serve(path, data, kind string) error {
	documents, err := documentsOf(data, kind)
	if err != nil {
		return err
	}
	var t *token.Tokenizer
	ids := make([]uint32, 0, 1<<17)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		start, tokens := processorTime(), 0
		switch lines.Text() {
		case "load":
			if t, err = token.Load(path); err != nil {
				return err
			}
		case "pass":
			for _, text := range documents {
				ids = t.AppendIDs(ids[:0], text)
				tokens += len(ids)
			}
		case "count":
			for _, text := range documents {
				tokens += t.Count(text)
			}
		}
		fmt.Println((processorTime() - start).Seconds(), tokens)
	}
	return nil
}

func documentsOf(data, kind string) ([]string, error) {
	sets, err := tokentest.Documents(data)
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if set.Name == kind {
			return slices.Collect(set.Texts), nil
		}
	}
	return nil, fmt.Errorf("no documents of kind %q", kind)
}

// processorTime is what the process has used so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
