// Command pulse takes crawl webhooks and makes the pages searchable: one binary,
// one file for each command. What they do is done by the packages below.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"pulse/internal/app"
	"pulse/internal/client"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// commandLine is what kong parses: the options, which all commands take, and the
// commands.
type commandLine struct {
	app.Config

	Serve      serveCmd      `cmd:"" help:"Receive webhooks, index pages, answer queries."`
	Try        tryCmd        `cmd:"" help:"Show it on a real crawl, with nothing to set up."`
	Ingest     ingestCmd     `cmd:"" help:"Import pages from files or folders."`
	Search     searchCmd     `cmd:"" help:"Ask a query."`
	Jobs       jobsCmd       `cmd:"" help:"List, show and retry jobs."`
	Deliveries deliveriesCmd `cmd:"" help:"List, show and replay deliveries."`
	Crawls     crawlsCmd     `cmd:"" help:"List and show crawls."`
	Documents  documentsCmd  `cmd:"" help:"List, show and delete documents."`
	Tokenize   tokenizeCmd   `cmd:"" help:"Show the tokens of texts."`
	Rebuild    rebuildCmd    `cmd:"" help:"Build the index anew from the store."`
	Reembed    reembedCmd    `cmd:"" help:"Cut and embed all pages anew with other settings; search goes on."`
	Eval       evalCmd       `cmd:"" help:"Measure how well judged queries are answered."`
	Doctor     doctorCmd     `cmd:"" help:"Look for what is wrong, and say what to do."`
	Chunk      chunkCmd      `cmd:"" help:"Cut texts into chunks: JSON Lines in and out."`
	Bench      benchCmd      `cmd:"" help:"Measure what this machine takes."`
	Version    versionCmd    `cmd:"" help:"Say what this binary is."`
}

const description = "Pulse takes crawl webhooks and makes the pages searchable." +
	"\n\nEvery option is also an environment variable, which a .env file may hold: --max-chunk-tokens is PULSE_MAX_CHUNK_TOKENS. " +
	"Secrets come from the environment alone: PULSE_API_KEY, PULSE_FIRECRAWL_SECRET, PULSE_FIRECRAWL_TOKEN (or NAME_FILE, naming a file)."

func main() {
	ctx, stop := withSignals(context.Background())
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// withSignals ends the context at the first SIGINT or SIGTERM, and the process at
// the second.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitFailed)
	}()
	return ctx, cancel
}

// ended carries an exit code out of kong, which ends the process after --help.
type ended int

// run is the whole program but for its process.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(ended)
			if !ok {
				panic(v)
			}
			code = int(e)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	err := execute(ctx, args, environ, stdout, stderr)
	if err != nil && !errors.Is(err, errReported) {
		complain(ctx, stderr, err)
	}
	var usage *app.UsageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

func execute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	env, err := app.ReadEnvironment(environ, ".env")
	if err != nil {
		return err
	}
	line := new(commandLine)
	parser, err := kong.New(line, append(app.KongOptions(env),
		kong.Name("pulse"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Help(printHelp), kong.ValueFormatter(withDefault), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: maxColumns}),
		kong.Exit(func(code int) { panic(ended(code)) }))...)
	if err != nil {
		return fmt.Errorf("read commands: %w", err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		return env.Explain(fmt.Errorf("%w (see pulse --help)", err))
	}
	if err := refuseEmpty(k); err != nil {
		return err
	}
	if err := line.Finish(k, env); err != nil {
		return err
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(&line.Config, newOutput(stdout, stderr, environ))
	return k.Run()
}

// refuseEmpty refuses a flag of the command's own that is given with nothing in it, as a
// variable that is not set leaves it: without that filter a command would match all.
func refuseEmpty(k *kong.Context) error {
	for _, step := range k.Path {
		f := step.Flag
		if f == nil || step.Resolved || f.Group != nil {
			continue
		}
		if text, ok := k.FlagValue(f).(string); ok && text == "" {
			return usage("--" + f.Name + " is empty: give it a value, or leave it out")
		}
	}
	return nil
}

// complain prints an error, a line for each thing that is wrong.
func complain(ctx context.Context, w io.Writer, err error) {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		fmt.Fprintln(w, "pulse: interrupted")
		return
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintln(w, "pulse: "+printable(line))
	}
	if client.Unauthorized(err) {
		fmt.Fprintln(w, "pulse: set PULSE_API_KEY to the server's key")
	}
}

// errReported says that the output has told what went wrong.
var errReported = errors.New("failed")

// helpGroups are the groups of options that a command's help shows; of other
// commands it shows the client's alone.
var helpGroups = map[string]string{
	"serve": "store server ingest model search", "reembed": "client store ingest model", "ingest": "client store ingest model", "try": "-", "bench": "-", "version": "-", "doctor": "client store server model",
	"tokenize": "model", "chunk": "model", "eval": "ingest model search",
}

// withDefault is an option's help with its default, unless that is the placeholder.
func withDefault(v *kong.Value) string {
	if v.Flag == nil || v.Flag.PlaceHolder == "" || !v.HasDefault || v.IsBool() {
		return v.Help
	}
	return v.Help + " (" + v.Default + ")"
}

// printHelp leaves out what the command does not look at.
func printHelp(options kong.HelpOptions, k *kong.Context) error {
	groups := "client"
	if node := k.Selected(); node != nil {
		for node.Parent != nil && node.Parent.Type == kong.CommandNode {
			node = node.Parent
		}
		if g := helpGroups[node.Name]; g != "" {
			groups = g
		}
	} else {
		groups = "-"
	}
	for _, f := range k.Model.Flags {
		f.Hidden = f.Group != nil && !strings.Contains(groups, f.Group.Key) && (f.Name != "data" || groups == "-")
	}
	return kong.DefaultHelpPrinter(options, k)
}
