package main

import (
	"context"
	"os"
	"strconv"

	"pulse/internal/app"
	"pulse/internal/token"
)

// tokenizeCmd shows what a model's tokenizer makes of texts.
type tokenizeCmd struct {
	Count            bool `help:"Print {\"count\":n} instead of {\"ids\":[…]}."`
	AddSpecialTokens bool `help:"With the tokens that the model wants around a text."`
}

// Help is shown by pulse tokenize --help.
func (c *tokenizeCmd) Help() string {
	return `Reads JSON Lines, {"text":…}, from its standard input and prints {"ids":[…]} for each. Nothing is ever truncated or padded, whatever the file says.`
}

// Run is pulse tokenize.
func (c *tokenizeCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	t, err := app.Tokenizer(cfg.Tokenizer)
	if err != nil {
		return err
	}
	return eachText(ctx, os.Stdin, out, c.answer(t))
}

// answer appends the JSON of one text's answer.
func (c *tokenizeCmd) answer(t *token.Tokenizer) func(dst []byte, text string) []byte {
	var ids []uint32
	return func(dst []byte, text string) []byte {
		if c.Count {
			n := t.Count(text)
			if c.AddSpecialTokens {
				n += t.Special()
			}
			return append(strconv.AppendInt(append(dst, `{"count":`...), int64(n), 10), '}')
		}
		if c.AddSpecialTokens {
			ids = t.AppendSpecial(ids[:0], text)
		} else {
			ids = t.AppendIDs(ids[:0], text)
		}
		return append(appendNumbers(append(dst, `{"ids":`...), ids), '}')
	}
}

// appendNumbers appends a JSON array.
func appendNumbers(dst []byte, numbers []uint32) []byte {
	dst = append(dst, '[')
	for i, n := range numbers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(n), 10)
	}
	return append(dst, ']')
}
