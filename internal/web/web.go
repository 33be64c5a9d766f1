// Package web is what people and machines read over HTTP. Nothing can be
// changed through it.
package web

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/sslwatch/sslwatch/internal/view"
)

// patience is how long the loop may take to answer. It answers at once
// unless it hangs.
const patience = 3 * time.Second

// mostRequests is how many requests are answered at once.
const mostRequests = 128

// Handler serves metrics, health and readiness of a source, and what r gathers
// among the metrics.
func Handler(s view.Source, r prometheus.Gatherer) http.Handler {
	h := &handler{source: s}
	dear := http.NewServeMux()
	dear.Handle("GET /metrics", newScrapes(r, s))
	dear.HandleFunc("GET /readyz", h.readyz)
	dear.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "sslwatch: /metrics /healthz /readyz")
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.Handle("/", bounded(mostRequests, dear))
	return guard(mux)
}

// handler answers for a source, which is asked once for all who ask at once.
type handler struct {
	source view.Source
	asked  singleflight.Group
	alive  atomic.Pointer[time.Time] // when the loop last was
}

// freshness is how long the loop counts as alive without being asked again.
const freshness = time.Second

// healthz answers 200 if the loop goes round, else 503.
func (h *handler) healthz(w http.ResponseWriter, _ *http.Request) {
	if last := h.alive.Load(); last == nil || time.Since(*last) >= freshness {
		_, err, _ := h.asked.Do("alive", func() (any, error) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			return nil, h.source.Alive(ctx)
		})
		if err != nil {
			answer(w, hangs)
			return
		}
		now := time.Now()
		h.alive.Store(&now)
	}
	answer(w, "")
}

// readyz answers 200 if nothing is wrong, else 503.
func (h *handler) readyz(w http.ResponseWriter, _ *http.Request) {
	problem, err, _ := h.asked.Do("ready", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s, err := h.source.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		return notReady(s), nil
	})
	if err != nil {
		answer(w, hangs)
		return
	}
	answer(w, problem.(string))
}

// hangs is what is wrong when the loop does not answer.
const hangs = "the loop does not answer: it hangs, or has not begun"

// answer says what is wrong, if anything is.
func answer(w http.ResponseWriter, problem string) {
	if problem != "" {
		http.Error(w, problem, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// guard sets what every answer has.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// notReady says why the daemon is not ready: an instance has not been asked
// about yet, or what is said can't be kept.
func notReady(s view.Snapshot) string {
	switch {
	case s.Unwritten != "":
		return "the state can't be written: " + s.Unwritten
	case s.Counts.Unasked > 0:
		return fmt.Sprintf("%d of %d instances have not been asked about yet", s.Counts.Unasked, s.Counts.Watched)
	}
	return ""
}
