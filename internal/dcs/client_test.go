package dcs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/text"
)

const (
	projectID  = "0123456789abcdef0123456789abcdef"
	instanceID = "553a2516-b865-4159-b774-204dc0a36e37"
)

// serve runs an API on a real socket and returns its address.
func serve(t *testing.T, api http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	return s.URL
}

// client returns a client that the test's end tidies up.
func client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.ProjectID == "" {
		o.ProjectID = projectID
	}
	if o.Credentials == nil {
		o.Credentials = Keys("AKEXAMPLE", "secret-key-of-tests", "")
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// failure asks once and returns the *Error that must come of it.
func failure(t *testing.T, c *Client) *Error {
	t.Helper()
	ssl, err := c.SSL(t.Context(), instanceID)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%+v and %v, want an *Error", ssl, err)
	}
	return e
}

// calls counts, whoever calls.
type calls struct {
	mu sync.Mutex
	n  int
}

func (c *calls) add() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func TestRequestIsSignedAsItIsSent(t *testing.T) {
	for _, prefix := range []string{"", "/", "/some/proxy", "/some/proxy/", "/with%20space/"} {
		t.Run(prefix, func(t *testing.T) {
			requests := make(chan *http.Request, 1)
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests <- r.Clone(context.Background())
				io.WriteString(w, documented)
			})
			c := client(t, Options{
				Endpoint:    url + prefix,
				Credentials: Keys(" AKEXAMPLE", "secret-key-of-tests\n", "security-token-of-tests"),
				UserAgent:   "sslwatch/test",
			})
			ssl, err := c.SSL(t.Context(), instanceID)
			if err != nil || !ssl.Enabled || !ssl.ExpiresAt.Equal(ends) {
				t.Fatalf("%+v, %v", ssl, err)
			}
			got := <-requests
			if want := strings.TrimSuffix(prefix, "/") + "/v2/" + projectID + "/instances/" + instanceID + "/ssl"; got.URL.EscapedPath() != want {
				t.Errorf("path %q, want %q", got.URL.EscapedPath(), want)
			}
			for name, want := range map[string]string{
				"X-Project-Id":     projectID,
				"X-Security-Token": "security-token-of-tests",
				"User-Agent":       "sslwatch/test",
				"X-Auth-Token":     "",
			} {
				if got.Header.Get(name) != want {
					t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
				}
			}
			names := []string{"host", "x-project-id", "x-sdk-date", "x-security-token"}
			want := authorization("AKEXAMPLE", signature(got, emptyHash, "secret-key-of-tests", names), names)
			if got.Header.Get("Authorization") != want {
				t.Errorf("Authorization is %q\nwant %q", got.Header.Get("Authorization"), want)
			}
			if at, err := time.Parse(dateLayout, got.Header.Get("X-Sdk-Date")); err != nil || time.Since(at).Abs() > time.Hour {
				t.Errorf("X-Sdk-Date is %q", got.Header.Get("X-Sdk-Date"))
			}
		})
	}
}

