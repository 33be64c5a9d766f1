package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/text"
)

// maxSaid is how much of an answer is shown.
const maxSaid = 200

// judge finds out what an answer means: nil for a yes. Every 2xx is one but a
// web page, which a login portal gives.
func judge(a httpclient.Response) error {
	said := text.Cut(text.Clean(string(a.Body)), maxSaid)
	answered := fmt.Sprintf("answered HTTP %d", a.Status)
	if said != "" {
		answered += " (" + said + ")"
	}
	wait := httpclient.RetryAfter(a.Header, a.At)
	switch {
	case a.Status < 300 && a.IsPage():
		return &notify.Failure{Reason: "gave a web page for an answer: is there a proxy or a login page in between? check url"}
	case a.Status < 300:
		return nil
	case a.Status < 400:
		return &notify.Failure{Refused: true, Reason: fmt.Sprintf("answered HTTP %d, a redirect, which is not followed: write the address that it leads to in url", a.Status)}
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable:
		return &notify.Failure{Reason: answered + ", and takes no alerts for now", RetryAfter: wait}
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly:
		return &notify.Failure{Reason: answered, RetryAfter: wait}
	case a.Status >= 500: // it may have failed after it had taken them
		return &notify.Failure{Unknown: true, Reason: answered + "; it is not known whether it took the alerts", RetryAfter: wait}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return &notify.Failure{Refused: true, Reason: answered + ": check authorization, signing_key and url"}
	case a.Status == http.StatusProxyAuthRequired:
		return &notify.Failure{Refused: true, Reason: "answered HTTP 407: the proxy on the way wants a user name and password; put them into HTTPS_PROXY"}
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone, a.Status == http.StatusMethodNotAllowed:
		return &notify.Failure{Refused: true, Reason: answered + ": check url"}
	}
	return &notify.Failure{Refused: true, Reason: answered + ": it does not take what Alertmanager's webhook sends (version 4); check url"}
}

// unanswered is a post to which no answer came.
func (r *receiver) unanswered(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // u's own text has the URL
	}
	fault := netfault.Explain(err, netfault.Peer{Who: reason.Text("it"), Setting: "url", Timeout: requestTimeout})
	if fault.Sent {
		return &notify.Failure{Unknown: true, Err: err, Reason: "did not answer in full; it is not known whether it took the alerts: " + fault.String()}
	}
	return &notify.Failure{Refused: fault.Lasting, Err: err, Reason: "can't be reached: " + fault.String()}
}

// redact says who failed, and hides what is secret in what it said.
func (r *receiver) redact(err error) error {
	if f := (*notify.Failure)(nil); errors.As(err, &f) {
		f.Reason = "the webhook at " + r.host + " " + secret.Redact(f.Reason, r.secrets...)
	}
	return err
}
