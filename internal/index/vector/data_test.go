package vector

import (
	"bufio"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedTexts reads passages of about words words from the judged sets.
func sharedTexts(t testing.TB, limit, words int) []string {
	t.Helper()
	files, _ := filepath.Glob("../../../../shared/data/ir/*/corpus.jsonl")
	if len(files) == 0 {
		t.Skip("../shared/data/ir is not here")
	}
	var texts []string
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var d struct{ Title, Text string }
			if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
				t.Fatal(err)
			}
			all := strings.Fields(strings.ToLower(d.Title + " " + d.Text))
			for len(all) > 0 && len(texts) < limit {
				n := min(words, len(all))
				texts = append(texts, strings.Join(all[:n], " "))
				all = all[n:]
			}
		}
	}
	return texts
}

// textVectors makes vectors that are near where texts share words: each word has a
// random vector, weighed by how rare the word is.
func textVectors(texts []string, dimension int) [][]float32 {
	frequency := make(map[string]int)
	for _, text := range texts {
		seen := make(map[string]bool)
		for _, word := range strings.Fields(text) {
			if !seen[word] {
				seen[word] = true
				frequency[word]++
			}
		}
	}
	cache := make(map[string][]float32)
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, dimension)
		for _, word := range strings.Fields(text) {
			w := cache[word]
			if w == nil {
				w = wordVector(word, dimension, math.Log(float64(len(texts)+1)/float64(frequency[word])))
				cache[word] = w
			}
			for j, f := range w {
				v[j] += f
			}
		}
		vectors[i] = v
	}
	return vectors
}

func wordVector(word string, dimension int, weight float64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(word))
	r := rand.New(rand.NewPCG(h.Sum64(), 7))
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64() * weight)
	}
	return v
}

// clusteredVectors are around random centres, as pages of one subject are.
func clusteredVectors(r *rand.Rand, n, dimension, clusters int, spread float64) [][]float32 {
	centres := make([][]float32, clusters)
	for i := range centres {
		centres[i] = gaussian(r, dimension, 1)
	}
	vectors := make([][]float32, n)
	for i := range vectors {
		vectors[i] = gaussian(r, dimension, spread)
		for j, f := range centres[r.IntN(clusters)] {
			vectors[i][j] += f
		}
	}
	return vectors
}

func gaussian(r *rand.Rand, dimension int, deviation float64) []float32 {
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64() * deviation)
	}
	return v
}
