package client

import (
	"encoding/json"
	"time"
)

// Query is what Search asks. Zero fields are left to the server's defaults.
type Query struct {
	Query          string  `json:"query"`
	Mode           string  `json:"mode,omitempty"` // hybrid, keyword or vector
	Limit          int     `json:"limit,omitempty"`
	Offset         int     `json:"offset,omitempty"`
	Collection     string  `json:"collection,omitempty"`
	Filter         Filter  `json:"filter,omitzero"`
	Collapse       *bool   `json:"collapse,omitempty"`
	MinVectorScore float64 `json:"min_vector_score,omitempty"`
	Snapshot       string  `json:"snapshot,omitempty"`
	Explain        bool    `json:"explain,omitempty"`
	ExplainURL     string  `json:"explain_url,omitempty"`
}

// Filter is a condition of a query that does not score.
type Filter struct {
	Domain   string            `json:"domain,omitempty"`
	Language string            `json:"language,omitempty"`
	Country  string            `json:"country,omitempty"`
	IsMobile *bool             `json:"is_mobile,omitempty"`
	Since    string            `json:"since,omitempty"` // RFC 3339 or a date
	Until    string            `json:"until,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Answer is the answer to a query.
type Answer struct {
	Query         string          `json:"query"`
	Mode          string          `json:"mode"`
	TookMS        float64         `json:"took_ms"`
	Total         int             `json:"total"`
	TotalRelation string          `json:"total_relation"`
	Snapshot      string          `json:"snapshot"`
	Hits          []Hit           `json:"hits"`
	Degraded      []string        `json:"degraded"`
	Corrections   []Correction    `json:"corrections,omitempty"`
	Explained     json.RawMessage `json:"explained,omitempty"`
}

// Correction says which words were searched in the place of one that no page holds.
type Correction struct {
	Word  string   `json:"word"`
	Words []string `json:"searched"`
}

// Hit is one line of an answer.
type Hit struct {
	URL      string             `json:"url"`
	Title    string             `json:"title"`
	Score    float64            `json:"score"`
	Scores   map[string]float64 `json:"scores"`
	Passage  string             `json:"passage"`
	Marks    [][2]int           `json:"marks"` // byte offsets in Passage
	Document HitDocument        `json:"document"`
	Chunk    HitChunk           `json:"chunk"`
	Copies   int                `json:"copies,omitempty"`
	Explain  json.RawMessage    `json:"explain,omitempty"`
}

// HitDocument is the document of a hit.
type HitDocument struct {
	Collection  string         `json:"collection"`
	Key         string         `json:"key"`
	Language    string         `json:"language"`
	Country     string         `json:"country"`
	IsMobile    bool           `json:"is_mobile"`
	Metadata    map[string]any `json:"metadata"`
	Version     int64          `json:"version"`
	CommittedAt *time.Time     `json:"committed_at"`
}

// HitChunk is the best chunk of a hit's document.
type HitChunk struct {
	Ordinal  int      `json:"ordinal"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Headings []string `json:"headings"`
}

// Page bounds and continues a list. The zero value is its newest part.
type Page struct {
	Limit int
	After string // Next of the former answer
}

// Job is one job as the ledger shows it.
type Job struct {
	ID         string     `json:"id"`
	Delivery   string     `json:"delivery"`
	Element    int        `json:"element"`
	Kind       string     `json:"kind"`
	Source     string     `json:"source"`
	Collection string     `json:"collection"`
	Key        string     `json:"key"`
	URL        string     `json:"url"`
	Version    int64      `json:"version"`
	Priority   string     `json:"priority"`
	Crawl      string     `json:"crawl,omitempty"`
	State      string     `json:"state"`
	Attempt    int        `json:"attempt"`
	Deaths     int        `json:"deaths,omitempty"`
	Outcome    string     `json:"outcome,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Error      string     `json:"error,omitempty"`
	Commit     int64      `json:"commit,omitempty"`
	AcceptedAt *time.Time `json:"accepted_at"`
	RunAt      *time.Time `json:"run_at,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	Stages     *Stages    `json:"stages,omitempty"`
}

