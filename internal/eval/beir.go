package eval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Read reads a folder in the layout of BEIR: corpus.jsonl ("_id", "title", "text"),
// queries.jsonl ("_id", "text") and qrels.tsv (query-id, corpus-id, score; one header
// line). Errors name the file and the line.
func Read(folder fs.FS, name string) (*Collection, error) {
	c := &Collection{Name: name, Grades: map[string]map[string]int{}}
	var queries []Query
	seen := map[string]bool{}
	err := errors.Join(
		readLines(folder, "corpus.jsonl", func(n int, line string) error {
			t, err := parseText(line)
			if err == nil && seen[t.ID] {
				err = fmt.Errorf("the document %s was there before", t.ID)
			}
			seen[t.ID] = true
			c.Documents = append(c.Documents, Document(t))
			return err
		}),
		readLines(folder, "queries.jsonl", func(n int, line string) error {
			t, err := parseText(line)
			queries = append(queries, Query{t.ID, t.Text})
			return err
		}),
		readLines(folder, "qrels.tsv", c.judgement),
	)
	if err != nil {
		return nil, err
	}
	return c, c.judged(queries)
}

// text is a line of corpus.jsonl or queries.jsonl; other fields are passed over.
type text struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

func parseText(line string) (text, error) {
	var t text
	if err := json.Unmarshal([]byte(line), &t); err != nil {
		return t, err
	}
	if t.ID == "" {
		return t, errors.New("_id is missing")
	}
	return t, nil
}

func (c *Collection) judgement(n int, line string) error {
	if n == 1 {
		return nil // the header
	}
	fields := strings.Split(line, "\t")
	if len(fields) != 3 {
		return fmt.Errorf("has %d fields, not query-id, corpus-id and score", len(fields))
	}
	grade, err := strconv.Atoi(strings.TrimSpace(fields[2]))
	if err != nil {
		return fmt.Errorf("the score %q is no whole number", fields[2])
	}
	if c.Grades[fields[0]] == nil {
		c.Grades[fields[0]] = map[string]int{}
	}
	c.Grades[fields[0]][fields[1]] = grade
	return nil
}

// readLines gives each line that is not blank, with its number from 1.
func readLines(folder fs.FS, name string, take func(n int, line string) error) error {
	f, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			if bad := take(n, line); bad != nil {
				return fmt.Errorf("%s, line %d: %w", name, n, bad)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
}
