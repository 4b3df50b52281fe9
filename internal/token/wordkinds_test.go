package token

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// fusedTiny are tokenizers of testdata that bertWords and unigramWords stand for.
var fusedTiny = []string{"bert-raw", "bert-accents", "unigram-t5", "unigram-albert", "unigram-nfc"}

// asPipeline is the tokenizer with the pipeline that its fused kind stands for, else nil.
func asPipeline(t *Tokenizer) *Tokenizer {
	slow := *t
	switch m := t.model.(type) {
	case *bertWords:
		slow.model = m.pipeline
	case *unigramWords:
		slow.model = m.pipeline
	default:
		return nil
	}
	return &slow
}

// TestWordKindsAsPipeline holds the fused kinds against the pipeline, on generated texts
// and on long ones that are made of them.
func TestWordKindsAsPipeline(t *testing.T) {
	texts := oneIn(17, 340, 1<<20)
	for _, name := range append([]string{"all-MiniLM-L6-v2", "xlnet-base-cased"}, fusedTiny...) {
		t.Run(name, func(t *testing.T) {
			fast := loadTest(t, name)
			slow := asPipeline(fast)
			if slow == nil {
				t.Fatalf("is a %T", fast.model)
			}
			var long strings.Builder
			for _, text := range texts {
				samePipeline(t, fast, slow, text)
				if long.WriteString(text); long.Len() > 8<<10 {
					samePipeline(t, fast, slow, long.String())
					long.Reset()
				}
			}
		})
	}
}

func samePipeline(t *testing.T, fast, slow *Tokenizer, text string) {
	t.Helper()
	got, want := fast.AppendTokens(nil, text), slow.AppendTokens(nil, text)
	if !slices.Equal(got, want) {
		t.Fatalf("%.200q:\ngot  %v\nwant %v", text, got, want)
	}
	sameTokens(t, fast, text, got, fast.AppendIDs(nil, text))
	for _, token := range got {
		if token.Start >= token.End || !utf8.RuneStart(text[token.Start]) || token.End < len(text) && !utf8.RuneStart(text[token.End]) {
			t.Fatalf("%.200q: a span %v that is not of characters", text, token)
		}
	}
}

func FuzzWordKinds(f *testing.F) {
	var fast, slow []*Tokenizer
	for _, name := range fusedTiny {
		tokenizer := loadTest(f, name)
		fast, slow = append(fast, tokenizer), append(slow, asPipeline(tokenizer))
	}
	f.Add("Pulse\u0301 ``takes'' \x01crawl\u200d \u1d15\U0001d15e\u0345 webhooks\r\n\u4e2d\u6587 \u304c\u3099")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		for i := range fast {
			samePipeline(t, fast[i], slow[i], text)
		}
	})
}

// randomVocabulary has short tokens of few letters, so that they overlap in many ways.
func randomVocabulary(rng *rand.Rand) []trieKey {
	var keys []trieKey
	for i := range 2 + rng.IntN(40) {
		text := ""
		for range 1 + rng.IntN(4) {
			text += string([]rune("ab\u00e9\u4e2d#")[rng.IntN(5)])
		}
		if rng.IntN(3) == 0 {
			text = "##" + text
		}
		keys = append(keys, trieKey{text, int32(i)})
	}
	return keys
}

func randomWord(rng *rand.Rand) string {
	var word strings.Builder
	for range 1 + rng.IntN(12) {
		word.WriteRune([]rune("ab\u00e9\u4e2d#x")[rng.IntN(6)])
	}
	return word.String()
}

func TestTrieAsMap(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		keys := randomVocabulary(rng)
		byText := map[string]int32{}
		for _, k := range keys {
			byText[k.text] = k.value
		}
		trie := newTrie(keys)
		for range 50 {
			word := randomWord(rng)
			wantLength, wantValue := 0, int32(noValue)
			for n := range len(word) {
				if v, ok := byText[word[:n+1]]; ok {
					wantLength, wantValue = n+1, v
				}
			}
			if n, v := trie.longest([]byte(word)); n != wantLength || v != wantValue {
				t.Fatalf("seed %d: %v, %q: got %d, %d, want %d, %d", seed, keys, word, n, v, wantLength, wantValue)
			}
		}
	}
}

// slowWordPieces is the model as its paper has it: try every end, from the right.
func slowWordPieces(vocabulary map[string]int32, unknown int32, word string, maxChars int) []Token {
	if utf8.RuneCountInString(word) > maxChars {
		return []Token{{uint32(unknown), 0, len(word)}}
	}
	var out []Token
	for start := 0; start < len(word); {
		end := len(word)
		for ; end > start; end-- {
			piece := word[start:end]
			if start > 0 {
				piece = "##" + piece
			}
			if id, ok := vocabulary[piece]; ok {
				out = append(out, Token{uint32(id), start, end})
				break
			}
		}
		if end == start {
			return []Token{{uint32(unknown), 0, len(word)}}
		}
		start = end
	}
	return out
}

func TestWordPiecesAsSlow(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		keys := randomVocabulary(rng)
		byText := map[string]int32{}
		for _, k := range keys {
			byText[k.text] = k.value
		}
		model := newWordPieces(keys, 999, "##", 10)
		for range 50 {
			word := randomWord(rng)
			want := slowWordPieces(byText, 999, word, 10)
			if got := model.appendWord(nil, word, 0); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %v, %q: got %v, want %v", seed, keys, word, got, want)
			}
			if id, ok := model.whole.findText([]byte(word)); ok && (len(want) != 1 || want[0].ID != id) {
				t.Fatalf("seed %d: %v, %q: is not the whole word %d: %v", seed, keys, word, id, want)
			}
		}
	}
}

