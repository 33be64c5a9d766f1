package probe_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newAuthority(t *testing.T, ends time.Time) authority {
	t.Helper()
	key := must2(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Redis CA\x1b[2J"}, NotBefore: time.Now().Add(-400 * 24 * time.Hour), NotAfter: ends,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := must2(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
	return authority{must2(x509.ParseCertificate(der))(t), key}
}

func must2[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T { return must(t, v, err) }
}

// issue returns a certificate of the authority.
func (a authority) issue(t *testing.T, from, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	return a.issueFor(t, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, from, until, names...)
}

func (a authority) issueFor(t *testing.T, usage []x509.ExtKeyUsage, from, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	key := must2(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, NotBefore: from, NotAfter: until,
		ExtKeyUsage: usage,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der := must2(x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key))(t)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve serves connections on the loopback and returns its port.
func serve(t *testing.T, address string, one func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); one(conn) }()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// redis is a Redis with TLS: it waits for a command.
func redis(config *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		c := tls.Server(conn, config)
		_, _ = io.Copy(io.Discard, c)
	}
}

// patience is for what answers, however busy the machine is.
const patience = 30 * time.Second

func TestEachThingThatAClientWouldObjectTo(t *testing.T) {
	now := time.Now()
	year := 365 * 24 * time.Hour
	good, other := newAuthority(t, now.Add(10*year)), newAuthority(t, now.Add(10*year))
	short := newAuthority(t, now.Add(100*24*time.Hour))
	well := good.issue(t, now.Add(-time.Hour), now.Add(year), "127.0.0.1", "redis.example.com")
	serving := func(c tls.Certificate, change ...func(*tls.Config)) func(net.Conn) {
		config := &tls.Config{Certificates: []tls.Certificate{c}}
		for _, f := range change {
			f(config)
		}
		return redis(config)
	}
	trust := []*x509.Certificate{good.cert}
	for rule, tt := range map[string]struct {
		server  func(net.Conn)
		cas     []*x509.Certificate
		name    string
		version uint16
		breaks  bool
		codes   []reason.Code
		timeout time.Duration // 0: patience
	}{
		"all is well":          {server: serving(well), cas: trust, version: tls.VersionTLS13},
		"by another name":      {server: serving(well), cas: trust, name: "redis.example.com", version: tls.VersionTLS13},
		"expired":              {server: serving(good.issue(t, now.Add(-year), now.Add(-time.Hour), "127.0.0.1")), cas: trust, version: tls.VersionTLS13, breaks: true, codes: []reason.Code{reason.ProbeExpired}},
		"not yet valid":        {server: serving(good.issue(t, now.Add(time.Hour), now.Add(year), "127.0.0.1")), cas: trust, version: tls.VersionTLS13, breaks: true, codes: []reason.Code{reason.ProbeNotYetValid}},
		"expires soon":         {server: serving(good.issue(t, now.Add(-year), now.Add(10*24*time.Hour), "127.0.0.1")), cas: trust, version: tls.VersionTLS13, codes: []reason.Code{reason.ProbeExpiring}},
		"for another name":     {server: serving(well), cas: trust, name: "other.example.com", version: tls.VersionTLS13, breaks: true, codes: []reason.Code{reason.ProbeOtherName}},
		"of another authority": {server: serving(well), cas: []*x509.Certificate{other.cert}, version: tls.VersionTLS13, breaks: true, codes: []reason.Code{reason.ProbeUntrustedByFile}},
		"of no authority that this machine knows": {server: serving(well), version: tls.VersionTLS13, breaks: true, codes: []reason.Code{reason.ProbeUntrusted}},
		"of one of two authorities":               {server: serving(well), cas: []*x509.Certificate{other.cert, good.cert}, version: tls.VersionTLS13},
		"the authority ends first":                {server: serving(short.issue(t, now.Add(-time.Hour), now.Add(year), "127.0.0.1")), cas: []*x509.Certificate{short.cert}, version: tls.VersionTLS13, codes: []reason.Code{reason.ProbeCAEndsFirst}},
		"expired, and for another name": {server: serving(good.issue(t, now.Add(-year), now.Add(-time.Hour), "a.example")), cas: trust, version: tls.VersionTLS13, breaks: true,
			codes: []reason.Code{reason.ProbeExpired, reason.ProbeOtherName}},
		"not made for servers": {server: serving(good.issueFor(t, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, now.Add(-time.Hour), now.Add(year), "127.0.0.1")), cas: trust, version: tls.VersionTLS13, breaks: true,
			codes: []reason.Code{reason.NotForServers}},
		"TLS 1.1 only": {server: serving(well, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), cas: trust, version: tls.VersionTLS11, codes: []reason.Code{reason.ProbeOldTLS}},
		"TLS 1.2":      {server: serving(well, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), cas: trust, version: tls.VersionTLS12},
		"wants a client certificate": {server: serving(well, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), cas: trust, version: tls.VersionTLS13, breaks: true,
			codes: []reason.Code{reason.ClientCertificate}},
		"wants a client certificate, TLS 1.2": {server: serving(well, func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }), cas: trust, version: tls.VersionTLS12, breaks: true,
			codes: []reason.Code{reason.ClientCertificate}},
		"no TLS, and waits for the end of a line": {server: plaintext, cas: trust, breaks: true, codes: []reason.Code{reason.ProbePlainText}},
		"says nothing":   {server: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, cas: trust, breaks: true, codes: []reason.Code{reason.HandshakeTimeout}, timeout: time.Second},
		"ends at once":   {server: func(net.Conn) {}, cas: trust, breaks: true, codes: []reason.Code{reason.HandshakeCut}},
		"speaks of HTTP": {server: func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, cas: trust, breaks: true, codes: []reason.Code{reason.HTTPForTLS}},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			port := serve(t, "127.0.0.1:0", tt.server)
			results := probe.Do(t.Context(), probe.Options{Host: "127.0.0.1", Port: port, ServerName: tt.name, CAs: tt.cas, Timeout: cmp.Or(tt.timeout, patience)}, now)
			if len(results) != 1 {
				t.Fatalf("%+v", results)
			}
			r := results[0]
			var codes []reason.Code
			for _, f := range r.Findings {
				codes = append(codes, f.Reason.Code())
				if s := f.Reason.String(); strings.ContainsAny(s, "{}\x1b") {
					t.Errorf("%q", s)
				}
			}
			if r.Version != tt.version || r.Breaks() != tt.breaks || !slices.Equal(codes, tt.codes) {
				t.Errorf("%s, breaks %t, %v; want %s, %t, %v", tls.VersionName(r.Version), r.Breaks(), codes, tls.VersionName(tt.version), tt.breaks, tt.codes)
			}
			if shown := tt.version != 0 || slices.Contains(tt.codes, reason.ProbePlainText); r.Reached() != shown {
				t.Errorf("reached: %t", r.Reached())
			}
			if (r.Leaf != nil) != (tt.version != 0) {
				t.Errorf("the certificate is known: %t", r.Leaf != nil)
			}
		})
	}
}

