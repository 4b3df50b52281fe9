package static

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenIsTheReference holds Model2Vec folders against what the model2vec package
// makes of texts (tools/static/golden.py).
func TestOpenIsTheReference(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/vectors.json")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no folders, %v", err)
	}
	for _, file := range folders {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) { isTheReference(t, filepath.Dir(file)) })
	}
}

func isTheReference(t *testing.T, dir string) {
	e, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Texts   []string
		Vectors [][]float32
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for i, text := range want.Texts {
		got, w := e.vector(text), want.Vectors[i]
		if length(w) == 0 {
			if got != nil {
				t.Errorf("%q: got %v, want nothing", text, got)
			}
			continue
		}
		if len(got) != len(w) {
			t.Fatalf("%q: %d values, want %d", text, len(got), len(w))
		}
		for j := range w {
			if math.Abs(float64(got[j]-w[j])) > 0.01*length(w) {
				t.Fatalf("%q: value %d is %v, want %v", text, j, got[j], w[j])
			}
		}
	}
}

// copyFolder copies one of testdata's folders, so that a test can spoil it.
func copyFolder(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenRefuses(t *testing.T) {
	f := func(spoil func(dir string) error, want ...string) {
		t.Helper()
		dir := copyFolder(t, "mapped")
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("error %v, want %q", err, w)
			}
		}
	}
	write := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	f(remove("config.json"), "config.json")
	f(write("config.json", "{"), "config.json")
	f(remove("tokenizer.json"), "tokenizer.json")
	f(write("tokenizer.json", "{}"), "tokenizer.json")
	f(remove("model.safetensors"), "model.safetensors")
	f(write("model.safetensors", "short"), "model.safetensors", "too short")
	tensors := func(header, data string, want string) {
		t.Helper()
		f(write("model.safetensors", tensorFile(header, data)), "model.safetensors", want)
	}
	embeddings := `"embeddings":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}`
	tensors(`{`, "", "read header")
	tensors(`{}`, "", `has no tensor "embeddings"`)
	tensors(`{"embeddings":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "12345678", "must be rows")
	tensors(`{"embeddings":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}`, "1234", "BF16")
	tensors(`{"embeddings":{"dtype":"I8","shape":[2,2],"data_offsets":[0,5]}}`, "1234", "do not lie in 4 bytes")
	tensors(`{"embeddings":{"dtype":"I8","shape":[2,2],"data_offsets":[3,1]}}`, "1234", "do not lie in 4 bytes")
	tensors(`{"embeddings":{"dtype":"I8","shape":[2,2],"data_offsets":[0,3]}}`, "1234", "has 3 bytes")
	tensors(`{"embeddings":{"dtype":"F32","shape":[4294967295,4294967295,4294967295],"data_offsets":[0,4]}}`, "1234", "too large")
	tensors(`{"embeddings":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}`, "\x00\x00\x80\x7f", "no finite number")
	tensors(`{`+embeddings+`,"mapping":{"dtype":"I32","shape":[1],"data_offsets":[4,8]}}`, "1234\x02\x00\x00\x00", "sends token 0 to row 2 of 2")
	tensors(`{`+embeddings+`,"mapping":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, "1234", "mapping is I8")
	tensors(`{`+embeddings+`,"weights":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234", "weights are F32 of shape [1]")
	tensors(`{`+embeddings+`,"weights":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, "1234\x00\x00\xc0\x7f1234", "the weight of token 0 is NaN")
	f(func(dir string) error { // a length far past the file
		return os.WriteFile(filepath.Join(dir, "model.safetensors"), []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), 0o600)
	}, "does not fit")
}

// tensorFile is a safetensors file.
func tensorFile(header, data string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + data
}

func TestHalfFloat(t *testing.T) {
	f := func(h uint16, want float64) {
		t.Helper()
		if got := float64(halfFloat(h)); got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("%#04x is %v, want %v", h, got, want)
		}
	}
	f(0x0000, 0)
	f(0x8000, math.Copysign(0, -1))
	f(0x0001, math.Pow(2, -24))
	f(0x83ff, -1023*math.Pow(2, -24))
	f(0x0400, math.Pow(2, -14))
	f(0x3c00, 1)
	f(0xc000, -2)
	f(0x3555, 0.333251953125)
	f(0x7bff, 65504)
	f(0x7c00, math.Inf(1))
	if got := halfFloat(0x7e00); got == got {
		t.Errorf("no number is %v", got)
	}
}

// FuzzReadModel2Vec: whatever the file says, what is read can be summed.
func FuzzReadModel2Vec(f *testing.F) {
	for _, name := range []string{"f32", "f16", "i8", "mapped"} {
		data, err := os.ReadFile(filepath.Join("testdata", name, "model.safetensors"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, shape := range []string{"[0,4]", "[4,0]", "[1,4]", "[4,1]"} {
		f.Add([]byte(tensorFile(fmt.Sprintf(`{"embeddings":{"dtype":"I8","shape":%s,"data_offsets":[0,4]}}`, shape), "1234")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if rows, err := readModel2Vec(data, 1); err == nil {
			sumAll(rows)
		}
	})
}
