package httpapi

import (
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// routesToGuard are one of each kind.
var routesToGuard = []string{
	"POST " + hook, "PUT /v1/documents", "GET /v1/documents", "DELETE /v1/documents?url=https://example.com/",
	"GET /v1/search?q=a", "POST /v1/search", "GET /v1/stats", "POST /v1/rebuild", "GET /readyz", "GET /healthz",
	"GET /openapi.json", "GET /docs", "GET /nowhere",
}

func TestLocalServerIsShielded(t *testing.T) {
	open := newFixture(t)
	f := func(forbidden bool, headers ...string) {
		t.Helper()
		for _, route := range routesToGuard {
			method, target, _ := strings.Cut(route, " ")
			rec := open.ask(method, target, "", headers...)
			if (rec.Code == 403) != forbidden {
				t.Errorf("%s %v: %d %s", route, headers, rec.Code, rec.Body)
			}
			if forbidden {
				wantProblem(t, rec, 403, "forbidden", "")
			}
			if rec.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: CORS", route)
			}
		}
	}
	f(false)
	for _, host := range []string{"localhost", "localhost:52100", "LocalHost:1", "127.0.0.1", "127.0.0.1:52100", "[::1]", "[::1]:52100"} {
		f(false, "Host", host)
	}
	for _, host := range []string{"", "example.com", "localhost.example.com", "127.0.0.1.example.com:52100", "127.0.0.2", "0.0.0.0", "::1", "[::2]", "192.168.0.1:52100"} {
		f(true, "Host", host)
	}
	f(false, "Host", "localhost:52100", "Origin", "http://localhost:52100")
	f(true, "Host", "localhost:52100", "Origin", "http://localhost:3000")
	f(true, "Host", "localhost:52100", "Origin", "https://evil.example")
	f(true, "Host", "localhost:52100", "Origin", "null")
	f(true, "Host", "localhost:52100", "Origin", "file://localhost:52100")
	f(true, "Sec-Fetch-Site", "cross-site")
	f(false, "Sec-Fetch-Site", "same-origin")
	f(false, "Sec-Fetch-Site", "none")
}

func TestPublicServerIsNot(t *testing.T) {
	f := newFixture(t, func(_ *Deps, o *Options) { o.Public = true })
	if rec := f.ask("GET", "/healthz", "", "Host", "pulse.example.com", "Origin", "https://other.example"); rec.Code != 200 {
		t.Errorf("status %d", rec.Code)
	}
}

func TestKey(t *testing.T) {
	keyed := newFixture(t, withKey, withSecret)
	f := func(status int, method, target string, headers ...string) {
		t.Helper()
		rec := keyed.ask(method, target, "", headers...)
		if rec.Code != status {
			t.Errorf("%s %s %v: %d %s, want %d", method, target, headers, rec.Code, rec.Body, status)
		}
		if status == 401 {
			wantProblem(t, rec, 401, "unauthorized", "")
			if rec.Header().Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
		}
	}
	for _, header := range []string{"", testKey, "Basic " + testKey, "Bearer", "Bearer ", "Bearer " + testKey + "x", "Bearer " + testKey[1:], "Bearer\t" + testKey} {
		for _, route := range []string{"GET /v1/stats", "GET /v1/search?q=a", "PUT /v1/documents", "DELETE /v1/documents?domain=a", "POST /v1/rebuild",
			"GET /v1/documents", "POST /v1/jobs/retry", "GET /v1/deliveries", "GET /v1/crawls/1"} {
			method, target, _ := strings.Cut(route, " ")
			f(401, method, target, "Authorization", header)
		}
	}
	f(200, "GET", "/v1/stats", "Authorization", "Bearer "+testKey)
	f(200, "GET", "/v1/stats", "Authorization", "bearer "+testKey)
	f(200, "GET", "/v1/stats", "Authorization", "Bearer "+testKey, "Host", "pulse.example.com", "Origin", "https://other.example")
	for _, route := range []string{"/healthz", "/readyz", "/openapi.json", "/docs"} {
		f(200, "GET", route)
	}
	f(401, "POST", hook)
	if rec := keyed.ask("POST", hook, page(1, "x"), "X-Firecrawl-Signature", sign(page(1, "x"))); rec.Code != 202 {
		t.Errorf("a webhook needs its own proof only: %d", rec.Code)
	}
	if log := keyed.log.String(); strings.Contains(log, testKey) || strings.Contains(log, testSecret) {
		t.Error("a secret is in the log")
	}
}

