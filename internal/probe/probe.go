// Package probe shakes hands with an endpoint of Redis, as a client does, and
// says what it serves: which protocol, which certificate, and what about it a
// client that verifies it would not take.
//
// It sends no command over TLS and logs in nowhere. Where nothing answers the
// handshake, it asks on a new connection and in clear text whether that is a
// Redis without TLS: such a one waits for the end of a line, for ever.
package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

const (
	// defaultTimeout is for the handshake with one address.
	defaultTimeout = 5 * time.Second
	// afterwards is how long a server is given to refuse a client without a
	// certificate: in TLS 1.3 it says so after the handshake.
	afterwards = 300 * time.Millisecond
	// soon is the time left from which on a certificate is worth a word.
	soon = 30 * 24 * time.Hour
)

// Options say whom to ask.
type Options struct {
	// Host is a name or an address, Port a number.
	Host, Port string
	// ServerName is the name that the certificate has to be for; empty means
	// Host.
	ServerName string
	// CAs are the authorities to trust, such as those of the ca.crt that the
	// cloud offers; none means those of the machine.
	CAs []*x509.Certificate
	// Timeout is for one address; 0 means 5 s.
	Timeout time.Duration
}

// Result is what one address serves.
type Result struct {
	// Address is the one that was asked, with its port.
	Address string
	// Version is the version of TLS that was agreed on, 0 without any.
	Version uint16
	// Leaf is the certificate that was shown, nil for none. Its fields are as
	// the server wrote them, not fit to be shown.
	Leaf *x509.Certificate
	// Findings are what is wrong, or soon will be, the worst first.
	Findings []Finding
}

// Finding is one thing that is not as it should be.
type Finding struct {
	// Breaks is set where a client that verifies what it connects to can't
	// connect.
	Breaks bool
	Reason reason.Reason
}

// Reached reports whether the endpoint showed what it serves, be that clear
// text.
func (r Result) Reached() bool {
	return r.Leaf != nil || slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Reason.Code() == reason.ProbePlainText })
}

// Breaks reports whether a client that verifies can't connect.
func (r Result) Breaks() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Breaks })
}

// Do asks one IPv4 and one IPv6 address of a host, whichever it has. A name
// that can't be looked up is a result, too.
func Do(ctx context.Context, o Options, now time.Time) []Result {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	addresses, err := lookup(ctx, o)
	if err != nil {
		r := Result{Address: net.JoinHostPort(o.Host, o.Port)}
		r.find(true, o.fault(r.Address, netfault.At(netfault.Lookup, err)))
		return []Result{r}
	}
	var results []Result
	for _, address := range addresses {
		results = append(results, o.ask(ctx, address, now))
	}
	return results
}

// lookup returns the addresses to ask: of several the same each time, so that
// what they show can be compared.
func lookup(ctx context.Context, o Options) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", o.Host)
	if err != nil {
		return nil, err
	}
	for i, a := range all {
		all[i] = a.Unmap()
	}
	slices.SortFunc(all, netip.Addr.Compare)
	var out []string
	for _, is := range []func(netip.Addr) bool{netip.Addr.Is4, netip.Addr.Is6} {
		if i := slices.IndexFunc(all, is); i >= 0 {
			out = append(out, net.JoinHostPort(all[i].String(), o.Port))
		}
	}
	return out, nil
}

func peer(address string) reason.Reason {
	return reason.New(reason.TheEndpoint, reason.Args{"address": address})
}

// ask shakes hands with one address.
func (o Options) ask(ctx context.Context, address string, now time.Time) Result {
	limited, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	r := Result{Address: address}
	name := o.ServerName
	if name == "" {
		name = o.Host
	}
	var chain []*x509.Certificate
	config := &tls.Config{
		ServerName: name,
		// What is too old is to be seen, and then said.
		MinVersion: tls.VersionTLS10,
		// The certificate is verified below, so that it is known as well where
		// it is not to be trusted.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			chain, r.Version = s.PeerCertificates, s.Version
			return nil
		},
	}
	conn, err := (&net.Dialer{}).DialContext(limited, "tcp", address)
	if err != nil {
		r.find(true, o.fault(address, netfault.At(netfault.Connect, err)))
		return r
	}
	defer conn.Close()
	secured := tls.Client(conn, config)
	// The handshake closes the connection itself when the time is over. Were it
	// closed from here as well, that would pass for the server's doing.
	err = secured.HandshakeContext(limited)
	if err == nil {
		err = refusal(secured)
	}
	if len(chain) == 0 {
		if err != nil && inClear(ctx, address, o.Timeout) {
			r.find(true, reason.New(reason.ProbePlainText, reason.Args{"address": address}))
			return r
		}
		r.find(true, o.fault(address, netfault.At(netfault.Handshake, err)))
		return r
	}
	r.Leaf = chain[0]
	if err != nil {
		why := o.fault(address, netfault.At(netfault.Handshake, err))
		if why.Code() == reason.HandshakeRefused { // it has shown its certificate, so that ours is what it lacks
			why = reason.New(reason.ClientCertificate, reason.Args{"peer": peer(address), "detail": "handshake failure"})
		}
		r.find(true, why)
	}
	r.judge(o, chain, name, now)
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		switch {
		case a.Breaks == b.Breaks:
			return 0
		case a.Breaks:
			return -1
		}
		return 1
	})
	return r
}

