package local

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pulse"
)

// filter is a pulse.Filter made ready for one search.
type filter struct {
	pulse.Filter
	inDomain func(host, domain string) bool
	hosts    map[string]bool // what inDomain said: hosts are few, and it is slow
}

func (x *Index) newFilter(f pulse.Filter) *filter {
	return &filter{Filter: f, inDomain: x.options.InDomain, hosts: make(map[string]bool)}
}

// all says whether the filter lets everything pass.
func (f *filter) all() bool {
	return f.Domain == "" && f.Language == "" && f.Country == "" && f.IsMobile == nil &&
		f.Since.IsZero() && f.Until.IsZero() && len(f.Metadata) == 0
}

// refused names the first condition that the document does not meet; "" when it
// meets all.
func (f *filter) refused(d *document) string {
	switch {
	case f.Domain != "" && !f.domainHas(d.host):
		return "filter.domain"
	case f.Language != "" && !matchesLanguage(d.language, f.Language):
		return "filter.language"
	case f.Country != "" && !strings.EqualFold(d.country, f.Country):
		return "filter.country"
	case f.IsMobile != nil && *f.IsMobile != d.isMobile:
		return "filter.is_mobile"
	case !f.Since.IsZero() && d.received.Before(f.Since):
		return "filter.since"
	case !f.Until.IsZero() && d.received.After(f.Until):
		return "filter.until"
	}
	for name, wanted := range f.Metadata {
		if !matchesValue(d.metadata[name], wanted) {
			return "filter.metadata." + name
		}
	}
	return ""
}

func (f *filter) domainHas(host string) bool {
	has, known := f.hosts[host]
	if !known {
		has = f.inDomain(host, f.Domain)
		f.hosts[host] = has
	}
	return has
}

// describe says what the document has where the named condition refused it.
func (d *document) describe(condition string) string {
	name, isMetadata := strings.CutPrefix(condition, "filter.metadata.")
	switch {
	case isMetadata && d.metadata[name] == nil:
		return condition + ": the document has none"
	case isMetadata:
		return fmt.Sprintf("%s: the document has %v", condition, d.metadata[name])
	}
	value := map[string]string{
		"filter.domain": d.host, "filter.language": d.language, "filter.country": d.country,
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
	case []string:
		for _, item := range v {
			if item == wanted {
				return true
			}
		}
		return false
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
