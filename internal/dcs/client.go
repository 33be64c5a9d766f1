// Package dcs asks the API of Huawei Cloud DCS about the SSL certificates
// of Redis instances. It signs, asks, and turns every answer into a value
// or a typed error; it decides nothing and remembers nothing but temporary
// credentials.
//
// Whatever can't be believed is an error of the kind Failed: from a wrong
// reading as "SSL is off" comes a false alarm, from one as "fine" silence.
// Every text that comes from outside is cut short, put on one line and freed
// of secrets before it leaves the package, because the API gateway echoes
// requests in its messages.
//
// There is no SDK beneath. The one of the cloud has no contexts and no body
// limit, takes a redirect for success, and can't tell an empty body from
// "SSL is off".
package dcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

const (
	defaultTimeout   = 15 * time.Second
	defaultUserAgent = "sslwatch"
)

// Options says whom to ask, and as whom.
type Options struct {
	// Endpoint is the API's address, such as
	// https://dcs.eu-west-101.myhuaweicloud.eu. It may be plain http, and
	// may have a port, a path before the API's own, and a trailing slash.
	// A path becomes a part of what is signed.
	Endpoint string
	// ProjectID is the project of the instances.
	ProjectID string
	// Credentials says as whom to ask. Clients may share one.
	Credentials Credentials
	// Timeout is for one request, from the name lookup to the last byte of
	// the body; 0 means 15 s. Fetching a temporary credential is not in it.
	Timeout time.Duration
	// UserAgent is sent with each request; empty means "sslwatch".
	UserAgent string
	// Proxies names the proxy to ask through; nil means none.
	Proxies *httpclient.Proxies
	// Transport carries the requests; nil means one of the client's own.
	Transport http.RoundTripper
}

// Client asks the API about the instances of one project. Its methods may be
// called concurrently.
type Client struct {
	base        *url.URL
	projectID   string
	credentials Credentials
	timeout     time.Duration
	userAgent   string
	transport   http.RoundTripper
	passwords   []secret.Text // of proxies
	known       atomic.Pointer[known]
}

// known is the credential of the latest request, and who knows its secrets and
// the passwords of proxies.
type known struct {
	credential Credential
	redactor   *secret.Redactor
}

// knows returns a redactor that knows a credential. It is kept, since nearly all
// requests have the same.
func (c *Client) knows(cred Credential) *secret.Redactor {
	k := c.known.Load()
	if k == nil || !k.credential.same(cred) {
		k = &known{cred, secret.NewRedactor(cred.secrets()...).With(c.passwords...)}
		c.known.Store(k)
	}
	return k.redactor
}

// New returns a client, or says which option is wrong. It asks nothing yet.
func New(o Options) (*Client, error) {
	base, err := parseEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	if !isName(o.ProjectID) {
		return nil, fmt.Errorf("project ID %.64q can't be one: it has letters, digits and -_.~ only", o.ProjectID)
	}
	if o.Credentials == nil {
		return nil, errors.New("no credentials")
	}
	if s, ok := o.Credentials.(static); ok && s.lacks != "" {
		return nil, errors.New(s.lacks)
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf("timeout %s is negative", o.Timeout)
	}
	c := &Client{
		base:        base,
		projectID:   o.ProjectID,
		credentials: o.Credentials,
		timeout:     o.Timeout,
		userAgent:   o.UserAgent,
		transport:   o.Transport,
		passwords:   o.Proxies.Passwords(),
	}
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	if c.userAgent == "" {
		c.userAgent = defaultUserAgent
	}
	if c.transport == nil {
		c.transport = httpclient.New(httpclient.Options{Timeout: c.timeout, Proxy: o.Proxies.For, IdlePerHost: 16})
	}
	return c, nil
}

// parseEndpoint takes an endpoint apart. Its errors don't repeat the text,
// in which somebody may have put a password.
func parseEndpoint(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, errors.New("endpoint is not a URL")
	case u.User != nil:
		return nil, errors.New("endpoint holds a user name or password: credentials have settings of their own")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, errors.New("endpoint must be https://HOST or http://HOST")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("endpoint must not have a query or a fragment")
	}
	for _, r := range u.Host {
		// net/http would rewrite such a host after it was signed.
		if r <= ' ' || r > '~' || r == '%' {
			return nil, errors.New("endpoint's host must be plain ASCII without a zone: write an international name in its xn-- form")
		}
	}
	return u, nil
}

