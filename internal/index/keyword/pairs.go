package keyword

// pairBytes is the length of each character that pairRun takes.
const pairBytes = 3

// runKind is what a character is to pairRun.
type runKind uint8

const (
	runNone  runKind = iota
	runPair          // is indexed in pairs, and is no mark
	runBreak         // is no part of words whatever stands around it
)

// runKindAt is what the character at a place is.
func (s *scanner) runKindAt(i int) runKind {
	if i+pairBytes > len(s.data) || s.data[i]>>4 != 0xE {
		return runNone
	}
	r := rune(s.data[i]&0xF)<<12 | rune(s.data[i+1]&0x3F)<<6 | rune(s.data[i+2]&0x3F)
	switch {
	case 0x3041 <= r && r <= 0x3096, 0x30A1 <= r && r <= 0x30FA, r == 0x30FC,
		0x3400 <= r && r <= 0x4DBF, 0x4E00 <= r && r <= 0x9FFF, 0xAC00 <= r && r <= 0xD7A3:
		return runPair
	case r == 0x3001, r == 0x3002, 0x3008 <= r && r <= 0x3011:
		return runBreak
	}
	return runNone
}

// pairRun takes the characters from start on that are indexed in pairs, up to where the
// full rules would cut whatever follows: most of a Chinese or Japanese text. It returns
// start where span must look.
func (s *scanner) pairRun(start int) (end int) {
	end = start
	for s.runKindAt(end) != runNone {
		end += pairBytes
	}
	if end > start && !s.cutsAt(end) {
		end -= pairBytes // how it joins what follows is for the full rules
	}
	for i := start; i < end; i += pairBytes {
		if s.runKindAt(i) == runPair {
			s.pairAt(i)
		}
	}
	return end
}

// cutsAt says whether a run may end before what stands at a place.
func (s *scanner) cutsAt(i int) bool {
	if i == len(s.data) {
		return true
	}
	c := s.data[i]
	if c >= 0x80 || isInside(c) {
		return false
	}
	return asciiClass[c] == classOther || i+1 == len(s.data) || s.data[i+1] < 0x80 && !isInside(s.data[i+1]) || s.runKindAt(i+1) == runPair
}

// pairAt is pair for the character at a place, without copying where no mark stands
// between it and the one before.
func (s *scanner) pairAt(i int) {
	if s.inRun(i) && s.prevStart == i-pairBytes {
		s.emit(s.data[s.prevStart:i+pairBytes], kindExact, s.prevStart, i+pairBytes)
		s.prev = append(s.prev[:0], s.data[i:i+pairBytes]...)
		s.runLen++
		s.prevStart, s.prevEnd = i, i+pairBytes
		return
	}
	s.pair(s.text[i:i+pairBytes], i)
}
