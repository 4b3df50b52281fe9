package vector

import (
	"math"
	"sync"
)

// scan is one search at work.
type scan struct {
	*Index
	query   []float32 // length 1, padded with zeros
	length  float64   // of the query as it came; 1 for cosines
	rotated []float32
	codes   []int8  // of rotated
	factor  float32 // of codes
	sum     int32   // of codes
	planes  []uint64
	// The product of signs with the query is about signsBase + signsStep × the
	// differing bits; it errs by about signsError.
	signsBase, signsStep, signsError float32
	fear                             float32 // how many times signsError that is

	bounds []float32 // by slot: what its vector scores at most, as far as it was looked at
	mask   [blockVectors / 64]uint64
	rows   [rowsAtOnce]uint16 // of vectors in a block that the mask has left
	dots   [rowsAtOnce]int32  // their products of codes
	row    [1]uint16          // the same of one vector
	dot    [1]int32
	seen   []uint64 // by document: it is done with

	sampled []float32 // bounds of some vectors
	likely  []uint64  // vectors that are looked at first, as rank makes them
	accept  func(document uint32) bool
	yield   func(document, ordinal uint32, score float64) (floor float64)
	floor   float32 // what is wanted, for a query of length 1; a little less
}

// scans are those that are not at work, kept so that a search allocates nothing:
// never more than ever searched at once.
type scans struct {
	mu   sync.Mutex
	idle []*scan
}

func (s *scans) take() *scan {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return nil
	}
	last := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return last
}

func (s *scans) put(done *scan) {
	done.accept, done.yield = nil, nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, done)
}

func (x *Index) newScan() *scan {
	s := x.idle.take()
	if s == nil {
		s = &scan{
			Index:   x,
			query:   make([]float32, x.width),
			rotated: make([]float32, x.width),
			codes:   make([]int8, x.width),
			planes:  make([]uint64, x.width/64*queryPlanes),
		}
	}
	words := (len(x.first) + 63) / 64
	if cap(s.seen) < words {
		s.seen = make([]uint64, words+words/4)
	}
	s.seen = s.seen[:words]
	clear(s.seen)
	return s
}

func (s *scan) prepare(query []float32) error {
	length, err := normalise(s.query[:len(query)], query)
	if err != nil {
		return err
	}
	s.length = 1
	if s.metric == Dot {
		s.length = length
	}
	copy(s.rotated, s.query)
	rotationOf(s.width).apply(s.rotated)
	s.factor = quantise(s.codes, s.rotated)
	s.sum = 0
	for _, code := range s.codes {
		s.sum += int32(code)
	}
	s.plane()
	return nil
}

// planeStep is the best distance of eight evenly spaced levels for numbers of a normal
// distribution of deviation 1 (Max, "Quantizing for minimum distortion", 1960).
const planeStep = 0.5860

// plane rounds the rotated query to the levels ±1, ±3, ±5 and ±7 times half a step and
// keeps their bits by plane, so that with H = H0 + 2×H1 + 4×H2 of differing bits the
// product with signs is half a step times (7×width - 2×H). The step is then stretched so
// that the rounded query has the same product with the query as the query itself: what is
// near the query would else seem less near than it is.
func (s *scan) plane() {
	const levels = 1 << queryPlanes
	width := float64(s.width)
	half := planeStep / math.Sqrt(width) / 2
	clear(s.planes)
	var own, product, squares float64
	for i, f := range s.rotated {
		wide := float64(f)
		level := min(max(int(math.Floor(wide/(2*half)))+levels/2, 0), levels-1)
		rounded := float64(half * float64(2*level-levels+1))
		own += float64(wide * wide)
		product += float64(wide * rounded)
		squares += float64(rounded * rounded)
		for p := range queryPlanes {
			s.planes[i/64*queryPlanes+p] |= uint64(level>>p&1) << (i % 64)
		}
	}
	stretch := own / product
	half *= stretch
	missed := float64(float64(stretch*stretch)*squares) - own
	s.signsBase, s.signsStep = float32(half*(levels-1)*width), float32(-2*half)
	// Of a random rotation, signs agree with what they are of by √(2/π) = 0.798; the
	// rest of them is random, and so is what rounding the query missed.
	s.signsError = float32(math.Sqrt(1 - 2/math.Pi + max(missed, 0)))
}
