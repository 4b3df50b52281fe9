// Command rate cuts the texts of a JSON Lines file {"text":…} into chunks, again and
// again for a second of processor time, and prints megabytes per second of it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"pulse/internal/chunk"
	"pulse/internal/token"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "rate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: rate TOKENIZER MAX-TOKENS TEXTS.jsonl")
	}
	t, err := token.Load(args[0])
	if err != nil {
		return err
	}
	limit, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	texts, size, err := read(args[2])
	if err != nil {
		return err
	}
	c := chunk.New(t, chunk.Options{MaxTokens: limit, OverlapTokens: -1})
	if err := cut(c, texts); err != nil { // caches are warm
		return err
	}
	rounds, start := 0, processorTime()
	for processorTime()-start < time.Second {
		if err := cut(c, texts); err != nil {
			return err
		}
		rounds++
	}
	fmt.Printf("%.2f\n", float64(size*rounds)/1e6/(processorTime()-start).Seconds())
	return nil
}

func cut(c *chunk.Chunker, texts []string) error {
	for _, text := range texts {
		if _, err := c.Split(context.Background(), "", text); err != nil {
			return err
		}
	}
	return nil
}

func read(path string) (texts []string, size int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var line struct{ Text string }
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return texts, size, nil
		} else if err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", path, err)
		}
		texts = append(texts, line.Text)
		size += len(line.Text)
	}
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