// Stages says where a job's time went, in milliseconds.
type Stages struct {
	Wait   float64 `json:"wait_ms"`
	Clean  float64 `json:"clean_ms"`
	Chunk  float64 `json:"chunk_ms"`
	Embed  float64 `json:"embed_ms"`
	Commit float64 `json:"commit_ms"`
}

// JobList is one page of jobs.
type JobList struct {
	Total int64  `json:"total"`
	Jobs  []Job  `json:"jobs"`
	Next  string `json:"next,omitempty"`
}

// Delivery is one delivery as the ledger shows it.
type Delivery struct {
	ID         string     `json:"id"`
	Source     string     `json:"source"`
	EventType  string     `json:"event_type"`
	Key        string     `json:"key,omitempty"`
	Collection string     `json:"collection"`
	Crawl      string     `json:"crawl,omitempty"`
	ReceivedAt *time.Time `json:"received_at"`
	Result     string     `json:"result"`
	Bytes      int64      `json:"bytes"`
	QueuedJobs int        `json:"queued_jobs"`
	CanReplay  bool       `json:"can_replay"` // this and the following: of a single delivery only
	Jobs       []Job      `json:"jobs"`
	Refused    []Refusal  `json:"refused"`
}

// DeliveryList is one page of deliveries.
type DeliveryList struct {
	Total      int64      `json:"total"`
	Deliveries []Delivery `json:"deliveries"`
	Next       string     `json:"next,omitempty"`
}

// Refusal is one element of a delivery without a job.
type Refusal struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// Crawl is one crawl with what became of its pages.
type Crawl struct {
	ID         string      `json:"id"`
	Source     string      `json:"source"`
	Origin     string      `json:"origin"`
	State      string      `json:"state"`
	Pages      CrawlCounts `json:"pages"`
	StartedAt  *time.Time  `json:"started_at"`
	LastSeenAt *time.Time  `json:"last_seen_at"`
	EndedAt    *time.Time  `json:"ended_at,omitempty"`
}

// CrawlCounts counts a crawl's pages by what became of them.
type CrawlCounts struct {
	Received  int64 `json:"received"`
	Indexed   int64 `json:"indexed"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
	Failed    int64 `json:"failed"`
	Missing   int64 `json:"missing"`
}

// CrawlList is one page of crawls.
type CrawlList struct {
	Total  int64   `json:"total"`
	Crawls []Crawl `json:"crawls"`
	Next   string  `json:"next,omitempty"`
}

// Document is one document with its text, while it is live.
type Document struct {
	Collection   string         `json:"collection"`
	URL          string         `json:"url"`
	Key          string         `json:"key"`
	Version      int64          `json:"version"`
	State        string         `json:"state"`
	Title        string         `json:"title"`
	Description  string         `json:"description"`
	Language     string         `json:"language"`
	Country      string         `json:"country"`
	IsMobile     bool           `json:"is_mobile"`
	Metadata     map[string]any `json:"metadata"`
	ContentHash  string         `json:"content_hash"`
	ReceivedAt   *time.Time     `json:"received_at"`
	CommittedAt  *time.Time     `json:"committed_at"`
	SearchableAt *time.Time     `json:"searchable_at"`
	Source       string         `json:"source"`
	Delivery     string         `json:"delivery"`
	Text         string         `json:"text,omitempty"`
}

// DocumentAnswer is one document, its chunks and its history. Of a page that was never
// a document there is only History.
type DocumentAnswer struct {
	Document Document  `json:"document"`
	Chunks   []Chunk   `json:"chunks"`
	History  []History `json:"history"`
}

// Chunk is one chunk of a document.
type Chunk struct {
	Ordinal  int      `json:"ordinal"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Tokens   int      `json:"tokens"`
	Headings []string `json:"headings"`
	Text     string   `json:"text"`
}

// History is one thing that happened to a document's key.
type History struct {
	Version  int64      `json:"version"`
	Source   string     `json:"source"`
	Delivery string     `json:"delivery"`
	Job      string     `json:"job,omitempty"`
	Outcome  string     `json:"outcome"`
	Reason   string     `json:"reason,omitempty"`
	At       *time.Time `json:"at"`
}

