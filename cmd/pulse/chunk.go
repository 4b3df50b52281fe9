package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"pulse/internal/app"
	"pulse/internal/chunk"
)

// chunkCmd cuts texts into chunks.
type chunkCmd struct {
	MaxTokens int `name:"max-tokens" default:"256" placeholder:"N" help:"Tokens of a chunk at most, with heading path and special tokens (256)."`
	Overlap   int `name:"overlap" default:"50" placeholder:"N" help:"Tokens that neighbouring chunks of a section share (50)."`
}

// Help is shown by pulse chunk --help.
func (c *chunkCmd) Help() string {
	return `Reads JSON Lines, {"text":…}, from its standard input, takes each text as markdown, as it is, and prints {"chunks":[{"start","end","tokens","headings","text","embed"}]} for it: the span in bytes, the tokens of what is embedded with special ones, the headings above, the text of the span, and what is embedded.`
}

// Run is pulse chunk.
func (c *chunkCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	t, err := app.Tokenizer(cfg.Tokenizer)
	if err != nil {
		return err
	}
	if c.MaxTokens <= t.Special() {
		return app.Usage(fmt.Errorf("--max-tokens %d: every text has %d special tokens", c.MaxTokens, t.Special()))
	}
	chunker := chunk.New(t, app.ChunkOptions(c.MaxTokens, c.Overlap))
	return eachText(ctx, os.Stdin, out, chunkAnswer(ctx, chunker))
}

// chunkAnswer appends the JSON of one text's chunks.
func chunkAnswer(ctx context.Context, chunker *chunk.Chunker) func(dst []byte, text string) []byte {
	return func(dst []byte, text string) []byte {
		pieces, _ := chunker.Split(ctx, "", text) // a tokenizer cannot fail
		return appendPieces(dst, text, pieces)
	}
}

// appendPieces appends the JSON of one text's answer.
func appendPieces(dst []byte, text string, pieces []chunk.Piece) []byte {
	dst = append(dst, `{"chunks":[`...)
	for i := range pieces {
		p := &pieces[i]
		dst = appendNumber(append(dst, `{"start":`...), p.Start)
		dst = appendNumber(append(dst, `,"end":`...), p.End)
		dst = appendNumber(append(dst, `,"tokens":`...), p.Tokens)
		dst = append(dst, `,"headings":[`...)
		for j, h := range p.Headings {
			dst = append(appendString(dst, h), ',')
			if j == len(p.Headings)-1 {
				dst = dst[:len(dst)-1]
			}
		}
		dst = appendString(append(dst, `],"text":`...), text[p.Start:p.End])
		dst = append(appendString(append(dst, `,"embed":`...), p.Embed), "},"...)
	}
	if len(pieces) > 0 {
		dst = dst[:len(dst)-1]
	}
	return append(dst, "]}"...)
}

func appendNumber(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// appendString appends a JSON string (RFC 8259): what must be escaped is, and no more.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
