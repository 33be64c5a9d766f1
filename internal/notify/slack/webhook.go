package slack

import (
	"context"
	"encoding/json"
	"net/http"

	slackgo "github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// webhook posts to an incoming webhook, which knows its channel, and of whose
// messages nothing is heard again: no thread, no edit.
type webhook struct {
	url       secret.Text
	secrets   []secret.Text // the URL, and what of it would be enough
	transport http.RoundTripper
}

var _ notify.Receiver = (*webhook)(nil)

// Limits returns what one message can hold.
func (w *webhook) Limits() notify.Limits { return limits(false) }

// Deliver posts a message. There is no receipt.
func (w *webhook) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	laid := layMessage(m)
	p := w.post(ctx, laid.text, &slackgo.Blocks{BlockSet: laid.blocks})
	if p != nil && p.misshapen() {
		p = w.post(ctx, laid.text, nil) // as a bot does
	}
	if p != nil {
		return nil, p.failure("webhook", w.secrets...)
	}
	return nil, nil
}

func (w *webhook) post(ctx context.Context, text string, blocks *slackgo.Blocks) *problem {
	x := &exchange{next: w.transport}
	err := slackgo.PostWebhookCustomHTTPContext(ctx, w.url.Reveal(), x.client(), &slackgo.WebhookMessage{
		Text: text, Blocks: blocks, Parse: "none", UnfurlLinks: new(false), UnfurlMedia: new(false),
	})
	return judgeWebhook(x, err)
}