// slowUnigrams scores every way to cut a word, in the order that ties are decided by.
func slowUnigrams(u *unigrams, scores map[string]float64, word string) float64 {
	best := make([]float64, len(word)+1)
	for end := 1; end <= len(word); end++ {
		best[end] = math.Inf(-1)
		for start := range end {
			if score, ok := scores[word[start:end]]; ok && utf8.ValidString(word[start:end]) {
				best[end] = max(best[end], best[start]+score)
			}
			if r, size := utf8.DecodeRuneInString(word[start:]); start+size == end && (r != utf8.RuneError || size > 1) {
				if _, ok := scores[word[start:end]]; !ok {
					best[end] = max(best[end], best[start]+u.missing)
				}
			}
		}
	}
	return best[len(word)]
}

// The cut that the model chooses must have the best score, and cover the word.
func TestUnigramsChooseTheBest(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		u := &unigrams{vocabulary: newVocabulary(16, 64), missing: math.Inf(1)}
		scores := map[string]float64{}
		for i, k := range append([]trieKey{{"<unk>", 0}}, randomVocabulary(rng)...) {
			score := -float64(rng.IntN(64)) / 4 // sums are exact
			u.vocabulary.add([]byte(k.text), uint32(i))
			u.scores = append(u.scores, score)
			u.missing = min(u.missing, score)
			scores[k.text] = score
		}
		u.missing -= unknownPenalty
		u.tokens = newTrie(u.vocabulary.trieKeys())
		for range 50 {
			word := randomWord(rng)
			score, at := 0.0, 0
			for _, token := range u.appendWord(nil, word, 0) {
				if token.Start != at {
					t.Fatalf("seed %d: %q: a token at %d, want %d", seed, word, token.Start, at)
				}
				at = token.End
				if token.ID == 0 {
					score += u.missing * float64(utf8.RuneCountInString(word[token.Start:token.End]))
				} else {
					score += u.scores[token.ID]
				}
			}
			want := slowUnigrams(u, scores, word)
			// Unknown neighbours that happen to be a token together become it.
			if at != len(word) || score < want {
				t.Fatalf("seed %d: %v, %q: score %v, want %v", seed, scores, word, score, want)
			}
		}
	}
}

func TestReferenceFloat(t *testing.T) {
	f := func(s string, want float64) {
		t.Helper()
		if got := referenceFloat(s); got != want {
			t.Errorf("%s: got %v, want %v", s, got, want)
		}
	}
	f("0", 0)
	f("-10", -10)
	f("-0.5", -0.5)
	f("1e3", 1000)
	f("-2.5E-2", -0.025)
	f("123456789012345678901234567890", 12345678901234567890e10)
	f("-13.229089736938477", -float64(13229089736938477)/1e15)
	f("1e-400", 0)
	far := 0
	for range 10_000 { // never more than one step off the nearest
		s := fmt.Sprintf("-%d.%015d", rand.IntN(20), rand.IntN(1e15))
		nearest, _ := strconv.ParseFloat(s, 64)
		if got := referenceFloat(s); got != nearest && got != math.Nextafter(nearest, 0) && got != math.Nextafter(nearest, -99) {
			far++
		}
	}
	if far > 0 {
		t.Errorf("%d of 10,000 numbers are far off", far)
	}
}

func TestPrecompiledRefuses(t *testing.T) {
	f := func(data []byte) {
		t.Helper()
		if _, err := parsePrecompiled(base64.StdEncoding.EncodeToString(data)); err == nil {
			t.Errorf("%x: no error", data)
		}
	}
	f(nil)
	f([]byte{1, 2})
	f(binary.LittleEndian.AppendUint32(nil, 0))
	f(binary.LittleEndian.AppendUint32(nil, 400))
	f([]byte{4, 0, 0, 0, 1, 2, 3, 4, 0xff})
	if _, err := parsePrecompiled("not base64!"); err == nil {
		t.Error("no error")
	}
}

// A charsmap from outside may hold anything: looking up must end and not panic.
func FuzzPrecompiled(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00\x00\x04\x00\x00aaaabc\x00"), "aA")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		c, err := parsePrecompiled(base64.StdEncoding.EncodeToString(data))
		if err != nil || !utf8.ValidString(text) {
			return
		}
		var n aligned
		n.reset(stretch{text: text})
		c.normalize(&n)
	})
}

// Counting and encoding into memory that is there allocate nothing.
func TestWordKindsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted with -race")
	}
	text := strings.Repeat("The caf\u00e9's na\u00efve \u4e2d\u6587 tokenizer, supercalifragilistic-ally \u00dcber https://example.org/a?b=c\n", 40)
	for _, name := range append([]string{"all-MiniLM-L6-v2", "xlnet-base-cased"}, fusedTiny...) {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadTest(t, name)
			ids := tokenizer.AppendIDs(nil, text)
			tokens := tokenizer.AppendTokens(nil, text)
			var counts Counts
			tokenizer.Measure(&counts, text)
			n := testing.AllocsPerRun(100, func() {
				tokenizer.Count(text)
				ids = tokenizer.AppendIDs(ids[:0], text)
				tokens = tokenizer.AppendTokens(tokens[:0], text)
				tokenizer.Measure(&counts, text)
			})
			if n >= 1 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
