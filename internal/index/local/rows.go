package local

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"pulse"
	"pulse/internal/mapped"
)

// rowsVersion is of files of documents. Its history:
//
//	1: the first.
//
// A file is, all little-endian:
//
//	header  magic, version, zeros (uint32 each)
//	rows    each as its length (a uvarint) and what row.append makes
//	end     number of rows, xxhash64 of all before (uint64 each); magic
//
// Of several rows of one document, in whatever files, the one of the highest commit is true.
const rowsVersion = 1

const (
	rowsMagic    = "PULSEDOC"
	rowsEnd      = "PULSEEND"
	rowsHeadSize = 16
	rowsEndSize  = 24
)

// tableRow is a document as it is after a commit; document is nil when it is gone.
type tableRow struct {
	id         pulse.DocumentID
	seq        pulse.CommitSeq
	collection string
	document   *document
}

const (
	rowGone = 1 << iota
	rowMobile
)

// append encodes a row: id, seq (uvarints), flags (a byte); then of a live one its texts
// (each its length as a uvarint, and itself), the time it was received (varints of seconds
// and nanoseconds), what its vectors are worth (float32), their dimension (a uvarint), and
// its chunks.
func (r *tableRow) append(to []byte) []byte {
	to = binary.AppendUvarint(to, uint64(r.id))
	to = binary.AppendUvarint(to, uint64(r.seq))
	d := r.document
	if d == nil {
		return append(to, rowGone)
	}
	flags := byte(0)
	if d.isMobile {
		flags = rowMobile
	}
	to = append(to, flags)
	for _, text := range []string{r.collection, d.key, d.language, d.country, d.contentHash, string(d.metadata)} {
		to = appendText(to, text)
	}
	to = binary.AppendVarint(to, d.received.Unix())
	to = binary.AppendVarint(to, int64(d.received.Nanosecond()))
	to = binary.LittleEndian.AppendUint32(to, math.Float32bits(d.vectorWeight))
	to = binary.AppendUvarint(to, uint64(d.dimension))
	return appendChunks(to, d.chunks)
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// appendChunks encodes chunks: their number, and of each its start, length, tokens
// (uvarints) and hash (uint64); then 0 when its headings are those of the one before, else
// 1 + their number, and they.
func appendChunks(to []byte, chunks []pulse.Chunk) []byte {
	to = binary.AppendUvarint(to, uint64(len(chunks)))
	var before []string
	for i := range chunks {
		c := &chunks[i]
		to = binary.AppendUvarint(to, uint64(c.Start))
		to = binary.AppendUvarint(to, uint64(c.End-c.Start))
		to = binary.AppendUvarint(to, uint64(c.Tokens))
		to = binary.LittleEndian.AppendUint64(to, c.Hash)
		if slices.Equal(c.Headings, before) {
			to = append(to, 0)
			continue
		}
		before = c.Headings
		to = binary.AppendUvarint(to, 1+uint64(len(before)))
		for _, heading := range before {
			to = appendText(to, heading)
		}
	}
	return to
}

// writeRows writes a file of documents.
func writeRows(to io.Writer, n int, row func(i int) []byte) (written int64, err error) {
	sum := xxhash.New()
	put := func(data []byte) {
		if err == nil {
			_, _ = sum.Write(data)
			_, err = to.Write(data)
			written += int64(len(data))
		}
	}
	buffer := binary.LittleEndian.AppendUint64([]byte(rowsMagic), rowsVersion)
	for i := range n {
		one := row(i)
		buffer = append(binary.AppendUvarint(buffer, uint64(len(one))), one...)
		if len(buffer) >= 1<<18 {
			put(buffer)
			buffer = buffer[:0]
		}
	}
	put(binary.LittleEndian.AppendUint64(buffer, uint64(n)))
	put(append(binary.LittleEndian.AppendUint64(nil, sum.Sum64()), rowsEnd...))
	return written, err
}

// eachRow reads a whole file of documents and calls f for the bytes of each row.
func eachRow(path string, f func(row []byte) error) (size int64, n int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	rows, n, err := parseRows(data)
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", path, err)
	}
	r := reader{data: rows}
	for i := range n {
		row := r.bytes()
		if r.failed {
			return 0, 0, fmt.Errorf("read %s: row %d of %d: %w", path, i, n, mapped.ErrDamaged)
		}
		if err := f(row); err != nil {
			return 0, 0, fmt.Errorf("read %s: row %d of %d: %w", path, i, n, err)
		}
	}
	return int64(len(data)), n, nil
}

