// Package simtest is a caller of the simulated servers, written from the API's
// documentation, for their tests.
package simtest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

// Project is that of the simulated world.
const Project = "0123456789abcdef0123456789abcdef"

// A Caller signs just enough to ask the questions of these tests: GET, no body,
// and a query that needs no encoding and is in order.
type Caller struct {
	Access, Secret, Token string
	Signed                []string // default: all that there is
	Project               string   // default: Project
	Now                   time.Time
}

// Request returns a signed GET.
func (c Caller) Request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	if c.Project == "" {
		c.Project = Project
	}
	date := c.Now.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Sdk-Date", date)
	r.Header.Set("X-Project-Id", c.Project)
	signed := []string{"host", "x-project-id", "x-sdk-date"}
	if c.Token != "" {
		r.Header.Set("X-Security-Token", c.Token)
		signed = append(signed, "x-security-token")
	}
	if c.Signed != nil {
		signed = c.Signed
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
	mac := hmac.New(sha256.New, []byte(c.Secret))
	fmt.Fprintf(mac, "SDK-HMAC-SHA256\n%s\n%x", date, sha256.Sum256([]byte(canonical)))
	r.Header.Set("Authorization", fmt.Sprintf("SDK-HMAC-SHA256 Access=%s, SignedHeaders=%s, Signature=%x",
		c.Access, strings.Join(signed, ";"), mac.Sum(nil)))
	return r
}

// Client returns one that follows nothing, and keeps nothing open between requests.
func Client(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Do returns status and body. A body that breaks off is an error, one that does
// not end is cut at a megabyte.
func Do(c *http.Client, r *http.Request) (*http.Response, string, error) {
	resp, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, string(raw), err
}

// Must is for calls that fail only if the test is wrong.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Trust returns the TLS settings of a client that knows the server's authority.
func Trust(t *testing.T, m *simmail.Server) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(m.CA()) {
		t.Fatal("the CA is not PEM")
	}
	return &tls.Config{RootCAs: pool, ServerName: m.Host(), MinVersion: tls.VersionTLS12}
}

// Mail returns a mail with two bodies.
func Mail(t *testing.T, to ...string) *gomail.Msg {
	t.Helper()
	m := gomail.NewMsg()
	Must(t, m.From("sslwatch@example.com"))
	Must(t, m.To(to...))
	m.Subject("certificate of kätzchen expires")
	m.SetMessageIDWithValue("one@example.com")
	m.SetBodyString(gomail.TypeTextPlain, "FIRING ä\n.dot first\nQUIT\n250 not a reply\nend\n")
	m.AddAlternativeString(gomail.TypeTextHTML, "<p>FIRING ä</p>")
	return m
}
