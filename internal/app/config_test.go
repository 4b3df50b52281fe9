package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// load parses flags, environment and the text of a .env file.
func load(t *testing.T, args, environ []string, dotenv string) (*Config, error) {
	t.Helper()
	path := ""
	if dotenv != "" {
		path = filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(path, []byte(dotenv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return LoadConfig(args, environ, path)
}

func mustLoad(t *testing.T, args, environ []string, dotenv string) *Config {
	t.Helper()
	c, err := load(t, args, environ, dotenv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPrecedence(t *testing.T) {
	f := func(args, environ []string, dotenv string, want int, origin string) {
		t.Helper()
		c := mustLoad(t, args, environ, dotenv)
		if c.MaxChunkTokens != want || c.origin("max-chunk-tokens") != origin {
			t.Errorf("%q %q %q: %d from %s, want %d from %s", args, environ, dotenv, c.MaxChunkTokens, c.origin("max-chunk-tokens"), want, origin)
		}
	}
	flag := []string{"--max-chunk-tokens", "100"}
	f(nil, nil, "", 256, "default")
	f(flag, []string{"PULSE_MAX_CHUNK_TOKENS=101"}, "", 100, "flag")
	f(nil, []string{"PULSE_MAX_CHUNK_TOKENS=101"}, "PULSE_MAX_CHUNK_TOKENS=102", 101, "env PULSE_MAX_CHUNK_TOKENS")
	f(nil, nil, "PULSE_MAX_CHUNK_TOKENS=102", 102, ".env PULSE_MAX_CHUNK_TOKENS")
	f(nil, []string{"WEBHOOK_MAX_CHUNK_TOKENS=103"}, "PULSE_MAX_CHUNK_TOKENS=102", 102, ".env PULSE_MAX_CHUNK_TOKENS")
	f(nil, []string{"SEARCH_BRIDGE_MAX_CHUNK_TOKENS=104", "WEBHOOK_MAX_CHUNK_TOKENS=103"}, "", 103, "env WEBHOOK_MAX_CHUNK_TOKENS")
	f(nil, []string{"webhook_max_chunk_tokens=105"}, "", 105, "env webhook_max_chunk_tokens")
	f(nil, []string{"PULSE_MAX_CHUNK_TOKENS="}, "search_bridge_max_chunk_tokens = 106", 106, ".env search_bridge_max_chunk_tokens")
}

func TestOldNames(t *testing.T) {
	f := func(environ []string, got func(*Config) any, want any) {
		t.Helper()
		if have := got(mustLoad(t, nil, environ, "")); have != want {
			t.Errorf("%q: %v, want %v", environ, have, want)
		}
	}
	listen := func(c *Config) any { return c.Listen }
	f([]string{"WEBHOOK_HOST=0.0.0.0", "WEBHOOK_PORT=8080"}, listen, "0.0.0.0:8080")
	f([]string{"WEBHOOK_PORT=8080"}, listen, "127.0.0.1:8080")
	f([]string{"SEARCH_BRIDGE_HOST=::"}, listen, "[::]:52100")
	f([]string{"WEBHOOK_PORT=8080", "PULSE_LISTEN=127.0.0.1:1"}, listen, "127.0.0.1:1")
	f([]string{"WEBHOOK_API_SECRET=0123456789abcdef"}, func(c *Config) any { return c.APIKey }, "0123456789abcdef")
	f([]string{"WEBHOOK_SECRET=0123456789abcdef"}, func(c *Config) any { return c.FirecrawlSecret }, "0123456789abcdef")
	f([]string{"WEBHOOK_TEI_URL=http://tei:80"}, func(c *Config) any { return c.Embedder }, "tei+http://tei:80")
	f([]string{"REDIS_URL=redis://r:1"}, func(c *Config) any { return c.Queue }, "redis://r:1")
	f([]string{"WEBHOOK_QDRANT_URL=http://q:6334", "WEBHOOK_QDRANT_COLLECTION=docs"}, func(c *Config) any { return c.Index }, "qdrant://q:6334/docs")
	f([]string{"WEBHOOK_QDRANT_URL=http://q:6334"}, func(c *Config) any { return c.Index }, "qdrant://q:6334/pulse_docs")
	f([]string{"DATABASE_URL=postgresql://u:p@h/d"}, func(c *Config) any { return c.Store }, "postgresql://u:p@h/d")
	f([]string{"INDEXING_JOB_TIMEOUT=600"}, func(c *Config) any { return c.JobTimeout }, 10*time.Minute)
	f([]string{"WEBHOOK_ENABLE_WORKER=False"}, func(c *Config) any { return c.Workers }, 0)
	f([]string{"WEBHOOK_ENABLE_WORKER=true"}, func(c *Config) any { return c.Workers }, 64)
	f([]string{"WEBHOOK_LOG_LEVEL=WARNING"}, func(c *Config) any { return c.LogLevel.Level.String() }, "WARN")
	f([]string{"WEBHOOK_BM25_K1=1.5", "WEBHOOK_BM25_B=0.5"}, func(c *Config) any { return c.BM25K1 + c.BM25B }, 2.0)
	f([]string{"WEBHOOK_HYBRID_ALPHA=0.5"}, func(c *Config) any { return c.Alpha }, 0.5)
	f([]string{"SEARCH_BRIDGE_RRF_K=10"}, func(c *Config) any { return c.RRFK }, 10.0)
}

func TestDotenv(t *testing.T) {
	f := func(text, name, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		vars, err := readDotenv(path)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := vars[name].value; got != want {
			t.Errorf("%q: %s is %q, want %q", text, name, got, want)
		}
	}
	f("A=b", "a", "b")
	f("# A=c\nA=b # comment\n", "a", "b")
	f("export A=b\r\nB=c\r\n", "a", "b")
	f("exportA=b", "exporta", "b")
	f(`A="b # c"`, "a", "b # c")
	f(`A="b\n\"c\" \d"  # d`, "a", "b\n\"c\" \\d")
	f(`A='b\n "c" $D'`, "a", `b\n "c" $D`)
	f("A=b#c", "a", "b#c")
	f(" A = b c ", "a", "b c")
	f("A=b\nA=", "a", "")
	f("A=b\na=c", "a", "c")
	f("\ufeffA=b", "a", "b")

	bad := func(text, want string) {
		t.Helper()
		_, err := load(t, nil, nil, text)
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one with %q", text, err, want)
		}
	}
	bad("A=b\nnonsense", ":2: a line is KEY=VALUE")
	bad(`A="b`, ":1: A: the closing quote is missing")
	bad(`A="b" c`, ":1: A: something follows")
}

func TestSecretFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, nil, []string{"PULSE_API_KEY_FILE=" + file}, "")
	if c.APIKey != "0123456789abcdef" || c.origin("PULSE_API_KEY") != "env PULSE_API_KEY_FILE" {
		t.Errorf("key %q from %s", c.APIKey, c.origin("PULSE_API_KEY"))
	}
	c = mustLoad(t, nil, []string{"PULSE_API_KEY_FILE=" + file, "PULSE_API_KEY=fedcba9876543210"}, "")
	if c.APIKey != "fedcba9876543210" {
		t.Errorf("the variable does not come before its file: %q", c.APIKey)
	}
	if _, err := load(t, nil, []string{"PULSE_API_KEY_FILE=/nowhere"}, ""); err == nil || !strings.Contains(err.Error(), "PULSE_API_KEY_FILE") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	const key, secret = "PULSE_API_KEY=0123456789abcdef", "PULSE_FIRECRAWL_SECRET=0123456789abcdef"
	f := func(args, environ []string, want ...string) {
		t.Helper()
		c := mustLoad(t, args, environ, "")
		err := c.Check()
		if len(want) == 0 {
			if err != nil {
				t.Errorf("%q %q: %v", args, environ, err)
			}
			return
		}
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%q %q: %v is no usage error", args, environ, err)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q %q: %v\ndoes not say %q", args, environ, err, w)
			}
		}
	}
	public := []string{"--listen", "0.0.0.0:52100"}
	f(nil, nil)
	f([]string{"--listen", "localhost:0"}, nil)
	f([]string{"--listen", "[::1]:0"}, nil)
	f(public, nil, "PULSE_API_KEY and PULSE_FIRECRAWL_SECRET are not set", "--insecure", "--allow-unsigned")
	f([]string{"--listen", ":52100"}, nil, "PULSE_API_KEY")
	f(public, []string{key}, "PULSE_FIRECRAWL_SECRET is not set")
	f(public, []string{key, secret})
	f(public, []string{key, "PULSE_FIRECRAWL_TOKEN=0123456789abcdef"})
	f(append(public, "--insecure"), nil)
	f(append(public, "--allow-unsigned", "firecrawl"), []string{key})
	f(append(public, "--allow-unsigned", "firecrawl"), nil, "PULSE_API_KEY is not set")
	f(nil, []string{"PULSE_API_KEY=short"}, "PULSE_API_KEY", "5 characters", "16")
	f(nil, []string{"WEBHOOK_REDIS_URL=redis://user:hunter2@redis:6379/0"}, "--queue redis://…@redis:6379/0", "WEBHOOK_REDIS_URL", "not built yet", "PULSE_QUEUE=store")
	f(nil, []string{"WEBHOOK_REDIS_URL=redis://redis:6379", "PULSE_QUEUE=store"})
	f(nil, []string{"WEBHOOK_TEI_URL=http://tei"})
	f([]string{"--embedder", "tei+http://a:1, tei+http://b:2"}, nil)
	f([]string{"--embedder", "openai+https://h/v1?model=m&dimensions=256"}, nil)
	f([]string{"--embedder", "somewhere"}, nil, "--embedder (from flag)", "somewhere", "tei+http://HOST:PORT")
	f([]string{"--embedder", "tei+http://user:hunter2@h"}, nil, "PULSE_EMBEDDER_API_KEY")
	f([]string{"--embedder", "tei+http://h?model=m"}, nil, "no parameter \"model\"")
	f([]string{"--embedder", "ollama+http://h"}, nil, "names no model")
	f([]string{"--embedder", "openai+http://h/v1?model=m&dimensions=0"}, nil, "dimensions")
	f([]string{"--embedder", "cohere+http://h"}, nil, "no kind of embedder")
	f([]string{"--embedder", "tei+http://h,openai+http://h/v1?model=m"}, nil, "one kind")
	f(nil, []string{"PULSE_EMBEDDER_API_KEY=short"})
	f(nil, []string{"WEBHOOK_QDRANT_URL=http://q"}, "--index qdrant://q/pulse_docs", "use local")
	f([]string{"--store", "postgres://h/d"}, nil, "--store postgres://h/d", "use sqlite")
	f([]string{"--store", "sqlite:/x/other.db"}, nil, "pulse.db")
	f([]string{"--store", "sqlite:/x/pulse.db"}, nil)
	f([]string{"--max-chunk-tokens", "50"}, nil, "--chunk-overlap-tokens")
	f([]string{"--alpha", "2", "--bm25-b=-1"}, nil, "--alpha", "--bm25-b")
	f([]string{"--alpha=Inf", "--bm25-b=NaN", "--bm25-k1=Inf", "--rrf-k=Inf"}, nil, "--alpha", "--bm25-b", "--bm25-k1", "--rrf-k")
	f([]string{"--bm25-k1=NaN", "--bm25-b=Inf", "--rrf-k=NaN"}, nil, "--bm25-k1", "--bm25-b", "--rrf-k")
	f([]string{"--listen", "nowhere"}, nil, "HOST:PORT")
	f([]string{"--debug-listen", "0.0.0.0:1"}, nil, "--debug-listen")
}

func TestRefusalsKeepSecretsOut(t *testing.T) {
	c := mustLoad(t, nil, []string{"WEBHOOK_REDIS_URL=redis://u:hunter2@r", "PULSE_API_KEY=tooshort", "DATABASE_URL=postgres://u:hunter2@h/d?password=hunter2"}, "")
	if err := c.Check(); strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "tooshort") {
		t.Error(err)
	}
}

func TestBadValuesNameTheirSource(t *testing.T) {
	f := func(args, environ []string, dotenv string, want ...string) {
		t.Helper()
		_, err := load(t, args, environ, dotenv)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Fatalf("%q %q: %v", args, environ, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q %q: %v does not say %q", args, environ, err, w)
			}
		}
	}
	f(nil, []string{"PULSE_WORKERS=many"}, "", "--workers", "many", "PULSE_WORKERS")
	f(nil, nil, "WEBHOOK_RRF_K=x", "--rrf-k", ".env WEBHOOK_RRF_K")
	f(nil, []string{"PULSE_FUSION=sum"}, "", "--fusion", "minmax", "PULSE_FUSION")
	f([]string{"--min-free", "lots"}, nil, "", "--min-free", "no size")
	f([]string{"--job-timeout", "soon"}, nil, "", "--job-timeout", "no time")
	f([]string{"--job-timeout=-1s"}, nil, "", "--job-timeout", "no time")
	f([]string{"--log-level", "loud"}, nil, "", "--log-level", "no level")
	f([]string{"--allow-unsigned", "github"}, nil, "", "--allow-unsigned", "firecrawl")
	f([]string{"--no-such"}, nil, "", "no-such")
}

