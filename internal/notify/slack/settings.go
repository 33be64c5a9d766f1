package slack

import (
	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// Settings says where and as whom to post: with a bot token into a channel,
// or to an incoming webhook.
type Settings struct {
	Token      secret.Text // with Channel; excludes WebhookURL
	Channel    string      // "#name" or an ID
	WebhookURL secret.Text // an incoming webhook, which knows its channel
	APIURL     string      // the base of Slack's Web API; empty for Slack's own
	// Mention lists whom a message wakes that tells of something critical: see
	// Mention. Nothing else in a message ever wakes anybody.
	Mention []string
	// Proxies names the proxy to post through; nil means none.
	Proxies *httpclient.Proxies
}
