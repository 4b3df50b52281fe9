package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// scope is what a key must allow for a route.
type scope int

const (
	scopeNone scope = iota
	scopeRead
	scopeWrite
	scopeAdmin
)

// secret compares in constant time, whatever the lengths. The zero value is no secret.
type secret struct {
	set bool
	sum [sha256.Size]byte
}

func newSecret(s string) secret {
	return secret{set: s != "", sum: sha256.Sum256([]byte(s))}
}

func (s *secret) equal(given string) bool {
	sum := sha256.Sum256([]byte(given))
	return s.set && subtle.ConstantTimeCompare(sum[:], s.sum[:]) == 1
}

// SECURITY: without a key, a local server must still not be read or written by a web
// page in the user's browser. A page's requests carry its own Origin or, by DNS
// rebinding, a Host of its own.
func (s *server) guardLocal(r *http.Request) *problem {
	if s.opts.Public {
		return nil
	}
	if !localHost(r.Host) {
		return newProblem(http.StatusForbidden, "without a key, Host must be localhost, 127.0.0.1 or [::1]")
	}
	if foreignOrigin(r) {
		return newProblem(http.StatusForbidden, "without a key, requests of other web pages are refused")
	}
	return nil
}

func localHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
		if strings.HasPrefix(host, "[") {
			name = "[" + h + "]"
		}
	}
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "[::1]"
}

func foreignOrigin(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return true
	}
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return false
	}
	u, err := url.Parse(origins[0])
	return err != nil || len(origins) > 1 || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host)
}

// authorise checks the key of a request against what the route needs. One full key
// holds every scope.
func (s *server) authorise(need scope, r *http.Request) *problem {
	if need == scopeNone || !s.apiKey.set {
		return nil
	}
	kind, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") || !s.apiKey.equal(strings.TrimSpace(key)) {
		return newProblem(http.StatusUnauthorized, "an API key is needed: Authorization: Bearer KEY")
	}
	return nil
}

// safeURL is the request's path and query without what must not be logged.
func safeURL(u *url.URL) string {
	if u.RawQuery == "" {
		return u.EscapedPath()
	}
	q := u.Query()
	if q.Has("token") {
		q.Set("token", "***")
	}
	return u.EscapedPath() + "?" + q.Encode()
}
