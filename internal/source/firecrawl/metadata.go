package firecrawl

import (
	"strings"
	"unicode/utf8"

	"pulse"
	"pulse/internal/jsonscan"
)

// Bounds of the metadata that is kept of one page. The names are bounded by the
// allow list.
const (
	maxString   = 1 << 10  // bytes of one string
	maxItems    = 32       // strings of one list
	maxMetadata = 16 << 10 // bytes in all: names and values
)

// kept is the allow list: what a searcher filters by or is shown. Metadata is the
// page's own word, unbounded and under any name; what is not here (scrape ids,
// cache times, credits, proxies, raw <meta> tags) would make equal pages differ.
// In this order they are kept until maxMetadata is reached.
var kept = [...]string{
	"keywords", "author", "publishedTime", "modifiedTime",
	"articleSection", "articleTag",
	"contentType", "numPages", "totalPages",
	"ogTitle", "ogDescription", "ogSiteName", "ogUrl", "ogImage", "ogLocale", "ogLocaleAlternate", "favicon",
	"dcDescription", "dcDate", "dcDateCreated", "dcSubject", "dcType",
	"dcTermsCreated", "dcTermsSubject", "dcTermsKeywords", "dcTermsType", "dcTermsAudience",
}

var keptAt = func() map[string]int {
	at := make(map[string]int, len(kept))
	for i, name := range kept {
		at[name] = i
	}
	return at
}()

// keep takes what the allow list names; nil when that is nothing.
func keep(metadata jsonscan.Value) pulse.Metadata {
	var found [len(kept)]jsonscan.Value
	s := jsonscan.New(metadata)
	for name := range s.Members {
		if i, ok := keptAt[string(name)]; ok {
			found[i] = s.Value()
		}
	}
	var m pulse.Metadata
	left := maxMetadata
	for i, v := range found {
		value, size := bounded(v)
		if size += len(kept[i]); value == nil || size > left {
			continue
		}
		if m == nil {
			m = pulse.Metadata{}
		}
		m[kept[i]] = value
		left -= size
	}
	return m
}

// bounded is a value as it is kept, and its size in bytes; nil where it says nothing.
func bounded(v jsonscan.Value) (value any, size int) {
	switch v.Kind() {
	case jsonscan.String:
		if s := strings.TrimSpace(v.Cut(maxString)); s != "" {
			return s, len(s)
		}
	case jsonscan.Array:
		list := strs(v, maxString, maxItems)
		for _, s := range list {
			size += len(s)
		}
		if len(list) > 0 {
			return list, size
		}
	case jsonscan.Number:
		if f, ok := v.Float(); ok {
			return f, len(v)
		}
	case jsonscan.Bool:
		is, _ := v.Bool()
		return is, len(v)
	}
	return nil, 0
}

// cut shortens s to at most limit bytes, between two characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
