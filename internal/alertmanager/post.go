package alertmanager

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/text"
)

const (
	// postTimeout bounds one post.
	postTimeout = 10 * time.Second
	// batch is how many alerts are in one post: proxies often take no more
	// than 1 MB.
	batch = 200
	// maxSaid bounds what is quoted of an answer.
	maxSaid = 200
)

// Settings describe one address of an Alertmanager.
type Settings struct {
	// URL is the address, without the path of the API.
	URL string
	// Username and Password are for basic auth, Token is a bearer token; zero
	// for none.
	Username string
	Password secret.Text
	Token    secret.Text
	// Roots are the certificates of the authorities to trust, in PEM; empty for
	// those of the machine.
	Roots string
	// PeerTimeout is how long a member of the cluster waits for each that comes
	// before it: --cluster.peer-timeout of Alertmanager.
	PeerTimeout time.Duration
	// Wording is how annotations are worded.
	Wording notify.Wording
	// Proxies names the proxy to post through; nil for none.
	Proxies *httpclient.Proxies
}

// transport returns what carries the posts.
func (s Settings) transport() http.RoundTripper {
	o := httpclient.Options{Timeout: postTimeout, Proxy: s.Proxies.For}
	if s.Roots != "" {
		o.Roots = x509.NewCertPool() // nobody is trusted if there is no certificate in it
		o.Roots.AppendCertsFromPEM([]byte(s.Roots))
	}
	return httpclient.New(o)
}

// errURL is said of a URL that the configuration should have refused.
var errURL = errors.New("its URL can't be read: check urls")

// post posts alerts. None is a post as well: it shows whether they would be
// taken. It returns for how long it was asked to wait, and why not all were
// taken. A post that fails does not keep the next from being tried, since one
// may be what Alertmanager objects to.
func (s Settings) post(ctx context.Context, transport http.RoundTripper, alerts []alert) (wait time.Duration, err error) {
	for first := true; first || len(alerts) > 0; first = false {
		n := min(batch, len(alerts))
		w, failed := s.postBatch(ctx, transport, alerts[:n])
		if alerts = alerts[n:]; failed == nil {
			continue
		}
		wait, err = max(wait, w), failed
		if refused := (*refusal)(nil); !errors.As(failed, &refused) {
			break
		}
	}
	return wait, err
}

// refusal is an answer that objects to what was posted. The rest of the same
// post may have been taken.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func (s Settings) postBatch(ctx context.Context, transport http.RoundTripper, alerts []alert) (wait time.Duration, err error) {
	body, err := json.Marshal(alerts)
	if err != nil {
		return 0, fmt.Errorf("the alerts can't be written as JSON: %w", err)
	}
	a, err := s.ask(ctx, transport, http.MethodPost, "/api/v2/alerts", body, 64<<10)
	if err != nil {
		return 0, err
	}
	return httpclient.RetryAfter(a.Header, a.At), s.redact(judge(a))
}

// ask sends one request to the API, and returns an answer whatever its status.
func (s Settings) ask(ctx context.Context, transport http.RoundTripper, method, path string, body []byte, most int64) (httpclient.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	base, err := url.Parse(s.URL)
	if err != nil {
		return httpclient.Response{}, errURL
	}
	r, err := http.NewRequestWithContext(ctx, method, httpclient.Under(base, path).String(), bytes.NewReader(body))
	if err != nil {
		return httpclient.Response{}, errURL
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("User-Agent", "sslwatch")
	switch {
	case !s.Token.IsZero():
		r.Header.Set("Authorization", "Bearer "+s.Token.Reveal())
	case s.Username != "":
		r.SetBasicAuth(s.Username, s.Password.Reveal())
	}
	a, err := httpclient.Do(transport, r, func(int) int64 { return most })
	if err != nil {
		who := reason.New(reason.TheAlertmanager, reason.Args{"host": base.Host})
		peer := netfault.Peer{Who: who, Setting: "urls", CAFile: "ca_file", Timeout: postTimeout}
		return httpclient.Response{}, s.redact(errors.New(netfault.Explain(err, peer).String()))
	}
	return a, nil
}

// judge says why an answer is none of success.
func judge(a httpclient.Response) error {
	answered := fmt.Sprintf("answered HTTP %d", a.Status)
	if said := text.Cut(text.Clean(string(a.Body)), maxSaid); said != "" {
		answered += " (" + said + ")"
	}
	switch {
	case a.Status < 300 && a.IsPage():
		return errors.New("gave a web page for an answer: is there a proxy or a login page in between? check urls")
	case a.Status < 300:
		return nil
	case a.Status < 400:
		return fmt.Errorf("answered HTTP %d, a redirect, which is not followed: write the address that it leads to in urls", a.Status)
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return errors.New(answered + ": check username, password and bearer_token")
	case a.Status == http.StatusProxyAuthRequired:
		return errors.New("answered HTTP 407: the proxy on the way wants a user name and password; put them into HTTPS_PROXY")
	case a.Status == http.StatusBadRequest, a.Status == http.StatusUnprocessableEntity:
		return &refusal{answered + ": it does not take all that was posted"}
	case a.Status == http.StatusTooManyRequests, a.Status >= 500:
		return errors.New(answered)
	}
	return errors.New(answered + ": check urls: is that the address of an Alertmanager with the API v2?")
}

// redact takes what is secret out of an error.
func (s Settings) redact(err error) error {
	if err == nil {
		return nil
	}
	said := secret.Redact(err.Error(), append(s.Proxies.Passwords(), s.Password, s.Token)...)
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return &refusal{said}
	}
	return errors.New(said)
}