func TestSizes(t *testing.T) {
	f := func(in string, want Bytes, shown string) {
		t.Helper()
		var b Bytes
		if err := b.UnmarshalText([]byte(in)); err != nil || b != want || b.String() != shown {
			t.Errorf("%q: %d %s, %v; want %d %s", in, b, b, err, want, shown)
		}
	}
	f("1GiB", 1<<30, "1GiB")
	f("256MiB", 256<<20, "256MiB")
	f("1.5 GiB", 3<<29, "1536MiB")
	f("10MB", 1e7, "10000000")
	f("4k", 4096, "4KiB")
	f("0", 0, "0")
	f("1000", 1000, "1000")
	for _, bad := range []string{"", "GiB", "-1", "1XB", "NaN", "1e30"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken as %d", bad, b)
		}
	}
}

func TestPrintConfig(t *testing.T) {
	c := mustLoad(t, []string{"--keep-deliveries", "24h"}, []string{"PULSE_API_KEY=0123456789abcdef", "WEBHOOK_REDIS_URL=redis://u:hunter2@r"}, "PULSE_ALPHA=0.4")
	var b strings.Builder
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(b.String()) {
		if fields := strings.Fields(line); len(fields) > 2 {
			lines[fields[0]] = strings.Join(fields[1:], " ")
		}
	}
	for option, want := range map[string]string{
		"--keep-deliveries":      "24h flag",
		"--alpha":                "0.4 .env PULSE_ALPHA",
		"--queue":                "redis://…@r env WEBHOOK_REDIS_URL",
		"--min-free":             "1GiB default",
		"--keep-source":          "true default",
		"--log-level":            "info default",
		"--job-timeout":          "10m default",
		"--query-embed-timeout":  "300ms default",
		"PULSE_API_KEY":          "*** (16 characters) env PULSE_API_KEY",
		"PULSE_FIRECRAWL_SECRET": "- default",
	} {
		if lines[option] != want {
			t.Errorf("%s: %q, want %q", option, lines[option], want)
		}
	}
	if strings.Contains(b.String(), "0123456789abcdef") || strings.Contains(b.String(), "hunter2") {
		t.Errorf("a secret is shown:\n%s", b.String())
	}
}

func TestWarnings(t *testing.T) {
	c := mustLoad(t, nil, []string{"PULSE_LISTN=x", "WEBHOOK_VECTOR_DIM=3", "PULSE_PORT=tcp://1.2.3.4", "PATH=/bin"}, "WEBHOOK_CORS_ORIGINS=*")
	all := strings.Join(c.Warnings(), "\n")
	for _, want := range []string{"PULSE_API_KEY", "PULSE_FIRECRAWL_SECRET", "env PULSE_LISTN", "env WEBHOOK_VECTOR_DIM", ".env WEBHOOK_CORS_ORIGINS"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning about %s in\n%s", want, all)
		}
	}
	if strings.Contains(all, "PULSE_PORT") || strings.Contains(all, "PATH") {
		t.Errorf("foreign variables are warned of:\n%s", all)
	}
}

func TestURL(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		if got := mustLoad(t, args, nil, "").URL(); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
	f("http://127.0.0.1:52100")
	f("http://127.0.0.1:80", "--listen", "0.0.0.0:80")
	f("http://127.0.0.1:80", "--listen", ":80")
	f("http://[::1]:80", "--listen", "[::1]:80")
	f("https://pulse.example", "--server", "https://pulse.example")
}
