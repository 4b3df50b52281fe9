package faultfs

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// survivors returns the distinct survivors of many crashes of one state, as
// strings with one letter a sector ('.' for zeros, '!' for a mixed sector).
func survivors(n *inode) map[string]int {
	seen := map[string]int{}
	rng := rand.New(rand.NewPCG(7, 0))
	for range 1500 {
		seen[letters(n.survivor(rng))]++
	}
	return seen
}

func letters(content []byte) string {
	var out []byte
	for len(content) > 0 {
		sector := content[:min(sectorBytes, len(content))]
		content = content[len(sector):]
		letter := sector[0]
		switch {
		case bytes.Count(sector, sector[:1]) != len(sector):
			letter = '!'
		case letter == 0:
			letter = '.'
		}
		out = append(out, letter)
	}
	return string(out)
}

// put writes one sector for each letter, from sector at on.
func put(n *inode, at int64, text string) {
	var data []byte
	for _, letter := range []byte(text) {
		data = append(data, bytes.Repeat([]byte{letter}, sectorBytes)...)
	}
	n.write(at*sectorBytes, data)
}

func TestSurvivor(t *testing.T) {
	f := func(name string, do func(n *inode), want ...string) {
		t.Helper()
		var n inode
		do(&n)
		all := map[string]bool{}
		for s := range survivors(&n) {
			all[s] = true
		}
		expected := map[string]bool{}
		for _, s := range want {
			expected[s] = true
		}
		if diff := cmp.Diff(expected, all); diff != "" {
			t.Errorf("%s: survivors (-want +got):\n%s", name, diff)
		}
	}
	f("synced", func(n *inode) { put(n, 0, "ab"); n.sync() }, "ab")
	f("not synced: lost, torn, out of order, grown without data", func(n *inode) { put(n, 0, "ab") },
		"", "a", ".b", "ab", "..", "a.")
	f("overwritten", func(n *inode) { put(n, 0, "ab"); n.sync(); put(n, 0, "xy") }, "ab", "xb", "ay", "xy")
	f("twice: a sector is never newer than a write it lacks", func(n *inode) {
		put(n, 0, "a")
		n.sync()
		put(n, 0, "b")
		put(n, 0, "c")
	}, "a", "b", "c")
	f("half a sector, then the other half", func(n *inode) {
		put(n, 0, "a")
		n.sync()
		n.write(0, bytes.Repeat([]byte{'b'}, sectorBytes/2))
		n.write(sectorBytes/2, bytes.Repeat([]byte{'b'}, sectorBytes/2))
	}, "a", "!", "b")
	f("cut", func(n *inode) { put(n, 0, "ab"); n.sync(); n.truncate(sectorBytes) }, "ab", "a")
	f("cut, synced", func(n *inode) { put(n, 0, "ab"); n.truncate(sectorBytes); n.sync() }, "a")
	f("cut and written again: new data behind a lost cut is lost", func(n *inode) {
		put(n, 0, "ab")
		n.sync()
		n.truncate(0)
		put(n, 0, "xy")
	}, "ab", "", "x", ".y", "xy", "..", "x.")
	f("written after a hole", func(n *inode) { put(n, 2, "c"); n.sync() }, "..c")
}

// TestEveryOutcomeIsLikely keeps the draw honest: the ends (nothing, everything)
// and the torn middle all come often.
func TestEveryOutcomeIsLikely(t *testing.T) {
	var n inode
	put(&n, 0, "ab")
	for outcome, times := range survivors(&n) {
		if times < 20 {
			t.Errorf("survivor %q came in %d of 1500 crashes, want 20 at least", outcome, times)
		}
	}
}

func TestFailedSyncIsNotTriedAgain(t *testing.T) {
	kept, lost := 0, 0
	for seed := range uint64(200) {
		var n inode
		put(&n, 0, "a")
		n.sync()
		put(&n, 0, "b")
		n.drop(rand.New(rand.NewPCG(seed, 0)))
		put(&n, 1, "c")
		n.sync()
		switch got := letters(n.durable); got {
		case "bc":
			kept++
		case "ac":
			lost++
		default:
			t.Fatalf("seed %d: durable %q, want ac or bc", seed, got)
		}
	}
	if kept < 20 || lost < 20 {
		t.Errorf("of 200 failed syncs %d kept the write and %d lost it, want 20 of each at least", kept, lost)
	}
}

func TestNamesNeedASyncOfTheDirectory(t *testing.T) {
	f := func(name string, do func(d *disk), want ...string) {
		t.Helper()
		d := newDisk()
		do(&d)
		all := map[string]bool{}
		rng := rand.New(rand.NewPCG(3, 0))
		for range 500 {
			all[list(t, &d, rng)] = true
		}
		expected := map[string]bool{}
		for _, s := range want {
			expected[s] = true
		}
		if diff := cmp.Diff(expected, all); diff != "" {
			t.Errorf("%s: survivors (-want +got):\n%s", name, diff)
		}
	}
	f("created", func(d *disk) { d.create("/x/a").sync() }, "", "a")
	f("created, synced", func(d *disk) { d.create("/x/a"); d.syncDir() }, "a")
	f("deleted", func(d *disk) { d.adopt("/x/a", nil); d.remove("/x/a") }, "", "a")
	f("deleted, synced", func(d *disk) { d.adopt("/x/a", nil); d.remove("/x/a"); d.syncDir() }, "")
	f("in order", func(d *disk) { d.adopt("/x/a", nil); d.remove("/x/a"); d.create("/x/b") }, "", "a", "b")
}

// list returns the names of one crash's survivors, run together.
func list(t *testing.T, d *disk, rng *rand.Rand) string {
	t.Helper()
	files, err := d.survivors(rng)
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, name := range []string{"a", "b"} {
		if _, ok := files[name]; ok {
			names += name
		}
	}
	return names
}
