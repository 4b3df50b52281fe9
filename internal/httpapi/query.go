package httpapi

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// wholeQuery is the field of an error that no one parameter can be blamed for.
const wholeQuery = "query string"

// checkQuery refuses a query string unless each parameter is known and stands in it once,
// with a value. What is read around a wrong part would be taken as not given: a deletion
// without its dry run, a retry without its filter.
func checkQuery(r *http.Request, known map[string]bool) *problem {
	if r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return unreadableQuery(r.URL.RawQuery, known)
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch values := q[name]; {
		case !takes(known, name):
			return invalid(name, "there is no such parameter")
		case len(values) > 1:
			return invalid(name, "is given more than once")
		case values[0] == "":
			return invalid(name, "is empty: give it a value or leave it out")
		}
	}
	return nil
}

func takes(known map[string]bool, name string) bool {
	return known[name] || known[anyMetadata] && strings.HasPrefix(name, "metadata.")
}

// unreadableQuery names the first parameter that cannot be read.
func unreadableQuery(raw string, known map[string]bool) *problem {
	for part := range strings.SplitSeq(raw, "&") {
		if _, err := url.ParseQuery(part); err == nil {
			continue
		}
		field, _, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(field); err == nil && takes(known, name) {
			return invalid(name, whyUnreadable(part))
		}
		return invalid(wholeQuery, whyUnreadable(part))
	}
	return invalid(wholeQuery, "has too many parameters")
}

func whyUnreadable(part string) string {
	if strings.Contains(part, ";") {
		return "holds a semicolon, which parts no parameters: in a value it is %3B"
	}
	return "is not escaped rightly: a percent sign in a value is %25"
}
