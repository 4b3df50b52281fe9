package keyword

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"pulse/internal/mapped"
)

// State names the state of a document that chunks are of, as the commit log does:
// what is not the document's state any more is dead, and needs no tombstone.
type State struct {
	ID, Seq uint64
}

// File is immutable segments, mapped. Its owner opens it, gives it to one index, and
// closes it after that has let it go.
type File struct {
	end
	data      []byte
	sums      []byte          // of pages
	checked   []atomic.Uint64 // bits by page: its sum was right
	segments  []*segment      // of the index, once that has the file
	languages []string
	chunks    int
	live      int // chunks of the index that are here
	damage    mapped.Damage
	unmap     func() error
}

// Open maps a file and checks its length, header, end, tables and columns. The rest is
// checked by the page where it is first touched.
func Open(path string) (*File, error) {
	data, unmap, err := mapped.File(path)
	if err != nil {
		return nil, fmt.Errorf("open terms: %w", err)
	}
	f, err := parseFile(data)
	if err != nil {
		return nil, fmt.Errorf("open terms %s: %w", path, errors.Join(err, unmap()))
	}
	f.unmap = unmap
	return f, nil
}

func parseFile(data []byte) (*File, error) {
	if !littleEndian {
		return nil, errors.New("files of terms need a little-endian processor")
	}
	f := &File{data: data}
	var wrong error
	if err := f.guard(func() { wrong = f.parse() }); err != nil {
		return nil, err
	}
	return f, wrong
}

func (f *File) parse() (err error) {
	if err := checkHeader(f.data); err != nil {
		return err
	}
	if f.end, err = parseEnd(f.data); err != nil {
		return err
	}
	f.sums = f.data[len(f.data)-endSize-f.pages()*sumSize:]
	f.checked = make([]atomic.Uint64, (f.pages()+63)/64)
	f.verify(0, pageSize)
	if err := f.parseLanguages(); err != nil {
		return err
	}
	return f.parseSegments()
}

func (f *File) parseLanguages() error {
	at := f.tailAt + f.documents*documentSize
	for rest := f.data[at : at+f.end.languages]; len(rest) > 0; {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) {
			return fmt.Errorf("languages: %w", ErrDamaged)
		}
		f.languages = append(f.languages, string(rest[n:n+int(length)]))
		rest = rest[n+int(length):]
	}
	return nil
}

func (f *File) parseSegments() error {
	at := pageSize
	images := f.data[f.tailAt+f.documents*documentSize+f.end.languages:]
	for i := range f.end.segments {
		m, ok := parseImage(images[i*imageSize:])
		if !ok || at+m.layout().size > f.tailAt {
			return fmt.Errorf("segment %d of %d: %w", i, f.end.segments, ErrDamaged)
		}
		s, err := f.segment(at, &m)
		if err != nil {
			return fmt.Errorf("segment %d of %d: %w", i, f.end.segments, err)
		}
		f.segments = append(f.segments, s)
		f.chunks += m.slots
		at += m.layout().size
	}
	if at != f.tailAt {
		return fmt.Errorf("%d bytes of segments, not %d: %w", f.tailAt, at, ErrDamaged)
	}
	return nil
}

// Close unmaps the file. No index may hold it.
func (f *File) Close() error {
	if f.unmap == nil {
		return nil
	}
	unmap := f.unmap
	f.unmap = nil
	return unmap()
}

// Chunks is the number of chunks in the file, Live of those that an index uses.
func (f *File) Chunks() int { return f.chunks }

// Live is for the index's owner, under its lock.
func (f *File) Live() int { return f.live }

// Damage is what was found wrong with the file since it was opened, nil when nothing
// was. Searches of an index that has it fail until it is let go.
func (f *File) Damage() error { return f.damage.Err() }

// Scrub compares all pages with their checksums, whether they were read before or not.
func (f *File) Scrub(ctx context.Context) error {
	for page := range f.pages() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.guard(func() { f.check(page) }); err != nil {
			return err
		}
	}
	return nil
}

