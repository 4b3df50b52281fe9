package embed

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"pulse"
)

// answers are such as servers send, and some that none should.
var answers = []string{
	`{"object":"list","data":[{"object":"embedding","embedding":"AACAPwAAAEA=","index":1},{"object":"embedding","embedding":"AACAPwAAgD8=","index":0}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":-1.5e3}}`,
	` { "data" : [ {"embedding":[1,2.5e-3],"index":0} , {"embedding":[],"index":1} ] } `,
	`{"data":[{"embedding":"AACAPwAAAEA="},{"embedding":[0.5,-1]}]}`,
	`{"data":[{"embedding":"AACAP\/AAAEA=","index":0},{"embedding":[0.5,-1],"index":1}],"x":[[],{"a":null,"b":[true,false]},"\""]}`,
	`{"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":0}]}`,
	`{"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":7}]}`,
	`{"data":[{"embedding":[1],"index":null},{"embedding":[1],"index":1}]}`,
	`{"data":[{"embedding":[1],"index":0}]}`,
	`{"data":[{"embedding":[1],"index":0},{"index":1}]}`,
	`{"data":[{"embedding":"AACAPw==","embedding":[2],"index":0,"index":1},{"embedding":[1],"index":0}]}`,
	`{"data":[{"embedding":"AAC"},{"embedding":"!"}]}`,
	`{"data":[],"data":[{"embedding":[1]},{"embedding":[2]}]}`,
	`{"error":{"message":"no"}}`, `[]`, `{}`, ``, `{"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":1}]`,
	`{"data":[{"embedding":[1],"indeX":1},{"embedding":[2],"x":0}]}`,
	`{"Data":[{"Embedding":[1]},{"embedding":[1]}]}`,
}

func sameAnswer(t *testing.T, data []byte) {
	t.Helper()
	fast, err := ReadOpenAI(data, 2)
	slow, slowErr := readOpenAI(data, 2)
	if (err == nil) != (slowErr == nil) || err == nil && !reflect.DeepEqual(fast, slow) {
		t.Errorf("%s:\n%v, %v, and by encoding/json\n%v, %v", data, fast, err, slow, slowErr)
	}
}

func TestReadOpenAI(t *testing.T) {
	for _, a := range answers {
		sameAnswer(t, []byte(a))
	}
	s := answerScanner{floatScanner: floatScanner{data: []byte(answers[0])}, texts: 2}
	if err := s.answer(); err != nil {
		t.Errorf("the usual answer is not read in one pass: %v", err)
	}
	if v, err := ReadOpenAI([]byte(answers[0]), 2); err != nil || !reflect.DeepEqual(v, []pulse.Vector{{1, 1}, {1, 2}}) {
		t.Errorf("%v, %v", v, err)
	}
}

func FuzzReadOpenAI(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if json.Valid(data) { // of the rest, what is skipped is looked at less closely
			sameAnswer(t, data)
		}
	})
}

func BenchmarkReadOpenAI(b *testing.B) {
	type item struct {
		Object    string `json:"object"`
		Embedding string `json:"embedding"`
		Index     int    `json:"index"`
	}
	rng := rand.New(rand.NewPCG(1, 1))
	raw := make([]byte, 4096)
	data := make([]item, 32)
	for i := range data {
		for j := range raw {
			raw[j] = byte(rng.Uint32())
		}
		data[i] = item{"embedding", base64.StdEncoding.EncodeToString(raw), i}
	}
	answer, err := AppendJSON(map[string]any{"object": "list", "data": data, "model": "m"})
	if err != nil {
		b.Fatal(err)
	}
	for name, read := range map[string]func([]byte, int) ([]pulse.Vector, error){"scanner": ReadOpenAI, "encoding-json": readOpenAI} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(answer)))
			for b.Loop() {
				if _, err := read(answer, 32); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
