package token

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// precompiled is SentencePiece's charsmap: a Darts double array from keys to positions in
// texts, which end with a NUL. The reference looks up grapheme clusters of up to 5 bytes
// and, where there is nothing, characters; and it takes the shortest key that they begin
// with, so that the rest of a cluster can get lost. That is not what SentencePiece does.
type precompiled struct {
	units []uint32
	texts string
}

func newPrecompiled(p *part) normalizer {
	c, err := parsePrecompiled(p.text("precompiled_charsmap", ""))
	if err != nil {
		p.fail("precompiled_charsmap: %v", err)
	}
	return c
}

// parsePrecompiled reads base64 of: bytes of the array (uint32), the array, the texts.
func parsePrecompiled(encoded string) (*precompiled, error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	if len(data) < 4 {
		return nil, errors.New("is too short")
	}
	size := uint64(binary.LittleEndian.Uint32(data))
	if data = data[4:]; size > uint64(len(data)) || size%4 != 0 || size == 0 {
		return nil, errors.New("has an array of the wrong size")
	}
	c := &precompiled{texts: string(data[size:])}
	for ; size > 0; size -= 4 {
		c.units = append(c.units, binary.LittleEndian.Uint32(data))
		data = data[4:]
	}
	if !utf8.ValidString(c.texts) {
		return nil, errors.New("has texts that are not UTF-8")
	}
	return c, nil
}

// find returns what the shortest key that s begins with stands for. The format of the
// array's units is Darts-clone's.
func (c *precompiled) find(s string) (text string, ok bool) {
	unit := c.units[0]
	at := unitOffset(unit)
	for i := range len(s) {
		if s[i] == 0 {
			break
		}
		at ^= uint32(s[i])
		if at >= uint32(len(c.units)) {
			break
		}
		if unit = c.units[at]; unit&(1<<31|0xFF) != uint32(s[i]) {
			break
		}
		at ^= unitOffset(unit)
		if unit>>8&1 == 1 && at < uint32(len(c.units)) {
			return c.text(c.units[at] & (1<<31 - 1))
		}
	}
	return "", false
}

func unitOffset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

func (c *precompiled) text(at uint32) (string, bool) {
	if at > uint32(len(c.texts)) {
		return "", false
	}
	text, _, _ := strings.Cut(c.texts[at:], "\x00")
	return text, true
}

// maxCluster is the longest grapheme cluster, in bytes, that is looked up as a whole.
const maxCluster = 5

func (c *precompiled) normalize(n *aligned) {
	n.each(func(p piece, text string) {
		n.changes = n.changes[:0]
		for clusters := graphemes.FromString(text); clusters.Next(); {
			cluster := clusters.Value()
			if len(cluster) <= maxCluster {
				if to, ok := c.find(cluster); ok {
					n.exchange(utf8.RuneCountInString(cluster), to)
					continue
				}
			}
			for i, r := range cluster {
				if to, ok := c.find(cluster[i : i+utf8.RuneLen(r)]); ok {
					n.exchange(1, to)
				} else {
					n.changes = append(n.changes, changedRune{r: r})
				}
			}
		}
		n.transform(p, 0, n.changes)
	})
}

// exchange adds the changes that put text in the place of a number of characters. Where
// fewer come than went, the last change swallows the rest, whatever it is: so does the
// reference, and its offsets show it.
func (n *aligned) exchange(characters int, text string) {
	count := utf8.RuneCountInString(text)
	i := 0
	for _, r := range text {
		c := changedRune{r: r}
		if count-i <= count-characters {
			c.change = 1
		}
		n.changes = append(n.changes, c)
		i++
	}
	if last := len(n.changes) - 1; count < characters && last >= 0 {
		n.changes[last].change += count - characters
	}
}
