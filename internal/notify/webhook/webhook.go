// Package webhook carries messages to whatever understands the webhook of
// Prometheus' Alertmanager: JSON of its version 4, one alert for each notice.
//
// The wording is not made here. What is: which label and annotation each part
// of it is, and what an answer means.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// requestTimeout bounds one post. A yes can be slow, and to take it for a no
// would post the alerts again.
const requestTimeout = 25 * time.Second

// Settings say where to post, and how to show who posts.
type Settings struct {
	// Name is that of the receiver, as it is in the posts.
	Name string
	// URL is where to post. It is a secret, since many have a token in it.
	URL secret.Text
	// Authorization is the whole value of that header; zero for none.
	Authorization secret.Text
	// SigningKey is the key of the signature; zero for none.
	SigningKey secret.Text
	// Proxies names the proxy to post through; nil for none.
	Proxies *httpclient.Proxies
}

// receiver posts to one URL.
type receiver struct {
	settings  Settings
	host      string
	secrets   []secret.Text
	transport http.RoundTripper
}

var _ notify.Sender = (*receiver)(nil)

// New returns the receiver that the settings describe. It connects to nothing.
func New(s Settings) (notify.Sender, error) {
	u, err := url.Parse(s.URL.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the URL is not one of HTTP") // err would show it
	}
	// What of the URL would be enough for somebody else is a secret, too.
	secrets := append(s.Proxies.Passwords(), s.URL, s.Authorization, s.SigningKey)
	for _, part := range []string{strings.Trim(u.EscapedPath(), "/"), u.RawQuery} {
		if part != "" {
			secrets = append(secrets, secret.New(part))
		}
	}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, secret.New(password))
	}
	// No connection is kept: posts are rare, and one that died meanwhile would
	// make it unknown whether the next one arrived.
	transport := httpclient.New(httpclient.Options{Timeout: requestTimeout, Proxy: s.Proxies.For})
	return &receiver{settings: s, host: u.Host, secrets: secrets, transport: transport}, nil
}

// Limits returns what one post can hold. All of it is shown in full: who reads
// it is a program, to which each alert is one.
func (r *receiver) Limits() notify.Limits {
	return notify.Limits{Items: notify.InFull, Bytes: 100_000}
}

// Deliver posts a message. There is no receipt.
func (r *receiver) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	body, err := json.Marshal(payloadOf(m, r.settings.Name))
	if err != nil {
		return nil, &notify.Failure{Refused: true, Reason: "the alerts can't be written as JSON: " + err.Error()}
	}
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodPost, r.settings.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return nil, &notify.Failure{Refused: true, Reason: "the request can't be made: check url"} // err would show it
	}
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "sslwatch")
	h.Set("Idempotency-Key", m.ID)
	if a := r.settings.Authorization; !a.IsZero() {
		h.Set("Authorization", a.Reveal())
	}
	if key := r.settings.SigningKey; !key.IsZero() {
		h.Set(SignatureHeader, Sign(key, body))
	}
	a, err := httpclient.Do(r.transport, request, func(int) int64 { return 64 << 10 })
	if err == nil {
		err = judge(a)
	} else if ctx.Err() == nil {
		err = r.unanswered(err)
	}
	return nil, r.redact(err)
}

// SignatureHeader holds the signature. Its name and its making are GitHub's,
// which most libraries for webhooks can verify.
const SignatureHeader = "X-Hub-Signature-256"

// Sign returns the signature of a body: "sha256=" and the HMAC-SHA256 of it in
// hexadecimal.
func Sign(key secret.Text, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
