package netfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// What no test can bring about on a socket of its own. What one can is tested
// in httpclient.
func TestExplain(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 443}, Err: err}
	}
	remote := func(alert string) error {
		return At(Handshake, &net.OpError{Op: "remote error", Err: errors.New("tls: " + alert)})
	}
	call := func(errno syscall.Errno) error { return os.NewSyscallError("connect", errno) }
	for rule, test := range map[string]struct {
		err      error
		says, do string
	}{
		"no such name":           {dial(&net.DNSError{Err: "no such host", Name: "dcs.nowhere.myhuaweicloud.com", Server: "10.0.0.53:53", IsNotFound: true}), "there is no host dcs.nowhere.myhuaweicloud.com", "check endpoint"},
		"DNS is silent":          {dial(&net.DNSError{Err: "i/o timeout", Name: "dcs.example.com", Server: "10.0.0.53:53", IsTimeout: true}), "the name dcs.example.com could not be looked up", "/etc/resolv.conf"},
		"DNS fails":              {dial(&net.DNSError{Err: "server misbehaving", Name: "dcs.example.com", IsTemporary: true}), "could not be looked up", "DNS"},
		"DNS takes all the time": {At(Lookup, context.DeadlineExceeded), "the name of the API could not be looked up in time", "DNS"},
		"dial timeout":           {dial(context.DeadlineExceeded), "no connection to the API came about in time", "a firewall"},
		"dial timeout, ours":     {dial(os.ErrDeadlineExceeded), "no connection to the API came about in time", "a firewall"},
		"connect timeout":        {dial(call(syscall.ETIMEDOUT)), "no connection to the API came about in time", "a firewall"},
		"connect, by context":    {At(Connect, context.DeadlineExceeded), "no connection to the API came about in time", "a firewall"},
		"handshake timeout":      {errors.New("net/http: TLS handshake timeout"), "the API took the connection, but did not answer in the TLS handshake", "GODEBUG=tlsmlkem=0"},
		"handshake, by context":  {At(Handshake, context.DeadlineExceeded), "did not answer in the TLS handshake; it was offered TLS 1.2 and 1.3", "GODEBUG=tlsmlkem=0"},
		"cut in the handshake":   {At(Handshake, &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}), "the API cut the connection in the TLS handshake", "GODEBUG=tlsmlkem=0"},
		"end in the handshake":   {At(Handshake, io.EOF), "the API cut the connection in the TLS handshake", "GODEBUG=tlsmlkem=0"},
		"through the proxy":      {&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial(os.ErrDeadlineExceeded)}, "no connection to the proxy of this machine", "HTTPS_PROXY"},
		"proxy that is silent":   {&StepError{Proxy, "proxy.example.com:3128", context.DeadlineExceeded}, "the proxy proxy.example.com:3128 took the connection, but did not connect it further", "NO_PROXY"},
		"proxy that cuts":        {&StepError{Proxy, "proxy.example.com:3128", io.ErrUnexpectedEOF}, "the proxy proxy.example.com:3128 cut the connection when it was asked", "allows that host and port"},
		"no answer":              {At(Answer, fmt.Errorf("wrapped: %w", context.DeadlineExceeded)), "the API did not answer within 15s", "overloaded"},
		"no end of the answer":   {At(Body, os.ErrDeadlineExceeded), "the API began its answer, but did not end it within 15s", "overloaded"},
		"read timeout":           {&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, "the API did not answer within 15s", "overloaded"},
		"no route":               {dial(call(syscall.EHOSTUNREACH)), "no route to the API", "network"},
		"no network":             {dial(call(syscall.ENETUNREACH)), "no route to the API", "network"},
		"reset":                  {&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "cut the connection before its answer was complete", "firewall"},
		"broken pipe":            {&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, "cut the connection", "firewall"},
		"forbidden by kernel":    {dial(call(syscall.EPERM)), "failed (operation not permitted)", "reach"},
		"anything else":          {errors.New("net/http: something\nnew"), "the exchange with the API failed (something new)", "reach"},
		"bytes unasked":          {At(Send, errors.New("readLoopPeekFailLocked: %!w(<nil>)")), "sent bytes that nobody asked for", "mixes up answers"},
		"stopping":               {context.Canceled, "the API was not waited for", "stopping"},

		"no common cipher":             {remote("handshake failure"), "refused the TLS handshake", "GODEBUG=tlsrsakex=1"},
		"only weak ones":               {remote("insufficient security level"), "refused the TLS handshake", "GODEBUG=tlsrsakex=1"},
		"TLS too old":                  {remote("protocol version not supported"), "only versions of TLS that are too old", "TLS 1.2 is the oldest"},
		"another name":                 {remote("unrecognized name"), "does not know the host name", "check endpoint"},
		"a client certificate":         {remote("certificate required"), "wants a client certificate", "without"},
		"a client certificate, before": {remote("bad certificate"), "wants a client certificate", "without"},
		"the first message is refused": {remote("error decoding message"), "could not read the first message", "GODEBUG=tlsmlkem=0"},
		"it breaks at it":              {remote("internal error"), "could not read the first message", "GODEBUG=tlsmlkem=0"},
		"another alert":                {remote("user canceled"), "ended the TLS handshake (user canceled)", "TLS 1.2"},
	} {
		t.Run(rule, func(t *testing.T) {
			f := Explain(test.err, Peer{Who: reason.Text("the API"), Setting: "endpoint and region", Timeout: 15 * time.Second})
			if !strings.Contains(f.Says(), test.says) || !strings.Contains(f.Do(), test.do) {
				t.Errorf("%q\nwant %q\nand  %q", f, test.says, test.do)
			}
			// A name may stand for other addresses the next time.
			if strings.Contains(f.String(), "192.0.2.7") || strings.Contains(f.String(), "10.0.0.53") {
				t.Errorf("%q holds an address", f)
			}
			noGoisms(t, f.String())
		})
	}
}

// Whether a message that brought no answer may have arrived depends on whether
// it was sent.
func TestWhetherItWasSent(t *testing.T) {
	for step, want := range map[Step]bool{Unknown: false, Connect: false, Handshake: false, Send: false, Answer: true, Body: true} {
		if got := Explain(At(step, io.EOF), Peer{Who: reason.Text("it")}).Sent; got != want {
			t.Errorf("at step %d: sent is %t", step, got)
		}
	}
}

// noGoisms fails a test if words are written for programmers.
func noGoisms(t *testing.T, words string) {
	t.Helper()
	for _, word := range []string{"dial tcp", "lookup ", "read tcp", "net/http", "x509:", "tls:", "EOF", "i/o timeout", "context deadline", "connect:", "RoundTrip", "proxyconnect", "malformed", "{"} {
		if strings.Contains(words, word) {
			t.Errorf("%q has %q in it", words, word)
		}
	}
}
