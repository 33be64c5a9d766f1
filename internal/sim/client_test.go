package sim_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim"
)

const (
	project  = "0123456789abcdef0123456789abcdef"
	instance = "553a2516-b865-4159-b774-204dc0a36e37"
)

// A caller signs just enough to ask the questions of these tests: GET, no body,
// and a query that needs no encoding and is in order.
type caller struct {
	access, secret, token string
	signed                []string // default: all that there is
	project               string   // default: project
	now                   time.Time
}

func (c caller) request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.now.IsZero() {
		c.now = time.Now()
	}
	if c.project == "" {
		c.project = project
	}
	date := c.now.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Sdk-Date", date)
	r.Header.Set("X-Project-Id", c.project)
	signed := []string{"host", "x-project-id", "x-sdk-date"}
	if c.token != "" {
		r.Header.Set("X-Security-Token", c.token)
		signed = append(signed, "x-security-token")
	}
	if c.signed != nil {
		signed = c.signed
	}
	canonical := "GET\n" + r.URL.Path + "/\n" + r.URL.RawQuery + "\n"
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.URL.Host
		}
		canonical += name + ":" + value + "\n"
	}
	canonical += fmt.Sprintf("\n%s\n%x", strings.Join(signed, ";"), sha256.Sum256(nil))
	mac := hmac.New(sha256.New, []byte(c.secret))
	fmt.Fprintf(mac, "SDK-HMAC-SHA256\n%s\n%x", date, sha256.Sum256([]byte(canonical)))
	r.Header.Set("Authorization", fmt.Sprintf("SDK-HMAC-SHA256 Access=%s, SignedHeaders=%s, Signature=%x",
		c.access, strings.Join(signed, ";"), mac.Sum(nil)))
	return r
}

// newClient returns one that follows nothing, and keeps nothing open between requests.
func newClient(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// do returns status and body. A body that breaks off is an error, one that does
// not end is cut at a megabyte.
func do(c *http.Client, r *http.Request) (*http.Response, string, error) {
	resp, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, string(raw), err
}

var me = caller{access: "AK", secret: "SK"}

// newDCS returns one that listens on the loopback and has one instance, named
// cache.
func newDCS(t *testing.T, change func(*sim.DCSOptions)) *sim.DCS {
	t.Helper()
	o := sim.DCSOptions{
		Projects: []string{project},
		Keys:     []sim.Key{{Access: "AK", Secret: "SK"}},
		Instances: []sim.Instance{{
			ID: instance, Name: "cache", IP: "192.168.0.5", IPv6: "::1",
			Enabled: true, Validated: true, ExpiresAt: time.Date(2027, 6, 15, 2, 21, 18, 669e6, time.UTC),
		}},
	}
	if change != nil {
		change(&o)
	}
	d, err := sim.NewDCS(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Listen(""); err != nil {
		t.Fatal(err)
	}
	return d
}

func sslURL(d *sim.DCS) string {
	return d.URL() + "/v2/" + project + "/instances/" + instance + "/ssl"
}

// must is for calls that fail only if the test is wrong.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func readCloser(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }
