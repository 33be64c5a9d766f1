package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/sslwatch/sslwatch/internal/view"
)

// scrapes serves what is gathered, and what is known of the fleet. All who ask
// while a page is made get that page, and no more than a few pages are in memory,
// however slowly they are read.
type scrapes struct {
	gatherer prometheus.Gatherer
	source   view.Source
	slots    chan struct{} // has one for each page that may be in memory

	mu     sync.Mutex
	making map[expfmt.Format]*page
}

// page is what one scrape gets. It is not changed once done is closed.
type page struct {
	done   chan struct{}
	zipped []byte
	err    error

	users int // guarded by scrapes.mu
}

// mostPages is how many pages may be in memory at once.
const mostPages = 4

func newScrapes(g prometheus.Gatherer, s view.Source) *scrapes {
	return &scrapes{gatherer: g, source: s, slots: make(chan struct{}, mostPages), making: map[expfmt.Format]*page{}}
}

// ServeHTTP implements http.Handler. A page that lacks a part is not served:
// it must not pass for one of a fleet without instances.
func (s *scrapes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	p := s.join(format)
	defer s.leave(p)
	select {
	case <-p.done:
	case <-r.Context().Done():
		return
	}
	if p.err != nil {
		http.Error(w, "the metrics can't be gathered: "+p.err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	if acceptsGzip(r.Header) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(p.zipped)
		return
	}
	if plain, err := gzip.NewReader(bytes.NewReader(p.zipped)); err == nil {
		io.Copy(w, plain)
	}
}

// join returns the page that is being made, or has one made.
func (s *scrapes) join(format expfmt.Format) *page {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.making[format]
	if p == nil {
		p = &page{done: make(chan struct{}), users: 1} // the maker
		s.making[format] = p
		go s.make(p, format)
	}
	p.users++
	return p
}

// leave gives a page up; the last to do so makes room for another.
func (s *scrapes) leave(p *page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.users--; p.users == 0 {
		<-s.slots
	}
}

// make makes a page, once there is room for it.
func (s *scrapes) make(p *page, format expfmt.Format) {
	s.slots <- struct{}{}
	defer s.leave(p)
	p.zipped, p.err = s.render(format)
	s.mu.Lock()
	delete(s.making, format)
	s.mu.Unlock()
	close(p.done)
}

// render makes a page. If the loop does not answer, there is none: nothing is
// better than what may be old.
func (s *scrapes) render(format expfmt.Format) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	snapshot, err := s.source.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	own, err := s.gatherer.Gather()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	enc := expfmt.NewEncoder(zip, format)
	for _, f := range own {
		if err := enc.Encode(f); err != nil {
			return nil, err
		}
	}
	for f := range gather(snapshot) {
		if err := enc.Encode(f); err != nil {
			return nil, err
		}
	}
	if end, ok := enc.(expfmt.Closer); ok { // OpenMetrics has an end
		if err := end.Close(); err != nil {
			return nil, err
		}
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// acceptsGzip reports whether an answer may be compressed.
func acceptsGzip(h http.Header) bool {
	for _, item := range strings.Split(h.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(item, ";")
		if strings.TrimSpace(name) == "gzip" {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000") && q != "q=0.0" && q != "q=0.00"
		}
	}
	return false
}

// bounded answers no more than so many requests at once.
func bounded(most int, next http.Handler) http.Handler {
	slots := make(chan struct{}, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		}
	})
}
