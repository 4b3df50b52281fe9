package embedtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	"pulse/internal/embed"
)

// Sampled is a server that answers each request with a message of a file: either a body,
// or {"http_status","headers","body"}.
type Sampled struct {
	t      *testing.T
	caller embed.Caller
	answer string          // the file
	Last   json.RawMessage // body of the last request
	Path   string
}

// NewSampled starts the server; it ends with the test.
func NewSampled(t *testing.T) *Sampled {
	s := &Sampled{t: t}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	u, err := url.Parse(server.URL + "/v1")
	if err != nil {
		t.Fatal(err)
	}
	transport := embed.NewTransport(embed.TransportOptions{})
	t.Cleanup(func() { transport.Close(); server.Close() })
	s.caller = embed.Caller{Transport: transport, Base: u, Key: "a key"}
	return s
}

// Caller sends to the server, below /v1.
func (s *Sampled) Caller() embed.Caller { return s.caller }

// Answer has requests answered with a file from here on.
func (s *Sampled) Answer(file string) { s.answer = file }

func (s *Sampled) serve(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		s.t.Error(err)
	}
	s.Last, s.Path = bytes.Clone(body.Bytes()), r.URL.Path
	if r.Header.Get("Authorization") != "Bearer a key" || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("headers %v", r.Header)
	}
	raw, err := os.ReadFile(s.answer)
	if err != nil {
		s.t.Error(err)
		return
	}
	var wrapped struct {
		Status  int               `json:"http_status"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	}
	if json.Unmarshal(raw, &wrapped) != nil || wrapped.Status == 0 {
		w.Write(raw)
		return
	}
	for name, value := range wrapped.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(wrapped.Status)
	w.Write(wrapped.Body)
}