// TestUnsignedWebhooksOfAKeyedServer are as open as an open server, and shielded like it.
func TestUnsignedWebhooksOfAKeyedServer(t *testing.T) {
	f := newFixture(t, withKey)
	wantProblem(t, f.ask("POST", hook, page(1, "x"), "Origin", "https://evil.example"), 403, "forbidden", "")
	if rec := f.ask("POST", hook, page(1, "x")); rec.Code != 202 {
		t.Errorf("status %d", rec.Code)
	}
}

func TestSafeURL(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := safeURL(u); got != want {
			t.Errorf("%s: got %s want %s", in, got, want)
		}
	}
	f("http://h/a?b=c", "/a?b=c")
	f("http://h/a", "/a")
	f("http://h/a?token=secret&b=c", "/a?b=c&token=%2A%2A%2A")
	f("http://h/a%2fb?token=one&token=two", "/a%2fb?token=%2A%2A%2A")
}

func TestUnknownRoutes(t *testing.T) {
	open := newFixture(t)
	f := func(method, target string, status int, code, allow string) {
		t.Helper()
		rec := open.ask(method, target, "")
		wantProblem(t, rec, status, code, "")
		if got := rec.Header().Get("Allow"); got != allow {
			t.Errorf("%s %s: Allow %q, want %q", method, target, got, allow)
		}
	}
	f("GET", "/", 404, "not_found", "")
	f("GET", "/v1", 404, "not_found", "")
	f("GET", "/v1/why", 404, "not_found", "")
	f("POST", "/v1/backup", 404, "not_found", "")
	f("POST", "/v1/rescrape", 404, "not_found", "")
	f("POST", "/v1/webhooks/changedetection", 404, "not_found", "")
	f("GET", "/openapi.yaml", 404, "not_found", "")
	f("PATCH", "/v1/documents", 405, "method_not_allowed", "DELETE, GET, PUT")
	f("DELETE", "/v1/search", 405, "method_not_allowed", "GET, POST")
	f("POST", "/v1/stats", 405, "method_not_allowed", "GET")
	f("OPTIONS", "/v1/search", 405, "method_not_allowed", "GET, POST")
	f("POST", "/v1/jobs/7", 405, "method_not_allowed", "GET")
}

func TestHooksAreTold(t *testing.T) {
	var routes []string
	f := newFixture(t, func(_ *Deps, o *Options) {
		o.OnRequest = func(route string, status int, _ time.Duration) {
			routes = append(routes, route+" "+strconv.Itoa(status))
		}
	})
	f.ask("GET", "/v1/jobs/7", "")
	f.ask("GET", "/nowhere", "")
	f.ask("GET", "/healthz", "", "Host", "evil.example")
	f.ask("HEAD", "/healthz", "")
	want := []string{"GET /v1/jobs/{id} 404", " 404", " 403", "GET /healthz 200"}
	if strings.Join(routes, "|") != strings.Join(want, "|") {
		t.Errorf("told %q, want %q", routes, want)
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	f := newFixture(t)
	for _, target := range []string{"/healthz", "/v1/stats", "/nowhere", "/docs"} {
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, httptest.NewRequest("GET", "http://localhost"+target, nil))
		if rec.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no nosniff", target)
		}
		if strings.Contains(rec.Body.String(), "$schema") || rec.Header().Get("Link") != "" {
			t.Errorf("%s: schema links", target)
		}
	}
}
