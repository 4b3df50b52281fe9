package httpapi

import (
	"strconv"
	"time"

	"pulse/internal/store"
)

// PageParams bound and continue a list (exported, as its like, because huma looks into no other embedded type). Lists are newest first.
type PageParams struct {
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"Lines of one answer"`
	After string `query:"after" doc:"next of the former answer"`
}

func (p PageParams) page() (store.Page, error) {
	after, err := parseNumber("after", p.After)
	return store.Page{Limit: p.Limit, After: after}, err
}

func parseNumber(field, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, invalid(field, "must be a number that a former answer gave")
	}
	return n, nil
}

// parseTime takes RFC 3339 or a date, which means its first moment in UTC.
func parseTime(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid(field, "must be a time as 2026-01-02T15:04:05Z or a date as 2026-01-02")
}

// next is where a list goes on; "" at its end.
func next(n int64) string { return optionalID(n) }

func each[T, A any](items []T, to func(*T) A) []A {
	out := make([]A, len(items))
	for i := range items {
		out[i] = to(&items[i])
	}
	return out
}