func TestWhoEndsTheHandshakeIsNotMistaken(t *testing.T) {
	// Side by side, so that any order of what happens at the end comes up.
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			port := serve(t, "127.0.0.1:0", func(c net.Conn) {
				_, _ = c.Read(make([]byte, 1)) // the handshake has begun
				cancel()
				_, _ = io.Copy(io.Discard, c)
			})
			results := probe.Do(ctx, probe.Options{Host: "127.0.0.1", Port: port}, time.Now())
			if len(results) != 1 || len(results[0].Findings) != 1 || results[0].Findings[0].Reason.Code() != reason.NotWaitedFor {
				t.Errorf("%+v", results)
			}
		})
	}
	all.Wait()
}

// plaintext is a Redis without TLS: it waits for the end of a line.
func plaintext(c net.Conn) {
	lines := bufio.NewReader(c)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		answer := "-ERR unknown command\r\n"
		if strings.HasPrefix(line, "PING") {
			answer = "-NOAUTH Authentication required.\r\n"
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

func TestIPv6(t *testing.T) {
	now := time.Now()
	ca := newAuthority(t, now.Add(1000*time.Hour))
	port := serve(t, "[::1]:0", redis(&tls.Config{Certificates: []tls.Certificate{ca.issue(t, now.Add(-time.Hour), now.Add(900*time.Hour), "::1")}}))
	results := probe.Do(t.Context(), probe.Options{Host: "::1", Port: port, CAs: []*x509.Certificate{ca.cert}}, now)
	if len(results) != 1 || results[0].Address != "[::1]:"+port || len(results[0].Findings) > 0 {
		t.Errorf("%+v", results)
	}
}

func TestNobodyThereAndNoSuchName(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	results := probe.Do(t.Context(), probe.Options{Host: "127.0.0.1", Port: port}, time.Now())
	if len(results) != 1 || !results[0].Breaks() || results[0].Findings[0].Reason.Code() != reason.ConnectionRefused {
		t.Errorf("%+v", results)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results = probe.Do(ctx, probe.Options{Host: "redis.invalid", Port: "6379"}, time.Now())
	if len(results) != 1 || results[0].Reached() || results[0].Address != "redis.invalid:6379" || results[0].Findings[0].Reason.Code() != reason.NotWaitedFor {
		t.Errorf("%+v", results)
	}
}
