package chunk

import "slices"

const maxLevel = 6 // of headings

// section is what a heading of the page stands above, up to the next one.
type section struct {
	start    int
	headings []string // the path to it, its own heading included
	hasBody  bool     // it says more than its heading
}

// outline is the sections of a text, as far as the scanner has come.
type outline struct {
	scanner
	sections []section
	seen     int // blocks that are in sections
	near     int // a block that blockAt found
	path     [maxLevel]string
	paths    []string // of sections, side by side
}

func (o *outline) reset(text string) {
	o.scanner.reset(text)
	o.sections = append(o.sections[:0], section{})
	o.seen, o.near, o.paths = 0, 0, nil
	o.path = [maxLevel]string{}
}

// readTo reads on until the block at a position has ended, though not much beyond it.
func (o *outline) readTo(pos, beyond int) {
	for !o.done() && (o.pos <= pos || o.leaf.open && o.pos <= beyond) {
		o.line()
	}
	o.enter()
}

// enter takes the blocks that have ended into their sections.
func (o *outline) enter() {
	n := len(o.blocks)
	if o.leaf.open && !o.done() {
		n--
	}
	for ; o.seen < n; o.seen++ {
		b := &o.blocks[o.seen]
		last := &o.sections[len(o.sections)-1]
		switch {
		case b.level == 0:
			last.hasBody = true
		case len(o.sections) == 1 && last.headings == nil && !last.hasBody:
			last.headings = o.pathTo(b) // the page begins with it
		default:
			o.sections = append(o.sections, section{start: b.start, headings: o.pathTo(b)})
		}
	}
}

// pathTo enters the section of a heading, and gives the headings down to it.
func (o *outline) pathTo(b *block) []string {
	o.path[b.level-1] = headingOf(o.text[b.start:b.end])
	clear(o.path[b.level:])
	if cap(o.paths)-len(o.paths) < maxLevel {
		o.paths = make([]string, 0, 16*maxLevel) // chunks keep the former one
	}
	from := len(o.paths)
	for _, h := range o.path {
		if h != "" {
			o.paths = append(o.paths, h)
		}
	}
	return o.paths[from:len(o.paths):len(o.paths)]
}

// sectionAt gives the index of the section that a position lies in.
func (o *outline) sectionAt(pos int) int {
	i := len(o.sections) - 1
	for o.sections[i].start > pos {
		i--
	}
	return i
}

// endOf gives the end of a section, reading on for it up to far; past that it gives
// far, which is not its end.
func (o *outline) endOf(i, far int) (end int, known bool) {
	for i+1 >= len(o.sections) && !o.done() && o.pos <= far {
		o.line()
		o.enter()
	}
	switch {
	case i+1 < len(o.sections):
		return o.sections[i+1].start, true
	case o.done():
		return len(o.text), true
	}
	return min(o.pos, len(o.text)), false
}

// blockAt gives the index of the block that a position lies in or behind; -1 is none.
// It looks around where it looked last.
func (o *outline) blockAt(pos int) int {
	i := min(o.near, len(o.blocks)-1)
	for i+1 < len(o.blocks) && o.blocks[i+1].start <= pos {
		i++
	}
	for i >= 0 && o.blocks[i].start > pos {
		i--
	}
	o.near = max(i, 0)
	return i
}

// forget drops the blocks and sections that end before a position.
func (o *outline) forget(pos int) {
	if n := min(o.blockAt(pos), o.seen) - 1; n > keptBlocks {
		o.blocks = slices.Delete(o.blocks, 0, n)
		o.seen -= n
		o.near = 0
	}
	if n := o.sectionAt(pos) - 1; n > keptBlocks {
		o.sections = slices.Delete(o.sections, 0, n)
	}
}

const keptBlocks = 1024

// commonPath gives the headings that hold for all of some sections. One without text
// of its own says nothing if another follows.
func commonPath(sections []section) []string {
	var path []string
	first := true
	for i := range sections {
		if !sections[i].hasBody && i+1 < len(sections) {
			continue
		}
		if first {
			path, first = sections[i].headings, false
			continue
		}
		n := 0
		for n < len(path) && n < len(sections[i].headings) && path[n] == sections[i].headings[n] {
			n++
		}
		path = path[:n]
	}
	return path
}
