package firecrawl

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestSignatureVectors(t *testing.T) {
	var file struct {
		Vectors []struct {
			Secret string `json:"secret_utf8"`
			Body   string `json:"raw_body_utf8"`
			Bytes  int    `json:"raw_body_bytes"`
			Header string `json:"header_name"`
			Value  string `json:"header_value"`
		}
	}
	if err := json.Unmarshal(sample(t, "signature_vectors.json"), &file); err != nil || len(file.Vectors) == 0 {
		t.Fatalf("%d vectors: %v", len(file.Vectors), err)
	}
	for _, v := range file.Vectors {
		body := []byte(v.Body)
		if len(body) != v.Bytes || v.Header != SignatureHeader {
			t.Fatalf("vector of %d bytes, header %s", len(body), v.Header)
		}
		if got := Sign(v.Secret, body); got != v.Value {
			t.Errorf("Sign = %s, want %s", got, v.Value)
		}
		if err := Verify(v.Secret, v.Value, body); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}
}

func TestVerify(t *testing.T) {
	const secret = "0123456789abcdef"
	body := []byte(`{"success":true}`)
	good := Sign(secret, body)
	f := func(header string, want error) {
		t.Helper()
		if err := Verify(secret, header, body); !errors.Is(err, want) || (err != nil) != (want != nil) {
			t.Errorf("Verify(%q) = %v, want %v", header, err, want)
		}
	}
	f(good, nil)
	f("sha256="+strings.ToUpper(good[7:]), nil)
	f("", ErrSignatureMissing)
	f(good[7:], ErrSignatureMalformed)
	f("sha256=", ErrSignatureMalformed)
	f("SHA256="+good[7:], ErrSignatureMalformed)
	f(good[:len(good)-2], ErrSignatureMalformed)
	f(good+"00", ErrSignatureMalformed)
	f("sha256="+strings.Repeat("g", 64), ErrSignatureMalformed)
	f(" "+good, ErrSignatureMalformed)
	f("sha256="+strings.Repeat("0", 64), ErrSignatureWrong)
	f(Sign("another secret..", body), ErrSignatureWrong)
	f(Sign(secret, []byte("another body")), ErrSignatureWrong)
	if err := Verify("", Sign("", body), body); !errors.Is(err, ErrSignature) {
		t.Errorf("an empty secret verified a body: %v", err)
	}
}

func TestVerifierTakesABodyInPieces(t *testing.T) {
	body := []byte(strings.Repeat("0123456789", 1000))
	v := NewVerifier("a secret of some length")
	for rest := body; len(rest) > 0; {
		n, err := v.Write(rest[:min(len(rest), 777)])
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := v.Check(Sign("a secret of some length", body)); err != nil {
		t.Error(err)
	}
	if err := v.Check(Sign("a secret of some length", body[1:])); !errors.Is(err, ErrSignature) {
		t.Errorf("a wrong signature: %v", err)
	}
}
