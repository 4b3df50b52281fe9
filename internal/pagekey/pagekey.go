// Package pagekey turns a page's URL into the key of its document.
//
// Two spellings have one key only where RFC 3986 calls them the same: case of
// scheme and host, internationalised host names, default port, percent-encoding
// and dot segments. The fragment and tracking parameters are dropped as well.
// What merely may be the same page (a slash at the end, index.html, http and
// https) keeps its own key.
//
// Keys are stable: Normalise(key) is the key again. The package is pure, and
// linear in the length of the URL.
package pagekey

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// MaxBytes bounds a URL, before and after normalising. Keys are indexed and sent
// around; browsers and crawlers stay far below it.
const MaxBytes = 4096

// Why a URL has no key.
var (
	errTooLong  = fmt.Errorf("url is longer than %d bytes", MaxBytes)
	errEmpty    = errors.New("url is empty")
	errScheme   = errors.New("url must begin with http:// or https://")
	errNoHost   = errors.New("url has no host")
	errUserinfo = errors.New("url holds a user name or password")
)

// Normalise gives the key of a URL. White space around it is not part of it.
//
// A URL with user name or password is refused: it is shown byte for byte in
// answers and logs, so that keeping the page would publish the secret, and
// without it the key would name another resource than the one asked for.
func Normalise(raw string) (string, error) {
	raw = trimSpace(raw)
	if raw == "" {
		return "", errEmpty
	}
	if len(raw) > MaxBytes {
		return "", errTooLong
	}
	scheme, rest, ok := cutScheme(raw)
	if !ok {
		return "", errScheme
	}
	authority, tail := cutAt(rest, "/?#")
	tail, _ = cutAt(tail, "#")
	path, query := cutAt(tail, "?")

	buf := make([]byte, 0, 2*MaxBytes) // on the stack; only escapes grow a URL
	buf = append(buf, scheme...)
	buf = append(buf, "://"...)
	buf, err := appendAuthority(buf, scheme, authority)
	if err != nil {
		return "", err
	}
	buf = appendPath(buf, path)
	buf = appendQuery(buf, query)
	if len(buf) > MaxBytes {
		return "", errTooLong
	}
	if string(buf) == raw {
		return raw, nil
	}
	return string(buf), nil
}

// trimSpace cuts ASCII white space and controls, as browsers do.
func trimSpace(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

func cutScheme(raw string) (scheme, rest string, ok bool) {
	i := strings.Index(raw, "://")
	switch {
	case i == 4 && strings.EqualFold(raw[:4], "http"):
		return "http", raw[7:], true
	case i == 5 && strings.EqualFold(raw[:5], "https"):
		return "https", raw[8:], true
	}
	return "", "", false
}

// cutAt splits s before the first of the given characters.
func cutAt(s, chars string) (before, from string) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func appendAuthority(buf []byte, scheme, authority string) ([]byte, error) {
	if strings.Contains(authority, "@") {
		return nil, errUserinfo
	}
	host, port, err := splitPort(authority)
	if err != nil {
		return nil, err
	}
	if buf, err = appendHost(buf, host); err != nil {
		return nil, err
	}
	if port != "" && port != defaultPorts[scheme] {
		buf = append(buf, ':')
		buf = append(buf, port...)
	}
	return buf, nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// splitPort gives the host with its brackets, and the port without leading
// zeros; an empty port is the same as none.
func splitPort(authority string) (host, port string, err error) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	if port == "" {
		return host, "", nil
	}
	number := 0
	for _, c := range []byte(port) {
		if c < '0' || c > '9' {
			return "", "", fmt.Errorf("url has a bad port %q", shorten(port))
		}
		if number = number*10 + int(c-'0'); number > 65535 {
			return "", "", fmt.Errorf("url has a bad port %q", shorten(port))
		}
	}
	if port = strings.TrimLeft(port, "0"); port == "" {
		return "", "", errors.New("url has port 0")
	}
	return host, port, nil
}

// appendPath appends the path with its escapes normalised and its dot segments
// removed. Every ".." goes back at most over what it removes, so the whole is linear.
func appendPath(buf []byte, path string) []byte {
	root := len(buf)
	for path != "" {
		var segment string
		segment, path = cutAt(path[1:], "/")
		mark := len(buf)
		buf = append(buf, '/')
		buf = appendEscaped(buf, segment, inPath)
		switch string(buf[mark+1:]) {
		case ".":
			buf = buf[:mark]
		case "..":
			buf = buf[:parent(buf, root, mark)]
		default:
			continue
		}
		if path == "" {
			buf = append(buf, '/')
		}
	}
	if len(buf) == root {
		buf = append(buf, '/')
	}
	return buf
}

// parent is where the segment before mark begins, or root.
func parent(buf []byte, root, mark int) int {
	return root + max(0, bytes.LastIndexByte(buf[root:mark], '/'))
}

// appendQuery appends the query, "?" included, without tracking parameters. A
// query that loses all of its parameters is gone; one sent empty stays.
func appendQuery(buf []byte, query string) []byte {
	if query == "" {
		return buf
	}
	separator, rest, more := byte('?'), query[1:], true
	for more {
		var parameter string
		parameter, rest, more = strings.Cut(rest, "&")
		mark := len(buf)
		buf = append(buf, separator)
		buf = appendEscaped(buf, parameter, inQuery)
		if isTracking(buf[mark+1:]) {
			buf = buf[:mark]
			continue
		}
		separator = '&'
	}
	return buf
}

// shorten keeps messages about hostile input short.
func shorten(s string) string {
	const limit = 40
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
