package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
)

const (
	// maxAnswer is far above any answer to a message of ours.
	maxAnswer = 1 << 20
	// throttled is how long to wait after "too many" that does not say.
	throttled = 30 * time.Second
)

// errTooLarge is an answer that no Slack would give.
var errTooLarge = errors.New("the answer is too large")

// exchange carries one request and keeps of the answer what slack-go drops:
// the status, the Retry-After in either of its forms, and the body.
type exchange struct {
	next http.RoundTripper

	status     int // 0: no answer came
	body       []byte
	broken     error // why the body ends before its end
	retryAfter time.Duration
}

var _ http.RoundTripper = (*exchange)(nil)

// client returns an HTTP client for one request. It follows no redirect: a
// POST would become a GET, and the 200 of a login page a delivery.
func (x *exchange) client() *http.Client {
	return &http.Client{
		Transport:     x,
		Timeout:       requestTimeout,
		CheckRedirect: httpclient.NoRedirect,
	}
}

// RoundTrip reads the answer to its end, or fails.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := x.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	x.status = response.StatusCode
	x.retryAfter = httpclient.RetryAfter(response.Header, time.Now())
	x.body, x.broken = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if len(x.body) > maxAnswer {
		x.broken = errTooLarge
	}
	if x.broken != nil {
		return nil, x.broken
	}
	response.Body = io.NopCloser(bytes.NewReader(x.body))
	return response, nil
}

// well reports whether the status is one of success.
func (x *exchange) well() bool { return x.status >= 200 && x.status < 300 }

// isPage reports whether the answer is a web page: of a proxy, or a login
// page. Slack's own answers may call themselves HTML and are none.
func (x *exchange) isPage() bool {
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(x.body, []byte("\ufeff"))))
	return bytes.HasPrefix(text, []byte("<")) || bytes.Contains(text, []byte("<html")) || bytes.Contains(text, []byte("<!doctype"))
}

// answer is what matters of the Web API's answer to a message.
type answer struct {
	OK       *bool  `json:"ok"` // nil where it does not say
	Error    string `json:"error"`
	Needed   string `json:"needed"` // the scope that is missing
	Metadata struct {
		Messages []string `json:"messages"` // what is wrong with the blocks
	} `json:"response_metadata"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	Message struct {
		TS       string `json:"ts"`
		ThreadTS string `json:"thread_ts"`
	} `json:"message"`
}

// answer reads the answer, as far as it came. slack-go reads much more of it,
// and stumbles over a part that it does not know, or over an end that is
// missing: a message that was taken would be posted again, and again.
func (x *exchange) answer() (a answer, whole bool) {
	if x.broken == nil && json.Unmarshal(x.body, &a) == nil {
		return a, true
	}
	// What is wrong may be in a part that does not matter, or the end is
	// missing: the fields are in order of appearance, and each is whole.
	a = answer{}
	d := json.NewDecoder(bytes.NewReader(x.body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return a, false
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return a, false
		}
		to := map[any]any{"ok": &a.OK, "error": &a.Error, "needed": &a.Needed, "channel": &a.Channel, "ts": &a.TS,
			"message": &a.Message, "response_metadata": &a.Metadata}[name]
		if to != nil && json.Unmarshal(value, to) != nil && name == "ok" {
			a.OK = nil // neither a yes nor a no
		}
	}
	return a, x.broken == nil
}
