package search

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"pulse"
	"pulse/internal/index/keyword"
)

// The bounds of a query.
const (
	MaxQueryBytes = 4 << 10
	MaxLimit      = 100
	defaultLimit  = 10
)

// checked is a query that keeps all rules, with its defaults filled in.
type checked struct {
	pulse.Query
	explainKey string // of ExplainURL
}

// check refuses a query that breaks a rule, by the field that breaks it.
func (s *Searcher) check(query pulse.Query) (*checked, error) {
	q := &checked{Query: query}
	setDefault(&q.Mode, pulse.ModeHybrid)
	setDefault(&q.Limit, defaultLimit)
	setDefault(&q.Collection, pulse.DefaultCollection)
	switch {
	case strings.TrimSpace(q.Text) == "":
		return nil, invalid("query", "must not be empty")
	case len(q.Text) > MaxQueryBytes:
		return nil, invalid("query", "is longer than %d bytes", MaxQueryBytes)
	case q.Mode != pulse.ModeHybrid && q.Mode != pulse.ModeKeyword && q.Mode != pulse.ModeVector:
		return nil, invalid("mode", "must be hybrid, keyword or vector, not %q", q.Mode)
	case q.Limit < 1 || q.Limit > MaxLimit:
		return nil, invalid("limit", "must be 1 to %d, not %d", MaxLimit, q.Limit)
	case q.Offset < 0:
		return nil, invalid("offset", "must be 0 or more, not %d", q.Offset)
	case math.IsNaN(q.MinVectorScore) || q.MinVectorScore < -1 || q.MinVectorScore > 1:
		return nil, invalid("min_vector_score", "must be -1 to 1, not %v", q.MinVectorScore)
	}
	if q.ExplainURL == "" {
		return q, nil
	}
	key, err := s.deps.Key(q.ExplainURL)
	if err != nil {
		return nil, invalid("explain_url", "%v", err)
	}
	q.explainKey = key
	return q, nil
}

// meaning is the query without its signs, which an embedder would take for words; the
// whole where nothing is left.
func (q *checked) meaning() string {
	if text := keyword.Parse(q.Text).Text; text != "" {
		return text
	}
	return q.Text
}

func invalid(field, format string, args ...any) error {
	return &pulse.InputError{Code: "invalid", Field: field, Message: fmt.Sprintf(format, args...)}
}

// identity is of all that decides a ranked list: two queries that differ only in
// the page they want, or in what they want explained, share it.
type identity [16]byte

func (q *checked) identity() identity {
	same := q.Query
	same.Limit, same.Offset, same.Snapshot, same.NoPassages, same.Explain, same.ExplainURL = 0, 0, "", false, false, ""
	// Strings, numbers that are finite, and times: nothing that JSON refuses but a
	// year past 9999, which then shares an identity with others like it.
	encoded, _ := json.Marshal(same)
	sum := sha256.Sum256(encoded)
	return identity(sum[:16])
}
