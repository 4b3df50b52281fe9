// Command tokenizers packs the tokenizers that are part of the binary: it reads each
// definition from the shared data and writes it compressed, byte for byte the same
// inside, so that its hash is that of the file.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var packed = map[string]string{
	"all-MiniLM-L6-v2/tokenizer.json":             "minilm.json.zst",
	"qwen3-embedding/tokenizer.assembled.json.gz": "qwen3.json.zst",
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tokenizers FOLDER-OF-TOKENIZERS TO-FOLDER")
		os.Exit(2)
	}
	for from, to := range packed {
		if err := pack(filepath.Join(os.Args[1], from), filepath.Join(os.Args[2], to)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func pack(from, to string) error {
	data, err := read(from)
	if err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	out := e.EncodeAll(data, nil)
	fmt.Printf("%s: %d bytes, %d packed\n", to, len(data), len(out))
	return os.WriteFile(to, out, 0o600)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(path, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
