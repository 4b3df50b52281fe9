package keyword

import (
	"path/filepath"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// TestFilesStayTheSame compares the files of fixed texts with those that were written
// before indexing was made fast: terms, frequencies, places, lengths, ids, surfaces, all.
// Where it fails and the format or the analysis was meant to change, put what it prints
// here.
func TestFilesStayTheSame(t *testing.T) {
	f := func(name string, want uint64, pages []chunked) {
		t.Run(name, func(t *testing.T) {
			if got := fileSum(t, pages); got != want {
				t.Errorf("sum %#x of the file, want %#x", got, want)
			}
		})
	}
	f("samples", 0x462abab78a60b3d5, samplePages(t))
	if testing.Short() {
		return
	}
	f("torture", 0x2759c0eac2e08d0f, torturePages(t))
	f("english", 0x576ee87cf9254455, sharedPages(t, "k8s-en.jsonl.gz"))
	f("chinese japanese korean", 0x13cfd6ed3358524, sharedPages(t, "k8s-zh-ja-ko.jsonl.gz"))
}

// fileSum is the checksum of a file of the pages, some of which have a title, were
// replaced, or are gone again; and of what a merge makes of it.
func fileSum(t *testing.T, pages []chunked) uint64 {
	x, counter := New(Options{TitleWeight: 1}), NewCounter()
	for n, page := range pages {
		d := countPage(counter, &page)
		if n%3 > 0 {
			title := counter.Count(page.chunks[0][:min(50, len(page.chunks[0]))], page.language)
			d.Title = &title
		}
		x.Replace(uint32(n), d)
		if n%11 == 0 {
			x.Replace(uint32(n/2), countPage(counter, &pages[n]))
		}
		if n%7 == 0 {
			x.Delete(uint32(n / 3))
		}
	}
	sum := xxhash.New()
	sealed := x.Seal(plainState)
	f := writeTo(t, filepath.Join(t.TempDir(), "terms"), sealed)
	defer f.Close()
	_, _ = sum.Write(f.data)
	must(x.Adopt(sealed, f))
	x.Delete(5)
	if _, err := x.Merge(x.Files(), plainState).WriteTo(sum); err != nil {
		t.Fatal(err)
	}
	return sum.Sum64()
}