func TestTokenIsSentUnsigned(t *testing.T) {
	headers := make(chan http.Header, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header.Clone()
		w.WriteHeader(http.StatusNoContent)
	})
	ssl, err := client(t, Options{Endpoint: url, Credentials: Token("token-of-tests\n")}).SSL(t.Context(), instanceID)
	if err != nil || ssl != (SSL{NoInfo: true}) {
		t.Fatalf("%+v, %v", ssl, err)
	}
	got := <-headers
	if got.Get("X-Auth-Token") != "token-of-tests" || got.Get("X-Project-Id") != projectID || got.Get("Authorization") != "" || got.Get("X-Sdk-Date") != "" {
		t.Errorf("headers %v", got)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	good := Options{Endpoint: "https://dcs.example.com", ProjectID: projectID, Credentials: Token("t")}
	for rule, change := range map[string]func(*Options){
		"no endpoint":           func(o *Options) { o.Endpoint = "" },
		"a host alone":          func(o *Options) { o.Endpoint = "dcs.example.com" },
		"another scheme":        func(o *Options) { o.Endpoint = "ftp://dcs.example.com" },
		"no host":               func(o *Options) { o.Endpoint = "https:///v2" },
		"a port alone":          func(o *Options) { o.Endpoint = "https://:443" },
		"a password":            func(o *Options) { o.Endpoint = "https://me:hunter22@dcs.example.com" },
		"a password, broken":    func(o *Options) { o.Endpoint = "https://me:hunter22@dcs.example.com:x" },
		"a query":               func(o *Options) { o.Endpoint = "https://dcs.example.com/?a=hunter22" },
		"a fragment":            func(o *Options) { o.Endpoint = "https://dcs.example.com/#a" },
		"an international name": func(o *Options) { o.Endpoint = "https://dcs.exämple.com" },
		"a zone":                func(o *Options) { o.Endpoint = "https://[fe80::1%25eth0]" },
		"no project":            func(o *Options) { o.ProjectID = "" },
		"a path for a project":  func(o *Options) { o.ProjectID = "../x" },
		"no credentials":        func(o *Options) { o.Credentials = nil },
		"an empty token":        func(o *Options) { o.Credentials = Token(" ") },
		"no access key":         func(o *Options) { o.Credentials = Keys("", "sk", "") },
		"no secret key":         func(o *Options) { o.Credentials = Keys("ak", "", "st") },
		"a negative timeout":    func(o *Options) { o.Timeout = -1 },
	} {
		t.Run(rule, func(t *testing.T) {
			o := good
			change(&o)
			c, err := New(o)
			if err == nil || c != nil {
				t.Fatalf("%v, want an error", c)
			}
			if strings.Contains(err.Error(), "hunter22") {
				t.Errorf("%v holds a password", err)
			}
		})
	}
	c, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if c.timeout != 15*time.Second || c.userAgent != "sslwatch" {
		t.Errorf("timeout %s, user agent %q", c.timeout, c.userAgent)
	}
	transport := c.transport.(*http.Transport)
	if transport.Proxy == nil || transport.TLSClientConfig.MinVersion != tls.VersionTLS12 {
		t.Error("the transport takes no proxy from the environment, or TLS below 1.2")
	}
}

func TestEndpoint(t *testing.T) {
	for region, want := range map[string]string{
		"cn-north-4":  "https://dcs.cn-north-4.myhuaweicloud.com",
		"eu-west-101": "https://dcs.eu-west-101.myhuaweicloud.eu",
		"eu-west-0":   "https://dcs.eu-west-0.myhuaweicloud.com",
	} {
		if got := Endpoint(region); got != want {
			t.Errorf("%s is at %s, want %s", region, got, want)
		}
	}
}

func TestInstanceIDCanNotLeaveItsPlace(t *testing.T) {
	var asked calls
	c := client(t, Options{Endpoint: serve(t, func(http.ResponseWriter, *http.Request) { asked.add() })})
	for _, id := range []string{
		"", ".", "..", "...", "../../other", "a/b", `a\b`, "a%2fb", "a?b", "a#b", "a b", "a\nb", "a\x00", "ä", "a;b", strings.Repeat("a", 129),
	} {
		_, err := c.SSL(t.Context(), id)
		var e *Error
		if !errors.As(err, &e) || e.Kind != Failed || e.Status != 0 || !strings.Contains(e.Reason, "instance ID") {
			t.Errorf("%q gives %v", id, err)
		}
	}
	if n := asked.count(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var elsewhere calls
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.add()
		io.WriteString(w, documented)
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := client(t, Options{Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other+"/here", status)
		})})
		e := failure(t, c)
		host := strings.TrimPrefix(other, "http://")
		if e.Kind != Failed || e.Status != status || !strings.Contains(e.Reason, "a redirect to "+host) {
			t.Errorf("%d gives %s, %d, %q", status, e.Kind, e.Status, e.Reason)
		}
	}
	if elsewhere.count() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestBodiesThatEndWrongly(t *testing.T) {
	big := `{"enabled":false,"x":"` + strings.Repeat("x", maxBody) + `"}`
	for rule, test := range map[string]struct {
		api    http.HandlerFunc
		reason string
	}{
		"cut off before its length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			io.WriteString(w, "{}")
		}, "cut the connection"},
		"cut off in a chunk": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "{}")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "cut the connection"},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, big) }, "more than 1 MiB"},
		"empty":     {func(http.ResponseWriter, *http.Request) {}, "empty body"},
	} {
		t.Run(rule, func(t *testing.T) {
			e := failure(t, client(t, Options{Endpoint: serve(t, test.api)}))
			if e.Kind != Failed || e.Status != 200 || !strings.Contains(e.Reason, test.reason) {
				t.Errorf("%s, %d, %q", e.Kind, e.Status, e.Reason)
			}
		})
	}
}

