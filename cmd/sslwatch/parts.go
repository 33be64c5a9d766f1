package main

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// part is something that runs beside the watching, and whose failure must not
// stop it.
type part string

const (
	partHTTP    part = "http"
	partControl part = "control"
	partReload  part = "reload" // the last attempt
)

// parts knows which parts fail, and why. It is safe for concurrent use.
type parts struct {
	healthy *prometheus.GaugeVec
	changed func([]string) // is called with what troubles returns

	mu      sync.Mutex
	failing map[part]string
}

func newParts(r prometheus.Registerer, changed func([]string)) *parts {
	p := &parts{changed: changed, failing: map[part]string{}}
	p.healthy = promauto.With(r).NewGaugeVec(prometheus.GaugeOpts{
		Name: "sslwatch_part_healthy",
		Help: "Whether a part that runs beside the watching works: http, or control, the socket for commands.",
	}, []string{"part"})
	return p
}

// report takes in why a part fails, nil if it does not.
func (p *parts) report(which part, err error) {
	if which != partReload { // has a metric of its own
		healthy := p.healthy.WithLabelValues(string(which))
		healthy.Set(1)
		if err != nil {
			healthy.Set(0)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.failing[which]
	delete(p.failing, which)
	if err != nil {
		p.failing[which] = brief(err)
	}
	if p.failing[which] != before {
		p.changed(p.list())
	}
}

// troubles says which parts fail, a line for each.
func (p *parts) troubles() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list()
}

func (p *parts) list() []string {
	means := map[part]string{
		partHTTP:    "http is not served: ",
		partControl: "commands can't reach the daemon: ",
		partReload:  "reload failed, the configuration before is in force: ",
	}
	var out []string
	for _, which := range slices.Sorted(maps.Keys(p.failing)) {
		out = append(out, means[which]+p.failing[which])
	}
	return out
}
