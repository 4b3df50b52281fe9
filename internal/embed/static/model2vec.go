package static

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"pulse/internal/token"
)

// Open reads a Model2Vec folder: config.json, tokenizer.json and model.safetensors with
// the tensors embeddings (rows × dimension; F32, F16 or I8) and, if they are there,
// weights (of tokens) and mapping (token → row). Rows are kept as int8 codes with a
// weight each, which turns a vector by less than one degree. Errors name the file.
func Open(dir string) (*Embedder, error) {
	config, err := readConfig(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	tokenizer, err := token.Load(dir)
	if err != nil {
		return nil, err
	}
	unknown, err := readUnknown(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := readModel2Vec(data, unknown)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	e := newEmbedder("static-"+hex.EncodeToString(sum[:6]), tokenizer, t)
	e.mean = !config.Normalize
	return e, nil
}

type config struct {
	Normalize bool `json:"normalize"`
}

func readConfig(path string) (config, error) {
	var c config
	data, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// readUnknown finds the id of the token that stands for what is unknown; -1: none.
func readUnknown(path string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var t struct {
		Model struct {
			UnknownToken *string         `json:"unk_token"`
			UnknownID    *int64          `json:"unk_id"`
			Vocabulary   json.RawMessage `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case t.Model.UnknownID != nil:
		return *t.Model.UnknownID, nil
	case t.Model.UnknownToken == nil:
		return -1, nil
	}
	var ids map[string]int64
	if err := json.Unmarshal(t.Model.Vocabulary, &ids); err != nil {
		return 0, fmt.Errorf("%s: read vocabulary: %w", path, err)
	}
	if id, ok := ids[*t.Model.UnknownToken]; ok {
		return id, nil
	}
	return -1, nil
}

// readModel2Vec makes a table of the tensors.
func readModel2Vec(file []byte, unknown int64) (*table, error) {
	tensors, err := readTensors(file)
	if err != nil {
		return nil, err
	}
	rows, ok := tensors["embeddings"]
	if !ok {
		return nil, errors.New(`has no tensor "embeddings"`)
	}
	if !slices.Contains([]string{"F32", "F16", "I8"}, rows.dtype) || len(rows.shape) != 2 || len(rows.data) == 0 {
		return nil, fmt.Errorf("embeddings are %s of shape %d: they must be rows of F32, F16 or I8", rows.dtype, rows.shape)
	}
	q, err := quantise(&rows)
	if err != nil {
		return nil, err
	}
	return q.perToken(tensors, unknown)
}

// quantised are rows as int8 codes.
type quantised struct {
	table *table // of rows, not of tokens
	rows  int
}

// quantise makes codes of a tensor of rows: each value is its code times its row's
// weight, which is the row's greatest magnitude over 127.
func quantise(rows *tensor) (*quantised, error) {
	n, dimension := rows.shape[0], rows.shape[1]
	stride := (dimension + block - 1) / block * block
	if uint64(n)*uint64(stride) > math.MaxUint32 {
		return nil, fmt.Errorf("%d rows of %d values are more than this format holds", n, dimension)
	}
	t := newTable(n, dimension, -1)
	codes := make([]byte, n*t.stride)
	row := make([]float32, dimension)
	for i := range n {
		if rows.dtype == "I8" {
			copy(codes[i*t.stride:], rows.data[i*dimension:(i+1)*dimension])
			t.weights[i] = 1
			continue
		}
		for j := range row {
			row[j] = rows.float(i*dimension + j)
		}
		w, err := quantiseRow(codes[i*t.stride:], row)
		if err != nil {
			return nil, fmt.Errorf("row %d of embeddings %w", i, err)
		}
		t.weights[i] = w
	}
	t.codes = unsafe.String(unsafe.SliceData(codes), len(codes)) // nobody writes to it again
	return &quantised{t, n}, nil
}

func quantiseRow(codes []byte, row []float32) (weight float32, err error) {
	greatest := 0.0
	for _, x := range row {
		greatest = max(greatest, math.Abs(float64(x)))
	}
	if math.IsNaN(greatest) || math.IsInf(greatest, 0) {
		return 0, errors.New("holds a value that is no finite number")
	}
	if greatest == 0 {
		return 0, nil
	}
	for j, x := range row {
		codes[j] = byte(int8(math.RoundToEven(float64(x) / greatest * 127)))
	}
	return float32(greatest / 127), nil
}

// perToken gives each token its row and weight.
func (q *quantised) perToken(tensors map[string]tensor, unknown int64) (*table, error) {
	mapping, mapped := tensors["mapping"]
	weights, weighted := tensors["weights"]
	n := q.rows
	if mapped {
		if mapping.dtype != "I64" && mapping.dtype != "I32" || len(mapping.shape) != 1 {
			return nil, fmt.Errorf("mapping is %s of shape %d: it must be a list of I64 or I32", mapping.dtype, mapping.shape)
		}
		n = mapping.shape[0]
	}
	if weighted && (!slices.Contains([]string{"F64", "F32", "F16"}, weights.dtype) || !slices.Equal(weights.shape, []int{n})) {
		return nil, fmt.Errorf("weights are %s of shape %d: they must be a list of %d of F64, F32 or F16", weights.dtype, weights.shape, n)
	}
	t := newTable(n, q.table.dimension, unknown)
	t.codes = q.table.codes
	for i := range n {
		row := int64(i)
		if mapped {
			row = mapping.index(i)
		}
		if row < 0 || row >= int64(q.rows) {
			return nil, fmt.Errorf("mapping sends token %d to row %d of %d", i, row, q.rows)
		}
		t.offsets[i], t.weights[i] = q.table.offsets[row], q.table.weights[row]
		if weighted {
			t.weights[i] *= weights.float(i)
		}
		if w := float64(t.weights[i]); math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("the weight of token %d is %v", i, w)
		}
	}
	return t, nil
}
