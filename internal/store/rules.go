package store

import (
	"net/netip"
	"strings"

	"pulse"
)

// verdict is what the rules of truth make of a change to one document.
type verdict int

const (
	superseded verdict = iota // the stored version is newer
	repeated                  // the same job again: nothing changes
	unchanged                 // equal content: version and last-seen move, nothing is appended
	replaced                  // the whole document, all its chunks at once
	buried                    // a tombstone that holds the version
)

// current is what the store holds of a document; the zero value, that it was never seen.
type current struct {
	id             pulse.DocumentID
	version        pulse.Version
	job            pulse.JobID
	live           bool
	hash           string
	layout         pulse.LayoutID
	commitSeq      pulse.CommitSeq
	body           int64
	chunks         int64
	vectorsPending bool
}

// incoming is a change on its way in.
type incoming struct {
	version pulse.Version
	job     pulse.JobID
	gone    bool // a deletion, or content that an erasure covers
	hash    string
	layout  pulse.LayoutID
}

// decide is the rules of truth for one document. The order of (version, job) alone
// decides which change stands, so that jobs may run in any order, and again.
func decide(cur current, in incoming) verdict {
	switch {
	case cur.id != 0 && (in.version < cur.version || in.version == cur.version && in.job < cur.job):
		return superseded
	case cur.id != 0 && in.version == cur.version && in.job == cur.job:
		return repeated
	case in.gone:
		return buried
	case cur.live && in.hash == cur.hash && in.layout == cur.layout:
		return unchanged
	default:
		return replaced
	}
}

// covers says whether the erasure holds for a document's state.
func (e *Erasure) covers(collection, key, crawl string, version pulse.Version) bool {
	if version > e.Version || collection != e.Collection {
		return false
	}
	switch e.Scope {
	case EraseCrawl:
		return crawl != "" && crawl == e.Value
	case EraseDomain:
		host := hostOf(key)
		return host == e.Value || below(host, e.Value)
	default:
		return e.Scope == EraseCollection
	}
}

// below says whether a host is a subdomain. Nothing lies below an address: 3.4 is no
// domain of 1.2.3.4.
func below(host, domain string) bool {
	if !strings.HasSuffix(host, "."+domain) {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}

// hostOf is a key's host, without its port.
func hostOf(key string) string {
	_, rest, ok := strings.Cut(key, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if inner, ok := strings.CutPrefix(rest, "["); ok { // an IPv6 address
		inner, _, _ = strings.Cut(inner, "]")
		return inner
	}
	rest, _, _ = strings.Cut(rest, ":")
	return strings.TrimRight(rest, ".")
}

// originOf is a key's scheme and host.
func originOf(key string) string {
	scheme, rest, ok := strings.Cut(key, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest
}
