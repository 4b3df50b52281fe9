package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"pulse"
)

// anyMetadata stands in an operation's parameters for metadata.KEY of every key.
const anyMetadata = "metadata.KEY"

func (s *server) searchRoutes() {
	register(s, operation("search", http.MethodGet, "/v1/search", scopeRead, "search", "Search"), s.getSearch)
	register(s, operation("post-search", http.MethodPost, "/v1/search", scopeRead, "search", "Search"), s.postSearch)
}

// searchBody is a query as a JSON body.
type searchBody struct {
	Query          string       `json:"query" minLength:"1" maxLength:"4096" doc:"At most 4,096 bytes of UTF-8. \"some words\" and +word must stand in a page, -word must not, site:HOST is a host; in a question or a pasted sentence only +\"…\", -\"…\" and site: count"`
	Mode           string       `json:"mode,omitempty" enum:"hybrid,keyword,vector" default:"hybrid"`
	Limit          int          `json:"limit,omitempty" minimum:"1" maximum:"100" default:"10"`
	Offset         int          `json:"offset,omitempty" minimum:"0"`
	Collection     string       `json:"collection,omitempty"`
	Filter         searchFilter `json:"filter,omitempty"`
	Collapse       *bool        `json:"collapse,omitempty" doc:"Show one of near-identical documents; on"`
	MinVectorScore float64      `json:"min_vector_score,omitempty" minimum:"-1" maximum:"1"`
	Snapshot       string       `json:"snapshot,omitempty" doc:"Of a former answer: page through the same list"`
	Explain        bool         `json:"explain,omitempty"`
	ExplainURL     string       `json:"explain_url,omitempty" doc:"Say where this page stands, and why"`
}

type searchFilter struct {
	Domain   string         `json:"domain,omitempty" doc:"The host and its subdomains"`
	Language string         `json:"language,omitempty" doc:"en also matches en-US"`
	Country  string         `json:"country,omitempty"`
	IsMobile *bool          `json:"is_mobile,omitempty"`
	Since    string         `json:"since,omitempty" doc:"RFC 3339 or a date, on the time the version was received"`
	Until    string         `json:"until,omitempty"`
	Metadata map[string]any `json:"metadata,omitempty" doc:"A string, number or boolean by key; a list matches by any of its items"`
}

type postSearchInput struct {
	Body searchBody
}

func (s *server) postSearch(ctx context.Context, in *postSearchInput) (*output[searchAnswer], error) {
	return s.search(ctx, &in.Body, "query", "filter.")
}

// getSearchInput is the same query by the names of the body, filters unnested.
type getSearchInput struct {
	Q              string  `query:"q" maxLength:"4096" doc:"The query, at most 4,096 bytes of UTF-8"`
	Mode           string  `query:"mode" enum:"hybrid,keyword,vector" default:"hybrid"`
	Limit          int     `query:"limit" minimum:"1" maximum:"100" default:"10"`
	Offset         int     `query:"offset" minimum:"0"`
	Collection     string  `query:"collection"`
	Domain         string  `query:"domain"`
	Language       string  `query:"language"`
	Country        string  `query:"country"`
	IsMobile       string  `query:"is_mobile" enum:"true,false,1,0"`
	Since          string  `query:"since"`
	Until          string  `query:"until"`
	Metadata       string  `query:"metadata.KEY" doc:"A filter on the metadata of that key"`
	Collapse       bool    `query:"collapse" default:"true"`
	MinVectorScore float64 `query:"min_vector_score" minimum:"-1" maximum:"1"`
	Snapshot       string  `query:"snapshot"`
	Explain        bool    `query:"explain"`
	ExplainURL     string  `query:"explain_url"`

	metadata map[string]any
}

// Resolve reads the parameters whose names are not known before.
func (in *getSearchInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	for name, values := range u.Query() {
		if key, ok := strings.CutPrefix(name, "metadata."); ok {
			if in.metadata == nil {
				in.metadata = make(map[string]any)
			}
			in.metadata[key] = values[0]
		}
	}
	return nil
}

func (s *server) getSearch(ctx context.Context, in *getSearchInput) (*output[searchAnswer], error) {
	b := searchBody{Query: in.Q, Mode: in.Mode, Limit: in.Limit, Offset: in.Offset, Collection: in.Collection,
		Collapse: &in.Collapse, MinVectorScore: in.MinVectorScore, Snapshot: in.Snapshot, Explain: in.Explain, ExplainURL: in.ExplainURL}
	b.Filter = searchFilter{Domain: in.Domain, Language: in.Language, Country: in.Country, Since: in.Since, Until: in.Until, Metadata: in.metadata}
	if in.IsMobile != "" {
		mobile := in.IsMobile == "true" || in.IsMobile == "1"
		b.Filter.IsMobile = &mobile
	}
	return s.search(ctx, &b, "q", "")
}

// search asks; queryField and prefix are what the client calls the query and its filters.
func (s *server) search(ctx context.Context, b *searchBody, queryField, prefix string) (*output[searchAnswer], error) {
	q, err := b.query(queryField, prefix)
	if err != nil {
		return nil, err
	}
	searcher := s.deps.Search()
	if searcher == nil {
		return nil, s.notWarm()
	}
	a, err := searcher.Search(ctx, *q)
	if err != nil {
		return nil, inClientsWords(err, queryField)
	}
	return answer(toSearch(a)), nil
}

