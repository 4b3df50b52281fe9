package static

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"pulse"
)

func builtinModel(t testing.TB) *Embedder {
	t.Helper()
	e, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestBuiltin(t *testing.T) {
	e := builtinModel(t)
	sum := sha256.Sum256([]byte(modelData))
	if got := hex.EncodeToString(sum[:]); got != modelHash {
		t.Errorf("model.bin has the hash %s, and not %s: a new table needs a new name", got, modelHash)
	}
	if len(modelData) > 16<<20 {
		t.Errorf("model.bin has %d bytes, more than 16 MiB", len(modelData))
	}
	if ids := e.Tokenizer().AppendIDs(nil, "ⵣ"); !slices.Equal(ids, []uint32{builtinUnknown}) {
		t.Errorf("what is unknown has the tokens %d, want %d", ids, builtinUnknown)
	}
	if again := builtinModel(t); again != e {
		t.Error("callers do not share the model")
	}
}

// TestBuiltinMeaning: what belongs together is nearer than what does not, without a
// word in common.
func TestBuiltinMeaning(t *testing.T) {
	e := builtinModel(t)
	f := func(text, near, far string) {
		t.Helper()
		v := e.vector(text)
		if a, b := dot(v, e.vector(near)), dot(v, e.vector(far)); a <= b {
			t.Errorf("%q: %.3f with %q, and %.3f with %q", text, a, near, b, far)
		}
	}
	f("delete a directory", "remove the folder", "play a song")
	f("heart attack", "myocardial infarction", "stock market")
	f("restart the container when it crashes", "a failed pod is started again", "the recipe needs two eggs")
	f("car repair", "fix an automobile engine", "poems of love")
}

func dot(a, b pulse.Vector) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
