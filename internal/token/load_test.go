package token

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small is a definition with holes: added tokens, normalizer, pre-tokenizer, post-processor, model.
func small(added, normalizer, preTokenizer, postProcessor, model string) string {
	return fmt.Sprintf(`{"version":"1.0","truncation":{"max_length":1},"padding":{"pad_id":0},"added_tokens":%s,"normalizer":%s,
		"pre_tokenizer":%s,"post_processor":%s,"decoder":null,"model":%s}`, added, normalizer, preTokenizer, postProcessor, model)
}

const (
	smallModel = `{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"\u0000":3},"merges":["a b"]}`
	byteLevels = `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}`
)

// TestParseRefuses checks that what is not known is refused by name.
func TestParseRefuses(t *testing.T) {
	f := func(definition, want string) {
		t.Helper()
		_, err := Parse([]byte(definition))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", definition, err, want)
		}
	}
	f(``, "not valid JSON")
	f(`[]`, "is an array, not an object")
	f(`null`, "is null, not an object")
	f(`{"version":"1.0"}`, "has no model")
	f(`{"version":"2.0","model":`+smallModel+`}`, `"version" "2.0" is not supported`)
	f(`{"version":"1.0","surprise":1,"model":`+smallModel+`}`, `"surprise" is not supported`)
	f(small(`[]`, `null`, `null`, `null`, smallModel)+"x", "nothing may follow")
	f(small(`[]`, `{"type":"Foo"}`, `null`, `null`, smallModel), `normalizer "Foo" is not supported`)
	f(small(`[]`, `null`, `{"type":"Foo"}`, `null`, smallModel), `pre_tokenizer "Foo" is not supported`)
	f(small(`[]`, `null`, `{"type":"Sequence","pretokenizers":[{"type":"Foo"}]}`, `null`, smallModel), `pre_tokenizer "Foo" is not supported`)
	f(small(`[]`, `null`, `null`, `{"type":"Foo"}`, smallModel), `post_processor "Foo" is not supported`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"WordLevel","vocab":{}}`), `model "WordLevel" is not supported`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{},"merges":[],"dropout":0.1}`), `"dropout" 0.1 is not supported`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{},"merges":[],"end_of_word_suffix":"</w>"}`), `"end_of_word_suffix" "</w>" is not supported`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{},"merges":[],"extra":1}`), `model "BPE": "extra" is not supported`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{"a":0},"merges":["a b"]}`), `"b" of merge 0 is not in the vocabulary`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}`), `"ab" of merge 0 is not in the vocabulary`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{"a":0},"merges":["a"]}`), `merge 0 is not a pair`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{"a":-1},"merges":[]}`), `the id of "a" is not one`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","merges":[]}`), `has no vocabulary`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{}}`), `has no merges`)
	f(small(`[]`, `null`, `null`, `null`, `{"type":"BPE","vocab":{},"merges":[],"unk_token":"?"}`), `unk_token "?" is not in the vocabulary`)
	f(small(`[{"id":0,"content":"x","loud":true}]`, `null`, `null`, `null`, smallModel), `added_tokens "x": "loud" is not supported`)
	f(small(`[]`, `null`, `{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated","invert":false}`, `null`, smallModel), `pattern "(": is not supported`)
	f(small(`[]`, `null`, `{"type":"Split","pattern":{"Glob":"*"},"behavior":"Isolated"}`, `null`, smallModel), `"Glob" is not supported`)
	f(small(`[]`, `null`, `{"type":"Split","pattern":{"String":"x"},"behavior":"Shaken"}`, `null`, smallModel), `behavior "Shaken" is not supported`)
	f(small(`[]`, `null`, `{"type":"Metaspace","replacement":"_","add_prefix_space":false,"prepend_scheme":"always"}`, `null`, smallModel), `does not match prepend_scheme`)
	f(small(`[]`, `null`, `null`, `{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B","type_id":0}}],"pair":[],"special_tokens":{}}`, smallModel), `"Sequence" "B" in the template`)
	f(small(`[]`, `null`, `null`, `{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"X","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}`, smallModel), `special token "X" has no ids`)
}