func (o Options) fault(address string, err error) reason.Reason {
	return netfault.Explain(err, netfault.Peer{Who: peer(address), Setting: "host and port", Timeout: o.Timeout}).Reason
}

func (r *Result) find(breaks bool, why reason.Reason) {
	r.Findings = append(r.Findings, Finding{breaks, why})
}

// refusal returns how the server ends the connection right after the
// handshake, nil if it does not.
func refusal(conn *tls.Conn) error {
	if conn.SetReadDeadline(time.Now().Add(afterwards)) != nil {
		return nil
	}
	_, err := conn.Read(make([]byte, 1))
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "remote error" {
		return err
	}
	return nil // a timeout is what is expected: a Redis waits for a command
}

// inClear reports whether a Redis without TLS answers.
func inClear(ctx context.Context, address string, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if deadline, ok := ctx.Deadline(); !ok || conn.SetDeadline(deadline) != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-"))
}

// judge verifies a certificate, each property by itself.
func (r *Result) judge(o Options, chain []*x509.Certificate, name string, now time.Time) {
	leaf := chain[0]
	when := func(t time.Time) string { return text.Stamp(t) }
	switch left := leaf.NotAfter.Sub(now); {
	case now.Before(leaf.NotBefore):
		r.find(true, reason.New(reason.ProbeNotYetValid, reason.Args{"time": when(leaf.NotBefore)}))
	case left <= 0:
		r.find(true, reason.New(reason.ProbeExpired, reason.Args{"time": when(leaf.NotAfter)}))
	case left <= soon:
		r.find(false, reason.New(reason.ProbeExpiring, reason.Args{"time": when(leaf.NotAfter), "left": text.Span(left)}))
	}
	if leaf.VerifyHostname(name) != nil {
		r.find(true, reason.New(reason.ProbeOtherName, reason.Args{"name": clip(name), "names": names(leaf)}))
	}
	trust := x509.VerifyOptions{Intermediates: pool(chain[1:]), CurrentTime: within(leaf, now)}
	if len(o.CAs) > 0 {
		trust.Roots = pool(o.CAs)
	}
	if _, err := leaf.Verify(trust); err != nil {
		r.find(true, o.distrust(err, leaf, r.Address))
	}
	for _, ca := range o.CAs {
		if ca.NotAfter.Before(leaf.NotAfter) && leaf.CheckSignatureFrom(ca) == nil {
			r.find(!now.Before(ca.NotAfter), reason.New(reason.ProbeCAEndsFirst, reason.Args{"ca": when(ca.NotAfter), "leaf": when(leaf.NotAfter)}))
		}
	}
	if r.Version < tls.VersionTLS12 {
		r.find(false, reason.New(reason.ProbeOldTLS, reason.Args{"version": tls.VersionName(r.Version)}))
	}
}

// distrust says why a chain is not trusted, although the certificate itself
// has not ended.
func (o Options) distrust(err error, leaf *x509.Certificate, address string) reason.Reason {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	ended := errors.As(err, &invalid) && invalid.Reason == x509.Expired // an authority has
	if !ended && !errors.As(err, &unknown) {
		return o.fault(address, netfault.At(netfault.Handshake, &tls.CertificateVerificationError{Err: err}))
	}
	code := reason.ProbeUntrusted
	if len(o.CAs) > 0 {
		code = reason.ProbeUntrustedByFile
	}
	return reason.New(code, reason.Args{"issuer": clip(leaf.Issuer.String())})
}

// within returns a time at which a certificate is valid, as near to now as can
// be: whether it is to be trusted is another question than whether it has ended.
func within(c *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.Before(c.NotBefore):
		return c.NotBefore
	case now.After(c.NotAfter):
		return c.NotAfter
	}
	return now
}

func pool(all []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range all {
		p.AddCert(c)
	}
	return p
}

// names lists for whom a certificate is.
func names(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "nobody"
	}
	return clip(strings.Join(all, ", "))
}

// Names lists for whom the certificate is, fit to be shown.
func (r Result) Names() string { return names(r.Leaf) }

// Protocol names the version of TLS that was agreed on.
func (r Result) Protocol() string { return tls.VersionName(r.Version) }

// Issuer names who issued it, fit to be shown.
func (r Result) Issuer() string { return clip(r.Leaf.Issuer.String()) }

// clip makes what a server wrote fit to be shown.
func clip(s string) string { return text.Cut(text.Clean(s), 200) }
