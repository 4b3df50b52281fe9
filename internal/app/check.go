package app

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"pulse/internal/store"
)

// minSecret is the length of the shortest secret that is taken.
const minSecret = 16

// Check says what is wrong with the configuration, all of it, each with what to do.
// Its error is a *UsageError. It does no I/O.
func (c *Config) Check() error {
	var wrong []error
	for _, check := range []func() error{c.checkParts, c.checkNumbers, c.checkSecrets, c.checkListen, c.checkDebug} {
		if err := check(); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &UsageError{errors.Join(wrong...)}
}

// checkParts refuses what is not built yet rather than pass over it: who asks for
// Redis must not find later that nothing was there.
func (c *Config) checkParts() error {
	var wrong []error
	refuse := func(flag, value, instead string) {
		wrong = append(wrong, fmt.Errorf("--%s %s (from %s) is not built yet: use %s (%s=%s)",
			flag, redacted(value), c.origin(flag), instead, variableOf(flag), instead))
	}
	if scheme, _, _ := strings.Cut(c.Store, ":"); scheme != "sqlite" {
		refuse("store", c.Store, "sqlite")
	} else if _, err := c.storeDir(); err != nil {
		wrong = append(wrong, err)
	}
	if c.Queue != "store" {
		refuse("queue", c.Queue, "store")
	}
	if c.Index != "local" {
		refuse("index", c.Index, "local")
	}
	if err := c.checkEmbedder(); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// storeDir is the folder of the SQLite file.
func (c *Config) storeDir() (string, error) {
	_, path, _ := strings.Cut(c.Store, ":")
	switch {
	case path == "":
		return c.DataDir(), nil
	case filepath.Base(path) == store.FileName:
		return filepath.Abs(filepath.Dir(path))
	case filepath.Ext(path) != "":
		return "", fmt.Errorf("--store %s: the file's name must be %s: name its folder, or the file in it", c.Store, store.FileName)
	}
	return filepath.Abs(path)
}

// maxChunkTokens is the largest bound of a chunk.
const maxChunkTokens = 1 << 16

func (c *Config) checkNumbers() error {
	var wrong []error
	must := func(ok bool, flag, rule string) {
		if !ok {
			wrong = append(wrong, &optionError{flag, errors.New("must be " + rule),
				fmt.Sprintf("--%s must be %s (it is from %s)", flag, rule, c.origin(flag))})
		}
	}
	must(c.Data != "", "data", "a folder")
	must(c.Workers >= 0 && c.Workers <= 4096, "workers", "0 to 4096")
	must(c.MaxChunkTokens >= 8 && c.MaxChunkTokens <= maxChunkTokens, "max-chunk-tokens", "8 to 65536")
	must(c.ChunkOverlapTokens >= 0 && c.ChunkOverlapTokens < max(1, c.MaxChunkTokens), "chunk-overlap-tokens", fmt.Sprintf("at least 0 and below --max-chunk-tokens, not %d", c.ChunkOverlapTokens))
	must(c.BM25K1 >= 0 && c.BM25K1 <= 1000, "bm25-k1", "0 to 1000")
	must(c.BM25B >= 0 && c.BM25B <= 1, "bm25-b", "0 to 1")
	must(c.Alpha >= 0 && c.Alpha <= 1, "alpha", "0 to 1")
	must(c.RRFK > 0 && c.RRFK <= 1e6, "rrf-k", "above 0, to 1000000")
	must(c.Window >= 1 && c.Window <= 100_000, "window", "1 to 100000")
	must(c.MaxWaiting >= 2, "max-waiting", "at least 2")
	must(c.JobTimeout > 0, "job-timeout", "above 0")
	must(c.ShutdownTimeout > 0, "shutdown-timeout", "above 0")
	must(c.KeepDeliveries > 0, "keep-deliveries", "above 0")
	must(c.QueryEmbedTimeout > 0, "query-embed-timeout", "above 0")
	must(c.EmbedderConnections > 0, "embedder-connections", "above 0")
	must(c.EmbedderConnectionsPerHost > 0, "embedder-connections-per-host", "above 0")
	must(c.EmbedderIdleExpiry > 0, "embedder-idle-expiry", "above 0")
	must(c.EmbedderTimeout > 0, "embedder-timeout", "above 0")
	return errors.Join(wrong...)
}

func (c *Config) checkSecrets() error {
	var wrong []error
	for i := range secrets {
		s := &secrets[i]
		switch value := *s.field(c); {
		case value == "":
		case len(value) < minSecret && !s.foreign:
			wrong = append(wrong, fmt.Errorf("%s (from %s) has %d characters, at least %d are needed: make one with `openssl rand -hex 32`",
				s.name, c.origin(s.name), len(value), minSecret))
		case strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
			wrong = append(wrong, fmt.Errorf("%s (from %s) has white space around it or control characters in it", s.name, c.origin(s.name)))
		}
	}
	return errors.Join(wrong...)
}

// checkListen refuses to be open to other machines by mistake.
func (c *Config) checkListen() error {
	host, err := listenHost(c.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s (from %s) is not HOST:PORT with a port up to 65535, as 127.0.0.1:52100", c.Listen, c.origin("listen"))
	}
	if loopback(host) || c.Insecure {
		return nil
	}
	var missing []string
	if c.APIKey == "" {
		missing = append(missing, "PULSE_API_KEY")
	}
	if c.unsignedFirecrawl() && !slices.Contains(c.AllowUnsigned, "firecrawl") {
		missing = append(missing, "PULSE_FIRECRAWL_SECRET")
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("--listen %s (from %s) answers other machines, but %s not set: set what is missing (at least %d characters), listen on 127.0.0.1, or allow it: --insecure (all), --allow-unsigned firecrawl (that source)",
		c.Listen, c.origin("listen"), strings.Join(missing, " and ")+verb(len(missing)), minSecret)
}

// listenHost is the host of an address to listen on, whose port must be one.
func listenHost(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	return host, err
}

func verb(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

func (c *Config) checkDebug() error {
	if c.DebugListen == "" {
		return nil
	}
	host, err := listenHost(c.DebugListen)
	if err != nil {
		return fmt.Errorf("--debug-listen %s (from %s) is not HOST:PORT with a port up to 65535, as 127.0.0.1:6060", c.DebugListen, c.origin("debug-listen"))
	}
	if !loopback(host) && !c.Insecure {
		return fmt.Errorf("--debug-listen %s answers other machines without a key: listen on 127.0.0.1, or allow it with --insecure", c.DebugListen)
	}
	return nil
}

func (c *Config) unsignedFirecrawl() bool { return c.FirecrawlSecret == "" && c.FirecrawlToken == "" }

// public says whether other machines reach the listener.
func (c *Config) public() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && !loopback(host)
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Warnings are what the log says at start about what is open and what does nothing.
func (c *Config) Warnings() []string {
	if c.own {
		return nil
	}
	var all []string
	if c.APIKey == "" {
		all = append(all, "No API key: whoever reaches this address can read, write and delete; set PULSE_API_KEY")
	}
	if c.unsignedFirecrawl() {
		all = append(all, "Firecrawl's webhooks are not verified: set PULSE_FIRECRAWL_SECRET")
	}
	if c.borrowsTokenizer() {
		all = append(all, strings.ToUpper(borrowedTokens[:1])+borrowedTokens[1:]+"; name the model's tokenizer.json with --tokenizer")
	}
	for _, name := range c.warnings {
		all = append(all, "This variable is set and does nothing in this release: "+name)
	}
	return all
}

// URL is the address by which programs of this machine reach the server.
func (c *Config) URL() string {
	if c.Server != "" {
		return c.Server
	}
	return "http://" + dialable(c.Listen)
}

// shownURL is the same without secrets.
func (c *Config) shownURL() string { return redacted(c.URL()) }

// dialable is an address to connect to for one to listen on.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