// parseRows checks a file and returns what its rows are in.
func parseRows(data []byte) (rows []byte, n int, err error) {
	if len(data) < rowsHeadSize+rowsEndSize || !bytes.HasPrefix(data, []byte(rowsMagic)) || !bytes.HasSuffix(data, []byte(rowsEnd)) {
		return nil, 0, fmt.Errorf("%d bytes, not a file of documents: %w", len(data), mapped.ErrDamaged)
	}
	end := data[len(data)-rowsEndSize:]
	if xxhash.Sum64(data[:len(data)-16]) != binary.LittleEndian.Uint64(end[8:]) {
		return nil, 0, fmt.Errorf("checksum: %w", mapped.ErrDamaged)
	}
	if v := binary.LittleEndian.Uint64(data[8:]); v != rowsVersion {
		return nil, 0, fmt.Errorf("version %d, this program knows %d: %w", v, rowsVersion, mapped.ErrVersion)
	}
	return data[rowsHeadSize : len(data)-rowsEndSize], int(binary.LittleEndian.Uint64(end)), nil
}

// reader takes values off bytes. What is not there is zero, and failed says so.
type reader struct {
	data   []byte
	failed bool
}

func (r *reader) fail() {
	r.data, r.failed = nil, true
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

// take takes n bytes, which are not copied.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

func (r *reader) text() string { return string(r.bytes()) }

func (r *reader) flag() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// parseState reads which document a row is of, and after which commit.
func parseState(row []byte) (id pulse.DocumentID, seq pulse.CommitSeq, gone bool, err error) {
	r := reader{data: row}
	id, seq, gone = pulse.DocumentID(r.uvarint()), pulse.CommitSeq(r.uvarint()), r.flag()&rowGone != 0
	if r.failed {
		err = fmt.Errorf("state of a document: %w", mapped.ErrDamaged)
	}
	return id, seq, gone, err
}

// parseRow reads what append wrote. It keeps nothing of the bytes.
func parseRow(row []byte) (tableRow, error) {
	r := reader{data: row}
	parsed := tableRow{id: pulse.DocumentID(r.uvarint()), seq: pulse.CommitSeq(r.uvarint())}
	flags := r.flag()
	if flags&rowGone == 0 {
		d := &document{id: parsed.id, seq: parsed.seq, isMobile: flags&rowMobile != 0}
		parsed.collection = r.text()
		d.key, d.language, d.country, d.contentHash = r.text(), r.text(), r.text(), r.text()
		d.metadata = packed(r.text())
		d.received = time.Unix(r.varint(), r.varint()).UTC()
		d.vectorWeight = math.Float32frombits(r.uint32())
		d.dimension = int(r.uvarint())
		d.chunks = r.chunks()
		parsed.document = d
	}
	if r.failed || len(r.data) > 0 {
		return tableRow{}, fmt.Errorf("document %d: %w", parsed.id, mapped.ErrDamaged)
	}
	return parsed, nil
}

// minChunkBytes is the least that a chunk is encoded by.
const minChunkBytes = 12

func (r *reader) chunks() []pulse.Chunk {
	n := r.uvarint()
	if n > uint64(len(r.data))/minChunkBytes {
		r.fail()
		return nil
	}
	chunks := make([]pulse.Chunk, n)
	var headings []string
	for i := range chunks {
		c := &chunks[i]
		c.Ordinal, c.Start = i, int(r.uvarint())
		c.End = c.Start + int(r.uvarint())
		c.Tokens, c.Hash = int(r.uvarint()), r.uint64()
		if n := r.uvarint(); n > 0 {
			headings = r.headings(n - 1)
		}
		c.Headings = headings
	}
	return chunks
}

func (r *reader) headings(n uint64) []string {
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	headings := make([]string, n)
	for i := range headings {
		headings[i] = r.text()
	}
	return headings
}
