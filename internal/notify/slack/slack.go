// Package slack carries messages to Slack: with a bot's token into a channel,
// where what follows goes into the thread of the first message and that one
// is edited to say how things stand, or to an incoming webhook, which takes
// plain messages.
//
// The wording is not made here. What is: what of it Slack can show, what must
// not act as markup, and what Slack's many ways of saying no mean.
package slack

import (
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// requestTimeout bounds one call. Slack's yes can be slow, and to take it for
// a no would post the message again. A further call of a delivery follows an
// answer, which rarely is.
const requestTimeout = 25 * time.Second

// New returns the receiver that the settings describe. It connects to nothing.
func New(s Settings) (notify.Sender, error) {
	for _, who := range s.Mention {
		if _, valid := Mention(who); !valid {
			return nil, errors.New("mention holds what is not a valid mention")
		}
	}
	// No connection is kept: messages are rare, and one that died meanwhile
	// would make it unknown whether the next message arrived.
	transport := httpclient.New(httpclient.Options{Timeout: requestTimeout, Proxy: s.Proxies.For})
	if s.WebhookURL.IsZero() {
		if s.Token.IsZero() || s.Channel == "" {
			return nil, errors.New("slack needs a token and a channel, or a webhook URL")
		}
		return &bot{settings: s, transport: transport}, nil
	}
	u, err := url.Parse(s.WebhookURL.Reveal())
	if err != nil || u.Host == "" {
		return nil, errors.New("the webhook URL is not a valid URL") // err would show it
	}
	// Slack's secret is in the path, and some servers echo the path alone.
	secrets := append(s.Proxies.Passwords(), s.WebhookURL, secret.New(strings.Trim(u.EscapedPath(), "/")))
	return &webhook{url: s.WebhookURL, secrets: secrets, mention: s.Mention, transport: transport}, nil
}

// limits is what fits into one message. What is shown in full is so in blocks,
// see layout: each of the items, the longest of them shortened, and whole in
// the text. A digest has in its text the worst in full (7,000 to 9,000 bytes)
// and all other names and IDs: together less than maxText. A name of 30
// characters and its ID are 68 bytes, so this is about 420 alerts. Slack
// takes one message a second in a channel.
func limits(threads bool, d *digests) notify.Limits {
	l := notify.Limits{Items: notify.InFull, Bytes: 13_000, Every: time.Second, Threads: threads}
	if !d.refused.Load() {
		l.Items, l.Names = 450, 30_000
	}
	return l
}

// digests is what is known of how Slack, or what stands for it, takes them.
type digests struct{ refused atomic.Bool }

// learn takes in that a message was not taken in any of its forms. If it was
// a digest, what comes next is no more than what is shown in full, and need
// not wait for a person.
func (d *digests) learn(p page, why *problem) {
	if p.lists != nil && why.looks() {
		d.refused.Store(true)
		why.refused = false
	}
}
