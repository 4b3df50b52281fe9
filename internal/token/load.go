package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
)

// files are the names that a tokenizer has in a folder, the first that is there wins.
var files = []string{"tokenizer.json", "tokenizer.json.gz", "tokenizer.assembled.json.gz"}

// Load makes a tokenizer from a file, or from the tokenizer.json, tokenizer.json.gz or
// tokenizer.assembled.json.gz of a folder. Errors begin with the file's path.
func Load(path string) (*Tokenizer, error) {
	file, err := find(path)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
}

func find(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, err
	}
	for _, name := range files {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return "", fmt.Errorf("%s: has no tokenizer.json", path)
}

// Parse makes a tokenizer from a tokenizer.json, plain or gzip. It refuses by name what
// it does not know.
func Parse(data []byte) (*Tokenizer, error) {
	data, err := gunzip(data)
	if err != nil {
		return nil, err
	}
	def, err := readDefinition(data)
	if err != nil {
		return nil, err
	}
	t, err := def.tokenizer()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	t.hash = hex.EncodeToString(sum[:])
	return t, nil
}

// gunzip returns data, unpacked if it is gzip.
func gunzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	// The last four bytes say the unpacked size; they may lie, so they are only a hint.
	size := int(binary.LittleEndian.Uint32(data[len(data)-4:]))
	out := bytes.NewBuffer(make([]byte, 0, min(size, 64*len(data))+bytes.MinRead))
	_, err = out.ReadFrom(r)
	return out.Bytes(), errors.Join(err, r.Close())
}
