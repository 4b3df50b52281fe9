// Command texts writes the texts that tokenizers are compared on as JSON Lines,
// {"set":…,"text":…}, for golden.py and bench.py to encode with other libraries. Texts
// that are not UTF-8 come as {"set":…,"bytes":…} in base64.
//
// With -documents it writes those that are measured instead; with -tokenizer the tokens
// too, for compare.py.
//
//	go run ./tools/token/texts [-documents] [-tokenizer FILE] ../shared/data
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"unicode/utf8"

	"pulse/internal/token"
	"pulse/internal/token/tokentest"
)

type line struct {
	Set   string `json:"set"`
	Text  string `json:"text,omitempty"`
	Bytes []byte `json:"bytes,omitempty"`
	// Tokens are id, start and end in bytes of the text as given.
	Tokens [][3]int `json:"tokens,omitempty"`
}

func tokens(t *token.Tokenizer, text string) [][3]int {
	var out [][3]int
	for _, token := range t.AppendTokens(nil, text) {
		out = append(out, [3]int{int(token.ID), token.Start, token.End})
	}
	return out
}

func main() {
	documents := flag.Bool("documents", false, "write the texts that are measured")
	path := flag.String("tokenizer", "", "write each text's tokens too, by the tokenizer of this file")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: texts [-documents] [-tokenizer FILE] DATA")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *documents, *path); err != nil {
		fmt.Fprintln(os.Stderr, "texts:", err)
		os.Exit(1)
	}
}

func write(data string, documents bool, path string) error {
	var tokenizer *token.Tokenizer
	if path != "" {
		var err error
		if tokenizer, err = token.Load(path); err != nil {
			return err
		}
	}
	sets, err := tokentest.Sets(data)
	sets = append(sets, tokentest.Generated())
	if documents {
		sets, err = tokentest.Documents(data)
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	encode := json.NewEncoder(out)
	for _, set := range sets {
		for text := range set.Texts {
			l := line{Set: set.Name, Text: text}
			if !utf8.ValidString(text) {
				l = line{Set: set.Name, Bytes: []byte(text)}
			}
			if tokenizer != nil {
				l.Tokens = tokens(tokenizer, text)
			}
			if err := encode.Encode(l); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
