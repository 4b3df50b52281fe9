// Command texts writes the texts that tokenizers are compared on as JSON Lines,
// {"set":…,"text":…}, for golden.py and bench.py to encode with other libraries. Texts
// that are not UTF-8 come as {"set":…,"bytes":…} in base64.
//
//	go run ./tools/token/texts ../shared/data
package main

import (
	"bufio"
	"encoding/json"
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
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: texts DATA")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "texts:", err)
		os.Exit(1)
	}
}

func write(data string) error {
	sets, err := tokentest.Sets(data)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	encode := json.NewEncoder(out)
	for _, set := range append(sets, tokentest.Generated()) {
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
