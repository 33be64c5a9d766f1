package httpclient

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// peer is how the tests speak of the other side.
var peer = netfault.Peer{Who: reason.Text("the API"), Setting: "endpoint", Timeout: 5 * time.Second}

// get asks once, for the fault that must come of it.
func get(t *testing.T, transport *Transport, url string) netfault.Fault {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Do(transport, r, func(int) int64 { return 1 << 10 })
	if err == nil {
		err = a.Broken
	}
	if err == nil {
		t.Fatalf("an answer came: %d %q", a.Status, a.Body)
	}
	f := netfault.Explain(err, peer)
	for _, word := range []string{"dial tcp", "lookup ", "read tcp", "net/http", "x509:", "tls:", "EOF", "i/o timeout", "context deadline", "connect:", "malformed"} {
		if strings.Contains(f.String(), word) {
			t.Errorf("%q has %q in it", f, word)
		}
	}
	t.Log(f)
	return f
}

// reaches asks once, for the answer that must come.
func reaches(t *testing.T, transport *Transport, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Do(transport, r, func(int) int64 { return 10 }); err != nil {
		t.Errorf("no answer: %v", err)
	}
}

func wants(t *testing.T, f netfault.Fault, says, do string) {
	t.Helper()
	if !strings.Contains(f.Says(), says) || !strings.Contains(f.Do(), do) || strings.Contains(f.String(), "{") {
		t.Errorf("%q\nwant %q\nand  %q", f, says, do)
	}
}

// listen serves raw connections, each on a goroutine of its own.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// A transport holds a connection to a silent proxy for a minute.
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			wait.Go(func() {
				defer stop()
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); wait.Wait() })
	return l.Addr().String()
}

// certificate makes one that a template and a key say, signed by itself.
func certificate(t *testing.T, template x509.Certificate, key crypto.Signer) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	template.SerialNumber = big.NewInt(1)
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}, pool
}

func ecKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "well") }))
	s.TLS = config
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func TestTLSFaultsAreNamed(t *testing.T) {
	key := ecKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	past := time.Date(2022, 6, 15, 2, 21, 18, 0, time.UTC)
	future := time.Date(2199, 6, 15, 2, 21, 18, 0, time.UTC)
	good := x509.Certificate{IPAddresses: loopback}
	for rule, test := range map[string]struct {
		template x509.Certificate
		key      crypto.Signer
		config   *tls.Config
		distrust bool
		says, do string
	}{
		"no alternative name":  {template: x509.Certificate{Subject: pkix.Name{CommonName: "127.0.0.1"}}, says: "without subject alternative names, only with the common name 127.0.0.1", do: "issued anew"},
		"another host":         {template: x509.Certificate{DNSNames: []string{"other.example.com"}}, says: "for another host (other.example.com)", do: "endpoint may be wrong"},
		"another address":      {template: x509.Certificate{IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}, says: "for another host (192.0.2.1)", do: "endpoint may be wrong"},
		"expired":              {template: x509.Certificate{IPAddresses: loopback, NotBefore: past.AddDate(-1, 0, 0), NotAfter: past}, says: "expired on 2022-06-15 02:21 UTC", do: "clock"},
		"not yet valid":        {template: x509.Certificate{IPAddresses: loopback, NotBefore: future, NotAfter: future.AddDate(0, 1, 0)}, says: "not valid before 2199-06-15 02:21 UTC", do: "clock"},
		"signed by itself":     {template: good, distrust: true, says: "a certificate that it signed itself", do: "SSL_CERT_FILE"},
		"not for servers":      {template: x509.Certificate{IPAddresses: loopback, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, says: "not made for servers", do: "renew"},
		"TLS 1.1 at most":      {template: good, config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, says: "versions of TLS that are too old", do: "TLS 1.2"},
		"RSA key exchange":     {template: good, key: rsaKey, config: &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, says: "key exchange by ECDHE", do: "GODEBUG=tlsrsakex=1"},
		"a client certificate": {template: good, config: &tls.Config{ClientAuth: tls.RequireAnyClientCert}, says: "wants a client certificate", do: "without"},
		"the same before 1.3":  {template: good, config: &tls.Config{MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}, says: "refused the TLS handshake", do: "wants a client certificate"},
	} {
		t.Run(rule, func(t *testing.T) {
			if test.key == nil {
				test.key = key
			}
			pair, pool := certificate(t, test.template, test.key)
			if test.config == nil {
				test.config = &tls.Config{}
			}
			test.config.Certificates = []tls.Certificate{pair}
			transport := New(Options{Timeout: 5 * time.Second})
			if !test.distrust {
				transport.base.TLSClientConfig.RootCAs = pool
			}
			url := serveTLS(t, test.config)
			f := get(t, transport, url)
			wants(t, f, test.says, test.do)
			if !f.Lasting {
				t.Error("it would pass by itself")
			}
			if strings.HasPrefix(test.do, "GODEBUG=") { // the advice is true
				t.Setenv("GODEBUG", strings.TrimPrefix(test.do, "GODEBUG="))
				reaches(t, transport, url)
			}
		})
	}
	t.Run("no fault", func(t *testing.T) {
		pair, pool := certificate(t, good, key)
		transport := New(Options{Timeout: 5 * time.Second})
		transport.base.TLSClientConfig.RootCAs = pool
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, serveTLS(t, &tls.Config{Certificates: []tls.Certificate{pair}}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := Do(transport, r, func(int) int64 { return 3 }); err != nil || string(a.Body) != "wel" || !a.TooLarge || a.Broken != nil {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// The advice for what chokes on a large first message must be true: the
// setting that it names makes the message pass.
func TestALargeFirstMessageOfTLS(t *testing.T) {
	pair, pool := certificate(t, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, ecKey(t))
	const most = 1000
	for rule, choke := range map[string]func(net.Conn){
		"cut":    func(net.Conn) {},
		"silent": func(c net.Conn) { io.Copy(io.Discard, c) },
		"alert":  func(c net.Conn) { c.Write([]byte{21, 3, 3, 0, 2, 2, 50}) }, // decode_error
	} {
		t.Run(rule, func(t *testing.T) {
			url := "https://" + listen(t, func(c net.Conn) {
				first := bufio.NewReader(c)
				head, err := first.Peek(5)
				if err != nil {
					return
				}
				if binary.BigEndian.Uint16(head[3:]) > most {
					first.Discard(5 + int(binary.BigEndian.Uint16(head[3:])))
					choke(c)
					return
				}
				s := tls.Server(&buffered{c, first}, &tls.Config{Certificates: []tls.Certificate{pair}})
				if r, err := http.ReadRequest(bufio.NewReader(s)); err == nil {
					r.Body.Close()
					io.WriteString(s, "HTTP/1.1 204 No Content\r\n\r\n")
				}
				s.Close()
			})
			transport := New(Options{Timeout: time.Second})
			transport.base.TLSClientConfig.RootCAs = pool
			f := get(t, transport, url)
			wants(t, f, "offered TLS 1.2 and 1.3", "GODEBUG=tlsmlkem=0")
			if f.Sent {
				t.Error("the request seems to have been sent")
			}
			t.Setenv("GODEBUG", "tlsmlkem=0")
			transport = New(Options{Timeout: 5 * time.Second})
			transport.base.TLSClientConfig.RootCAs = pool
			reaches(t, transport, url)
		})
	}
}

type buffered struct {
	net.Conn
	from *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.from.Read(p) }

func TestServersThatAreNone(t *testing.T) {
	says := func(text string) string {
		return listen(t, func(c net.Conn) {
			c.Read(make([]byte, 4096))
			io.WriteString(c, text)
		})
	}
	for rule, test := range map[string]struct{ url, says string }{
		"cut at once":           {"http://" + says(""), "cut the connection before its answer was complete"},
		"cut in the body":       {"http://" + says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), "cut the connection before its answer was complete"},
		"another protocol":      {"http://" + says("+PONG\r\n"), "does not answer in HTTP"},
		"TLS without https":     {"http://" + says("\x15\x03\x01\x00\x02\x02\x46\r\n"), "speaks TLS where plain HTTP was expected"},
		"no TLS":                {"https://" + says("+PONG\r\n"), "does not speak TLS there"},
		"HTTP where TLS is due": {"https://" + says("HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks plain HTTP where TLS was expected"},
		"cut in the handshake":  {"https://" + says(""), "cut the connection in the TLS handshake"},
		"endless headers":       {"http://" + says("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 300<<10)+"\r\n\r\n"), "headers"},
	} {
		t.Run(rule, func(t *testing.T) {
			wants(t, get(t, New(Options{Timeout: 5 * time.Second}), test.url), test.says, "")
		})
	}
}

func TestTimeoutsSayAtWhichStep(t *testing.T) {
	hang := func(begins string) func(net.Conn) {
		return func(c net.Conn) {
			c.Read(make([]byte, 4096)) // what comes before the request is no answer
			io.WriteString(c, begins)
			io.Copy(io.Discard, c)
		}
	}
	proxy := &url.URL{Scheme: "http", Host: listen(t, hang(""))}
	for rule, test := range map[string]struct {
		url, says string
		proxy     func(*http.Request) (*url.URL, error)
		sent      bool
	}{
		"handshake": {"https://" + listen(t, hang("")), "did not answer in the TLS handshake", nil, false},
		"answer":    {"http://" + listen(t, hang("")), "did not answer within 5s", nil, true},
		"body":      {"http://" + listen(t, hang("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")), "began its answer, but did not end it", nil, true},
		"proxy":     {"https://api.example.com", "the proxy " + proxy.Host + " took the connection, but did not connect it further", http.ProxyURL(proxy), false},
	} {
		t.Run(rule, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, test.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := Do(New(Options{Timeout: 5 * time.Second, Proxy: test.proxy}), r, func(int) int64 { return 10 })
			if err == nil {
				err = a.Broken
			}
			f := netfault.Explain(err, peer)
			wants(t, f, test.says, "")
			if f.Sent != test.sent {
				t.Errorf("sent is %t", f.Sent)
			}
		})
	}
}

func TestRedirectIsAnAnswer(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("http://elsewhere.invalid/", http.StatusFound))
	defer s.Close()
	client := &http.Client{Transport: New(Options{Timeout: 5 * time.Second}), CheckRedirect: NoRedirect}
	response, err := client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusFound {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestErrorsCanBeFoundThroughTheTransport(t *testing.T) {
	address := listen(t, func(net.Conn) {})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Options{Timeout: 5 * time.Second}).RoundTrip(r)
	var step *netfault.StepError
	if !errors.As(err, &step) || step.Step != netfault.Handshake {
		t.Errorf("%#v", err)
	}
}
