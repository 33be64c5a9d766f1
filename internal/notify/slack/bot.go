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
}

var _ notify.Receiver = (*bot)(nil)

// place is where a message is: the receipt.
type place struct {
	Channel string `json:"channel"` // its ID
	TS      string `json:"ts"`
	// To is the channel as it was configured. When the configuration names
	// another one, what follows belongs there.
	To string `json:"to,omitempty"`
}

// Limits returns what one message can hold.
func (b *bot) Limits() notify.Limits { return limits(true) }

// Deliver posts a message, or a reply in the thread of the first one after
// that was edited. The receipt is nil for a reply.
func (b *bot) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	at, p := b.deliver(ctx, m)
	if p != nil {
		return nil, p.failure(b.settings.Channel, append(b.settings.Proxies.Passwords(), b.settings.Token)...)
	}
	b.editOthers(ctx, m)
	if at == nil {
		return nil, nil
	}
	receipt, err := json.Marshal(at)
	if err != nil {
		return nil, &notify.Failure{Reason: "the receipt of Slack can't be written", Err: err}
	}
	return receipt, nil
}

// editOthers brings other earlier messages up to date, as far as that goes.
// The news has been told by now: that an older message still says what was so
// before is no reason to tell it twice.
func (b *bot) editOthers(ctx context.Context, m notify.Message) {
	for _, t := range m.Edits {
		first, ok := parse(t.Receipt)
		if !ok {
			continue
		}
		if p := b.edit(ctx, first, t, m); p != nil && !p.gone() && !p.particular() {
			return // the next would fare no better, and Slack counts them
		}
	}
}

// deliver returns where a message is that others can follow, nil for a reply.
func (b *bot) deliver(ctx context.Context, m notify.Message) (*place, *problem) {
	if m.Thread == nil {
		return b.post(ctx, m, place{})
	}
	first, ok := parse(m.Thread.Receipt)
	switch {
	case !ok:
		return b.post(ctx, m, place{})
	case first.To != "" && first.To != b.settings.Channel:
		at, p := b.post(ctx, m, place{})
		if p == nil {
			_ = b.edit(ctx, first, *m.Thread, m) // a courtesy to those who are still there
		}
		return at, p
	}
	if p := b.edit(ctx, first, *m.Thread, m); p != nil {
		switch {
		case p.gone():
			return b.post(ctx, m, place{})
		case !p.particular():
			return nil, p // the reply would fare no better; both are tried again
		}
	}
	at, p := b.post(ctx, m, first)
	if p != nil && p.gone() {
		return b.post(ctx, m, place{})
	}
	return at, p
}

// post posts a message into the thread of another, or into the channel if
// there is none. It returns nil for a reply.
func (b *bot) post(ctx context.Context, m notify.Message, thread place) (*place, *problem) {
	laid := layMessage(m)
	options := []slackgo.MsgOption{slackgo.MsgOptionBlocks(laid.blocks...)}
	if meta, ok := metadata(m); ok {
		options = append(options, slackgo.MsgOptionMetadata(meta))
	}
	at, p := b.send(ctx, laid.text, thread, !m.Aside, options...)
	if p != nil && p.misshapen() {
		// Nothing was posted, because of how it was to look. How it looks is
		// not worth an alert: the text alone tells it.
		at, p = b.send(ctx, laid.text, thread, !m.Aside)
	}
	return at, p
}

func (b *bot) send(ctx context.Context, text string, thread place, broadcast bool, more ...slackgo.MsgOption) (*place, *problem) {
	options := append(literally(text), more...)
	channel := b.settings.Channel
	if thread.TS != "" {
		channel = thread.Channel
		options = append(options, slackgo.MsgOptionTS(thread.TS))
		if broadcast {
			options = append(options, slackgo.MsgOptionBroadcast())
		}
	}
	c, x := b.client()
	_, _, err := c.PostMessageContext(ctx, channel, options...)
	if p := judge(x, err); p != nil {
		return nil, p
	}
	posted, _ := x.answer()
	// Where the first message is gone, Slack may post a reply as a message of
	// its own. Then that is the one to follow.
	alone := posted.Message.TS != "" && posted.Message.ThreadTS == ""
	if thread.TS != "" && !alone {
		return nil, nil
	}
	return &place{posted.Channel, posted.TS, b.settings.Channel}, nil
}

// edit changes an earlier message so that it says how things stand. Doing it
// twice is doing it once. Its metadata stays as it is.
func (b *bot) edit(ctx context.Context, at place, t notify.Thread, m notify.Message) *problem {
	laid := layThread(t, m)
	options := append(literally(laid.text), slackgo.MsgOptionBlocks(laid.blocks...))
	c, x := b.client()
	_, _, _, err := c.UpdateMessageContext(ctx, at.Channel, at.TS, options...)
	return judge(x, err)
}

// literally is the fallback text, and that Slack is to read nothing into it.
func literally(text string) []slackgo.MsgOption {
	return []slackgo.MsgOption{
		slackgo.MsgOptionText(text, false), // it is escaped
		slackgo.MsgOptionParse(false),
		slackgo.MsgOptionDisableLinkUnfurl(),
		slackgo.MsgOptionDisableMediaUnfurl(),
	}
}

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
