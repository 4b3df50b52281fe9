package firecrawl

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
)

// SignatureHeader is the header that carries a webhook's signature.
const SignatureHeader = "X-Firecrawl-Signature"

const signaturePrefix = "sha256="

// ErrSignature is any reason why a signature does not hold; the others tell which.
const (
	ErrSignature          = signatureError("signature does not hold")
	ErrSignatureMissing   = signatureError("no " + SignatureHeader + " header")
	ErrSignatureMalformed = signatureError("the " + SignatureHeader + " header is not sha256= and 64 hex digits")
	ErrSignatureWrong     = signatureError("the signature is not that of this body and secret")
)

type signatureError string

func (e signatureError) Error() string { return string(e) }

// Is makes every reason an ErrSignature.
func (e signatureError) Is(target error) bool { return target == ErrSignature || target == e }

// Verifier hashes a body as its bytes arrive. It is for one body and one goroutine.
type Verifier struct {
	mac   hash.Hash
	armed bool
}

// NewVerifier starts a verification. An empty secret verifies nothing: every
// Check fails.
func NewVerifier(secret string) *Verifier {
	return &Verifier{mac: hmac.New(sha256.New, []byte(secret)), armed: secret != ""}
}

// Write takes the next bytes of the body. It never fails.
func (v *Verifier) Write(p []byte) (int, error) { return v.mac.Write(p) }

// Check compares the header with what was written, in constant time; hex in
// either case. Its error is an ErrSignature.
func (v *Verifier) Check(header string) error {
	if header == "" {
		return ErrSignatureMissing
	}
	digits, ok := strings.CutPrefix(header, signaturePrefix)
	given, err := hex.DecodeString(digits)
	if !ok || err != nil || len(given) != sha256.Size {
		return ErrSignatureMalformed
	}
	// SECURITY: constant-time comparison; without a secret nothing passes.
	if !hmac.Equal(given, v.mac.Sum(nil)) || !v.armed {
		return ErrSignatureWrong
	}
	return nil
}

// Verify checks the signature over the exact bytes of a body. Its error is an
// ErrSignature.
func Verify(secret, header string, body []byte) error {
	v := NewVerifier(secret)
	v.mac.Write(body)
	return v.Check(header)
}

// Sign makes the header's value as Firecrawl does.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return signaturePrefix + hex.EncodeToString(mac.Sum(nil))
}
