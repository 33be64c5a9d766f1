package httpclient

import (
	"context"
	"io"
	"net/http/httptrace"
	"sync"

	"github.com/sslwatch/sslwatch/internal/netfault"
)

// progress notes how far a request has come. net/http says so of few errors:
// a connection that ends in the handshake and one that ends before the answer
// are both EOF.
type progress struct {
	secure      bool   // the request is for https
	proxy       string // host and port of the proxy; empty for none
	secureProxy bool   // TLS is spoken with the proxy itself

	mu         sync.Mutex
	step       netfault.Step
	handshakes int
}

// watch returns a context in which a request notes its progress. Connections
// are made on other goroutines.
func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { p.set(netfault.Lookup) },
		ConnectStart: func(string, string) { p.set(netfault.Connect) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil && p.secure && p.proxy != "" {
				p.set(netfault.Proxy)
			}
		},
		TLSHandshakeStart: func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.handshakes++
			p.step = netfault.Handshake
			if p.secureProxy && p.handshakes == 1 {
				p.step = netfault.Proxy
			}
		},
		GotConn:              func(httptrace.GotConnInfo) { p.set(netfault.Send) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.set(netfault.Answer) },
		GotFirstResponseByte: func() { p.set(netfault.Answer) },
	})
}

func (p *progress) set(step netfault.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = step
}

func (p *progress) failure(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &netfault.StepError{Step: p.step, Proxy: p.proxy, Err: err}
}

// body is that of an answer, whose errors say that it was the body.
type body struct {
	io.ReadCloser
	progress *progress
}

func (b *body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err != nil && err != io.EOF {
		b.progress.set(netfault.Body)
		err = b.progress.failure(err)
	}
	return n, err
}
