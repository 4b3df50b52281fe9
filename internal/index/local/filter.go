package local

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pulse"
	"pulse/internal/index/keyword"
)

// filter is a pulse.Filter, and the sites of a query, made ready for one search.
type filter struct {
	pulse.Filter
	sites, notSites []string
	inDomain        func(host, domain string) bool
}

func (x *Index) newFilter(f pulse.Filter, s *keyword.Syntax) *filter {
	return &filter{Filter: f, sites: s.Sites, notSites: s.NotSites, inDomain: x.options.InDomain}
}

// all says whether the filter lets everything pass.
func (f *filter) all() bool {
	return f.Domain == "" && f.Language == "" && f.Country == "" && f.IsMobile == nil &&
		f.Since.IsZero() && f.Until.IsZero() && len(f.Metadata) == 0 && len(f.sites)+len(f.notSites) == 0
}

func (f *filter) hostPasses(host string) bool {
	return (f.Domain == "" || f.inDomain(host, f.Domain)) && f.sitesPass(host)
}

func (f *filter) sitesPass(host string) bool {
	in := func(site string) bool { return f.inDomain(host, site) }
	return (len(f.sites) == 0 || slices.ContainsFunc(f.sites, in)) && !slices.ContainsFunc(f.notSites, in)
}

func (f *filter) languagePasses(language string) bool {
	return f.Language == "" || matchesLanguage(language, f.Language)
}

func (f *filter) countryPasses(country string) bool {
	return f.Country == "" || strings.EqualFold(country, f.Country)
}

func (f *filter) rowPasses(r *row) bool {
	return (f.IsMobile == nil || *f.IsMobile == r.mobile) &&
		(f.Since.IsZero() || r.received >= nanoseconds(f.Since)) &&
		(f.Until.IsZero() || r.received <= nanoseconds(f.Until))
}

// refused names the first condition that the document does not meet; "" when it
// meets all.
func (f *filter) refused(d *document) string {
	switch {
	case f.Domain != "" && !f.inDomain(d.host, f.Domain):
		return "filter.domain"
	case !f.sitesPass(d.host):
		return "site"
	case !f.languagePasses(d.language):
		return "filter.language"
	case !f.countryPasses(d.country):
		return "filter.country"
	case f.IsMobile != nil && *f.IsMobile != d.isMobile:
		return "filter.is_mobile"
	case !f.Since.IsZero() && d.received.Before(f.Since):
		return "filter.since"
	case !f.Until.IsZero() && d.received.After(f.Until):
		return "filter.until"
	}
	return f.metadataRefused(d)
}

func (f *filter) metadataRefused(d *document) string {
	for name, wanted := range f.Metadata {
		if value, _ := d.metadata.value(name); !matchesValue(value, wanted) {
			return "filter.metadata." + name
		}
	}
	return ""
}

// describe says what the document has where the named condition refused it.
func (d *document) describe(condition string) string {
	name, isMetadata := strings.CutPrefix(condition, "filter.metadata.")
	switch {
	case isMetadata:
		if has, ok := d.metadata.value(name); ok {
			return fmt.Sprintf("%s: the document has %v", condition, has)
		}
		return condition + ": the document has none"
	}
	value := map[string]string{
		"filter.domain": d.host, "site": d.host, "filter.language": d.language, "filter.country": d.country,
		"filter.is_mobile": strconv.FormatBool(d.isMobile),
	}[condition]
	if condition == "filter.since" || condition == "filter.until" {
		value = d.received.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s: the document has %q", condition, value)
}

// matchesLanguage says whether a language is the wanted one or a variant of it:
// "en" takes "en", "EN" and "en-US", not "eng".
func matchesLanguage(language, wanted string) bool {
	if len(language) < len(wanted) || !strings.EqualFold(language[:len(wanted)], wanted) {
		return false
	}
	return len(language) == len(wanted) || language[len(wanted)] == '-' || language[len(wanted)] == '_'
}

// matchesValue compares a value of metadata, as JSON gives it, with a wanted text;
// a list matches by any of its items.
func matchesValue(value any, wanted string) bool {
	switch v := value.(type) {
	case nil:
		return false
	case string:
		return v == wanted
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64) == wanted
	case []any:
		for _, item := range v {
			if matchesValue(item, wanted) {
				return true
			}
		}
		return false
	}
	return fmt.Sprint(value) == wanted
}
