package faultfs

import (
	"bytes"
	"math"
	"math/rand/v2"
)

// sectorBytes is what a disk writes at once: a sector is there or it is not.
const sectorBytes = 512

// inode is one file, whatever its name is or was. Its owner is the disk, under
// FS.mu.
type inode struct {
	durable []byte   // content that a crash cannot take
	pending []change // since then, in order
	size    int64    // as the running process sees it
}

// change is a write, or a truncation to off where data is nil.
type change struct {
	off     int64
	data    []byte
	shrinks bool // of a truncation: it cut something off
}

func (n *inode) write(off int64, data []byte) {
	n.pending = append(n.pending, change{off: off, data: bytes.Clone(data)})
	n.size = max(n.size, off+int64(len(data)))
}

func (n *inode) truncate(size int64) {
	n.pending = append(n.pending, change{off: size, shrinks: size < n.size})
	n.size = size
}

// sync makes all pending changes durable. The size is durable too, also where an
// earlier, failed sync dropped the data: those bytes read as zeros.
func (n *inode) sync() {
	for _, c := range n.pending {
		if c.data == nil {
			n.durable = resize(n.durable, c.off)
			continue
		}
		n.durable = overwrite(n.durable, c.off, c.data)
	}
	n.durable = resize(n.durable, n.size)
	n.pending = nil
}

// drop is a sync that failed: what was pending has reached the disk or not, and
// nothing will try again.
func (n *inode) drop(rng *rand.Rand) {
	n.durable = n.survivor(rng)
	n.pending = nil
}

// survivor returns what a disk may hold of the file after a power cut now.
func (n *inode) survivor(rng *rand.Rand) []byte {
	s := settling{
		image:  bytes.Clone(n.durable),
		frozen: map[int64]bool{},
		limit:  math.MaxInt64,
	}
	keep := luck(rng, len(n.pending))
	for i, c := range n.pending {
		kept := func() bool { return rng.Float64() < keep(i) }
		if c.data == nil {
			s.truncate(c, kept())
			continue
		}
		s.write(c, kept)
	}
	grown := len(n.pending) > 0 && !s.stuck && rng.IntN(4) == 0
	if grown && int64(len(s.image)) < n.size {
		s.image = resize(s.image, n.size)
	}
	return s.image
}

// luck draws how one file fares in one crash, as the chance of the i-th of n
// pending changes to have reached the disk: none did, all did, those up to a
// point in time, or a share of them in any order. A chance per sector alone
// would never draw the first three, in which bugs between files show.
func luck(rng *rand.Rand, n int) func(i int) float64 {
	switch rng.IntN(4) {
	case 0:
		return func(int) float64 { return 0 }
	case 1:
		return func(int) float64 { return 1 }
	case 2:
		cut := rng.IntN(n + 1)
		return func(i int) float64 { return [3]float64{1, 0.5, 0}[1+sign(i-cut)] }
	}
	share := rng.Float64()
	return func(int) float64 { return share }
}

func sign(i int) int { return min(1, max(-1, i)) }

// settling is an image to which pending changes are put, some of them.
type settling struct {
	image []byte
	// frozen holds the sectors of which a write was lost: the disk shows the
	// state before it, so later writes to the sector are lost too.
	frozen map[int64]bool
	// limit is the cut of a lost truncation: behind it nothing newer survives.
	limit int64
	stuck bool // a change of size was lost, and so are those that follow it
}

func (s *settling) truncate(c change, kept bool) {
	if kept && !s.stuck {
		s.image = resize(s.image, c.off)
		return
	}
	s.stuck = true
	if c.shrinks {
		s.limit = min(s.limit, c.off)
	}
}

func (s *settling) write(c change, kept func() bool) {
	end := min(c.off+int64(len(c.data)), s.limit)
	for at := c.off; at < end; {
		sector := at / sectorBytes
		next := min(end, (sector+1)*sectorBytes)
		switch {
		case s.frozen[sector]:
		case kept():
			s.image = overwrite(s.image, at, c.data[at-c.off:next-c.off])
		default:
			s.frozen[sector] = true
		}
		at = next
	}
}

// resize cuts b or fills it up with zeros.
func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size]
	}
	// Not b's spare room: a cut leaves old bytes there.
	return append(b, make([]byte, size-int64(len(b)))...)
}

func overwrite(b []byte, off int64, data []byte) []byte {
	if end := off + int64(len(data)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[off:], data)
	return b
}
