package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// peer is an Alertmanager: it takes what it is posted.
type peer struct {
	*httptest.Server
	mu    sync.Mutex
	names map[string]time.Time // by condition and instance, until when it stands
}

func newPeer(t *testing.T) *peer {
	p := &peer{names: map[string]time.Time{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var alerts []struct {
			Labels map[string]string
			EndsAt time.Time
		}
		if err := json.NewDecoder(r.Body).Decode(&alerts); err != nil || r.URL.Path != "/api/v2/alerts" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, a := range alerts {
			p.names[strings.TrimSpace(a.Labels["alertname"]+" "+a.Labels["instance"])] = a.EndsAt
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.names[name])
}

func (p *place) alertmanager(urls ...string) {
	p.t.Helper()
	data, err := os.ReadFile(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(data), "\n[alertmanager.")
	p.write(before + fmt.Sprintf("\n[alertmanager.cluster]\nurls = [\"%s\"]\n", strings.Join(urls, `", "`)))
}

// Each address is a receiver of its own, and one that is down costs the other
// nothing.
func TestAnAlertmanagerIsShownWhatStands(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, well("orders", 300*days))
	up, down := newPeer(t), newPeer(t)
	down.Close()
	p.alertmanager(up.URL, down.URL)
	stdout, _, code := p.run("test-notify", "cluster")
	if code != 1 || !strings.Contains(stdout, "cluster/"+strings.TrimPrefix(up.URL, "http://")+": taken") || !strings.Contains(stdout, "FAILED: the Alertmanager at ") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	if !up.has("SslwatchTest") {
		t.Error("no test alert was posted")
	}
	daemon := p.daemon()
	first := p.world.DCS.Instances()[0]
	if err := p.world.DCS.Change(first.ID, func(i *simcloud.Instance) { i.Enabled = false }); err != nil {
		t.Fatal(err)
	}
	p.until("it stands", func() bool { return up.has("ssl_disabled orders") })
	p.until("status says that one fails", func() bool {
		stdout, _, _ := p.run("status")
		return strings.Contains(stdout, "FAILING   cluster (127.0.0.1:") && strings.Count(stdout, "it is shown what stands") == 2
	})
	another := newPeer(t)
	p.alertmanager(up.URL, another.URL)
	if err := daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.until("a reload adds another", func() bool { return another.has("ssl_disabled orders") })
}
