package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// The calls are tested against the real server, in httpapi.

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestFollowsNoRedirect(t *testing.T) {
	led := false
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		led = led || r.URL.Path != "/v1/stats"
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer web.Close()
	c, err := New(web.URL, Options{Key: "key-of-sixteen-characters"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Stats(context.Background())
	var e *Error
	if !errors.As(err, &e) || e.Status != 307 || e.Code != "foreign" || led {
		t.Errorf("error %v, followed %v", err, led)
	}
}

func TestAddresses(t *testing.T) {
	f := func(base string, ok bool) {
		t.Helper()
		if _, err := New(base, Options{}); (err == nil) != ok {
			t.Errorf("%q: %v", base, err)
		}
	}
	f("http://127.0.0.1:52100", true)
	f("https://pulse.example.com/", true)
	f("", false)
	f("localhost:52100", false)
	if _, err := New("127.0.0.1:52100", Options{}); err == nil || !strings.Contains(err.Error(), "lacks its http://") {
		t.Errorf("without its scheme: %v", err)
	}
	f("ftp://x", false)
	f("http://", false)
	f("http://h/?token=1", false)
	f("http://h/#1", false)
}

// TestSecretsInAddress says nothing of what an address holds beside its host.
func TestSecretsInAddress(t *testing.T) {
	for _, base := range []string{"http://user:hidden@127.0.0.1:1", "http://hidden@127.0.0.1:1/x", "http://h?token=hidden", "http://h#hidden", "http://u:hidden", "http://h/%hidden"} {
		c, err := New(base, Options{})
		if err == nil {
			defer c.Close()
			if strings.Contains(c.Base(), "hidden") {
				t.Errorf("%s is shown as %s", base, c.Base())
			}
			_, err = c.Stats(t.Context())
		}
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestErrorNamesTheField(t *testing.T) {
	f := func(e Error, want string) {
		t.Helper()
		if got := e.Error(); got != want {
			t.Errorf("got %q want %q", got, want)
		}
	}
	f(Error{Status: 422, Field: "since", Message: "is no time"}, "server answered 422: since: is no time")
	f(Error{Status: 404, Message: "not found"}, "server answered 404: not found")
	f(Error{Status: 422, Field: "since", Message: "is no time", own: true}, "since: is no time")
}

// silent is a transport that never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New("http://127.0.0.1:52100", Options{})
		if err != nil {
			t.Fatal(err)
		}
		c.http.Transport = silent{}
		f := func(want time.Duration, ask func() error) {
			t.Helper()
			start := time.Now()
			if err := ask(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != want {
				t.Errorf("error %v after %v, want %v", err, time.Since(start), want)
			}
		}
		ctx := context.Background()
		f(time.Minute, func() error { _, err := c.Stats(ctx); return err })
		f(2*time.Minute, func() error { _, err := c.Put(ctx, nil, PutOptions{Wait: time.Minute}); return err })
	})
}
