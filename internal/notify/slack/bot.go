package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/notify"
)

// client is what is used of Slack's Web API. slack-go changes its API in
// minor versions, and here is where that would show.
type client interface {
	// PostMessageContext posts a message, and returns the ID of its channel
	// and its timestamp. No error does not mean that Slack took it.
	PostMessageContext(ctx context.Context, channel string, options ...slackgo.MsgOption) (string, string, error)
	// UpdateMessageContext changes a message, found by the ID of its channel
	// and its timestamp. No error does not mean that it is changed.
	UpdateMessageContext(ctx context.Context, channelID, timestamp string, options ...slackgo.MsgOption) (string, string, string, error)
}

var _ client = (*slackgo.Client)(nil)

// bot posts as an app, by its token.
type bot struct {
	settings  Settings
	transport http.RoundTripper
	digests   digests
}

var _ notify.Editor = (*bot)(nil)

// place is where a message is: the receipt.
type place struct {
	Channel string `json:"channel"` // its ID
	TS      string `json:"ts"`
	// To is the channel as it was configured. When the configuration names
	// another one, what follows belongs there.
	To string `json:"to,omitempty"`
}

// Limits returns what one message can hold.
func (b *bot) Limits() notify.Limits { return limits(true, &b.digests) }

// Deliver posts a message, or a reply in the thread of the first one. The
// receipt is nil for a reply, and where Slack did not say where it put the
// message: then nothing can follow it.
func (b *bot) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	at, p := b.post(ctx, m)
	if p != nil {
		return nil, p.failure(b.settings.Channel, append(b.settings.Proxies.Passwords(), b.settings.Token)...)
	}
	if at == nil {
		return nil, nil
	}
	receipt, err := json.Marshal(at)
	if err != nil {
		return nil, &notify.Failure{Reason: "the receipt of Slack can't be written", Err: err}
	}
	return receipt, nil
}

// post posts a message, plainer and outside its thread if Slack will not have
// it otherwise. Each further try follows a no, so nothing is posted twice. It
// returns nil for a reply.
func (b *bot) post(ctx context.Context, m notify.Message) (*place, *problem) {
	page := layMessage(m, b.settings.Mention)
	forms := page.forms()
	thread := b.thread(m)
	for {
		at, p := b.send(ctx, m, forms[0], thread)
		switch {
		case p == nil:
			return at, nil
		case thread.TS != "" && p.gone():
			thread = place{}
		case p.looks() && len(forms) > 1:
			forms = forms[1:]
		case p.looks() && thread.TS != "":
			thread = place{}
		default:
			b.digests.learn(page, p)
			return nil, p
		}
	}
}

// thread returns the message that another one follows, if it can.
func (b *bot) thread(m notify.Message) place {
	if m.Thread == nil {
		return place{}
	}
	first, ok := parse(m.Thread.Receipt)
	if !ok || first.To != "" && first.To != b.settings.Channel {
		return place{}
	}
	return first
}

// send posts one form of a message.
func (b *bot) send(ctx context.Context, m notify.Message, f form, thread place) (*place, *problem) {
	options := f.options()
	if meta, ok := metadata(m); ok && f.blocks != nil {
		options = append(options, slackgo.MsgOptionMetadata(meta))
	}
	channel := b.settings.Channel
	if thread.TS != "" {
		channel = thread.Channel
		options = append(options, slackgo.MsgOptionTS(thread.TS))
		if inChannel(m) {
			options = append(options, slackgo.MsgOptionBroadcast())
		}
	}
	c, x := b.client()
	_, _, err := c.PostMessageContext(ctx, channel, options...)
	posted, p := judge(x, err)
	if p != nil {
		return nil, p
	}
	// Where the first message is gone, Slack may post a reply as a message of
	// its own. Then that is the one to follow.
	alone := posted.Message.TS != "" && posted.Message.ThreadTS == ""
	if posted.TS == "" || posted.Channel == "" || thread.TS != "" && !alone {
		return nil, nil
	}
	return &place{posted.Channel, posted.TS, b.settings.Channel}, nil
}

// Edit changes an earlier message so that it says how things stand, in a
// plainer form if Slack will not have it otherwise. Its metadata stays as it
// is.
func (b *bot) Edit(ctx context.Context, r notify.Revision) error {
	at, ok := parse(r.Receipt)
	if !ok {
		return &notify.Failure{Gone: true, Reason: "the receipt of the message can't be read"}
	}
	var p *problem
	for _, f := range layRevision(r).edits() {
		c, x := b.client()
		_, _, _, err := c.UpdateMessageContext(ctx, at.Channel, at.TS, f.options()...)
		if _, p = judge(x, err); p == nil {
			return nil
		}
		if !p.looks() {
			break
		}
	}
	f := b.failure(p)
	f.Gone, f.Refused = p.gone(), p.uneditable()
	return f
}

func (b *bot) failure(p *problem) *notify.Failure {
	return p.failure(b.settings.Channel, append(b.settings.Proxies.Passwords(), b.settings.Token)...)
}

// inChannel reports whether a reply is to be shown in the channel too: what
// is new is, and so is the reminder of what is critical, since hardly anybody
// follows a thread for weeks.
func inChannel(m notify.Message) bool { return !m.RemindersOnly || critical(m) }

// client returns a client for one call, and what keeps the answer.
func (b *bot) client() (client, *exchange) {
	x := &exchange{next: b.transport}
	options := []slackgo.Option{slackgo.OptionHTTPClient(x.client())}
	if b.settings.APIURL != "" {
		options = append(options, slackgo.OptionAPIURL(strings.TrimRight(b.settings.APIURL, "/")+"/"))
	}
	return slackgo.New(b.settings.Token.Reveal(), options...), x
}

// parse reads a receipt. One that can't be read is that of a message that
// can't be found.
func parse(receipt json.RawMessage) (place, bool) {
	var at place
	err := json.Unmarshal(receipt, &at)
	return at, err == nil && at.Channel != "" && at.TS != ""
}
