package bench

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"pulse/internal/source/firecrawl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoadSendsEachOnce(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != WebhookPath || firecrawl.Verify(testSecret, r.Header.Get(SignatureHeader), body) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		got[string(body)]++
		n := len(got)
		mu.Unlock()
		if n%10 == 0 {
			w.Header().Set("Connection", "close") // the load must come back
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	deliveries, err := tryDeliveries(testSecret, 5)
	if err != nil {
		t.Fatal(err)
	}
	deliveries = append(deliveries, Delivery{Body: []byte("{}"), Signature: "sha256=00"})
	l := Load{Base: server.URL, Connections: 8}
	r, err := l.Run(t.Context(), deliveries)
	if err != nil {
		t.Fatal(err)
	}
	if r.Acknowledged != len(deliveries)-1 || r.Refused != 1 || int(r.Latency.Count()) != len(deliveries) || r.Rate() <= 0 {
		t.Errorf("acknowledged %d, refused %d of %d", r.Acknowledged, r.Refused, len(deliveries))
	}
	for _, d := range deliveries[:len(deliveries)-1] {
		if got[string(d.Body)] == 0 {
			t.Errorf("%s %s was not sent", d.Kind, d.URL)
		}
	}
}

func TestLoadEnds(t *testing.T) {
	deliveries := []Delivery{{Body: []byte("{}")}, {Body: []byte("{}")}}
	t.Run("without a server", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		l := Load{Base: server.URL, Connections: 2}
		if _, err := l.Run(t.Context(), deliveries); !Broken(err) {
			t.Errorf("error %v is not of the network", err)
		}
	})
	t.Run("when cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			cancel(enough)
			<-release
		}))
		defer server.Close()
		defer close(release)
		l := Load{Base: server.URL}
		if _, err := l.Run(ctx, deliveries); !errors.Is(err, enough) {
			t.Errorf("error %v, want %v", err, enough)
		}
	})
	t.Run("at a strange address", func(t *testing.T) {
		l := Load{Base: "https://example.com"}
		if _, err := l.Run(t.Context(), deliveries); err == nil {
			t.Error("no error")
		}
	})
}
