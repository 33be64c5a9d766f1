// Package web is what people and machines read over HTTP. Nothing can be
// changed through it.
package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sslwatch/sslwatch/internal/state"
)

// patience is how long the loop may take to answer. It answers at once
// unless it hangs.
const patience = 3 * time.Second

// Source is what is shown.
type Source interface {
	// Snapshot returns what is known now, or an error if ctx ends before.
	Snapshot(ctx context.Context) (state.Snapshot, error)
}

// Handler serves metrics, health and readiness of a source. The instances'
// metrics are registered with r, and all that r gathers is served.
func Handler(s Source, r *prometheus.Registry) http.Handler {
	r.MustRegister(&collector{source: s})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		// A scrape that lacks the instances must not pass for one of a fleet
		// without any.
		ErrorHandling: promhttp.HTTPErrorOnError,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		verdict(w, r, s, func(state.Snapshot) string { return "" })
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { verdict(w, r, s, notReady) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "sslwatch: /metrics /healthz /readyz")
	})
	return guard(mux)
}

// guard sets what every answer has.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// verdict answers 200 if the loop answers and nothing is wrong, else 503,
// and says what.
func verdict(w http.ResponseWriter, r *http.Request, s Source, wrong func(state.Snapshot) string) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		http.Error(w, "the loop does not answer: it hangs, or has not begun", http.StatusServiceUnavailable)
		return
	}
	if problem := wrong(snapshot); problem != "" {
		http.Error(w, problem, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// notReady says why the daemon is not ready: an instance has not been asked
// about yet, or what is said can't be kept.
func notReady(s state.Snapshot) string {
	waiting := 0
	for _, r := range s.Records {
		if r.Left == "" && r.Checked.IsZero() {
			waiting++
		}
	}
	switch {
	case s.Unwritten != "":
		return "the state can't be written: " + s.Unwritten
	case waiting > 0:
		return fmt.Sprintf("%d of %d instances have not been asked about yet", waiting, len(s.Records))
	}
	return ""
}

// NewServer returns a server with limits, for a handler.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return context.Background() },
	}
}
