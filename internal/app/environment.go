package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sort"
	"strings"

	"github.com/alecthomas/kong"
)

// oldNames are the variables of pulse_webhook that are the same options, by flag,
// in their order. Those of listen, index and embedder are made of several.
var oldNames = map[string][]string{
	"max-chunk-tokens":     pair("MAX_CHUNK_TOKENS"),
	"chunk-overlap-tokens": pair("CHUNK_OVERLAP_TOKENS"),
	"alpha":                pair("HYBRID_ALPHA"),
	"log-level":            pair("LOG_LEVEL"),
	"bm25-k1":              pair("BM25_K1"),
	"bm25-b":               pair("BM25_B"),
	"rrf-k":                pair("RRF_K"),
	"job-timeout":          {"WEBHOOK_INDEXING_JOB_TIMEOUT", "INDEXING_JOB_TIMEOUT"},
	"queue":                {"WEBHOOK_REDIS_URL", "REDIS_URL", "SEARCH_BRIDGE_REDIS_URL"},
	"store":                {"WEBHOOK_DATABASE_URL", "DATABASE_URL", "SEARCH_BRIDGE_DATABASE_URL"},
}

// withoutOption are variables of pulse_webhook that nothing reads yet. Where one is
// set, the log says so.
var withoutOption = []string{
	"CORS_ORIGINS", "QDRANT_TIMEOUT", "VECTOR_DIM", "TEI_API_KEY", "EMBEDDING_MODEL", "TEST_MODE", "WORKER_BATCH_SIZE",
	"FIRECRAWL_API_URL", "FIRECRAWL_API_KEY", "CHANGEDETECTION_API_URL", "CHANGEDETECTION_API_KEY",
	"CHANGEDETECTION_CHECK_INTERVAL", "CHANGEDETECTION_ENABLE_AUTO_WATCH", "DOCKER_BIN", "EXTERNAL_CONTEXT",
	"EXTERNAL_SERVICES", "SKIP_DB_FIXTURES", "CHANGEDETECTION_HMAC_SECRET", "OLLAMA_URL",
}

func pair(name string) []string { return []string{"WEBHOOK_" + name, "SEARCH_BRIDGE_" + name} }

// Environment gives the options that no flag gives: of PULSE_ and then the old
// names in their order the first that is set, each looked up in the process's
// environment and then in .env. Names are compared without case; an empty value
// is none. It is for one parse.
type Environment struct {
	process, dotenv map[string]variable // by name in lower case
	path            string              // of .env
	origins         map[string]string   // by flag
	read            map[string]bool     // names in lower case that something asked for
}

type variable struct{ name, value string }

// ReadEnvironment takes the process's environment, as os.Environ gives it, and a
// .env file, if it is there.
func ReadEnvironment(environ []string, dotenv string) (*Environment, error) {
	e := &Environment{process: map[string]variable{}, path: dotenv, origins: map[string]string{}, read: map[string]bool{}}
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok && value != "" {
			e.process[strings.ToLower(name)] = variable{name, value}
		}
	}
	var err error
	e.dotenv, err = readDotenv(dotenv)
	return e, err
}

// find is the first of the names that is set, and where.
func (e *Environment) find(names ...string) (value, origin string) {
	for _, name := range names {
		key := strings.ToLower(name)
		e.read[key] = true
		if v, ok := e.process[key]; ok {
			return strings.TrimSpace(v.value), "env " + v.name
		}
		if v, ok := e.dotenv[key]; ok {
			return strings.TrimSpace(v.value), ".env " + v.name
		}
	}
	return "", ""
}

// secret is find for secrets, which may also stand in a file that NAME_FILE names.
func (e *Environment) secret(names ...string) (value, origin string, err error) {
	for _, name := range names {
		if value, origin = e.find(name); value != "" {
			return value, origin, nil
		}
		path, from := e.find(name + "_FILE")
		if path == "" {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", "", usagef("read the file that %s names: %w", from, err)
		}
		if value = strings.TrimRight(string(raw), "\r\n"); value == "" {
			return "", "", usagef("the file that %s names is empty: %s", from, path)
		}
		return value, from, nil
	}
	return "", "", nil
}

