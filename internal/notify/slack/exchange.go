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

	status     int // 0: there was no answer, or none that could be read to its end
	body       []byte
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
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, errTooLarge
	}
	x.status, x.body = response.StatusCode, body
	x.retryAfter = httpclient.RetryAfter(response.Header, time.Now())
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// answer is what matters of the Web API's answer to a message.
type answer struct {
	OK       bool   `json:"ok"`
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

// answer reads the answer. slack-go reads much more of it: should it stumble
// over a part that it does not know, a message that was taken would be posted
// again, and again.
func (x *exchange) answer() (answer, error) {
	var a answer
	err := json.Unmarshal(x.body, &a)
	return a, err
}