// inClientsWords calls the query what the client calls it, in an error of the searcher.
func inClientsWords(err error, queryField string) error {
	var in *pulse.InputError
	if !errors.As(err, &in) || in.Field != "query" {
		return err
	}
	own := *in
	own.Field = queryField
	return &own
}

// notWarm says why search cannot answer yet.
func (s *server) notWarm() *problem {
	p := newProblem(http.StatusServiceUnavailable, "search is not warm yet: "+strings.Join(s.reasons(), "; "))
	p.retryAfter = 1
	return p
}

func (b *searchBody) query(queryField, prefix string) (*pulse.Query, error) {
	if strings.TrimSpace(b.Query) == "" {
		return nil, invalid(queryField, "the query is empty")
	}
	q := &pulse.Query{Text: b.Query, Mode: pulse.Mode(b.Mode), Limit: b.Limit, Offset: b.Offset, Collection: b.Collection,
		NoCollapse: b.Collapse != nil && !*b.Collapse, MinVectorScore: b.MinVectorScore, Snapshot: b.Snapshot,
		Explain: b.Explain, ExplainURL: b.ExplainURL}
	f := &b.Filter
	domain, err := domainOf(prefix+"domain", f.Domain)
	if err != nil {
		return nil, err
	}
	q.Filter = pulse.Filter{Domain: domain, Language: f.Language, Country: f.Country, IsMobile: f.IsMobile}
	if q.Filter.Since, err = parseTime(prefix+"since", f.Since); err != nil {
		return nil, err
	}
	if q.Filter.Until, err = parseTime(prefix+"until", f.Until); err != nil {
		return nil, err
	}
	q.Filter.Metadata, err = metadataFilter(prefix, f.Metadata)
	return q, err
}

// metadataFilter compares by text, whatever the kind of value.
func metadataFilter(prefix string, given map[string]any) (map[string]string, error) {
	if len(given) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(given))
	for key, v := range given {
		switch v := v.(type) {
		case string:
			out[key] = v
		case bool:
			out[key] = fmt.Sprint(v)
		case float64:
			text, _ := json.Marshal(v) // as a metadata number is written
			out[key] = string(text)
		default:
			return nil, invalid(prefix+"metadata."+key, "must be a string, a number or a boolean")
		}
	}
	return out, nil
}

type searchAnswer struct {
	Query         string             `json:"query"`
	Mode          string             `json:"mode" enum:"hybrid,keyword,vector" doc:"The one asked for"`
	TookMS        float64            `json:"took_ms"`
	Total         int                `json:"total" doc:"Documents in the candidate window"`
	TotalRelation string             `json:"total_relation" enum:"eq,gte"`
	Snapshot      string             `json:"snapshot" doc:"Send it back to page through the same list"`
	Hits          []hitAnswer        `json:"hits"`
	Degraded      []string           `json:"degraded" doc:"What did not take part, and why"`
	Corrections   []pulse.Correction `json:"corrections,omitempty" doc:"Words that no page holds, and the words near them in spelling that were searched in their place"`
	Explained     *pulse.Explanation `json:"explained,omitempty" doc:"Of explain_url"`
}

type hitAnswer struct {
	URL      string             `json:"url" doc:"As sent"`
	Title    string             `json:"title"`
	Score    float64            `json:"score"`
	Scores   map[string]float64 `json:"scores" doc:"Raw, by retriever"`
	Passage  string             `json:"passage"`
	Marks    [][2]int           `json:"marks" doc:"Matched words: bytes of the passage"`
	Document hitDocument        `json:"document"`
	Chunk    hitChunk           `json:"chunk"`
	Copies   int                `json:"copies,omitempty" doc:"Near-identical documents that it stands for"`
	Explain  *pulse.Explanation `json:"explain,omitempty"`
}

type hitDocument struct {
	Collection  string         `json:"collection"`
	Key         string         `json:"key"`
	Language    string         `json:"language"`
	Country     string         `json:"country"`
	IsMobile    bool           `json:"is_mobile"`
	Metadata    map[string]any `json:"metadata"`
	Version     int64          `json:"version"`
	CommittedAt *string        `json:"committed_at"`
}

type hitChunk struct {
	Ordinal  int      `json:"ordinal"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Headings []string `json:"headings"`
}

func toSearch(a *pulse.Answer) searchAnswer {
	return searchAnswer{Query: a.Query, Mode: string(a.Mode), TookMS: millis(a.Took), Total: a.Total,
		TotalRelation: a.TotalRelation, Snapshot: a.Snapshot, Hits: each(a.Hits, toHit),
		Degraded: orEmpty(a.Degraded), Corrections: a.Corrections, Explained: a.Explained}
}

func toHit(h *pulse.Hit) hitAnswer {
	d, c := &h.Document, &h.Chunk
	out := hitAnswer{URL: d.URL, Title: d.Title, Score: h.Score, Scores: h.Scores, Passage: h.Passage,
		Marks: orEmpty(h.Marks), Copies: h.Copies, Explain: h.Explain}
	if out.Scores == nil {
		out.Scores = map[string]float64{}
	}
	out.Document = hitDocument{Collection: collectionName(d.Collection), Key: d.Key, Language: d.Language, Country: d.Country,
		IsMobile: d.IsMobile, Metadata: metadata(d.Metadata), Version: int64(d.Version), CommittedAt: stamp(d.CommittedAt)}
	out.Chunk = hitChunk{Ordinal: c.Ordinal, Start: c.Start, End: c.End, Headings: orEmpty(c.Headings)}
	return out
}
