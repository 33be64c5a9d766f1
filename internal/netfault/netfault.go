// Package netfault says what the errors of a network mean: what happened, at
// which step, and who did it, as a reason. Whoever speaks over a socket uses
// it, so that the same fault reads the same everywhere.
//
// No address that a name stood for is in it, because it may be another one
// each time, and nobody should be told the same thing twice. What comes from
// the other side, such as a name in a certificate, is on one line and short,
// but it may echo a secret: the caller redacts.
package netfault

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

// Step is how far an exchange had come when it failed.
type Step int

// The steps, in the order of an exchange. Proxy is the request to a proxy to
// be connected.
const (
	Unknown Step = iota
	Lookup
	Connect
	Proxy
	Handshake
	Send
	Answer
	Body
)

// StepError is an error of which is known when it happened.
type StepError struct {
	Step Step
	// Proxy is host and port of the proxy on the way, empty for none.
	Proxy string
	Err   error
}

var _ error = (*StepError)(nil)

// Error returns the text of the cause.
func (e *StepError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// At returns err with the step at which it happened.
func At(step Step, err error) error { return &StepError{Step: step, Err: err} }

// Peer is the other side.
type Peer struct {
	// Who begins the sentences, such as a reason.TheAPI.
	Who reason.Reason
	// Setting is what a person configured that leads there: "endpoint and
	// region".
	Setting string
	// CAFile is the setting that names its authorities; empty means that only
	// those of the machine count.
	CAFile string
	// Timeout is how long the exchange might take; 0 if that is not to be said.
	Timeout time.Duration
}

// Fault is what a network error means.
type Fault struct {
	reason.Reason
	// Lasting means that it stays so until a person does something.
	Lasting bool
	// Sent means that the other side may have had all of the request.
	Sent bool
}

// reasoned is an error that knows its own reason.
type reasoned interface {
	error
	Fault() Fault
}

// Explain says why an exchange with a peer brought no answer.
func Explain(err error, peer Peer) Fault {
	var at StepError
	if e := (*StepError)(nil); errors.As(err, &e) {
		at = *e
	}
	if op := (*net.OpError)(nil); at.Step == Proxy || errors.As(err, &op) && op.Op == "proxyconnect" {
		peer.Setting = "HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
		peer.CAFile = ""
		peer.Who = reason.New(reason.ProxyOfMachine, nil)
		if at.Proxy != "" {
			peer.Who = reason.New(reason.TheProxy, reason.Args{"host": show(at.Proxy, 253)})
		}
	}
	f := explain(err, at.Step, peer)
	f.Sent = at.Step >= Answer
	return f
}

func explain(err error, step Step, peer Peer) Fault {
	var (
		own     reasoned
		dns     *net.DNSError
		op      *net.OpError
		network net.Error
	)
	errors.As(err, &op)
	// A timeout of the network passes for one of the context, too.
	timeout := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) ||
		errors.As(err, &network) && network.Timeout()
	switch {
	case errors.As(err, &own):
		return own.Fault()
	case errors.Is(err, context.Canceled):
		return peer.fault(reason.NotWaitedFor, nil)

	case errors.As(err, &dns) && dns.IsNotFound:
		return peer.fault(reason.NoSuchHost, reason.Args{"name": show(dns.Name, 253)})
	case errors.As(err, &dns):
		return peer.fault(reason.LookupFailed, reason.Args{"name": show(dns.Name, 253)})
	case timeout && step == Lookup:
		return peer.fault(reason.LookupTimeout, nil)

	case isTLS(err):
		return explainTLS(err, peer)
	case timeout && step == Handshake, strings.HasSuffix(err.Error(), "TLS handshake timeout"):
		return peer.fault(reason.HandshakeTimeout, nil)
	case timeout && step == Proxy:
		return peer.fault(reason.ProxyTimeout, nil)
	case errors.Is(err, syscall.ETIMEDOUT), timeout && step == Connect, timeout && op != nil && op.Op != "read" && op.Op != "write":
		return peer.fault(reason.ConnectTimeout, nil)
	case timeout && step == Body:
		return peer.fault(reason.BodyTimeout, reason.Args{"within": within(peer.Timeout)})
	case timeout:
		return peer.fault(reason.AnswerTimeout, reason.Args{"within": within(peer.Timeout)})

	case errors.Is(err, syscall.ECONNREFUSED):
		return peer.fault(reason.ConnectionRefused, nil)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return peer.fault(reason.NoRoute, nil)
	case strings.Contains(err.Error(), "readLoopPeekFail"):
		return peer.fault(reason.SurplusBytes, nil)
	case isCut(err) && step == Handshake:
		return peer.fault(reason.HandshakeCut, nil)
	case isCut(err) && step == Proxy:
		return peer.fault(reason.ProxyCut, nil)
	case isCut(err):
		return peer.fault(reason.AnswerCut, nil)
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`):
		return peer.lasting(reason.TLSForHTTP, nil)
	case strings.Contains(err.Error(), "malformed "):
		return peer.fault(reason.NotHTTP, nil)
	}
	return peer.fault(reason.ExchangeFailed, detail(err))
}

// fault returns a fault whose reason knows the peer.
func (p Peer) fault(code reason.Code, args reason.Args) Fault {
	all := reason.Args{"peer": p.Who, "setting": p.Setting}
	maps.Copy(all, args)
	return Fault{Reason: reason.New(code, all)}
}

// lasting is fault for what only a person can mend.
func (p Peer) lasting(code reason.Code, args reason.Args) Fault {
	f := p.fault(code, args)
	f.Lasting = true
	return f
}

// detail is the argument for an error that has no words of ours.
func detail(err error) reason.Args { return reason.Args{"detail": show(innermost(err), 100)} }

func within(d time.Duration) reason.Reason {
	if d == 0 {
		return reason.New(reason.InTime, nil)
	}
	return reason.New(reason.Within, reason.Args{"time": d.String()})
}

// isCut reports whether the other side ended the connection.
func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "server closed idle connection")
}

// innermost returns the text at the root of an error, without the names of
// Go's packages.
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	s := err.Error()
	for _, prefix := range []string{"net/http: ", "http: ", "tls: ", "x509: "} {
		s = strings.TrimPrefix(s, prefix)
	}
	return s
}

// show returns what the other side wrote in at most limit characters.
func show(s string, limit int) string { return text.Cut(text.Clean(s), limit) }

// isPlainHTTP reports whether TLS was answered in plain HTTP.
func isPlainHTTP(err error) bool { return errors.Is(err, http.ErrSchemeMismatch) }