// damagedPage is what reading a page panics with whose checksum is wrong.
type damagedPage struct {
	*File
	number int
}

// touch must come before reading what a file has outside its columns.
func touch[T numeric](f *File, part []T) {
	if len(part) > 0 {
		at := int(uintptr(unsafe.Pointer(&part[0])) - uintptr(unsafe.Pointer(&f.data[0])))
		f.verify(at, at+len(part)*int(unsafe.Sizeof(part[0])))
	}
}

func (f *File) verify(from, to int) {
	for page := from / pageSize; page <= (to-1)/pageSize; page++ {
		if f.checked[page>>6].Load()>>(page&63)&1 == 0 {
			f.check(page)
			f.checked[page>>6].Or(1 << (page & 63))
		}
	}
}

func (f *File) check(page int) {
	sum := binary.LittleEndian.Uint64(f.sums[page*sumSize:])
	if xxhash.Sum64(f.data[page*pageSize:(page+1)*pageSize]) != sum {
		panic(damagedPage{f, page})
	}
}

// guard runs a function that reads the file. What cannot be read is an error.
func (f *File) guard(read func()) (err error) {
	defer damageAsError(debug.SetPanicOnFault(true), []*File{f}, &err)
	read()
	return nil
}

// damageAsError is deferred, with what debug.SetPanicOnFault has returned, where files
// are read. A page with another checksum is an error, and so is a fault, as when the
// file was cut off under the mapping or the disk cannot read it. What a page holds that
// went wrong after it was checked may be any index out of range: then all are checked again.
func damageAsError(before bool, files []*File, err *error) {
	debug.SetPanicOnFault(before)
	fault := recover()
	if fault == nil {
		return
	}
	if page, ok := fault.(damagedPage); ok {
		*err = page.damage.Note(fmt.Errorf("page %d of %d of a file of terms: %w", page.number, page.pages(), ErrDamaged))
		return
	}
	if at, ok := mapped.Fault(fault); ok {
		for _, f := range files {
			if mapped.Holds(f.data, at) {
				*err = f.damage.Note(fmt.Errorf("file of terms cannot be read where it is mapped: %w", ErrDamaged))
				return
			}
		}
	} else if _, ok := fault.(runtime.Error); ok {
		if *err = scrubbed(files); *err != nil {
			return
		}
	}
	panic(fault)
}

// scrubbed compares files with their checksums, and returns the first that is damaged.
func scrubbed(files []*File) error {
	for _, f := range files {
		if err := f.Scrub(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// Files are those that the index has.
func (x *Index) Files() []*File { return x.files }

// guard runs a function that reads files of the index. A damaged one is an error.
func (x *Index) guard(read func()) (err error) {
	if err := x.damage(); err != nil {
		return err
	}
	defer damageAsError(debug.SetPanicOnFault(true), x.files, &err)
	read()
	return nil
}

// damage is that of the first file that has any.
func (x *Index) damage() error {
	for _, f := range x.files {
		if err := f.Damage(); err != nil {
			return err
		}
	}
	return nil
}

// Detach lets a file go without reading it, as a damaged one, and returns the
// documents that were in it and are now in the index no more.
func (x *Index) Detach(f *File) (documents []uint32) {
	for document, locations := range x.locations {
		if slices.ContainsFunc(locations, func(l location) bool { return l.in.file != nil && l.in.file.File == f }) {
			documents = append(documents, uint32(document))
			x.forget(uint32(document))
		}
	}
	x.drop(f)
	return documents
}

// drop takes a file, in which no document is any more, out.
func (x *Index) drop(f *File) {
	x.files = slices.DeleteFunc(x.files, func(other *File) bool { return other == f })
	x.segments = slices.DeleteFunc(x.segments, func(s *segment) bool { return s.file != nil && s.file.File == f })
	x.totals = [numFields]total{}
	for _, s := range x.segments {
		for i := range numFields {
			x.totals[i].add(s.totals[i], 1)
		}
	}
}
