package dcs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What no test can bring about on a socket of its own.
func TestTrouble(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 443}, Err: err}
	}
	call := func(errno syscall.Errno) error { return os.NewSyscallError("connect", errno) }
	for rule, test := range map[string]struct {
		err    error
		reason string
	}{
		"no such name":        {dial(&net.DNSError{Err: "no such host", Name: "dcs.nowhere.myhuaweicloud.com", Server: "10.0.0.53:53", IsNotFound: true}), "there is no host dcs.nowhere.myhuaweicloud.com"},
		"DNS is silent":       {dial(&net.DNSError{Err: "i/o timeout", Name: "dcs.example.com", Server: "10.0.0.53:53", IsTimeout: true}), "the name dcs.example.com could not be looked up"},
		"DNS fails":           {dial(&net.DNSError{Err: "server misbehaving", Name: "dcs.example.com", IsTemporary: true}), "could not be looked up"},
		"dial timeout":        {dial(context.DeadlineExceeded), "no connection to the API came about in time"},
		"dial timeout, ours":  {dial(os.ErrDeadlineExceeded), "no connection to the API came about in time"},
		"connect timeout":     {dial(call(syscall.ETIMEDOUT)), "no connection to the API came about in time"},
		"handshake timeout":   {errors.New("net/http: TLS handshake timeout"), "no connection to the API came about in time"},
		"through the proxy":   {&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial(os.ErrDeadlineExceeded)}, "no connection to the proxy of this machine"},
		"the whole took long": {fmt.Errorf("wrapped: %w", context.DeadlineExceeded), "the API did not answer in full within 15s"},
		"read timeout":        {&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, "the API did not answer in full within 15s"},
		"no route":            {dial(call(syscall.EHOSTUNREACH)), "no route to the API"},
		"no network":          {dial(call(syscall.ENETUNREACH)), "no route to the API"},
		"reset":               {&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "cut the connection"},
		"broken pipe":         {&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, "cut the connection"},
		"forbidden by kernel": {dial(call(syscall.EPERM)), "failed (operation not permitted)"},
		"anything else":       {errors.New("net/http: something\nnew"), "the exchange with the API failed (something new)"},
	} {
		t.Run(rule, func(t *testing.T) {
			says, do := trouble(test.err, "the API", 15*time.Second, &redactor{})
			if !strings.Contains(says, test.reason) || do == "" {
				t.Errorf("%q and %q, want %q", says, do, test.reason)
			}
			// A name may stand for other addresses the next time.
			if strings.Contains(says+do, "192.0.2.7") || strings.Contains(says+do, "10.0.0.53") {
				t.Errorf("%q holds an address", says)
			}
			noGoisms(t, &Error{Reason: says + ": " + do})
		})
	}
}
