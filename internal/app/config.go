// Package app puts the parts together: it reads the configuration, builds every
// part once, warms them, and stops them in reverse. Nothing is built per job.
//
// The receiver answers as soon as the store is open; the index is filled and the
// workers start behind it.
package app

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
)

// Config is every option. Its tags make the flags; the environment variable of a
// flag is PULSE_ and its name in capitals. Secrets come from the environment alone,
// so that no list of processes shows them.
type Config struct {
	Data   string `group:"store" default:"./pulse-data" placeholder:"DIR" help:"Data folder."`
	Listen string `group:"server" default:"127.0.0.1:52100" placeholder:"HOST:PORT" help:"Address to answer on."`
	Server string `group:"client" placeholder:"URL" help:"Server that commands talk to; without it the local one, else the data folder itself."`

	Store    string `group:"store" default:"sqlite" placeholder:"URL" help:"Where the truth is kept: sqlite (in --data) or sqlite:PATH."`
	Queue    string `group:"store" default:"store" placeholder:"URL" help:"What hands out jobs: store."`
	Index    string `group:"store" default:"local" placeholder:"URL" help:"What answers queries: local."`
	Embedder string `group:"store" default:"builtin" placeholder:"URL" help:"What makes vectors: builtin (a small model of English in this binary), static:DIR (a Model2Vec folder), none, tei+http://HOST:PORT, openai+https://HOST/v1?model=NAME or ollama+http://HOST:PORT?model=NAME; several of one kind with commas."`

	QueryPrefix                string        `group:"model" placeholder:"TEXT" help:"Put before a query; without it what the model was trained with, where its name is known."`
	DocumentPrefix             string        `group:"model" placeholder:"TEXT" help:"Put before a page's chunks; without it as for queries."`
	EmbedderConnections        int           `group:"model" default:"100" placeholder:"N" help:"Connections to all endpoints."`
	EmbedderConnectionsPerHost int           `group:"model" default:"20" placeholder:"N" help:"Connections, and requests at once, to one endpoint."`
	EmbedderIdleExpiry         time.Duration `group:"model" default:"30s" placeholder:"TIME" help:"How long a connection without a request is kept."`
	EmbedderTimeout            time.Duration `group:"model" default:"2m" placeholder:"TIME" help:"Time that one request has."`

	Tokenizer string `group:"model" placeholder:"FILE|DIR" help:"Tokenizer of the embedding model: a tokenizer.json (or .gz), the folder that holds it, or a model whose tokenizer is built in: all-MiniLM-L6-v2 or Qwen3-Embedding. Without this option: that of the embedder's model if it is built in, else a tei embedder counts itself (its /tokenize), which is slow, and vectors wait while it is away; else all-MiniLM-L6-v2."`

	Workers            int           `group:"ingest" default:"64" placeholder:"N" help:"Jobs that run at once; they mostly wait for the disk. With 0 pages are taken and kept, and wait for a start with workers."`
	MaxChunkTokens     int           `group:"ingest" default:"256" placeholder:"N" help:"Tokens of a chunk at most."`
	ChunkOverlapTokens int           `group:"ingest" default:"50" placeholder:"N" help:"Tokens that neighbouring chunks share."`
	VectorsWait        time.Duration `group:"ingest" default:"5s" placeholder:"TIME" help:"Wait for vectors before a page is committed for keyword search alone."`
	SlowJob            time.Duration `group:"ingest" default:"5s" placeholder:"TIME" help:"Own work of a job that earns a warning."`
	JobTimeout         time.Duration `group:"ingest" default:"10m" placeholder:"TIME" help:"Time that one run of a job has."`
	KeepSource         bool          `group:"ingest" default:"true" negatable:"" help:"Keep markdown as sent."`
	KeepHTML           bool          `group:"ingest" name:"keep-html" help:"Keep html as sent."`

	BM25K1            float64       `group:"search" name:"bm25-k1" default:"1.2" placeholder:"X" help:"Weight of a term's repeats."`
	BM25B             float64       `group:"search" name:"bm25-b" default:"0.75" placeholder:"X" help:"Weight of a chunk's length, 0 to 1."`
	Fusion            string        `group:"search" default:"minmax" enum:"minmax,rrf" placeholder:"HOW" help:"How lists are joined: minmax or rrf."`
	Alpha             float64       `group:"search" placeholder:"X" help:"Weight of vectors in minmax, 0 to 1; without it what suits the model, 0.35."`
	RRFK              float64       `group:"search" name:"rrf-k" default:"60" placeholder:"X" help:"The constant of rrf."`
	Window            int           `group:"search" default:"1000" placeholder:"N" help:"Documents of each list that are fused."`
	QueryEmbedTimeout time.Duration `group:"search" default:"300ms" placeholder:"TIME" help:"Wait for a query's vector; then keyword search answers."`

	MaxWaiting      int           `group:"server" default:"1000000" placeholder:"N" help:"Waiting jobs past which deliveries are refused (503); half of it for one crawl or host."`
	MinFree         Bytes         `group:"server" default:"1GiB" placeholder:"SIZE" help:"Free disk below which deliveries are refused (503) and an import stops."`
	KeepDeliveries  time.Duration `group:"server" default:"168h" placeholder:"TIME" help:"How long the bodies of done deliveries are kept."`
	ShutdownTimeout time.Duration `group:"server" default:"30s" placeholder:"TIME" help:"Time that running jobs have at the end."`
	DebugListen     string        `group:"server" placeholder:"HOST:PORT" help:"Address for pprof; none without it."`
	LogFormat       string        `group:"server" default:"text" enum:"text,json" placeholder:"HOW" help:"text or json."`
	LogLevel        LogLevel      `group:"server" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	Insecure        bool          `group:"server" help:"Answer other machines without key and signature."`
	AllowUnsigned   []string      `group:"server" enum:"firecrawl" placeholder:"SOURCE" help:"Take unsigned webhooks of this source (firecrawl)."`

	APIKey          string `kong:"-"` // PULSE_API_KEY: full access
	FirecrawlSecret string `kong:"-"` // PULSE_FIRECRAWL_SECRET: HMAC
	FirecrawlToken  string `kong:"-"` // PULSE_FIRECRAWL_TOKEN: for a sender that cannot sign
	EmbedderAPIKey  string `kong:"-"`

	Log *slog.Logger     `kong:"-"` // nil: to the standard error, by LogFormat and LogLevel
	Now func() time.Time `kong:"-"` // nil: time.Now

	origins  map[string]string // by flag or variable: where a value came from; absent: the default
	warnings []string          // about variables that do nothing
	asIs     bool              // goes by the layout that the data has: pulse reembed without a server
	own      bool              // of a command's own app, that nobody else reaches: no warnings
}

// Groups are the headings under which help shows the options, by key.
var Groups = []kong.Group{
	{Key: "client", Title: "Which server:"},
	{Key: "store", Title: "Where things are:"},
	{Key: "server", Title: "Server:"},
	{Key: "ingest", Title: "Pages:"},
	{Key: "model", Title: "Model:"},
	{Key: "search", Title: "Search:"},
}

// KongOptions teach kong what Config's fields need: times and sizes, the groups,
// and the environment.
func KongOptions(env *Environment) []kong.Option {
	return []kong.Option{
		kong.TypeMapper(durationType, kong.MapperFunc(decodeDuration)),
		kong.ExplicitGroups(Groups),
		kong.Resolvers(env),
	}
}

// Finish completes a configuration that kong has parsed: the secrets, where each
// value came from, and what the variables say that nothing reads.
func (c *Config) Finish(k *kong.Context, env *Environment) error {
	c.origins = map[string]string{}
	for _, step := range k.Path {
		switch {
		case step.Flag == nil:
		case step.Resolved:
			c.origins[step.Flag.Name] = env.origins[step.Flag.Name]
		default:
			c.origins[step.Flag.Name] = "flag"
		}
	}
	for i := range secrets {
		s := &secrets[i]
		value, origin, err := env.secret(append([]string{s.name}, s.old...)...)
		if err != nil {
			return err
		}
		if *s.field(c) = value; value != "" {
			c.origins[s.name] = origin
		}
	}
	c.warnings = env.unused(k)
	return nil
}

// secret is one secret option.
type secret struct {
	name    string // the variable
	old     []string
	field   func(*Config) *string
	help    string
	foreign bool // made by somebody else: of any length
}

var secrets = [...]secret{
	{"PULSE_API_KEY", []string{"WEBHOOK_API_SECRET", "SEARCH_BRIDGE_API_SECRET"},
		func(c *Config) *string { return &c.APIKey }, "API key", false},
	{"PULSE_FIRECRAWL_SECRET", []string{"WEBHOOK_SECRET", "SEARCH_BRIDGE_WEBHOOK_SECRET"},
		func(c *Config) *string { return &c.FirecrawlSecret }, "secret of Firecrawl's webhooks", false},
	{"PULSE_FIRECRAWL_TOKEN", nil,
		func(c *Config) *string { return &c.FirecrawlToken }, "token of Firecrawl's webhooks", false},
	{"PULSE_EMBEDDER_API_KEY", nil,
		func(c *Config) *string { return &c.EmbedderAPIKey }, "key of the embedding endpoints", true},
}

// LoadConfig parses flags and environment without a command: for tests, and for
// those who start a server of their own. dotenv is the path of a .env file; "" or
// one that is not there reads none.
func LoadConfig(args, environ []string, dotenv string) (*Config, error) {
	env, err := ReadEnvironment(environ, dotenv)
	if err != nil {
		return nil, err
	}
	c := new(Config)
	parser, err := kong.New(c, append(KongOptions(env), kong.Name("pulse"))...)
	if err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		return nil, env.Explain(err)
	}
	return c, c.Finish(k, env)
}

// DefaultConfig is the configuration without any flag or variable.
func DefaultConfig() *Config {
	c, err := LoadConfig(nil, nil, "")
	if err != nil {
		panic(err) // the defaults are constants
	}
	return c
}

// Given says whether a flag or a variable set the option.
func (c *Config) Given(flag string) bool { return c.origins[flag] != "" }

// setOrigin notes that an option was set after the start.
func (c *Config) setOrigin(flag, by string) {
	origins := map[string]string{flag: by}
	for name, from := range c.origins {
		if name != flag {
			origins[name] = from
		}
	}
	c.origins = origins
}

// origin is where an option's value came from, for people.
func (c *Config) origin(name string) string {
	if o := c.origins[name]; o != "" {
		return o
	}
	return "default"
}

// DataDir is the absolute path of the data folder.
func (c *Config) DataDir() string {
	abs, err := filepath.Abs(c.Data)
	if err != nil { // the working directory is gone
		return c.Data
	}
	return abs
}

// LogLevel is a level by its name, as slog or Python write it.
type LogLevel struct{ slog.Level }

// UnmarshalText takes debug, info, warn or warning, error or critical, in any case.
func (l *LogLevel) UnmarshalText(text []byte) error {
	level, ok := logLevels[lower(string(text))]
	if !ok {
		return fmt.Errorf("%q is no level: debug, info, warn or error", text)
	}
	l.Level = level
	return nil
}

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "warning": slog.LevelWarn,
	"error": slog.LevelError, "critical": slog.LevelError,
}
