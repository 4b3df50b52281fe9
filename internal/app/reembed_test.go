package app

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"pulse/internal/client"
)

// TestReembedRefuses: what is wrong with a change is said of the field that the body has,
// and nothing of where a server's options came from.
func TestReembedRefuses(t *testing.T) {
	log := new(logBuffer)
	a := startApp(t, func(c *Config) { c.Log = NewLog(log, "text", slog.LevelInfo) })
	putPages(t, a, 3)
	f := func(change client.ReembedChange, status int, field, says string) {
		t.Helper()
		_, err := clientOf(t, a).Reembed(t.Context(), change)
		var e *client.Error
		if !errors.As(err, &e) {
			t.Fatalf("%+v: %v", change, err)
		}
		if e.Status != status || e.Field != field || !strings.Contains(e.Message, says) || strings.Contains(e.Message, "--") || strings.Contains(e.Message, "from ") {
			t.Errorf("%d field %q %q, want %d %q %q", e.Status, e.Field, e.Message, status, field, says)
		}
	}
	n := func(i int) *int { return &i }
	s := func(s string) *string { return &s }
	now := a.cfg
	f(client.ReembedChange{MaxChunkTokens: n(1)}, 422, "max_chunk_tokens", "must be 8 to 65536")
	f(client.ReembedChange{MaxChunkTokens: n(20)}, 422, "chunk_overlap_tokens", "below max_chunk_tokens, not 50")
	f(client.ReembedChange{ChunkOverlapTokens: n(-1)}, 422, "chunk_overlap_tokens", "at least 0")
	f(client.ReembedChange{Embedder: s("nothing")}, 422, "embedder", "is no embedder")
	f(client.ReembedChange{Embedder: s("")}, 422, "embedder", "is empty")
	f(client.ReembedChange{Embedder: s("static:/nowhere")}, 422, "embedder", "no such file")
	f(client.ReembedChange{Tokenizer: s("/nowhere")}, 422, "tokenizer", "no such file or folder")
	f(client.ReembedChange{}, 409, "", "nothing is to change")
	f(client.ReembedChange{Embedder: &now.Embedder, MaxChunkTokens: &now.MaxChunkTokens}, 409, "", "nothing is to change")
	if status := a.ReembedStatus(); status.State != statusIdle {
		t.Errorf("a change that was refused is told as %+v", status)
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log:\n%s", log)
	}
}
