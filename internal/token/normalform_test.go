package token

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

func TestFormByHand(t *testing.T) {
	f := func(form *form, in, want string) {
		t.Helper()
		if got := string(form.append(nil, in)); got != want {
			t.Errorf("%+q: got %+q, want %+q", in, got, want)
		}
	}
	f(formNFC(), "cafe\u0301", "caf\u00e9")
	f(formNFC(), "a\u0323\u0307", "\u1ea1\u0307")             // blocked by nothing, left over
	f(formNFC(), "a\u0307\u0323", "\u1ea1\u0307")             // reordered first
	f(formNFC(), "a\u0307\u0307\u0301", "\u0227\u0307\u0301") // the same class blocks
	f(formNFC(), "\u212b", "\u00c5")
	f(formNFC(), "\u1100\u1161\u11a8", "\uac01")
	f(formNFC(), "\uac00\u11a7", "\uac00\u11a7")
	f(formNFC(), "\u0344", "\u0308\u0301")
	f(formNFC(), "e\u1acc\u0301", "e\u1acc\u0301") // a mark of Unicode 14: unknown, so it blocks
	f(formNFD(), "\uac01\u00e9", "\u1100\u1161\u11a8e\u0301")
	f(formNFKC(), "\ufb01 \u2460", "fi 1")
	f(formNFKD(), "\u3392", "MHz")
}

// The forms work on segments; the whole text at once is the slow twin.
func TestFormSegmentsMatchWhole(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 20000 {
		s := randomMarks(rng)
		for name, form := range map[string]*form{"NFC": formNFC(), "NFD": formNFD(), "NFKC": formNFKC(), "NFKD": formNFKD()} {
			var want []byte
			for _, p := range form.appendChanges(nil, s) {
				want = utf8.AppendRune(want, p.r)
			}
			if got := string(form.append(nil, s)); got != string(want) {
				t.Fatalf("seed %d: %s of %+q: got %+q, want %+q", seed, name, s, got, want)
			}
		}
	}
}

// randomMarks is a short text of what normalization moves: marks, composites, jamo.
func randomMarks(rng *rand.Rand) string {
	pools := [][2]rune{{'a', 'z'}, {0xC0, 0x17F}, {0x300, 0x36F}, {0x300, 0x330}, {0x1100, 0x1112}, {0x1161, 0x1175}, {0x11A7, 0x11C2},
		{0xAC00, 0xD7A3}, {0x900, 0xDFF}, {0x1AB0, 0x1AFF}, {0x1E00, 0x1FFF}, {0x2000, 0x2FFF}, {0x3040, 0x30FF}, {0xF900, 0xFAFF}, {0xFB00, 0xFFDC}, {0x1D100, 0x1D1FF}}
	var out []rune
	for range 1 + rng.IntN(8) {
		p := pools[rng.IntN(len(pools))]
		out = append(out, p[0]+rng.Int32N(p[1]-p[0]+1))
	}
	return string(out)
}