// Validate implements kong.Resolver.
func (e *Environment) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (e *Environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Group == nil { // of one command alone: its variable would surprise
		return nil, nil
	}
	value, origin := e.find(append([]string{variableOf(flag.Name)}, oldNames[flag.Name]...)...)
	if value == "" {
		value, origin = e.compose(flag.Name)
	}
	if value == "" {
		return nil, nil
	}
	e.origins[flag.Name] = origin
	return value, nil
}

// variableOf is the environment variable of a flag.
func variableOf(flag string) string {
	return "PULSE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// compose makes the options that the old service wrote otherwise.
func (e *Environment) compose(flag string) (value, origin string) {
	switch flag {
	case "listen":
		return e.listen()
	case "workers":
		on, origin := e.find(pair("ENABLE_WORKER")...)
		if on = lower(on); on == "false" || on == "0" || on == "no" || on == "off" {
			return "0", origin
		}
	case "embedder":
		if tei, origin := e.find(pair("TEI_URL")...); tei != "" {
			return "tei+" + tei, origin
		}
	case "index":
		collection, _ := e.find(pair("QDRANT_COLLECTION")...)
		if u, origin := e.find(pair("QDRANT_URL")...); u != "" {
			return qdrantURL(u, collection), origin
		}
	}
	return "", ""
}

func (e *Environment) listen() (value, origin string) {
	host, hostFrom := e.find(pair("HOST")...)
	port, portFrom := e.find(pair("PORT")...)
	if host == "" && port == "" {
		return "", ""
	}
	origin = strings.TrimPrefix(hostFrom+", "+portFrom, ", ")
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "52100"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port), strings.TrimSuffix(origin, ", ")
}

// qdrantURL writes Qdrant's address and collection as --index does.
func qdrantURL(address, collection string) string {
	if collection == "" {
		collection = "pulse_docs"
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "qdrant:" + address
	}
	u.Scheme = "qdrant"
	return u.JoinPath(collection).String()
}

// Explain adds to an error of kong where a bad value came from, and makes it wrong usage.
func (e *Environment) Explain(err error) error {
	var usage *UsageError
	if errors.As(err, &usage) {
		return err
	}
	for flag, origin := range e.origins {
		rest, ok := strings.CutPrefix(err.Error(), "--"+flag)
		if ok && rest != "" && strings.ContainsRune(" :=", rune(rest[0])) {
			return usagef("%w (from %s)", err, origin)
		}
	}
	return usagef("%w", err)
}

// unused says which variables look like ours and do nothing.
func (e *Environment) unused(k *kong.Context) []string {
	for _, flag := range k.Model.AllFlags(false) {
		for _, f := range flag {
			e.read[strings.ToLower(variableOf(f.Name))] = true
		}
	}
	seen := map[string]string{}
	for from, vars := range map[string]map[string]variable{"env": e.process, ".env": e.dotenv} {
		for key, v := range vars {
			if !e.read[key] && ours(key) {
				seen[v.name] = from
			}
		}
	}
	var all []string
	for name, from := range seen {
		all = append(all, from+" "+name)
	}
	sort.Strings(all)
	return all
}

// ours says whether a variable, in lower case, was meant for Pulse or its forerunner.
// Kubernetes sets the two excepted kinds for a service that is called pulse.
func ours(key string) bool {
	switch {
	case strings.HasPrefix(key, "pulse_service_"), strings.HasPrefix(key, "pulse_port"), key == "pulse_failpoint":
		return false
	case strings.HasPrefix(key, "pulse_"):
		return true
	}
	for _, name := range withoutOption {
		for _, old := range pair(name) {
			if key == strings.ToLower(old) {
				return true
			}
		}
	}
	return false
}

// UsageError is a configuration or a command line that cannot be run. The exit
// code is 2.
type UsageError struct{ err error }

// Error is what is wrong, and what to do about it.
func (e *UsageError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *UsageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// optionError is an option whose value is wrong, for those who gave it by another name.
type optionError struct {
	flag  string
	wrong error  // without the flag
	text  string // as the command line says it
}

func (e *optionError) Error() string { return e.text }
func (e *optionError) Unwrap() error { return e.wrong }

// Usage makes an error one of wrong usage.
func Usage(err error) error { return &UsageError{err} }
