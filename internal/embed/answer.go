package embed

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"pulse"
)

// AppendJSON encodes a request without escaping what HTML would mind.
func AppendJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return b.Bytes(), nil
}

// ReadOpenAI reads the answer of an OpenAI-like route for a number of texts: vectors as
// base64 of little-endian float32, or as lists, each placed by its index.
func ReadOpenAI(data []byte, texts int) ([]pulse.Vector, error) {
	s := answerScanner{floatScanner: floatScanner{data: data}, texts: texts}
	if s.answer() == nil {
		return s.vectors, nil
	}
	return readOpenAI(data, texts) // it says what is wrong, if something is
}

func readOpenAI(data []byte, texts int) ([]pulse.Vector, error) {
	var answer struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if len(answer.Data) != texts {
		return nil, fmt.Errorf("%w: %s for %s", errShape, plural(len(answer.Data), "vector"), plural(texts, "text"))
	}
	vectors := make([]pulse.Vector, texts)
	for i, d := range answer.Data {
		at := i // an imitator may leave the index out
		if d.Index != nil {
			at = *d.Index
		}
		if at < 0 || at >= texts || vectors[at] != nil {
			return nil, fmt.Errorf("%w: index %d of %s", errShape, at, plural(texts, "text"))
		}
		v, err := readEmbedding(d.Embedding)
		if err != nil {
			return nil, fmt.Errorf("read vector %d: %w", i, err)
		}
		vectors[at] = v
	}
	return vectors, nil
}

func readEmbedding(raw json.RawMessage) (pulse.Vector, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return ScanVector(raw)
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 { // "\/" is legal JSON
		text = bytes.ReplaceAll(text, []byte(`\/`), []byte("/"))
	}
	return decodeVector(text)
}

// decodeVector reads base64 of little-endian float32.
func decodeVector(text []byte) (pulse.Vector, error) {
	if len(text) > base64.StdEncoding.EncodedLen(4*maxDimension) {
		return nil, fmt.Errorf("%w: %d characters are no vector", errShape, len(text))
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(b, text)
	if err != nil {
		return nil, fmt.Errorf("read base64: %w", err)
	}
	if n%4 != 0 || n == 0 || n/4 > maxDimension {
		return nil, fmt.Errorf("%w: %d bytes are no vector", errShape, n)
	}
	v := make(pulse.Vector, n/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}
