package embedtest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
	"unicode/utf8"

	"pulse"
	"pulse/internal/token"
)

// TEI is a server that speaks text-embeddings-inference's HTTP strictly: its limits, its
// errors, and nothing that it does not take. Its vectors are fingerprints, unless Embed
// says otherwise. Fields are set before Start, or under Change.
type TEI struct {
	Model        string // "" means test/model
	Dim          int    // 0 means 8
	APIKey       string // "" asks for none
	AutoTruncate bool
	BatchTexts   int                                               // of a request; 0 means 32
	AtOnce       int                                               // texts that it computes at once, as a server without a GPU says; 0 says nothing
	PayloadBytes int                                               // 0 means 2,000,000
	MaxTokens    int                                               // of a text, four bytes each; 0 means 512
	Permits      int                                               // 0 means 512
	Tokenizer    *token.Tokenizer                                  // of /tokenize; nil: that of all-MiniLM-L6-v2
	Prompt       string                                            // put before each text, as by --default-prompt
	Embed        func(text string) pulse.Vector                    // nil: Fingerprint
	Fail         func(w http.ResponseWriter, r *http.Request) bool // true: it has answered

	PerText time.Duration // that the model needs for each, one request at a time

	model    sync.Mutex // held while PerText passes
	mu       sync.Mutex
	inFlight int
	requests map[string]int // by path
	server   *httptest.Server
	open     int // connections
	peak     int // of them, at once
}

// Start listens on this machine and returns the address.
func (s *TEI) Start() string {
	if err := s.StartAt("127.0.0.1:0"); err != nil {
		panic(fmt.Sprintf("embedtest: %v", err)) // as httptest does
	}
	return s.server.URL
}

// StartAt listens on an address that somebody knows already, such as 127.0.0.1:8080.
func (s *TEI) StartAt(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if s.requests == nil {
		s.requests = map[string]int{}
	}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.server.Listener.Close()
	s.server.Listener = l
	s.server.Config.ConnState = s.count
	s.server.Start()
	return nil
}

func (s *TEI) count(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open++
		s.peak = max(s.peak, s.open)
	case http.StateClosed, http.StateHijacked:
		s.open--
	}
}

// PeakConnections is how many connections were open at once, at most.
func (s *TEI) PeakConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// Close ends the server and its connections.
func (s *TEI) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// Restart ends the server and its connections, and starts it again at the same address as
// change has it.
func (s *TEI) Restart(change func(*TEI)) error {
	address := s.server.Listener.Addr().String()
	s.Close()
	s.Change(change)
	return s.StartAt(address)
}

// Change changes the server while it is used.
func (s *TEI) Change(f func(*TEI)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// Requests counts the requests to a path.
func (s *TEI) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

func (s *TEI) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.URL.Path]++
	c := TEI{Model: or(s.Model, "test/model"), Dim: or(s.Dim, 8), APIKey: s.APIKey, AutoTruncate: s.AutoTruncate, BatchTexts: or(s.BatchTexts, 32), AtOnce: s.AtOnce, PerText: s.PerText,
		PayloadBytes: or(s.PayloadBytes, 2_000_000), MaxTokens: or(s.MaxTokens, 512), Permits: or(s.Permits, 512), Tokenizer: s.Tokenizer, Prompt: s.Prompt, Embed: s.Embed, Fail: s.Fail}
	s.mu.Unlock()
	if c.Embed == nil {
		c.Embed = func(text string) pulse.Vector { return Fingerprint(text, c.Dim) }
	}
	if c.APIKey != "" && r.Header.Get("Authorization") != "Bearer "+c.APIKey {
		w.WriteHeader(http.StatusUnauthorized) // with an empty body
		return
	}
	if c.Fail != nil && c.Fail(w, r) {
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /info":
		c.info(w)
	case "POST /embed":
		s.embed(w, r, &c, false)
	case "POST /v1/embeddings":
		s.embed(w, r, &c, true)
	case "POST /tokenize":
		c.tokenize(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *TEI) info(w http.ResponseWriter) {
	var atOnce *int
	if s.AtOnce > 0 {
		atOnce = &s.AtOnce
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"model_id": s.Model, "model_sha": nil, "model_dtype": "float16", "model_type": map[string]any{"embedding": map[string]any{"pooling": "mean"}},
		"max_concurrent_requests": s.Permits, "max_input_length": s.MaxTokens, "max_batch_tokens": 16384, "max_batch_requests": atOnce,
		"max_client_batch_size": s.BatchTexts, "auto_truncate": s.AutoTruncate, "tokenization_workers": 2, "version": "1.9.3"})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone
}

