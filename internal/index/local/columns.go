package local

import (
	"math"
	"math/bits"
	"time"

	"pulse/internal/index/keyword"
)

// columns hold what filters ask of every document, by number, so that a filter is
// decided for all documents in one pass over memory.
type columns struct {
	rows                        []row
	hosts, languages, countries names
}

type row struct {
	host, language, country uint32
	live, mobile            bool
	received                int64 // by nanoseconds
}

// nanoseconds since 1970; the ends of what an int64 can say for what is past them.
func nanoseconds(t time.Time) int64 {
	switch year := t.UTC().Year(); {
	case year < 1678:
		return math.MinInt64
	case year > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// names numbers texts. One that nothing has any more keeps its number.
type names struct {
	all []string
	ids map[string]uint32
}

func (n *names) id(name string) uint32 {
	id, known := n.ids[name]
	if !known {
		if n.ids == nil {
			n.ids = make(map[string]uint32)
		}
		id = uint32(len(n.all))
		n.ids[name] = id
		n.all = append(n.all, name)
	}
	return id
}

// passing says of each name whether it meets a condition.
func (n *names) passing(condition func(name string) bool) []bool {
	passing := make([]bool, len(n.all))
	for id, name := range n.all {
		passing[id] = condition(name)
	}
	return passing
}

func (c *columns) put(number uint32, d *document) {
	for int(number) >= len(c.rows) {
		c.rows = append(c.rows, row{})
	}
	c.rows[number] = row{
		host: c.hosts.id(d.host), language: c.languages.id(d.language), country: c.countries.id(d.country),
		live: true, mobile: d.isMobile, received: nanoseconds(d.received),
	}
}

func (c *columns) drop(number uint32) { c.rows[number] = row{} }

// set is the documents that the filter lets pass.
func (c *collection) set(f *filter) keyword.Set {
	set := make(keyword.Set, (len(c.columns.rows)+63)/64)
	hosts := c.columns.hosts.passing(f.hostPasses)
	languages := c.columns.languages.passing(f.languagePasses)
	countries := c.columns.countries.passing(f.countryPasses)
	for number := range c.columns.rows {
		r := &c.columns.rows[number]
		if r.live && hosts[r.host] && languages[r.language] && countries[r.country] && f.rowPasses(r) {
			set[number>>6] |= 1 << (number & 63)
		}
	}
	if len(f.Metadata) > 0 {
		c.keepMetadata(set, f)
	}
	return set
}

// keepMetadata takes out what does not meet the conditions on metadata.
func (c *collection) keepMetadata(set keyword.Set, f *filter) {
	for i := range set {
		for word := set[i]; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			if f.metadataRefused(c.documents[i<<6+bit]) != "" {
				set[i] &^= 1 << bit
			}
		}
	}
}
