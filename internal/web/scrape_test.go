package web

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/sslwatch/sslwatch/internal/view"
)

// All who ask while a page is made get that page.
func TestAllWhoScrapeAtOnceShareOnePage(t *testing.T) {
	const askers = 50
	var gathered atomic.Int32
	all := make(chan struct{})
	r := prometheus.NewRegistry()
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "a", Help: "b"}, func() float64 { return 7 }))
	s := newScrapes(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		gathered.Add(1)
		<-all
		return r.Gather()
	}), &counting{})
	var wait sync.WaitGroup
	for i := range askers {
		wait.Go(func() {
			w, q := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
			if i%2 == 0 {
				q.Header.Set("Accept-Encoding", "gzip")
			}
			s.ServeHTTP(w, q)
			if w.Code != 200 || i%2 == 1 && !strings.Contains(w.Body.String(), "\na 7\n") || i%2 == 0 && w.Header().Get("Content-Encoding") != "gzip" {
				t.Errorf("%d: %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
	for joined := 0; joined < askers; { // all wait for the page by then
		s.mu.Lock()
		for _, p := range s.making {
			joined = p.users - 1
		}
		s.mu.Unlock()
	}
	close(all)
	wait.Wait()
	if n := gathered.Load(); n != 1 {
		t.Errorf("gathered %d times", n)
	}
	if len(s.slots) != 0 || len(s.making) != 0 {
		t.Errorf("%d pages are left in memory, %d are being made", len(s.slots), len(s.making))
	}
}

// What a series of it is, is in TestMetricsSayWhatIsKnown.
func TestEachFamilyIsNamedOnceAndItsLabelsFit(t *testing.T) {
	before := ""
	for _, f := range families {
		if f.name <= before {
			t.Errorf("%s comes after %s", f.name, before)
		}
		if before = f.name; len(f.labels) > mostLabels || !slices.IsSorted(f.labels) {
			t.Errorf("%s: labels %q", f.name, f.labels)
		}
	}
}

// counting counts what it is asked.
type counting struct{ alive, snapshots atomic.Int32 }

func (c *counting) Alive(context.Context) error { c.alive.Add(1); return nil }

func (c *counting) Snapshot(context.Context) (view.Snapshot, error) {
	c.snapshots.Add(1)
	return view.Snapshot{}, nil
}

func TestHealthzCostsNothing(t *testing.T) {
	c := &counting{}
	h := Handler(c, prometheus.NewRegistry())
	for range 1000 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	if c.snapshots.Load() != 0 || c.alive.Load() > 100 {
		t.Errorf("took %d snapshots, and asked the loop %d times", c.snapshots.Load(), c.alive.Load())
	}
}

func TestGzipIsSentToWhomItSuits(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "deflate, gzip;q=1.0": true, "gzip;q=0.5": true,
		"": false, "deflate": false, "gzip;q=0": false, "gzip; q=0.0": false, "xgzip": false,
	} {
		if got := acceptsGzip(map[string][]string{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
