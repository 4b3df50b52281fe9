package app

import (
	"net/http"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
)

// orderTail is the part of each page that never changes: it is a chunk of its own.
const orderTail = "\n\n# Always\n\nWhat is said here stands at the end of every page, and is the same in each of its versions, word by word."

const orderDimension = 8

// orderServer is an endpoint that comes and goes.
func orderServer() *embedtest.TEI {
	return &embedtest.TEI{Model: "all-MiniLM-L6-v2", Dim: orderDimension}
}

// turnEmbedder takes the endpoint away, or brings it back.
func (w *world) turnEmbedder() {
	if w.tei == nil {
		return
	}
	w.tei.Change(func(s *embedtest.TEI) {
		if s.Fail != nil {
			s.Fail = nil
			return
		}
		s.Fail = func(answer http.ResponseWriter, _ *http.Request) bool {
			answer.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
	})
}

// checkVectors holds each chunk's vector against its own text, in the store, and counts
// those of the index.
func (w *world) checkVectors(live map[string]string) {
	if w.tei == nil {
		return
	}
	for key := range live {
		c, err := w.app.Services().Store.Former(w.t.Context(), pulse.DefaultCollection, key)
		if err != nil || len(c.Chunks) < 2 || len(c.Vectors) != len(c.Chunks) {
			w.t.Errorf("%s: %+v, %v", key, c, err)
			continue
		}
		for i, text := range chunk.Embeds(c.Document.Title, c.Document.Text, c.Chunks) {
			if err := embed.SameModel(embedtest.Fingerprint(text, orderDimension), c.Vectors[i]); err != nil {
				w.t.Errorf("chunk %d of %s has another's vector, or none: %v", i, key, err)
			}
		}
	}
	if size := w.app.Services().Index.Size(); size.Documents != len(live) || size.Vectors != size.Chunks {
		w.t.Errorf("the index holds %+v of %d pages", size, len(live))
	}
}
