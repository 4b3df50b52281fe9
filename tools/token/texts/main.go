// Command texts writes the texts that tokenizers are compared on as JSON Lines,
// {"set":…,"text":…}, for golden.py and bench.py to encode with other libraries. Texts
// that are not UTF-8 come as {"set":…,"bytes":…} in base64.
//
// With -documents it writes those that are measured instead.
//
//	go run ./tools/token/texts [-documents] ../shared/data
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"unicode/utf8"

	"pulse/internal/token/tokentest"
)

type line struct {
	Set   string `json:"set"`
	Text  string `json:"text,omitempty"`
	Bytes []byte `json:"bytes,omitempty"`
}

func main() {
	documents := flag.Bool("documents", false, "write the texts that are measured")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: texts [-documents] DATA")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *documents); err != nil {
		fmt.Fprintln(os.Stderr, "texts:", err)
		os.Exit(1)
	}
}

func write(data string, documents bool) error {
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
			if err := encode.Encode(l); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
