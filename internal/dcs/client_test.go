package dcs

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
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
	if unfilled.MatchString(e.Reason.String()) {
		t.Errorf("reason %q lacks an argument", e.Reason)
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
	ssl.Clock = Clock{}
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
}

func TestEndpoint(t *testing.T) {
	for region, want := range map[string]struct {
		address string
		doubt   bool
	}{
		"cn-north-4":   {"https://dcs.cn-north-4.myhuaweicloud.com", false},
		"eu-west-101":  {"https://dcs.eu-west-101.myhuaweicloud.eu", false},
		"eu-west-0":    {"https://dcs.eu-west-0.myhuaweicloud.com", true}, // or Flexible Engine
		"ru-moscow-1":  {"https://dcs.ru-moscow-1.myhuaweicloud.com", true},
		"eu-de":        {"https://dcs.eu-de.otc.t-systems.com", false},
		"eu-nl":        {"https://dcs.eu-nl.otc.t-systems.com", false},
		"cn-north-44":  {"https://dcs.cn-north-44.myhuaweicloud.com", true}, // a slip
		"eu-central-1": {"https://dcs.eu-central-1.myhuaweicloud.com", true},
	} {
		if address, doubt := Endpoint(region); address != want.address || (doubt != "") != want.doubt || doubt != "" && !strings.Contains(doubt, "set endpoint") {
			t.Errorf("%s is at %s (%s), want %s", region, address, doubt, want.address)
		}
	}
}

func TestIAMIsWhereDCSIs(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://dcs.cn-north-4.myhuaweicloud.com":                   "https://iam.cn-north-4.myhuaweicloud.com",
		"https://dcs.eu-west-101.myhuaweicloud.eu":                   "https://iam.eu-west-101.myhuaweicloud.eu",
		"https://dcs.eu-de.otc.t-systems.com:443/":                   "https://iam.eu-de.otc.t-systems.com",
		"https://dcs.eu-west-0.prod-cloud-ocb.orange-business.com":   "https://iam.eu-west-0.prod-cloud-ocb.orange-business.com",
		"https://dcs.ru-moscow-1.hc.sbercloud.ru":                    "https://iam.ru-moscow-1.hc.sbercloud.ru",
		"http://127.0.0.1:8080":                                      "",
		"https://dcs.example.com":                                    "",
		"https://dcs.cn-north-4.myhuaweicloud.com.example.com":       "",
		"https://dcs.cn-north-4.example.com/dcs.x.myhuaweicloud.com": "",
		"https://proxy.cn-north-4.myhuaweicloud.com":                 "",
		"https://dcs..myhuaweicloud.com":                             "",
		"https://dcs.myhuaweicloud.com":                              "",
	} {
		if got := IAMEndpoint(endpoint); got != want {
			t.Errorf("%s: %q, want %q", endpoint, got, want)
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
		if !errors.As(err, &e) || e.Kind != Failed || e.Status != 0 || !strings.Contains(e.Reason.String(), "instance ID") {
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
		if e.Kind != Failed || e.Status != status || !strings.Contains(e.Reason.String(), "a redirect to "+host) {
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
		"compressed and cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			body := compressed(documented)
			w.Write(body[:len(body)-5])
		}, "cut the connection"},
		"compressed and too large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(compressed(big))
		}, "more than 1 MiB"},
		"said to be compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, documented)
		}, "failed (gzip: invalid header)"},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, big) }, "more than 1 MiB"},
		"empty":     {func(http.ResponseWriter, *http.Request) {}, "empty body"},
	} {
		t.Run(rule, func(t *testing.T) {
			e := failure(t, client(t, Options{Endpoint: serve(t, test.api)}))
			if e.Kind != Failed || e.Status != 200 || !strings.Contains(e.Reason.String(), test.reason) {
				t.Errorf("%s, %d, %q", e.Kind, e.Status, e.Reason)
			}
		})
	}
}

func compressed(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.Bytes()
}

// Some proxies compress whatever was asked for.
func TestBodyThatIsCompressedUnaskedIsRead(t *testing.T) {
	c := client(t, Options{Endpoint: serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "GZIP")
		w.Write(compressed(documented))
	})})
	if ssl, err := c.SSL(t.Context(), instanceID); err != nil || !ssl.Validated {
		t.Errorf("%+v, %v", ssl, err)
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
	if e.Kind != Failed || e.Status != 0 || !strings.Contains(e.Reason.String(), "refused the connection") {
		t.Errorf("%s, %d, %q", e.Kind, e.Status, e.Reason)
	}
	noGoisms(t, e)
	var op *net.OpError
	if !errors.As(e, &op) {
		t.Error("the cause can't be found")
	}
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
	for _, test := range []struct {
		begins bool
		reason string
	}{{false, "did not answer within 1s"}, {true, "began its answer, but did not end it within 1s"}} {
		e := failure(t, client(t, Options{Endpoint: hang(t, test.begins), Timeout: time.Second}))
		if e.Kind != Failed || !strings.Contains(e.Reason.String(), test.reason) || !errors.Is(e, context.DeadlineExceeded) {
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

func TestProxiesAreAskedAndTheirPasswordsAreNotShown(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusProxyAuthRequired)
		io.WriteString(w, "not with "+r.Header.Get("Proxy-Authorization")+", hunter22")
	})
	through := func(variable string) *httpclient.Proxies {
		return httpclient.ReadProxies(func(name string) string {
			if name == variable {
				return strings.Replace(proxy, "//", "//me:hunter22@", 1)
			}
			return ""
		})
	}
	for scheme, reason := range map[string]string{
		"https": "refused the way to dcs.example.com:443: 403",
		"http":  "wants a user name and password",
	} {
		e := failure(t, client(t, Options{Endpoint: scheme + "://dcs.example.com", Proxies: through(strings.ToUpper(scheme) + "_PROXY")}))
		if e.Kind != Failed || !strings.Contains(e.Reason.String(), reason) {
			t.Errorf("%s, %q", e.Kind, e.Reason)
		}
		if all := fmt.Sprint(e, e.Err, e.Message); strings.Contains(all, "hunter22") || strings.Contains(all, "bWU6aHVudGVyMjI") {
			t.Errorf("%s holds a password", all)
		}
		noGoisms(t, e)
	}
}

// noGoisms fails a test if a reason is written for programmers.
func noGoisms(t *testing.T, e *Error) {
	t.Helper()
	for _, word := range []string{"dial tcp", "lookup ", "read tcp", "net/http", "x509:", "tls:", "EOF", "i/o timeout", "context deadline", "connect:", "RoundTrip", "proxyconnect", "malformed"} {
		if strings.Contains(e.Reason.String(), word) {
			t.Errorf("%q has %q in it", e.Reason, word)
		}
	}
	t.Log(e)
}