// fault answers in the form of the route: the OpenAI one is flat, and not nested.
func fault(w http.ResponseWriter, openAI bool, status int, kind, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if openAI {
		answerJSON(w, status, map[string]any{"message": message, "code": status, "type": kind})
		return
	}
	answerJSON(w, status, map[string]any{"error": message, "error_type": kind})
}

func plainFault(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

// embed is both routes that make vectors.
func (s *TEI) embed(w http.ResponseWriter, r *http.Request, c *TEI, openAI bool) {
	body, ok := c.read(w, r)
	if !ok {
		return
	}
	var in struct {
		Inputs   []string `json:"inputs"`
		Truncate *bool    `json:"truncate"`
		Input    []string `json:"input"`
		Encoding string   `json:"encoding_format"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		if json.Valid(body) {
			plainFault(w, http.StatusUnprocessableEntity, "Failed to deserialize the JSON body into the target type: "+err.Error())
			return
		}
		plainFault(w, http.StatusBadRequest, "Failed to parse the request body as JSON: "+err.Error())
		return
	}
	truncate := c.AutoTruncate
	if in.Truncate != nil {
		truncate = *in.Truncate
	}
	texts := in.Inputs
	if openAI {
		texts = in.Input
	}
	if !s.admit(w, c, texts, truncate, openAI) {
		return
	}
	defer s.release(len(texts))
	s.compute(c.PerText * time.Duration(len(texts)))
	vectors := make([]pulse.Vector, len(texts))
	for i, text := range texts {
		vectors[i] = c.Embed(text)
	}
	if openAI {
		answerOpenAI(w, c.Model, vectors, in.Encoding == "base64")
		return
	}
	answerJSON(w, http.StatusOK, vectors)
}

// compute takes the model's time.
func (s *TEI) compute(d time.Duration) {
	if d == 0 {
		return
	}
	s.model.Lock()
	defer s.model.Unlock()
	time.Sleep(d)
}

// admit is the checks of a real server, in its order.
func (s *TEI) admit(w http.ResponseWriter, c *TEI, texts []string, truncate, openAI bool) bool {
	switch {
	case len(texts) == 0:
		fault(w, openAI, http.StatusBadRequest, "Empty", "Input validation error: `inputs` cannot be empty")
		return false
	case len(texts) > c.BatchTexts:
		fault(w, openAI, http.StatusUnprocessableEntity, "Validation", "batch size %d > maximum allowed batch size %d", len(texts), c.BatchTexts)
		return false
	}
	for _, text := range texts {
		if text == "" {
			fault(w, openAI, http.StatusBadRequest, "Empty", "Input validation error: `inputs` cannot be empty")
			return false
		}
		if n := utf8.RuneCountInString(text); n > charactersPerToken*c.MaxTokens && !truncate {
			fault(w, openAI, http.StatusUnprocessableEntity, "Validation", "Input validation error: `inputs` must have less than %d characters. Given: %d", charactersPerToken*c.MaxTokens, n)
			return false
		}
		if n := len(text)/4 + 2; n > c.MaxTokens && !truncate {
			fault(w, openAI, http.StatusUnprocessableEntity, "Validation", "Input validation error: `inputs` must have less than %d tokens. Given: %d", c.MaxTokens, n)
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight+len(texts) > c.Permits {
		fault(w, openAI, http.StatusTooManyRequests, "Overloaded", "Model is overloaded")
		return false
	}
	s.inFlight += len(texts)
	return true
}

func (s *TEI) release(texts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight -= texts
}

// answerOpenAI answers in OpenAI's form, with the last vector first: clients go by index.
func answerOpenAI(w http.ResponseWriter, model string, vectors []pulse.Vector, asBase64 bool) {
	data := make([]map[string]any, 0, len(vectors))
	for i := len(vectors) - 1; i >= 0; i-- {
		var v any = vectors[i]
		if asBase64 {
			raw := make([]byte, 0, 4*len(vectors[i]))
			for _, x := range vectors[i] {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
			}
			v = base64.StdEncoding.EncodeToString(raw)
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": v})
	}
	answerJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data, "model": model, "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}})
}

// Answer is the body of a server's answer that holds vectors, by the OpenAI route as base64
// or by /embed.
func Answer(vectors []pulse.Vector, asBase64 bool) []byte {
	w := httptest.NewRecorder()
	if asBase64 {
		answerOpenAI(w, "test/model", vectors, true)
	} else {
		answerJSON(w, http.StatusOK, vectors)
	}
	return w.Body.Bytes()
}