func TestBodyOfTheLargestSizeIsRead(t *testing.T) {
	c := client(t, Options{Endpoint: serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, documented+strings.Repeat(" ", maxBody-len(documented)))
	})})
	if ssl, err := c.SSL(t.Context(), instanceID); err != nil || !ssl.Enabled {
		t.Errorf("%+v, %v", ssl, err)
	}
}

// An error keeps its kind, however its body ends.
func TestErrorBodyThatIsCutOffKeepsTheStatus(t *testing.T) {
	for status, kind := range map[int]Kind{401: Unauthenticated, 429: Throttled, 404: Failed, 500: Failed} {
		e := failure(t, client(t, Options{Endpoint: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			w.WriteHeader(status)
			io.WriteString(w, `{"error_code":"DCS.30`)
		})}))
		if e.Kind != kind || e.Status != status {
			t.Errorf("%d gives %s, %d", status, e.Kind, e.Status)
		}
	}
}

func TestConnectionIsUsedAgainAfterAnError(t *testing.T) {
	from := make(chan string, 5)
	c := client(t, Options{Endpoint: serve(t, func(w http.ResponseWriter, r *http.Request) {
		from <- r.RemoteAddr
		w.WriteHeader(500)
		io.WriteString(w, strings.Repeat("x", 20<<10))
	})})
	seen := map[string]bool{}
	for range 5 {
		failure(t, c)
		seen[<-from] = true
	}
	if len(seen) != 1 {
		t.Errorf("%d connections for five requests", len(seen))
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	e := failure(t, client(t, Options{Endpoint: "http://" + l.Addr().String()}))
	if e.Kind != Failed || e.Status != 0 || !strings.Contains(e.Reason, "refused the connection") {
		t.Errorf("%s, %d, %q", e.Kind, e.Status, e.Reason)
	}
	noGoisms(t, e)
	var op *net.OpError
	if !errors.As(e, &op) {
		t.Error("the cause can't be found")
	}
}

// cutter accepts connections, says something and cuts them.
func cutter(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, says)
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wait.Wait() })
	return l.Addr().String()
}

func TestServersThatAreNone(t *testing.T) {
	for rule, test := range map[string]struct{ scheme, says, reason string }{
		"cut at once":           {"http", "", "cut the connection"},
		"cut in the headers":    {"http", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "cut the connection"},
		"cut in a header":       {"http", "HTTP/1.1 200 OK\r\nContent-Le", "does not answer in HTTP"},
		"another protocol":      {"http", "+PONG\r\n", "does not answer in HTTP"},
		"a broken status":       {"http", "HTTP/1.1 2x0 OK\r\n\r\n", "does not answer in HTTP"},
		"no TLS":                {"https", "+PONG\r\n", "does not speak TLS"},
		"HTTP where TLS is due": {"https", "HTTP/1.1 400 Bad Request\r\n\r\n", "speaks plain HTTP"},
		"endless headers":       {"http", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10) + "\r\n\r\n", "headers"},
	} {
		t.Run(rule, func(t *testing.T) {
			e := failure(t, client(t, Options{Endpoint: test.scheme + "://" + cutter(t, test.says)}))
			if e.Kind != Failed || !strings.Contains(e.Reason, test.reason) {
				t.Errorf("%s, %q", e.Kind, e.Reason)
			}
			noGoisms(t, e)
		})
	}
}

func TestCertificatesThatAreNotTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, documented) }))
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	// trusting goes to the server whatever the name is.
	trusting := func(now time.Time) *http.Transport {
		tr := newTransport(5*time.Second, nil)
		tr.TLSClientConfig.RootCAs = pool
		tr.TLSClientConfig.Time = func() time.Time { return now }
		dialer := &net.Dialer{}
		tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, server.Listener.Addr().String())
		}
		return tr
	}

	t.Run("trusted", func(t *testing.T) {
		c := client(t, Options{Endpoint: "https://example.com", Transport: trusting(time.Now())})
		if ssl, err := c.SSL(t.Context(), instanceID); err != nil || !ssl.Enabled {
			t.Errorf("%+v, %v", ssl, err)
		}
	})
	for rule, test := range map[string]struct {
		options Options
		reason  string
	}{
		"unknown authority":     {Options{Endpoint: server.URL}, "a certificate of an unknown authority (Acme Co)"},
		"another host":          {Options{Endpoint: "https://dcs.test", Transport: trusting(time.Now())}, "a certificate for another host (example.com"},
		"past, or a wrong date": {Options{Endpoint: "https://example.com", Transport: trusting(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))}, "valid from " + text.Date(server.Certificate().NotBefore) + " to " + text.Date(server.Certificate().NotAfter) + " only: check this machine's clock"},
	} {
		t.Run(rule, func(t *testing.T) {
			e := failure(t, client(t, test.options))
			if e.Kind != Failed || !strings.Contains(e.Reason, test.reason) {
				t.Errorf("%s, %q", e.Kind, e.Reason)
			}
			noGoisms(t, e)
		})
	}
}

