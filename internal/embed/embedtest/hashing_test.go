package embedtest

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/embed"
)

var _ embed.Embedder = Hashing{}

func mustEmbed(t *testing.T, h Hashing, texts ...string) []pulse.Vector {
	t.Helper()
	vectors, err := h.Embed(t.Context(), embed.Request{Texts: texts})
	if err != nil {
		t.Fatal(err)
	}
	return vectors
}

func dot(a, b pulse.Vector) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestHashingIsDeterministic(t *testing.T) {
	h := Hashing{Dim: 32}
	v := mustEmbed(t, h, "rolling update", "Update, ROLLING!", "")
	if diff := cmp.Diff(v[0], v[1]); diff != "" {
		t.Fatalf("same words, other vectors:\n%s", diff)
	}
	query, err := h.EmbedQuery(t.Context(), "rolling update")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v[0], query); diff != "" {
		t.Fatalf("a query has another vector:\n%s", diff)
	}
	for _, vector := range v {
		if length := math.Sqrt(dot(vector, vector)); math.Abs(length-1) > 1e-6 {
			t.Fatalf("length is %v", length)
		}
	}
	if h.Model() != (embed.Model{Name: "hashing-32", Dimension: 32}) || len(v[0]) != 32 {
		t.Fatalf("model is %+v, vectors have %d dimensions", h.Model(), len(v[0]))
	}
}

func TestHashingPutsCommonWordsNear(t *testing.T) {
	v := mustEmbed(t, Hashing{Dim: 256}, "install the service", "install a service", "weather in spring")
	if near, far := dot(v[0], v[1]), dot(v[0], v[2]); near <= far {
		t.Fatalf("near %v, far %v", near, far)
	}
}

func TestHashingFails(t *testing.T) {
	down := errors.New("endpoint is down")
	h := Hashing{Fail: func(text string) error {
		switch text {
		case "bad":
			return ErrRefused
		case "down":
			return down
		}
		return nil
	}}
	v := mustEmbed(t, h, "good", "bad", "good")
	if v[0] == nil || v[1] != nil || v[2] == nil {
		t.Fatalf("vectors are %v", v)
	}
	if _, err := h.Embed(t.Context(), embed.Request{Texts: []string{"good", "down"}}); !errors.Is(err, down) {
		t.Fatalf("Embed: %v", err)
	}
	if _, err := h.EmbedQuery(t.Context(), "bad"); !errors.Is(err, ErrRefused) {
		t.Fatalf("EmbedQuery: %v", err)
	}
}

func TestHashingIsDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		h := Hashing{Delay: gate}
		done := make(chan error, 1)
		go func() {
			_, err := h.Embed(t.Context(), embed.Request{Texts: []string{"a"}})
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Embed did not wait: %v", err)
		default:
		}
		gate <- struct{}{}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.EmbedQuery(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Fatalf("EmbedQuery: %v", err)
		}
	})
}
