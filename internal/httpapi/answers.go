package httpapi

import (
	"strconv"
	"time"

	"pulse"
	"pulse/internal/store"
)

// Times leave as RFC 3339 in UTC with milliseconds; ids as decimal strings.
const stampLayout = "2006-01-02T15:04:05.000Z"

// stamp is a time as answers show it: null when zero.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(stampLayout)
	return &s
}

func id[T ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// optionalID is "" for 0, for fields that are then left out.
func optionalID[T ~int64](n T) string {
	if n == 0 {
		return ""
	}
	return id(n)
}

func ids(jobs []pulse.JobID) []string {
	out := make([]string, len(jobs))
	for i, j := range jobs {
		out[i] = id(j)
	}
	return out
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func metadata(m pulse.Metadata) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

type jobAnswer struct {
	ID         string       `json:"id"`
	Delivery   string       `json:"delivery"`
	Element    int          `json:"element"`
	Kind       pulse.Kind   `json:"kind"`
	Source     string       `json:"source"`
	Collection string       `json:"collection"`
	Key        string       `json:"key"`
	URL        string       `json:"url"`
	Version    int64        `json:"version"`
	Priority   string       `json:"priority"`
	Crawl      string       `json:"crawl,omitempty"`
	State      string       `json:"state" enum:"available,leased,done,dead"`
	Attempt    int          `json:"attempt"`
	Deaths     int          `json:"deaths,omitempty" doc:"Deaths of the process while it ran alone"`
	Outcome    string       `json:"outcome,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	Error      string       `json:"error,omitempty" doc:"The last error"`
	Commit     int64        `json:"commit,omitempty"`
	AcceptedAt *string      `json:"accepted_at"`
	RunAt      *string      `json:"run_at,omitempty"`
	StartedAt  *string      `json:"started_at,omitempty"`
	EndedAt    *string      `json:"ended_at,omitempty"`
	Stages     *stageAnswer `json:"stages,omitempty"`
}

type stageAnswer struct {
	Wait   float64 `json:"wait_ms"`
	Clean  float64 `json:"clean_ms"`
	Chunk  float64 `json:"chunk_ms"`
	Embed  float64 `json:"embed_ms"`
	Commit float64 `json:"commit_ms"`
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func stages(d pulse.StageDurations) *stageAnswer {
	if d == (pulse.StageDurations{}) {
		return nil
	}
	return &stageAnswer{millis(d.Wait), millis(d.Clean), millis(d.Chunk), millis(d.Embed), millis(d.Commit)}
}

func toJob(j *pulse.Job) jobAnswer {
	return jobAnswer{
		ID: id(j.ID), Delivery: id(j.Delivery), Element: j.Element, Kind: j.Kind, Source: j.Source,
		Collection: collectionName(j.Collection), Key: j.Key, URL: j.URL, Version: int64(j.Version),
		Priority: j.Priority.String(), Crawl: j.Crawl, State: string(j.State), Attempt: j.Attempt,
		Deaths: j.Deaths, Outcome: string(j.Outcome), Reason: j.Reason, Error: j.LastError,
		Commit: int64(j.CommitSeq), AcceptedAt: stamp(j.AcceptedAt), RunAt: stamp(j.RunAt),
		StartedAt: stamp(j.StartedAt), EndedAt: stamp(j.EndedAt), Stages: stages(j.Stages),
	}
}

func toJobs(jobs []pulse.Job) []jobAnswer {
	out := make([]jobAnswer, len(jobs))
	for i := range jobs {
		out[i] = toJob(&jobs[i])
	}
	return out
}

func collectionName(name string) string {
	if name == "" {
		return pulse.DefaultCollection
	}
	return name
}

// DeliveryLine is one delivery of a list.
type DeliveryLine struct {
	ID         string  `json:"id"`
	Source     string  `json:"source"`
	EventType  string  `json:"event_type"`
	Key        string  `json:"key,omitempty" doc:"What makes a repeat a repeat"`
	Collection string  `json:"collection"`
	Crawl      string  `json:"crawl,omitempty"`
	ReceivedAt *string `json:"received_at"`
	Result     string  `json:"result" enum:"queued,acknowledged,ignored"`
	Bytes      int64   `json:"bytes"`
	QueuedJobs int     `json:"queued_jobs"`
}

// deliveryAnswer is one delivery whole.
type deliveryAnswer struct {
	DeliveryLine
	CanReplay bool            `json:"can_replay" doc:"Its body has not expired"`
	Jobs      []jobAnswer     `json:"jobs"`
	Refused   []refusalAnswer `json:"refused" doc:"Elements without a job"`
}

func toDeliveryLine(r *store.DeliveryRecord) DeliveryLine {
	d := &r.Delivery
	return DeliveryLine{
		ID: id(d.Seq), Source: d.Source, EventType: d.EventType, Key: d.Key, Collection: collectionName(d.Collection),
		Crawl: d.Crawl.ID, ReceivedAt: stamp(d.ReceivedAt), Result: string(d.Result), Bytes: d.Bytes, QueuedJobs: len(r.Jobs),
	}
}

func toDelivery(r *store.DeliveryRecord) deliveryAnswer {
	return deliveryAnswer{DeliveryLine: toDeliveryLine(r), CanReplay: r.HasBody, Jobs: toJobs(r.Jobs), Refused: refusals(r.Refused)}
}

type crawlAnswer struct {
	ID       string            `json:"id"`
	Source   string            `json:"source"`
	Origin   string            `json:"origin"`
	State    string            `json:"state" enum:"running,completed,failed,cancelled"`
	Pages    pulse.CrawlCounts `json:"pages"`
	Started  *string           `json:"started_at"`
	LastSeen *string           `json:"last_seen_at"`
	Ended    *string           `json:"ended_at,omitempty"`
}

func toCrawl(c *pulse.Crawl) crawlAnswer {
	return crawlAnswer{ID: c.ID, Source: c.Source, Origin: c.Origin, State: string(c.State), Pages: c.Counts,
		Started: stamp(c.Started), LastSeen: stamp(c.LastSeen), Ended: stamp(c.Ended)}
}

type documentAnswer struct {
	Collection   string         `json:"collection"`
	URL          string         `json:"url" doc:"As sent"`
	Key          string         `json:"key"`
	Version      int64          `json:"version"`
	State        string         `json:"state" enum:"live,gone"`
	Title        string         `json:"title"`
	Description  string         `json:"description"`
	Language     string         `json:"language"`
	Country      string         `json:"country"`
	IsMobile     bool           `json:"is_mobile"`
	Metadata     map[string]any `json:"metadata"`
	ContentHash  string         `json:"content_hash"`
	ReceivedAt   *string        `json:"received_at"`
	CommittedAt  *string        `json:"committed_at"`
	SearchableAt *string        `json:"searchable_at" doc:"null until an index has applied its commit"`
	Source       string         `json:"source"`
	Delivery     string         `json:"delivery"`
	Text         *string        `json:"text,omitempty"`
}

type chunkAnswer struct {
	Ordinal  int      `json:"ordinal"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Tokens   int      `json:"tokens"`
	Headings []string `json:"headings"`
	Text     string   `json:"text"`
}

type historyAnswer struct {
	Version  int64   `json:"version"`
	Source   string  `json:"source"`
	Delivery string  `json:"delivery"`
	Job      string  `json:"job,omitempty"`
	Outcome  string  `json:"outcome"`
	Reason   string  `json:"reason,omitempty"`
	At       *string `json:"at"`
}

type oneDocumentAnswer struct {
	Document documentAnswer  `json:"document"`
	Chunks   []chunkAnswer   `json:"chunks"`
	History  []historyAnswer `json:"history"`
}

// unknownDocumentAnswer is an error that still tells what happened to the key.
type unknownDocumentAnswer struct {
	Error   problemDetail   `json:"error"`
	History []historyAnswer `json:"history,omitempty"`
}

func toHistory(entries []store.HistoryEntry) []historyAnswer {
	out := make([]historyAnswer, len(entries))
	for i, e := range entries {
		out[i] = historyAnswer{Version: int64(e.Version), Source: e.Source, Delivery: id(e.Delivery),
			Job: optionalID(e.Job), Outcome: e.Outcome, Reason: e.Reason, At: stamp(e.At)}
	}
	return out
}

func toOneDocument(r *store.DocumentRecord) oneDocumentAnswer {
	d := &r.Document
	out := oneDocumentAnswer{History: toHistory(r.History), Chunks: toChunks(d.Text, r.Chunks)}
	out.Document = documentAnswer{
		Collection: collectionName(d.Collection), URL: d.URL, Key: d.Key, Version: int64(d.Version), State: string(d.State),
		Title: d.Title, Description: d.Description, Language: d.Language, Country: d.Country, IsMobile: d.IsMobile,
		Metadata: metadata(d.Metadata), ContentHash: d.ContentHash, ReceivedAt: stamp(d.ReceivedAt),
		CommittedAt: stamp(d.CommittedAt), SearchableAt: stamp(r.SearchableAt), Source: d.Source, Delivery: id(d.Delivery),
	}
	if d.State == pulse.StateLive {
		out.Document.Text = &d.Text
	}
	return out
}

func toChunks(text string, chunks []pulse.Chunk) []chunkAnswer {
	out := make([]chunkAnswer, len(chunks))
	for i, c := range chunks {
		out[i] = chunkAnswer{Ordinal: c.Ordinal, Start: c.Start, End: c.End, Tokens: c.Tokens, Headings: orEmpty(c.Headings)}
		if c.Start >= 0 && c.Start <= c.End && c.End <= len(text) {
			out[i].Text = text[c.Start:c.End]
		}
	}
	return out
}

type documentLine struct {
	URL         string  `json:"url"`
	Key         string  `json:"key"`
	Title       string  `json:"title"`
	Version     int64   `json:"version"`
	State       string  `json:"state" enum:"live,gone"`
	CommittedAt *string `json:"committed_at"`
}

func toLine(d *pulse.Document) documentLine {
	return documentLine{URL: d.URL, Key: d.Key, Title: d.Title, Version: int64(d.Version),
		State: string(d.State), CommittedAt: stamp(d.CommittedAt)}
}