func TestTLSBelow12IsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	e := failure(t, client(t, Options{Endpoint: server.URL}))
	if e.Kind != Failed || !strings.Contains(e.Reason, "TLS 1.2") {
		t.Errorf("%s, %q", e.Kind, e.Reason)
	}
	noGoisms(t, e)
}

// hang answers nothing, or the beginning of something, until the client leaves.
func hang(t *testing.T, begins bool) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if begins {
			w.Header().Set("Content-Length", "500")
			io.WriteString(w, "{")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
}

func TestTimeoutIsAFailure(t *testing.T) {
	for _, begins := range []bool{false, true} {
		e := failure(t, client(t, Options{Endpoint: hang(t, begins), Timeout: 50 * time.Millisecond}))
		if e.Kind != Failed || !strings.Contains(e.Reason, "did not answer in full within 50ms") || !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("%s, %q, cause %v", e.Kind, e.Reason, e.Err)
		}
		noGoisms(t, e)
	}
}

func TestCallerWhoLeavesIsNoFailure(t *testing.T) {
	isEnded := func(t *testing.T, err, want error) {
		t.Helper()
		var e *Error
		if !errors.Is(err, want) || errors.As(err, &e) {
			t.Errorf("got %#v", err)
		}
	}
	for _, begins := range []bool{false, true} {
		c := client(t, Options{Endpoint: hang(t, begins)})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := c.SSL(ctx, instanceID)
		cancel()
		isEnded(t, err, context.DeadlineExceeded)
	}
	t.Run("before anything was sent", func(t *testing.T) {
		var asked calls
		c := client(t, Options{Endpoint: serve(t, func(http.ResponseWriter, *http.Request) { asked.add() })})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.SSL(ctx, instanceID)
		isEnded(t, err, context.Canceled)
		if asked.count() != 0 {
			t.Error("the API was asked")
		}
	})
}

func TestProxyThatRefuses(t *testing.T) {
	for status, reason := range map[int]string{407: "wants a user name and password", 503: "does not connect to the API at dcs.example.com (HTTP 503)"} {
		proxy, err := url.Parse(serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodConnect {
				t.Errorf("the proxy was asked for %s", r.Method)
			}
			w.WriteHeader(status)
		}))
		if err != nil {
			t.Fatal(err)
		}
		proxy.User = url.UserPassword("me", "hunter22")
		e := failure(t, client(t, Options{Endpoint: "https://dcs.example.com", Transport: newTransport(5*time.Second, http.ProxyURL(proxy))}))
		if e.Kind != Failed || !strings.Contains(e.Reason, reason) {
			t.Errorf("%s, %q", e.Kind, e.Reason)
		}
		if all := fmt.Sprint(e, e.Err); strings.Contains(all, "hunter22") {
			t.Errorf("%s holds a password", all)
		}
		noGoisms(t, e)
	}
}

func TestProxyThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	proxy := &url.URL{Scheme: "http", Host: l.Addr().String()}
	e := failure(t, client(t, Options{Endpoint: "https://dcs.example.com", Transport: newTransport(5*time.Second, http.ProxyURL(proxy))}))
	if !strings.Contains(e.Reason, "the proxy of this machine") || !strings.Contains(e.Reason, "refused the connection") {
		t.Errorf("%q", e.Reason)
	}
	noGoisms(t, e)
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// noGoisms fails a test if a reason is written for programmers.
func noGoisms(t *testing.T, e *Error) {
	t.Helper()
	for _, word := range []string{"dial tcp", "lookup ", "read tcp", "net/http", "x509:", "tls:", "EOF", "i/o timeout", "context deadline", "connect:", "RoundTrip", "proxyconnect", "malformed"} {
		if strings.Contains(e.Reason, word) {
			t.Errorf("%q has %q in it", e.Reason, word)
		}
	}
	t.Log(e)
}
