package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"

	"pulse"
)

// contentHash covers what makes two states of a page the same page: the text and
// what is shown and filtered by, never when or how it came. Each part is written
// behind its length, so that no two contents have the same bytes.
func contentHash(d *pulse.Document) (string, error) {
	h := hasher{sum: sha256.New()}
	for _, s := range [...]string{d.Text, d.Title, d.Description, d.Language, d.Country} {
		h.field(s)
	}
	h.field([2]string{"", "mobile"}[b2i(d.IsMobile)])
	if len(d.Metadata) > 0 {
		canonical, err := json.Marshal(d.Metadata) // keys sorted
		if err != nil {
			return "", err
		}
		h.field(string(canonical))
	}
	return hex.EncodeToString(h.sum.Sum(nil)[:16]), nil
}

// hasher copies strings through a buffer, because a hash takes bytes and a text
// may have 16 MiB.
type hasher struct {
	sum    hash.Hash
	buffer [4096]byte
}

func (h *hasher) field(s string) {
	h.sum.Write(binary.LittleEndian.AppendUint64(h.buffer[:0], uint64(len(s))))
	for len(s) > 0 {
		n := copy(h.buffer[:], s)
		h.sum.Write(h.buffer[:n])
		s = s[n:]
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
