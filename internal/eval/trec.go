package eval

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

// WriteRun writes answers as a TREC run: "query Q0 document rank score tag". Tools
// that read it order by score in single precision and break ties by name, whatever
// the rank says; so each score is made less than the one before it, by a step of that
// precision where it would not be.
func WriteRun(w io.Writer, tag string, answers []Answer) error {
	out := bufio.NewWriter(w)
	for _, a := range answers {
		before := float32(math.Inf(1))
		for i, r := range a.Found {
			score := min(float32(r.Score), math.Nextafter32(before, float32(math.Inf(-1))))
			fmt.Fprintf(out, "%s Q0 %s %d %.9g %s\n", a.Query, r.Document, i+1, score, tag)
			before = score
		}
	}
	return out.Flush()
}
