package token

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pulse/internal/token/tokentest"
)

// sharedData is where the large sets and the tokenizers are; tests on them are skipped
// where it is absent.
const sharedData = "../../../shared/data"

// goldenBlock is the number of texts that golden.py hashes together.
const goldenBlock = 512

// loaded holds the tokenizers of tests that have run, by name.
var loaded sync.Map

// loadTest loads a tokenizer of testdata or of the shared data, or skips the test.
func loadTest(t testing.TB, name string) *Tokenizer {
	t.Helper()
	if tokenizer, ok := loaded.Load(name); ok {
		return tokenizer.(*Tokenizer)
	}
	path := filepath.Join("testdata", "tokenizers", name)
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join(sharedData, "tokenizers", name)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here: the shared data is absent", path)
	}
	tokenizer, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded.Store(name, tokenizer)
	return tokenizer
}

// goldenNames are the tokenizers that there is golden data for.
func goldenNames(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/golden/*.jsonl")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden data: %v", err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(path), ".jsonl")
	}
	return paths
}

// TestGoldenCases compares hand-picked texts in full.
func TestGoldenCases(t *testing.T) {
	for _, name := range goldenNames(t) {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadTest(t, name)
			f, err := os.Open("testdata/golden/" + name + ".jsonl")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for in := json.NewDecoder(f); in.More(); {
				var want goldenCase
				if err := in.Decode(&want); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, caseOf(tokenizer, want.Text)); diff != "" {
					t.Errorf("%.80q (-want +got):\n%s", want.Text, diff)
				}
			}
		})
	}
}

type goldenCase struct {
	Text    string
	IDs     []uint32
	Offsets [][2]int // in characters
	Special []uint32
}

func caseOf(tokenizer *Tokenizer, text string) goldenCase {
	c := goldenCase{Text: text, IDs: []uint32{}, Offsets: [][2]int{}, Special: tokenizer.AppendSpecial([]uint32{}, text)}
	before := characters(nil, text)
	for _, token := range tokenizer.AppendTokens(nil, text) {
		c.IDs = append(c.IDs, token.ID)
		c.Offsets = append(c.Offsets, [2]int{int(before[token.Start]), int(before[token.End])})
	}
	return c
}

// characters are, for each position in a text, the characters that begin before it. Each
// maximal invalid part of a text is one character.
func characters(before []uint32, text string) []uint32 {
	n := uint32(0)
	for at := 0; at < len(text); n++ {
		size := 1
		if text[at] >= utf8.RuneSelf {
			if _, size = utf8.DecodeRuneInString(text[at:]); size == 1 {
				size = invalidPrefix(text[at:])
			}
		}
		before = append(before, n)
		for range size - 1 {
			before = append(before, n+1)
		}
		at += size
	}
	return append(before, n)
}

// TestGolden compares the sets by their hashes: an eighth of the blocks of all texts; all of
// them where PULSE_GOLDEN is "all" (make golden-all). -short leaves out the shared data, and most of the generated texts.
func TestGolden(t *testing.T) {
	sets := []tokentest.Set{tokentest.Generated()}
	shared, err := tokentest.Sets(sharedData)
	switch {
	case testing.Short():
		t.Log("-short: the generated texts only")
	case err != nil:
		t.Logf("the generated texts only: %v", err)
	default:
		sets = append(shared, sets...)
	}
	for i, set := range sets { // read once
		sets[i].Texts = slices.Values(slices.Collect(set.Texts))
	}
	for _, name := range goldenNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compareHashes(t, loadTest(t, name), goldenRows(t, name), sets)
		})
	}
}

// goldenRows maps "set<TAB>block" to the two hashes.
func goldenRows(t *testing.T, name string) map[string][2]string {
	t.Helper()
	f, err := os.Open("testdata/golden/" + name + ".tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows := map[string][2]string{}
	for scan := bufio.NewScanner(f); scan.Scan(); {
		fields := strings.Split(scan.Text(), "\t")
		rows[fields[0]+"\t"+fields[1]] = [2]string{fields[2], fields[3]}
	}
	return rows
}

func compareHashes(t *testing.T, tokenizer *Tokenizer, want map[string][2]string, sets []tokentest.Set) {
	t.Helper()
	all, bad, blocks := os.Getenv("PULSE_GOLDEN") == "all", 0, 0
	for _, set := range sets {
		if _, ok := want[set.Name+"\t0"]; !ok {
			continue // our own tokenizers are compared on the generated texts only
		}
		for number, block := range blocksOf(set.Texts) {
			switch {
			case testing.Short() && number%64 != 0:
				continue
			case !all && number%8 != 0:
				continue
			}
			blocks++
			key := fmt.Sprintf("%s\t%d", set.Name, number)
			ids, offsets := hashBlock(t, tokenizer, block)
			if got := [2]string{ids, offsets}; got != want[key] {
				bad++
				t.Errorf("%s block %d (ids, offsets): got %v, want %v; tools/token/compare.py shows the texts", set.Name, number, got, want[key])
			}
			if bad > 20 {
				t.Fatal("too many blocks differ")
			}
		}
	}
	t.Logf("%d blocks of up to %d texts are as the reference has them", blocks-bad, goldenBlock)
}

func blocksOf(texts iter.Seq[string]) iter.Seq2[int, []string] {
	return func(yield func(int, []string) bool) {
		number := 0
		block := make([]string, 0, goldenBlock)
		for text := range texts {
			if block = append(block, text); len(block) < goldenBlock {
				continue
			}
			if !yield(number, block) {
				return
			}
			number, block = number+1, block[:0]
		}
		if len(block) > 0 {
			yield(number, block)
		}
	}
}

// hashBlock hashes as golden.py does, and holds Count and AppendIDs against AppendTokens.
func hashBlock(t *testing.T, tokenizer *Tokenizer, block []string) (ids, offsets string) {
	t.Helper()
	hashes := [2]hash.Hash{sha256.New(), sha256.New()}
	var tokens []Token
	var numbers, before []uint32
	var words [2][]byte
	for _, text := range block {
		tokens = tokenizer.AppendTokens(tokens[:0], text)
		numbers = tokenizer.AppendIDs(numbers[:0], text)
		sameTokens(t, tokenizer, text, tokens, numbers)
		words[0] = binary.LittleEndian.AppendUint32(words[0][:0], uint32(len(tokens)))
		words[1] = words[1][:0]
		before = characters(before[:0], text)
		for _, token := range tokens {
			words[0] = binary.LittleEndian.AppendUint32(words[0], token.ID)
			words[1] = binary.LittleEndian.AppendUint32(words[1], before[token.Start])
			words[1] = binary.LittleEndian.AppendUint32(words[1], before[token.End])
		}
		hashes[0].Write(words[0])
		hashes[1].Write(words[1])
	}
	return hex.EncodeToString(hashes[0].Sum(nil)[:8]), hex.EncodeToString(hashes[1].Sum(nil)[:8])
}

// sameTokens reports whether a text's tokens, ids and count agree.
func sameTokens(t *testing.T, tokenizer *Tokenizer, text string, tokens []Token, ids []uint32) {
	t.Helper()
	same := slices.EqualFunc(tokens, ids, func(token Token, id uint32) bool { return token.ID == id })
	if n := tokenizer.Count(text); !same || n != len(ids) {
		t.Errorf("%.200q: %d tokens, %d ids, count %d (ids equal: %v)", text, len(tokens), len(ids), n, same)
	}
}

// TestGoldenForms compares the normalization forms on the generated texts.
func TestGoldenForms(t *testing.T) {
	f, err := os.ReadFile("testdata/golden/forms.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want := string(f)
	for name, form := range map[string]*form{"NFC": formNFC(), "NFD": formNFD(), "NFKC": formNFKC(), "NFKD": formNFKD()} {
		bad := 0
		for number, block := range blocksOf(tokentest.Generated().Texts) {
			if testing.Short() && number%64 != 0 {
				continue
			}
			digest := sha256.New()
			for _, text := range block {
				digest.Write(append(form.append(nil, text), 0))
			}
			row := fmt.Sprintf("%s\t%d\t%x\n", name, number, digest.Sum(nil)[:8])
			if !strings.Contains(want, row) {
				if bad++; bad < 10 {
					t.Errorf("%s: block %d of the generated texts differs", name, number)
				}
			}
		}
	}
}
