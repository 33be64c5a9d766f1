// Package netfault puts the errors of a network into words for people: what
// happened, at which step, who did it, and what to do. Whoever speaks over a
// socket uses it, so that the same fault reads the same everywhere.
//
// No address that a name stood for is in the words, because it may be another
// one each time, and nobody should be told the same thing twice. What comes
// from the other side, such as a name in a certificate, is on one line and
// short, but it may echo a secret: the caller redacts.
package netfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

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

// Peer is the other side, as the words speak of it.
type Peer struct {
	// Name begins the sentences: "the API at dcs.example.com".
	Name string
	// Setting is what a person configured that leads there: "endpoint and
	// region".
	Setting string
	// CAFile is the setting that names its authorities; empty means that only
	// those of the machine count.
	CAFile string
	// Timeout is how long the exchange might take; 0 if that is not to be said.
	Timeout time.Duration
}

// Fault is a network error in words.
type Fault struct {
	// Says is a sentence about what happened, without a full stop.
	Says string
	// Do is what to do about it.
	Do string
	// Lasting means that it stays so until a person does something.
	Lasting bool
	// Sent means that the other side may have had all of the request.
	Sent bool
}

// String returns both sentences.
func (f Fault) String() string { return f.Says + ": " + f.Do }

// worded is an error that knows its own words.
type worded interface {
	error
	Words() Fault
}

// Explain puts into words why an exchange with a peer brought no answer.
func Explain(err error, peer Peer) Fault {
	var at StepError
	if e := (*StepError)(nil); errors.As(err, &e) {
		at = *e
	}
	if op := (*net.OpError)(nil); at.Step == Proxy || errors.As(err, &op) && op.Op == "proxyconnect" {
		peer.Setting = "HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
		peer.CAFile = ""
		peer.Name = "the proxy of this machine (HTTPS_PROXY or HTTP_PROXY)"
		if at.Proxy != "" {
			peer.Name = "the proxy " + show(at.Proxy, 253)
		}
	}
	f := explain(err, at.Step, peer)
	f.Sent = at.Step >= Answer
	return f
}

func explain(err error, step Step, peer Peer) Fault {
	who := peer.Name
	reach := "check " + peer.Setting + ", and that this machine may reach it"
	var (
		own     worded
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
		return own.Words()
	case errors.Is(err, context.Canceled):
		return Fault{Says: who + " was not waited for", Do: "sslwatch was stopping"}

	case errors.As(err, &dns) && dns.IsNotFound:
		return Fault{Says: "there is no host " + show(dns.Name, 253) + " to be found for " + who, Do: "check " + peer.Setting + ", and this machine's DNS"}
	case errors.As(err, &dns):
		return Fault{Says: "the name " + show(dns.Name, 253) + " could not be looked up", Do: noDNS}
	case timeout && step == Lookup:
		return Fault{Says: "the name of " + who + " could not be looked up in time", Do: noDNS}

	case isTLS(err):
		return explainTLS(err, peer)
	case timeout && step == Handshake, strings.HasSuffix(err.Error(), "TLS handshake timeout"):
		return Fault{Says: who + " took the connection, but did not answer in the TLS handshake; " + offered, Do: "it is overloaded, or does not speak TLS at that port; " + smaller}
	case timeout && step == Proxy:
		return Fault{Says: who + " took the connection, but did not connect it further in time", Do: "ask those who run it, or put the host into NO_PROXY if this machine may reach it without"}
	case errors.Is(err, syscall.ETIMEDOUT), timeout && step == Connect, timeout && op != nil && op.Op != "read" && op.Op != "write":
		return Fault{Says: "no connection to " + who + " came about in time", Do: "a firewall or a missing route swallows it; " + reach}
	case timeout && step == Body:
		return Fault{Says: who + " began its answer, but did not end it" + within(peer.Timeout), Do: "it is overloaded, or something on the way swallows the rest"}
	case timeout:
		return Fault{Says: who + " did not answer" + within(peer.Timeout), Do: "it is overloaded, or something on the way swallows the answer"}

	case errors.Is(err, syscall.ECONNREFUSED):
		return Fault{Says: who + " refused the connection", Do: "nothing listens there; " + reach}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return Fault{Says: "there is no route to " + who, Do: "check this machine's network"}
	case strings.Contains(err.Error(), "readLoopPeekFail"):
		return Fault{Says: who + " sent bytes that nobody asked for", Do: "look for a proxy or load balancer on the way that mixes up answers; check " + peer.Setting}
	case isCut(err) && step == Handshake:
		return Fault{Says: who + " cut the connection in the TLS handshake; " + offered, Do: "a firewall on the way may forbid the host, or it does not speak TLS at that port; " + smaller}
	case isCut(err) && step == Proxy:
		return Fault{Says: who + " cut the connection when it was asked to connect further", Do: "ask those who run it whether it allows that host and port"}
	case isCut(err):
		return Fault{Says: who + " cut the connection before its answer was complete", Do: "look for a proxy or firewall on the way if it stays so"}
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`):
		return Fault{Says: who + " speaks TLS where plain HTTP was expected", Do: "write https:// for http://; check " + peer.Setting, Lasting: true}
	case strings.Contains(err.Error(), "malformed "):
		return Fault{Says: who + " does not answer in HTTP", Do: "check " + peer.Setting + ", the port above all"}
	}
	return Fault{Says: "the exchange with " + who + " failed (" + show(innermost(err), 100) + ")", Do: reach}
}

const noDNS = "this machine's DNS does not answer; check /etc/resolv.conf and the name server"

func within(d time.Duration) string {
	if d == 0 {
		return " in time"
	}
	return fmt.Sprintf(" within %s", d)
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
