package store

import (
	"encoding/binary"
	"math"
	"slices"

	"pulse"
	"pulse/internal/half"
)

// Chunks at rest, one byte string per document and layout: a format byte, the
// number of chunks, and per chunk uvarints of (start as a step from the former
// start, length, tokens), the hash as 8 bytes little-endian, and its heading path,
// of which only what differs from the former chunk's is written.
const chunksFormat = 1 // 1: the first

func packChunks(chunks []pulse.Chunk) []byte {
	out := []byte{chunksFormat}
	out = binary.AppendUvarint(out, uint64(len(chunks)))
	var former pulse.Chunk
	for _, c := range chunks {
		out = binary.AppendUvarint(out, uint64(c.Start-former.Start))
		out = binary.AppendUvarint(out, uint64(c.End-c.Start))
		out = binary.AppendUvarint(out, uint64(c.Tokens))
		out = binary.LittleEndian.AppendUint64(out, c.Hash)
		same := samePrefix(former.Headings, c.Headings)
		out = binary.AppendUvarint(out, uint64(same))
		out = binary.AppendUvarint(out, uint64(len(c.Headings)-same))
		for _, h := range c.Headings[same:] {
			out = binary.AppendUvarint(out, uint64(len(h)))
			out = append(out, h...)
		}
		former = c
	}
	return out
}

func samePrefix(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// openChunks reads what packChunks wrote.
func openChunks(data []byte) ([]pulse.Chunk, error) {
	if len(data) == 0 || data[0] != chunksFormat {
		return nil, errPacked
	}
	r := reader{data: data[1:]}
	n := r.int(len(data))
	chunks := make([]pulse.Chunk, 0, n)
	var former pulse.Chunk
	for i := 0; i < n && !r.bad; i++ {
		c := pulse.Chunk{Ordinal: i}
		c.Start = former.Start + r.int(pulse.MaxBodyBytes)
		c.End = c.Start + r.int(pulse.MaxBodyBytes)
		c.Tokens = r.int(math.MaxInt32)
		c.Hash = r.uint64()
		same, more := r.int(len(former.Headings)), r.int(len(data))
		if !r.bad && same+more > 0 {
			c.Headings = append(make([]string, 0, same+more), former.Headings[:same]...)
			for ; more > 0 && !r.bad; more-- {
				c.Headings = append(c.Headings, string(r.bytes(r.int(len(data)))))
			}
		}
		chunks = append(chunks, c)
		former = c
	}
	if r.bad {
		return nil, errPacked
	}
	return chunks, nil
}

// Vectors at rest: a format byte, their number and dimension, then per vector a
// byte (0 when the embedder refused the chunk) and the numbers, little-endian.
const (
	vectorsFloat32 = 1 // the first; still written for numbers that float16 cannot hold
	vectorsFloat16 = 2
)

func packVectors(vectors []pulse.Vector) []byte {
	dim, format := 0, byte(vectorsFloat16)
	for _, v := range vectors {
		dim = max(dim, len(v))
		for _, x := range v {
			if !(-half.Max <= x && x <= half.Max) {
				format = vectorsFloat32
			}
		}
	}
	out := make([]byte, 0, 16+len(vectors)*(1+2*dim))
	out = append(out, format)
	out = binary.AppendUvarint(out, uint64(len(vectors)))
	out = binary.AppendUvarint(out, uint64(dim))
	for _, v := range vectors {
		if v == nil {
			out = append(out, 0)
			continue
		}
		out = append(out, 1)
		for _, x := range v {
			if format == vectorsFloat32 {
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
			} else {
				out = binary.LittleEndian.AppendUint16(out, half.From(x))
			}
		}
	}
	return out
}

// openVectors reads what packVectors wrote.
func openVectors(data []byte) ([]pulse.Vector, error) { return appendVectors(nil, data) }

// appendVectors is openVectors into the memory that all has room for.
func appendVectors(all []pulse.Vector, data []byte) ([]pulse.Vector, error) {
	if len(data) == 0 || data[0] != vectorsFloat32 && data[0] != vectorsFloat16 {
		return nil, errPacked
	}
	size := 4 / int(data[0]) // bytes a number
	r := reader{data: data[1:]}
	n, dim := r.int(len(data)), r.int(1<<16)
	vectors := slices.Grow(all, n)
	for i := 0; i < n && !r.bad; i++ {
		there := r.bytes(1)
		if r.bad || there[0] == 0 {
			vectors = append(vectors, nil)
			continue
		}
		raw := r.bytes(size * dim)
		v := make(pulse.Vector, len(raw)/size)
		for j := range v {
			if size == 4 {
				v[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))
			} else {
				v[j] = half.To(binary.LittleEndian.Uint16(raw[2*j:]))
			}
		}
		vectors = append(vectors, v)
	}
	if r.bad {
		return nil, errPacked
	}
	return vectors, nil
}

// reader takes numbers and bytes off packed data; bad is set, and stays, once
// something is missing or out of bounds.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) int(limit int) int {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || v > uint64(limit) {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.data) {
		r.bad = true
		return nil
	}
	out := r.data[:n:n]
	r.data = r.data[n:]
	return out
}

func (r *reader) uint64() uint64 {
	b := r.bytes(8)
	if len(b) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}
