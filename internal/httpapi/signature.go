package httpapi

import (
	"net/http"

	"pulse/internal/source/firecrawl"
)

// sourceAuth is how one source proves that it is itself: by a signature, by a token,
// or, where neither is configured, not at all.
type sourceAuth struct {
	key   string // of the HMAC
	token secret
}

func (a *sourceAuth) open() bool { return a.key == "" && !a.token.set }

// prove looks at the headers alone. verifier is nil where they settle it; ok is false
// where no body could make them right.
func (a *sourceAuth) prove(r *http.Request) (verifier *firecrawl.Verifier, ok bool) {
	if a.open() || a.token.set && a.token.equal(tokenOf(r)) {
		return nil, true
	}
	if a.key == "" || r.Header.Get(firecrawl.SignatureHeader) == "" {
		return nil, false
	}
	return firecrawl.NewVerifier(a.key), true
}

// right says whether what the verifier was fed has the request's signature.
func right(v *firecrawl.Verifier, r *http.Request) bool {
	return v == nil || v.Check(r.Header.Get(firecrawl.SignatureHeader)) == nil
}

func tokenOf(r *http.Request) string {
	if t := r.Header.Get("X-Pulse-Token"); t != "" {
		return t
	}
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get("token")
}
