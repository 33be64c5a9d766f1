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
	mention   []string
	transport http.RoundTripper
	digests   digests
}

var _ notify.Sender = (*webhook)(nil)

// Limits returns what one message can hold.
func (w *webhook) Limits() notify.Limits { return limits(false, &w.digests) }

// Deliver posts a message, in a plainer form if Slack will not have it
// otherwise. There is no receipt.
func (w *webhook) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	var p *problem
	page := layMessage(m, w.mention)
	for _, f := range page.forms() {
		if p = w.post(ctx, f); p == nil {
			return nil, nil
		}
		if !p.looks() {
			break
		}
	}
	w.digests.learn(page, p)
	return nil, p.failure("webhook", w.secrets...)
}

func (w *webhook) post(ctx context.Context, f form) *problem {
	x := &exchange{next: w.transport}
	message := &slackgo.WebhookMessage{Text: f.text, Parse: "none", UnfurlLinks: new(false), UnfurlMedia: new(false), Attachments: f.lists}
	if f.blocks != nil {
		message.Blocks = &slackgo.Blocks{BlockSet: f.blocks}
	}
	err := slackgo.PostWebhookCustomHTTPContext(ctx, w.url.Reveal(), x.client(), message)
	return judgeWebhook(x, err)
}