// isName reports whether s can stand in a path as one segment that no server
// or proxy reads as anything else. IDs of the cloud are UUIDs or hex.
func isName(s string) bool {
	for i := range len(s) {
		if !unreserved(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= 128 && strings.Trim(s, ".") != ""
}

// CloseIdleConnections closes the connections that no request is using. A
// client that is no longer wanted needs nothing else.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// SSL asks for the state of an instance's SSL.
//
// The error is an *Error, with one exception: when ctx ended before there
// was an answer, it wraps ctx.Err() and is no *Error, because it says
// nothing about the API.
//
// A temporary credential that the API refuses with a 401 is fetched anew,
// and if another one comes the request is sent once more. Nothing else is
// tried again here.
func (c *Client) SSL(ctx context.Context, instanceID string) (SSL, error) {
	if ctx.Err() != nil {
		return SSL{}, ended(ctx)
	}
	if !isName(instanceID) {
		return SSL{}, &Error{Kind: Failed, Reason: reason.New(reason.BadInstanceID,
			reason.Args{"id": strconv.Quote((&redactor{}).text(instanceID, 64))})}
	}
	u := c.address("/" + instanceID + "/ssl")
	ssl, clock, err := ask(ctx, c, u, func(a answer, cred Credential, out *redactor) (SSL, *Error) { return judge(a, u, cred, out) })
	if err == nil {
		ssl.Clock = clock
	}
	return ssl, err
}

// address returns where something about the project's instances is asked.
func (c *Client) address(path string) *url.URL {
	return httpclient.Under(c.base, "/v2/"+c.projectID+"/instances"+path)
}

// ask sends a request, and once more with a new credential where that was
// refused and there is another, and has the answer judged. It returns what the
// answer says of this machine's clock.
func ask[T any](ctx context.Context, c *Client, u *url.URL, judge func(answer, Credential, *redactor) (T, *Error)) (value T, clock Clock, err error) {
	cred, err := c.credentials.Credential(ctx)
	if err != nil {
		return value, clock, noCredential(ctx, err)
	}
	out := &redactor{}
	value, clock, err = try(ctx, c, u, cred, out, judge)

	var refused *Error
	if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		return value, clock, err
	}
	fresh, err := c.credentials.Refresh(ctx, cred)
	switch {
	case err != nil && ctx.Err() != nil:
		return value, clock, ended(ctx)
	case err != nil:
		if none := (*Error)(nil); errors.As(noCredential(ctx, err), &none) {
			refused.Reason = reason.New(reason.RefusedAndNoNew, reason.Args{"refusal": refused.Reason, "why": none.Reason})
		}
		return value, clock, refused
	case fresh.same(cred):
		// To show the same one again would bring its lock nearer.
		return value, clock, refused
	}
	return try(ctx, c, u, fresh, out, judge)
}

// ended is the error for a caller that did not wait for the answer.
func ended(ctx context.Context) error {
	return fmt.Errorf("asking the DCS API was given up: %w", ctx.Err())
}

// noCredential is the error for a request that was not sent because there
// is nothing to sign it with.
func noCredential(ctx context.Context, err error) error {
	var e *Error
	switch {
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.As(err, &e):
		return e
	}
	out := &redactor{}
	return &Error{Kind: Failed, Reason: reason.New(reason.NoCredential, reason.Args{"detail": out.text(err.Error(), maxMessage)}), Err: out.cause(err)}
}

// try sends one request and has the answer judged. What must not be repeated
// in any text is added to out.
func try[T any](ctx context.Context, c *Client, u *url.URL, cred Credential, out *redactor, judge func(answer, Credential, *redactor) (T, *Error)) (value T, clock Clock, err error) {
	out.addCredential(cred, c.knows(cred))
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	r, err := http.NewRequestWithContext(limited, http.MethodGet, u.String(), nil)
	if err != nil {
		return value, clock, &Error{Kind: Failed, Reason: reason.New(reason.RequestNotMade, nil), Err: out.cause(err)}
	}
	r.Header.Set("User-Agent", c.userAgent)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Project-Id", c.projectID)
	sent := time.Now()
	out.add(secret.New(cred.apply(r, sent)))

	a, err := exchange(c.transport, r)
	if err != nil {
		if ctx.Err() != nil {
			return value, clock, ended(ctx)
		}
		f := netfault.Explain(err, netfault.Peer{Who: reason.New(reason.TheAPI, reason.Args{"host": c.base.Host}), Setting: "endpoint and region", Timeout: c.timeout})
		return value, clock, &Error{Kind: Failed, Status: a.Status, Reason: out.reason(f.Reason), Err: out.cause(err)}
	}
	value, failed := judge(a, cred, out)
	if failed != nil { // a nil *Error in an error would not be nil
		if failed.Code != "" || failed.Message != "" { // else it may be a proxy's clock
			failed.Clock = a.clock(sent)
		}
		return value, failed.Clock, failed
	}
	return value, a.clock(sent), nil
}
