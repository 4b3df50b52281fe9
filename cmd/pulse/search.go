package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"unicode"

	"pulse"
	"pulse/internal/app"
	"pulse/internal/client"
)

// searchCmd asks a query.
type searchCmd struct {
	Query      []string `arg:"" help:"What to look for."`
	Mode       string   `default:"hybrid" enum:"hybrid,keyword,vector" help:"hybrid, keyword or vector."`
	Limit      int      `default:"10" help:"Hits, 1 to 100."`
	Offset     int      `help:"Hits to pass over."`
	Collection string   `help:"Collection to search."`
	Domain     string   `help:"A host and those below it."`
	Language   string   `help:"Language, as en."`
	Since      string   `help:"Received at or after this time or date."`
	Until      string   `help:"Received before this time or date."`
	Explain    bool     `help:"Show why each hit has its score."`
	JSON       bool     `name:"json" help:"As JSON."`
}

// Run is pulse search.
func (c *searchCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(); err != nil {
		return err
	}
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		answer, err := conn.Search(ctx, client.Query{
			Query: strings.Join(c.Query, " "), Mode: c.Mode, Limit: c.Limit, Offset: c.Offset, Collection: c.Collection, Explain: c.Explain,
			Filter: client.Filter{Domain: c.Domain, Language: c.Language, Since: c.Since, Until: c.Until},
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return out.json(answer)
		}
		return out.answer(answer, c.Offset, c.Explain)
	})
}

// maxHits is the server's bound of a search's limit.
const maxHits = 100

// check refuses what the request leaves out for the server's default, and what no store
// needs to be opened for.
func (c *searchCmd) check() error {
	switch {
	case strings.TrimSpace(strings.Join(c.Query, " ")) == "":
		return usage("the query is empty")
	case c.Limit < 1 || c.Limit > maxHits:
		return usage(fmt.Sprintf("--limit must be 1 to %d, not %d", maxHits, c.Limit))
	}
	return nil
}

// withConnection runs a command on a server or on the data folder itself. A value that is
// refused there is wrong usage as one that is refused here.
func withConnection(ctx context.Context, cfg *app.Config, work bool, command func(*app.Connection) error) error {
	conn, err := app.Connect(ctx, cfg, work)
	if err != nil {
		return err
	}
	if err = command(conn); client.Invalid(err) {
		err = app.Usage(err)
	}
	if closeErr := conn.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (o *output) answer(a *client.Answer, offset int, explain bool) error {
	for i, h := range a.Hits {
		rank := fmt.Sprintf("%d. ", offset+i+1)
		indent := strings.Repeat(" ", len(rank))
		title := printable(h.Title)
		if title == "" {
			title = printable(h.URL)
		}
		o.line("%s%s", rank, o.paint(bold, cut(title, o.across-len(rank))))
		o.line("%s%s", indent, o.paint(green, cut(printable(h.URL), o.across-len(rank))))
		for _, line := range o.passage(h, o.across-len(rank)) {
			o.line("%s%s", indent, line)
		}
		if explain {
			if err := o.explanation(h, indent); err != nil {
				return err
			}
		}
	}
	more := ""
	if a.TotalRelation == "gte" {
		more = " or more"
	}
	o.line("%s", o.paint(dim, fmt.Sprintf("%d of %d%s documents in %.1f ms", len(a.Hits), a.Total, more, a.TookMS)))
	for _, c := range a.Corrections {
		o.note("no page holds %s, searched for %s", printable(c.Word), printable(strings.Join(c.Words, ", ")))
	}
	for _, d := range a.Degraded {
		o.note("%s", printable(d))
	}
	return nil
}

// passageLines bounds what is shown of a passage.
const passageLines = 4

// piece is a part of a word that is marked as a whole or not at all.
type piece struct {
	text   string
	marked bool
}

// passage wraps a passage and paints its marked words.
func (o *output) passage(h client.Hit, n int) []string {
	var words [][]piece
	at, open := 0, false // open: the last word goes on
	take := func(end int, marked bool) {
		if end < at || end > len(h.Passage) {
			return
		}
		text := h.Passage[at:end]
		at = end
		for i, part := range strings.Fields(text) {
			p := piece{printable(part), marked}
			if last := len(words) - 1; i == 0 && open && strings.HasPrefix(text, part) {
				words[last] = append(words[last], p)
			} else {
				words = append(words, []piece{p})
			}
		}
		if text != "" {
			open = len(words) > 0 && strings.TrimRightFunc(text, unicode.IsSpace) == text
		}
	}
	for _, m := range h.Marks {
		take(m[0], false)
		take(m[1], true)
	}
	take(len(h.Passage), false)
	return o.setWords(words, n)
}

// setWords sets words into lines of at most n columns; a longer word is cut.
func (o *output) setWords(words [][]piece, n int) []string {
	var lines []string
	var now strings.Builder
	used := 0
	for _, word := range words {
		width := 0
		for i := range word {
			word[i].text = cut(word[i].text, max(1, n-width))
			width += columns(word[i].text)
		}
		if used > 0 && used+1+width > n {
			lines = append(lines, now.String())
			now.Reset()
			used = 0
		}
		if len(lines) == passageLines {
			return lines
		}
		if used > 0 {
			now.WriteByte(' ')
			used++
		}
		used += width
		for _, p := range word {
			if p.marked {
				p.text = o.paint(bold, p.text)
			}
			now.WriteString(p.text)
		}
	}
	if used > 0 {
		lines = append(lines, now.String())
	}
	return lines
}

func (o *output) explanation(h client.Hit, indent string) error {
	var names []string
	for name := range h.Scores {
		names = append(names, name)
	}
	sort.Strings(names)
	text := fmt.Sprintf("score %.4f", h.Score)
	for _, name := range names {
		text += fmt.Sprintf(", %s %.4f", printable(name), h.Scores[name])
	}
	o.line("%s%s", indent, o.paint(dim, text))
	if len(h.Explain) == 0 {
		return nil
	}
	var e pulse.Explanation
	if err := json.Unmarshal(h.Explain, &e); err != nil {
		return fmt.Errorf("decode explanation: %w", err)
	}
	for _, r := range e.Retrievers {
		o.line("%s%s", indent, o.paint(dim, fmt.Sprintf("%s: rank %d, score %.4f, weight %.4f", printable(r.Retriever), r.Rank, r.Score, r.Weight)))
		for _, t := range r.Terms {
			o.line("%s  %s", indent, o.paint(dim, cut(fmt.Sprintf("%s: %d times, in %d chunks, idf %.3f, score %.4f", printable(t.Term), t.Frequency, t.Documents, t.IDF, t.Score), o.across-8)))
		}
	}
	return nil
}
