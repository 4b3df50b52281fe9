package faultfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// disk is the model of the one directory that a layer's files are in. Its owner
// is the FS, under its mutex.
type disk struct {
	live    map[string]*inode // names as the running process sees them
	durable map[string]*inode // names that a crash cannot change
	pending []rename          // since the last sync of the directory, in order
}

// rename is a creation, or a deletion where node is nil.
type rename struct {
	path string
	node *inode
}

func newDisk() disk {
	return disk{live: map[string]*inode{}, durable: map[string]*inode{}}
}

// adopt takes in a file that was there before the layer: durable as it is.
func (d *disk) adopt(path string, content []byte) {
	n := &inode{durable: content, size: int64(len(content))}
	d.live[path], d.durable[path] = n, n
}

func (d *disk) create(path string) *inode {
	n := &inode{}
	d.live[path] = n
	d.pending = append(d.pending, rename{path, n})
	return n
}

func (d *disk) remove(path string) {
	if d.live[path] == nil {
		return
	}
	delete(d.live, path)
	d.pending = append(d.pending, rename{path, nil})
}

// syncDir makes all creations and deletions durable.
func (d *disk) syncDir() {
	apply(d.durable, d.pending)
	d.pending = nil
}

func apply(names map[string]*inode, renames []rename) {
	for _, r := range renames {
		if r.node == nil {
			delete(names, r.path)
			continue
		}
		names[r.path] = r.node
	}
}

// survivors returns what a disk may hold after a power cut now, by base name.
// The same state and the same rng give the same files.
func (d *disk) survivors(rng *rand.Rand) (map[string][]byte, error) {
	names := maps.Clone(d.durable)
	apply(names, d.pending[:survivingRenames(rng, len(d.pending))])
	files := make(map[string][]byte, len(names))
	for _, path := range slices.Sorted(maps.Keys(names)) {
		base := filepath.Base(path)
		if _, taken := files[base]; taken {
			return nil, fmt.Errorf("copy %s: another file of the layer has that name", path)
		}
		files[base] = names[path].survivor(rng)
	}
	return files, nil
}

// survivingRenames draws how many of n pending creations and deletions are kept;
// none and all come often, since they are the ends where bugs show.
func survivingRenames(rng *rand.Rand, n int) int {
	switch rng.IntN(3) {
	case 0:
		return 0
	case 1:
		return n
	}
	return rng.IntN(n + 1)
}