// DocumentLine is one document of a list.
type DocumentLine struct {
	URL         string     `json:"url"`
	Key         string     `json:"key"`
	Title       string     `json:"title"`
	Version     int64      `json:"version"`
	State       string     `json:"state"`
	CommittedAt *time.Time `json:"committed_at"`
}

// DocumentList is one page of documents.
type DocumentList struct {
	Total     int64          `json:"total"`
	Documents []DocumentLine `json:"documents"`
	Next      string         `json:"next,omitempty"`
}

// Put is one document to upsert: url and one of markdown, html and text.
type Put struct {
	URL         string         `json:"url"`
	Title       string         `json:"title,omitempty"`
	Description string         `json:"description,omitempty"`
	Markdown    string         `json:"markdown,omitempty"`
	HTML        string         `json:"html,omitempty"`
	Text        string         `json:"text,omitempty"`
	Language    string         `json:"language,omitempty"`
	Country     string         `json:"country,omitempty"`
	IsMobile    bool           `json:"is_mobile,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"`
}

// Queued answers writes.
type Queued struct {
	Status     string    `json:"status"` // queued, done (all searchable), acknowledged, dry_run
	Duplicate  bool      `json:"duplicate,omitempty"`
	Delivery   string    `json:"delivery,omitempty"`
	QueuedJobs int       `json:"queued_jobs"`
	JobIDs     []string  `json:"job_ids"`
	Refused    []Refusal `json:"refused,omitempty"`
	Jobs       []PutJob  `json:"jobs,omitempty"`      // of Put
	Matched    int64     `json:"matched,omitempty"`   // of Retry and Replay with a filter
	Skipped    int       `json:"skipped,omitempty"`   // of the same
	DryRun     bool      `json:"dry_run,omitempty"`   // of Delete
	Documents  int64     `json:"documents,omitempty"` // of Delete's dry run
}

// PutJob is where one document of a Put stands.
type PutJob struct {
	ID      string `json:"id"`
	URL     string `json:"url"`
	Key     string `json:"key"`
	State   string `json:"state"`
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Error   string `json:"error,omitempty"`
}

// Stats is what the server counts.
type Stats struct {
	Documents      int64 `json:"documents"`
	Chunks         int64 `json:"chunks"`
	VectorsPending int64 `json:"vectors_pending"`
	Jobs           struct {
		Available int64 `json:"available"`
		Retrying  int64 `json:"retrying"`
		Leased    int64 `json:"leased"`
		Done      int64 `json:"done"`
		Dead      int64 `json:"dead"`
	} `json:"jobs"`
	Searchable struct {
		Keyword Percentiles `json:"keyword"`
		Vector  Percentiles `json:"vector"`
	} `json:"searchable"`
	Index struct {
		Head    int64 `json:"head"`
		Applied int64 `json:"applied"`
		Behind  int64 `json:"behind"`
	} `json:"index"`
	Embedder struct {
		Name      string `json:"name"`
		Model     string `json:"model,omitempty"`
		Dimension int    `json:"dimension,omitempty"`
		State     string `json:"state,omitempty"`
	} `json:"embedder"`
}

// Percentiles of a time, in milliseconds.
type Percentiles struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// Settled says that everything accepted is searchable by keyword.
func (s *Stats) Settled() bool {
	return s.Jobs.Available == 0 && s.Jobs.Leased == 0 && s.Index.Behind == 0
}

// ReembedChange is how pages are to be cut and embedded; nil leaves it as it is.
type ReembedChange struct {
	Embedder           *string `json:"embedder,omitempty"`
	Tokenizer          *string `json:"tokenizer,omitempty"`
	QueryPrefix        *string `json:"query_prefix,omitempty"`
	DocumentPrefix     *string `json:"document_prefix,omitempty"`
	MaxChunkTokens     *int    `json:"max_chunk_tokens,omitempty"`
	ChunkOverlapTokens *int    `json:"chunk_overlap_tokens,omitempty"`
}

// ReembedStatus is how far a change is: State is idle, running, done or failed.
type ReembedStatus struct {
	State  string    `json:"state"`
	Filled int64     `json:"filled"`
	Total  int64     `json:"total"`
	Began  time.Time `json:"began,omitzero"`
	Error  string    `json:"error,omitempty"`
}
