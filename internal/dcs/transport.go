package dcs

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport returns a transport for requests that may take as long as
// timeout. proxy may be nil for none.
func newTransport(timeout time.Duration, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	// A connection that can't be made must fail before the whole request
	// does, or nobody learns that it was the connection.
	connect := timeout * 2 / 3
	// HTTP/2 would put all requests on one connection, and one that died
	// without a word would fail them all until the kernel notices.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: proxy,
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, response *http.Response) error {
			if response.StatusCode != http.StatusOK {
				return &proxyRefusal{proxy.Host, response.StatusCode}
			}
			return nil
		},
		DialContext:            (&net.Dialer{Timeout: connect}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connect,
		Protocols:              protocols,
		DisableCompression:     true, // the answers are small
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// proxyRefusal is the answer of a proxy that does not let a connection through.
type proxyRefusal struct {
	proxy  string
	status int
}

var _ error = (*proxyRefusal)(nil)

func (e *proxyRefusal) Error() string {
	return fmt.Sprintf("proxy %s answered %d", e.proxy, e.status)
}

// answer is what came back, of whatever kind.
type answer struct {
	status int
	header http.Header
	body   []byte
	// tooLarge tells that there was more than body holds.
	tooLarge bool
	// broken says why the body ends before its end.
	broken error
	// at is when the headers were here.
	at time.Time
}

// exchange sends a request and reads the answer. It follows no redirect, so
// what was signed for one host never goes to another. The time that it may
// take is the request's context's.
func exchange(transport http.RoundTripper, r *http.Request) (answer, error) {
	response, err := transport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header, at: time.Now()}
	limit := int64(maxErrorBody)
	if a.status == http.StatusOK {
		limit = maxBody
	}
	a.body, a.broken = io.ReadAll(io.LimitReader(response.Body, limit+1))
	if int64(len(a.body)) > limit {
		a.body, a.tooLarge = a.body[:limit], true
	}
	return a, nil
}
