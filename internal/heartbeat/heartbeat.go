// Package heartbeat gives signs of life to a dead-man service: one that
// raises an alarm when it has heard nothing for a while. So something notices
// when sslwatch itself is dead.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// timeout bounds one sign.
const timeout = 10 * time.Second

// Heart sends signs, one after the other. Its methods may be called
// concurrently.
type Heart struct {
	url       secret.Text
	secrets   []secret.Text // what no log may hold
	transport *httpclient.Transport
	log       *slog.Logger
	signs     chan sign

	mu      sync.Mutex
	failure string // why the last sign did not arrive, empty if it did
}

// sign is what is sent: a suffix of the URL, and words.
type sign struct{ path, text string }

// queue is how many signs may wait. More are dropped: they are old by then.
const queue = 4

// New returns a heart that beats at a URL while Run runs.
func New(u secret.Text, proxies *httpclient.Proxies, log *slog.Logger) *Heart {
	return &Heart{
		url: u, log: log, signs: make(chan sign, queue),
		transport: httpclient.New(httpclient.Options{Timeout: timeout, Proxy: proxies.For}),
		secrets:   append([]secret.Text{u}, proxies.Passwords()...),
	}
}

// Start says that a pass over the fleet begins.
func (h *Heart) Start() { h.send(sign{path: "/start"}) }

// Success says that it was clean.
func (h *Heart) Success() { h.send(sign{}) }

// Fail says that it was not, and why.
func (h *Heart) Fail(why string) { h.send(sign{path: "/fail", text: why}) }

func (h *Heart) send(s sign) {
	select {
	case h.signs <- s:
	default:
	}
}

// Run sends the signs until ctx ends.
func (h *Heart) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-h.signs:
			h.note(ctx, h.deliver(ctx, s))
		}
	}
}

// deliver sends one sign.
func (h *Heart) deliver(ctx context.Context, s sign) error {
	base, err := url.Parse(h.url.Reveal())
	if err != nil {
		return errors.New("the URL can't be read")
	}
	u := httpclient.Under(base, s.path)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(s.text))
	if err != nil {
		return errors.New("the URL can't be read")
	}
	a, err := httpclient.Do(h.transport, r, func(int) int64 { return 64 << 10 })
	if err == nil {
		err = a.Broken
	}
	if err != nil {
		peer := netfault.Peer{Who: reason.New(reason.DeadManService, reason.Args{"host": u.Host}), Setting: "url", Timeout: timeout}
		return errors.New(netfault.Explain(err, peer).String())
	}
	if a.Status < 200 || a.Status > 299 {
		return fmt.Errorf("it answered HTTP %d", a.Status)
	}
	return nil
}

// note logs what is new about whether signs arrive.
func (h *Heart) note(ctx context.Context, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err == nil && h.failure != "":
		h.failure = ""
		h.log.Info("heartbeat arrives again")
	case err != nil && err.Error() != h.failure:
		h.failure = err.Error()
		h.log.Warn("heartbeat failed", "err", secret.Redact(h.failure, h.secrets...))
	}
}
