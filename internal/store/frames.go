package store

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"pulse"
)

// A body is a page's bytes at rest: its text, and the markdown and html as sent,
// each cut into frames of frameBytes that are compressed one by one, so that a
// passage opens only the frames that it lies in.
//
//	byte     bodyFormat
//	3 times  uvarint bytes, uvarint frames, frames × uvarint size at rest
//	the frames of the three sections, one after the other
//
// A frame's first byte says how it is kept: 0 as it is, 1 by zstd, 2 by s2. Bodies
// stay, so zstd's better ratio pays; parts live for days and are written while their
// sender waits, so they take s2, which costs a fifth.
const (
	bodyFormat    = 1 // 1: the first
	frameBytes    = 32 << 10
	maxFrameBytes = 64 << 20
	numSections   = 3
)

// section names one of the byte strings in a body.
type section int

const (
	sectionText section = iota
	sectionSource
	sectionHTML
)

// packBody compresses a page's byte strings into one body.
func packBody(enc *zstd.Encoder, sections [numSections][]byte) []byte {
	head := []byte{bodyFormat}
	var frames []byte
	for _, raw := range sections {
		n := (len(raw) + frameBytes - 1) / frameBytes
		head = binary.AppendUvarint(head, uint64(len(raw)))
		head = binary.AppendUvarint(head, uint64(n))
		for i := range n {
			before := len(frames)
			frames = packFrame(enc, frames, raw[i*frameBytes:min(len(raw), (i+1)*frameBytes)])
			head = binary.AppendUvarint(head, uint64(len(frames)-before))
		}
	}
	return append(head, frames...)
}

// packFrame appends raw as one frame, compressed where that makes it smaller.
func packFrame(enc *zstd.Encoder, dst, raw []byte) []byte {
	const worthwhile = 128
	at := len(dst)
	dst = append(dst, 1)
	if len(raw) >= worthwhile {
		dst = enc.EncodeAll(raw, dst)
		if len(dst)-at <= len(raw) {
			return dst
		}
	}
	dst = append(dst[:at], 0)
	return append(dst, raw...)
}

// packPart is packFrame for a part.
func packPart(raw []byte) []byte {
	dst := make([]byte, 1+s2.MaxEncodedLen(len(raw)))
	dst[0] = 2
	if out := s2.Encode(dst[1:], raw); len(out) < len(raw) {
		return dst[:1+len(out)]
	}
	dst[0] = 0
	return append(dst[:1], raw...)
}

// openFrame appends a frame's bytes to dst.
func openFrame(dec *zstd.Decoder, dst, frame []byte) ([]byte, error) {
	if len(frame) == 0 {
		return nil, errPacked
	}
	switch frame[0] {
	case 0:
		return append(dst, frame[1:]...), nil
	case 1:
		out, err := dec.DecodeAll(frame[1:], dst)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPacked, err)
		}
		return out, nil
	case 2:
		if n, err := s2.DecodedLen(frame[1:]); err != nil || n > maxFrameBytes {
			return nil, errPacked
		}
		out, err := s2.Decode(nil, frame[1:])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPacked, err)
		}
		return append(dst, out...), nil
	}
	return nil, errPacked
}

var errPacked = fmt.Errorf("packed bytes: %w", pulse.ErrDamaged)

// body reads a packed body.
type body struct {
	sections [numSections]struct {
		size   int
		frames [][]byte
	}
}

func openBody(data []byte) (*body, error) {
	if len(data) == 0 || data[0] != bodyFormat {
		return nil, errPacked
	}
	r := reader{data: data[1:]}
	b := new(body)
	var sizes [numSections][]int
	for i := range b.sections {
		b.sections[i].size = r.int(pulse.MaxBodyBytes * 8)
		sizes[i] = make([]int, 0, 4)
		for n := r.int(1 << 20); n > 0 && !r.bad; n-- {
			sizes[i] = append(sizes[i], r.int(maxFrameBytes))
		}
	}
	for i := range b.sections {
		for _, n := range sizes[i] {
			b.sections[i].frames = append(b.sections[i].frames, r.bytes(n))
		}
	}
	if r.bad {
		return nil, errPacked
	}
	return b, nil
}

// read opens bytes [start, end) of a section, clamped to what is there.
func (b *body) read(dec *zstd.Decoder, which section, start, end int) ([]byte, error) {
	s := &b.sections[which]
	start, end = max(0, start), min(end, s.size)
	if start >= end {
		return nil, nil
	}
	first, last := start/frameBytes, (end-1)/frameBytes
	if last >= len(s.frames) {
		return nil, errPacked
	}
	out := make([]byte, 0, min(s.size, (last+1)*frameBytes)-first*frameBytes)
	for _, frame := range s.frames[first : last+1] {
		var err error
		if out, err = openFrame(dec, out, frame); err != nil {
			return nil, err
		}
	}
	if len(out) < end-first*frameBytes {
		return nil, errPacked
	}
	return out[start-first*frameBytes : end-first*frameBytes], nil
}

// whole opens all of a section.
func (b *body) whole(dec *zstd.Decoder, which section) ([]byte, error) {
	return b.read(dec, which, 0, b.sections[which].size)
}