// TestLoad finds the file of a folder, plain or gzip, and names it in errors.
func TestLoad(t *testing.T) {
	definition := []byte(small(`[]`, `null`, `null`, `null`, smallModel))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(definition)
	w.Close()
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "has no tokenizer.json") {
		t.Errorf("an empty folder: %v", err)
	}
	var hashes []string
	for name, data := range map[string][]byte{"tokenizer.assembled.json.gz": packed.Bytes(), "tokenizer.json.gz": packed.Bytes(), "tokenizer.json": definition} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{dir, filepath.Join(dir, name)} {
			tokenizer, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, tokenizer.Hash())
			if ids := tokenizer.AppendIDs(nil, "aab\x00"); !slices.Equal(ids, []uint32{0, 2, 3}) {
				t.Errorf("%s: %v", path, ids)
			}
		}
	}
	if slices.Sort(hashes); hashes[0] != hashes[len(hashes)-1] || len(hashes[0]) != 64 {
		t.Errorf("hashes %v", hashes)
	}
	bad := filepath.Join(dir, "bad.json.gz")
	if err := os.WriteFile(bad, packed.Bytes()[:packed.Len()-9], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(bad); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("a torn file: %v", err)
	}
}

// TestMergesBeforeVocabulary reads a model whose members stand in another order.
func TestMergesBeforeVocabulary(t *testing.T) {
	tokenizer, err := Parse([]byte(small(`[]`, `null`, `null`, `null`, `{"merges":[["a","b"]],"vocab":{"a":0,"b":1,"ab":2},"type":"BPE"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if ids := tokenizer.AppendIDs(nil, "abba"); !slices.Equal(ids, []uint32{2, 1, 0}) {
		t.Errorf("%v", ids)
	}
}

// TestSpecial reads what post-processors put around a text.
func TestSpecial(t *testing.T) {
	f := func(postProcessor string, want ...uint32) {
		t.Helper()
		tokenizer, err := Parse([]byte(small(`[]`, `null`, `null`, postProcessor, smallModel)))
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenizer.AppendSpecial(nil, "a"); !slices.Equal(got, want) || tokenizer.Special() != len(want)-1 {
			t.Errorf("%s: %v (%d special), want %v", postProcessor, got, tokenizer.Special(), want)
		}
	}
	const template = `{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"C","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"S","type_id":0}}],
		"pair":[],"special_tokens":{"C":{"id":"C","ids":[7,8],"tokens":["C","D"]},"S":{"id":"S","ids":[9],"tokens":["S"]}}}`
	f(`null`, 0)
	f(template, 7, 8, 0, 9)
	f(byteLevels, 0)
	f(`{"type":"BertProcessing","sep":["S",5],"cls":["C",4]}`, 4, 0, 5)
	f(`{"type":"RobertaProcessing","sep":["S",5],"cls":["C",4],"trim_offsets":true,"add_prefix_space":true}`, 4, 0, 5)
	f(`{"type":"Sequence","processors":[`+byteLevels+`,`+template+`,{"type":"BertProcessing","sep":["S",5],"cls":["C",4]}]}`, 4, 7, 8, 0, 9, 5)
}

// TestInvalidText reads each maximal invalid part of a text as one U+FFFD.
func TestInvalidText(t *testing.T) {
	f := func(given, want string) {
		t.Helper()
		r := repair(given)
		defer r.release()
		if got := r.text(); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
	f("a\xffb", "a\ufffdb")
	f("\xe4\xbd", "\ufffd")
	f("\xe4\xbdx\xe4", "\ufffdx\ufffd")
	f("\xf0\x90\x80x\xf4\x90", "\ufffdx\ufffd\ufffd")
	f("\xc0\x80\xed\xa0\x80", "\ufffd\ufffd\ufffd\ufffd\ufffd")
	f("\x80\xbf\xc3", "\ufffd\ufffd\ufffd")

	tokenizer := loadTest(t, "bpe-cl100k")
	text := "a \xe4\xbd b"
	at := 0
	for _, token := range tokenizer.AppendTokens(nil, text) {
		if token.Start > at || token.End < at {
			t.Errorf("token %v behind %d", token, at)
		}
		at = token.End
	}
	if at != len(text) {
		t.Errorf("tokens end at %d of %d", at, len(text))
	}
}

// FuzzParse gives whole definitions to the loader; what it takes must tokenize.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small(`[]`, `null`, `null`, `null`, smallModel)))
	f.Add([]byte(small(`[{"id":9,"content":"<x>","lstrip":true}]`, `{"type":"NFC"}`, byteLevels, `null`, smallModel)))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokenizer, err := Parse(data)
		if err != nil {
			return
		}
		for _, text := range pairTexts {
			if got, want := len(tokenizer.AppendIDs(nil, text)), tokenizer.Count(text); got != want {
				t.Errorf("%d ids, count %d", got, want)
			}
		}
	})
}
