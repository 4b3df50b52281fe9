package httpapi

import "net/http"

type healthAnswer struct {
	Status string `json:"status" enum:"ok"`
}

type readyAnswer struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons,omitempty" doc:"Why not"`
}

func (s *server) healthRoutes() {
	s.handle("GET /healthz", scopeNone, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, healthAnswer{"ok"})
	})
	health := operation("healthz", http.MethodGet, "/healthz", scopeNone, "state", "The process is alive")
	s.describe(&health, nil, map[int]any{http.StatusOK: healthAnswer{}})
	s.handle("GET /readyz", scopeNone, s.ready)
	ready := operation("readyz", http.MethodGet, "/readyz", scopeNone, "state", "Search is warm; with for=receive: the store is open")
	ready.Parameters = parameters("query", "for", "receive")
	s.describe(&ready, nil, map[int]any{http.StatusOK: readyAnswer{}, http.StatusServiceUnavailable: readyAnswer{}})
	if s.deps.Metrics != nil {
		s.handle("GET /metrics", scopeNone, s.deps.Metrics.ServeHTTP)
		metrics := operation("metrics", http.MethodGet, "/metrics", scopeNone, "state", "Prometheus metrics")
		s.describe(&metrics, nil, nil)
	}
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	var reasons []string
	switch r.URL.Query().Get("for") {
	case "receive":
		if _, err := s.store(); err != nil {
			reasons = []string{err.Error()}
		}
	case "":
		reasons = s.reasons()
	default:
		writeProblem(w, invalid("for", "only receive can be asked for"))
		return
	}
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, status, readyAnswer{Ready: len(reasons) == 0, Reasons: reasons})
}

// reasons say why search is not warm; none when it is.
func (s *server) reasons() []string {
	var reasons []string
	if _, err := s.store(); err != nil {
		reasons = append(reasons, err.Error())
	}
	if s.deps.Ready != nil {
		reasons = append(reasons, s.deps.Ready()...)
	}
	if len(reasons) == 0 && s.deps.Search() == nil {
		reasons = append(reasons, "the index is not loaded yet")
	}
	return reasons
}
