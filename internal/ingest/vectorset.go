package ingest

import (
	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/embed"
)

// vectorSet is the vectors of a page's chunks as far as they are known: a chunk that says
// what one of the former version said has that one's, and no embedder is asked for it.
type vectorSet struct {
	pieces  []chunk.Piece
	vectors []pulse.Vector // one per piece; nil where it is lacking
	lacking []int          // the pieces that are to be embedded
}

// keepVectors looks among a document's former vectors for those of pieces.
func keepVectors(pieces []chunk.Piece, former map[uint64]pulse.Vector) *vectorSet {
	s := &vectorSet{pieces: pieces, vectors: make([]pulse.Vector, len(pieces))}
	for i := range pieces {
		if s.vectors[i] = former[pieces[i].Hash]; s.vectors[i] == nil {
			s.lacking = append(s.lacking, i)
		}
	}
	return s
}

// vectorsByHash are a document's vectors by the hash of what was embedded.
func vectorsByHash(c *pulse.Commit) map[uint64]pulse.Vector {
	if len(c.Vectors) != len(c.Chunks) {
		return nil
	}
	m := make(map[uint64]pulse.Vector, len(c.Chunks))
	for i := range c.Chunks {
		m[c.Chunks[i].Hash] = c.Vectors[i]
	}
	return m
}

// kept is how many vectors were known from the start.
func (s *vectorSet) kept() int { return len(s.pieces) - len(s.lacking) }

// request asks for those that are lacking.
func (s *vectorSet) request(l embed.Lane, turn string) embed.Request {
	r := embed.Request{Lane: l, Turn: turn}
	for _, i := range s.lacking {
		r.Texts, r.Tokens = append(r.Texts, s.pieces[i].Embed), append(r.Tokens, s.pieces[i].Tokens)
	}
	return r
}

// add puts what was made of the request in its places.
func (s *vectorSet) add(made []pulse.Vector) {
	for i, v := range made {
		s.vectors[s.lacking[i]] = v
	}
}
