package token

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkParse makes tokenizers from files that are in memory.
func BenchmarkParse(b *testing.B) {
	for _, name := range benchTokenizers {
		b.Run(name, func(b *testing.B) {
			file, err := find(filepath.Join(sharedData, "tokenizers", name))
			if err != nil {
				b.Skip(err)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
