// Package httpclient is HTTP as a careful client does it: no redirect is
// followed, so that what was meant for one host never goes to another; what is
// read is bounded; how far an exchange had come is known when it fails; and
// nothing is tried again.
package httpclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options say what a transport is like.
type Options struct {
	// Timeout is how long a whole request may take. A connection must be made
	// in two thirds of it, or nobody learns that it was the connection.
	Timeout time.Duration
	// Proxy names the proxy for a request, as in http.Transport; nil means that
	// none is used.
	Proxy func(*http.Request) (*url.URL, error)
	// Roots are the authorities to trust; nil for those of the machine.
	Roots *x509.CertPool
	// IdlePerHost is how many connections to a host are kept; 0 means that
	// none is kept.
	IdlePerHost int
}

// Transport carries requests. Its errors say at which step they happened, see
// netfault.StepError.
type Transport struct{ base *http.Transport }

var _ http.RoundTripper = (*Transport)(nil)

// New returns a transport.
func New(o Options) *Transport {
	connect := o.Timeout * 2 / 3
	// HTTP/2 would put all requests on one connection, and one that died
	// without a word would fail them all until the kernel notices.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Transport{&http.Transport{
		Proxy: o.Proxy,
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, connect *http.Request, response *http.Response) error {
			if response.StatusCode != http.StatusOK {
				return &ProxyRefusal{Proxy: proxy.Host, Host: connect.Host, Status: response.StatusCode, LoggedIn: proxy.User != nil}
			}
			return nil
		},
		DialContext:            (&net.Dialer{Timeout: connect}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout:    connect,
		Protocols:              protocols,
		DisableCompression:     true, // the answers are small
		DisableKeepAlives:      o.IdlePerHost == 0,
		MaxIdleConnsPerHost:    o.IdlePerHost,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}}
}

// RoundTrip carries one request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	p := &progress{secure: r.URL.Scheme == "https"}
	if t.base.Proxy != nil {
		if proxy, err := t.base.Proxy(r); err == nil && proxy != nil {
			p.proxy, p.secureProxy = proxy.Host, proxy.Scheme == "https"
		}
	}
	response, err := t.base.RoundTrip(r.WithContext(p.watch(r.Context())))
	if err != nil {
		return nil, p.failure(err)
	}
	response.Body = &body{response.Body, p}
	return response, nil
}

// CloseIdleConnections closes the connections that no request is using.
func (t *Transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// NoRedirect is what http.Client.CheckRedirect has to be: a POST would become
// a GET, and the 200 of a login page a success.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Response is an answer that was read to its end, or as far as it may be.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// TooLarge means that there was more than Body holds.
	TooLarge bool
	// Broken says why the body ends before its end.
	Broken error
	// At is when the headers were here, by our clock.
	At time.Time
}

// IsPage reports whether the body is a web page, as a login portal gives. The
// type that an answer claims says nothing: many a server calls everything
// text/html.
func (r Response) IsPage() bool {
	start := bytes.ToLower(bytes.TrimSpace(r.Body[:min(len(r.Body), 256)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// Do sends a request and reads as much of the answer as limit says for its
// status. It follows no redirect. The time that it may take is that of the
// request's context.
func Do(transport http.RoundTripper, r *http.Request, limit func(status int) int64) (Response, error) {
	response, err := transport.RoundTrip(r)
	if err != nil {
		return Response{}, err
	}
	defer response.Body.Close()
	a := Response{Status: response.StatusCode, Header: response.Header, At: time.Now()}
	most := limit(a.Status)
	body, err := plain(response)
	if err != nil {
		a.Broken = err
		return a, nil
	}
	a.Body, a.Broken = io.ReadAll(io.LimitReader(body, most+1))
	if int64(len(a.Body)) > most {
		a.Body, a.TooLarge = a.Body[:most], true
	}
	return a, nil
}

// plain returns the body as it was before something on the way compressed it,
// without being asked to. What is read of it is bounded where it is read.
func plain(response *http.Response) (io.Reader, error) {
	switch strings.ToLower(response.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		return gzip.NewReader(response.Body)
	}
	return response.Body, nil
}

// ProxyRefusal is the answer of a proxy that does not let a connection through.
type ProxyRefusal struct {
	Proxy, Host string // with their ports
	Status      int
	// LoggedIn means that the proxy was given a user name and password.
	LoggedIn bool
}

var _ error = (*ProxyRefusal)(nil)

// Error says what the proxy did.
func (e *ProxyRefusal) Error() string { return e.Fault().Says() }
