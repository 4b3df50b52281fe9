package embed_test

import (
	"strings"
	"testing"

	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
)

func TestPrefixes(t *testing.T) {
	f := func(model, query, document string) {
		t.Helper()
		q, d := embed.Prefixes(model)
		if !strings.HasSuffix(q, query) || (q == "") != (query == "") || d != document {
			t.Errorf("%s: %q and %q", model, q, d)
		}
	}
	f("Qwen/Qwen3-Embedding-0.6B", "passages that answer the query\nQuery:", "")
	f("intfloat/e5-base-v2", "query: ", "passage: ")
	f("intfloat/multilingual-e5-large", "query: ", "passage: ")
	f("intfloat/multilingual-e5-large-instruct", "Query: ", "")
	f("BAAI/bge-small-en-v1.5", "passages: ", "")
	f("BAAI/bge-m3", "", "")
	f("nomic-embed-text", "search_query: ", "search_document: ")
	f("sentence-transformers/all-MiniLM-L6-v2", "", "")
	f("text-embedding-3-small", "", "")
}

// TestPrefixesAreThoseOfTheModel looks at what an endpoint is sent, of texts that waited
// before it had said its model.
func TestPrefixesAreThoseOfTheModel(t *testing.T) {
	s := &embedtest.Simulated{Model: "intfloat/e5-base-v2"}
	inBubble(t, embed.Options{Prefixes: embed.Prefixes}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		v, err := c.Embed(t.Context(), embed.Request{Texts: []string{"a page"}})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "passage: a page", v[0])
		if v[0], err = c.EmbedQuery(t.Context(), "a query"); err != nil {
			t.Fatal(err)
		}
		holds(t, "query: a query", v[0])
		if m := c.Model(); m.Name != "intfloat/e5-base-v2" || m.Dimension != 8 || m.QueryPrefix != "query: " {
			t.Errorf("model %+v", m)
		}
	})
}
