package firecrawl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulse"
)

const samples = "testdata/firecrawl"

var testNow = time.Date(2026, 8, 21, 15, 4, 5, 0, time.UTC)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestOutcomes holds every sample against the table that fixes its answer.
func TestOutcomes(t *testing.T) {
	rows := bufio.NewScanner(bytes.NewReader(sample(t, "OUTCOMES.tsv")))
	rows.Scan() // header
	held := map[string]bool{"OUTCOMES.tsv": true, "signature_vectors.json": true}
	for rows.Scan() {
		row := strings.Split(rows.Text(), "\t")
		held[row[0]] = true
		t.Run(row[0], func(t *testing.T) {
			d, err := Decode(sample(t, row[0]), testNow)
			checkOutcome(t, row, d, err)
		})
	}
	files, err := filepath.Glob(samples + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if name := filepath.Base(path); !held[name] {
			t.Errorf("%s is not in the table", name)
		}
	}
}

func checkOutcome(t *testing.T, row []string, d *pulse.Delivery, err error) {
	status, answer, note := row[1], row[2], row[5]
	if got := answerOf(d, err); got != status+" "+answer {
		t.Errorf("answer %s, want %s %s (%v)", got, status, answer, err)
	}
	if jobs, kinds := jobsOf(d); strconv.Itoa(jobs) != row[3] || kinds != row[4] {
		t.Errorf("%d jobs %q, want %s %q", jobs, kinds, row[3], row[4])
	}
	if got := noteOf(d, err); got != note {
		t.Errorf("note %q, want %q", got, note)
	}
}

// answerOf is what the receiver answers: DESIGN's status of each result and code.
func answerOf(d *pulse.Delivery, err error) string {
	var bad *pulse.InputError
	if errors.As(err, &bad) {
		return map[string]string{"bad_json": "400", "invalid": "422", "too_large": "413"}[bad.Code] + " error"
	}
	if d.Result == pulse.ResultQueued {
		return "202 queued"
	}
	return "200 " + string(d.Result)
}

func jobsOf(d *pulse.Delivery) (int, string) {
	if d == nil {
		return 0, ""
	}
	var kinds []string
	for _, e := range d.Elements {
		if e.Refused == "" {
			kinds = append(kinds, string(e.Kind))
		}
	}
	return len(kinds), strings.Join(kinds, ",")
}

func noteOf(d *pulse.Delivery, err error) string {
	var bad *pulse.InputError
	if errors.As(err, &bad) {
		if bad.Field == "" && strings.Contains(bad.Message, "not an object") {
			return "not an object"
		}
		return "names " + bad.Field
	}
	if d.Crawl.Failed > 0 && d.Crawl.Failed == len(d.Elements) && d.Elements[0].Failed {
		return "failed page, counted"
	}
	var notes []string
	for i, e := range d.Elements {
		if e.Index != i {
			return fmt.Sprintf("element %d has index %d", i, e.Index)
		}
		if e.Refused != "" {
			notes = append(notes, fmt.Sprintf("%d: %s", e.Index, e.Refused))
		}
	}
	return strings.Join(notes, "; ")
}

// TestSamplesAreTheSharedOnes notices when the shared samples move on.
func TestSamplesAreTheSharedOnes(t *testing.T) {
	shared := filepath.Join("..", "..", "..", "..", "shared", "payloads", "firecrawl")
	if _, err := os.Stat(shared); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("skipped: ../shared/payloads/firecrawl is not here")
	}
	own, err := filepath.Glob(samples + "/*")
	if err != nil || len(own) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, path := range own {
		want, err := os.ReadFile(filepath.Join(shared, filepath.Base(path)))
		if err != nil || !bytes.Equal(sample(t, filepath.Base(path)), want) {
			t.Errorf("%s differs from ../shared/payloads/firecrawl (%v)", path, err)
		}
	}
}
