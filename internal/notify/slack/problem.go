package slack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// problem is why one call did not do what it should.
type problem struct {
	// name is Slack's own, empty where it did not get as far as that.
	name string
	// what says what Slack did, in words that follow its name.
	what       string
	refused    bool
	retryAfter time.Duration
	// cause is set where there was no answer. It holds no URL, since that of a
	// webhook is a secret.
	cause error
}

// judge finds out how a call of the Web API ended: nil if well. err is what
// slack-go made of it, and not enough: {} and {"ok":false} are no error to it.
func judge(x *exchange, err error) *problem {
	switch {
	case x.status == http.StatusTooManyRequests:
		return tooMany(x)
	case x.status != http.StatusOK:
		return unanswered(x, err)
	}
	a, bad := x.answer()
	switch {
	case bad != nil:
		return &problem{what: "gave an answer that is no JSON; is there a proxy or a login page in between?"}
	case a.OK && a.TS != "":
		return nil
	case a.Error == "ratelimited", a.Error == "rate_limited":
		return tooMany(x)
	case !a.OK && a.Error != "":
		return named(a)
	}
	return &problem{what: "gave an answer that does not say that the message was taken"}
}

// judgeWebhook is judge for a webhook, where slack-go takes any 200 for a
// yes and drops what the answer says.
func judgeWebhook(x *exchange, err error) *problem {
	said := strings.TrimSpace(string(x.body))
	switch {
	case x.status == http.StatusOK && string(x.body) == "ok":
		return nil
	case x.status == http.StatusTooManyRequests || said == "rate_limited" || said == "ratelimited":
		return tooMany(x)
	case x.status == http.StatusOK:
		return &problem{what: `gave an answer that is not "ok"; is there a proxy or a login page in between?`}
	case x.status != 0 && x.status < 500 && isName(said):
		_, refused := meaning(said)
		return &problem{name: said, what: "answered " + said, refused: refused}
	}
	return unanswered(x, err)
}

// named is ok:false with an error's name.
func named(a answer) *problem {
	p := &problem{name: a.Error, what: "answered " + a.Error}
	if a.Needed != "" {
		p.what += ", and needs the scope " + a.Needed
	}
	if more := a.Metadata.Messages; len(more) > 0 {
		p.what += " (" + strings.Join(more, "; ") + ")"
	}
	_, p.refused = meaning(a.Error)
	return p
}

func tooMany(x *exchange) *problem {
	p := &problem{name: "ratelimited", what: "asks for fewer messages", retryAfter: x.retryAfter}
	if p.retryAfter == 0 {
		p.retryAfter = throttled
	}
	return p
}

// unanswered is what did not get as far as an answer of Slack's own.
func unanswered(x *exchange, err error) *problem {
	p := &problem{retryAfter: x.retryAfter}
	switch {
	case x.status >= 500, x.status == http.StatusRequestTimeout, x.status == http.StatusTooEarly:
		p.what = fmt.Sprintf("answered HTTP %d", x.status)
	case x.status >= 400:
		p.what = fmt.Sprintf("answered HTTP %d; are the URL and the proxy right?", x.status)
		p.refused = true
	case x.status != 0:
		p.what = fmt.Sprintf("answered HTTP %d; is there a proxy or a login page in between?", x.status)
	default:
		p.unreached(err)
	}
	return p
}

// unreached is a call that no answer came to.
func (p *problem) unreached(err error) {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // u's own text has the URL
	}
	p.cause = err
	switch {
	case errors.Is(err, context.Canceled):
		p.what = "was not waited for, since sslwatch stops"
		return
	case errors.Is(err, errTooLarge):
		p.what = "gave an answer far too large to be Slack's"
		return
	}
	fault := netfault.Explain(err, netfault.Peer{Name: "it", Setting: "api_url or webhook_url", Timeout: requestTimeout})
	p.refused = fault.Lasting
	p.what = "can't be reached, or the connection broke: " + fault.String()
	var timeout net.Error
	if fault.Sent && errors.As(err, &timeout) && timeout.Timeout() {
		p.what = "gave no answer in time; it is not known whether the message arrived"
	}
}

// gone tells whether the first message can't be followed any more, because
// it or its channel is gone or takes no replies: what follows is posted anew.
func (p *problem) gone() bool {
	switch p.name {
	case "message_not_found", "thread_not_found", "channel_not_found", "is_archived",
		"cannot_reply_to_message", "restricted_action_non_threadable_channel", "restricted_action_thread_locked":
		return true
	}
	return false
}

// misshapen tells whether Slack objects to how a message is laid out, so that
// a plainer one may pass.
func (p *problem) misshapen() bool {
	switch p.name {
	case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "block_mismatch",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
		"invalid_payload":
		return true
	}
	return false
}

// particular tells whether the problem is with this edit alone, so that
// something else may well succeed right after.
func (p *problem) particular() bool {
	switch p.name {
	case "cant_update_message", "edit_window_closed", "update_failed", "is_inactive", "not_in_channel", "missing_scope":
		return true
	}
	return p.misshapen() || p.name != "" && p.refused && !credential(p.name)
}

// credential tells whether an error is about the token itself.
func credential(name string) bool {
	switch name {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive",
		"not_allowed_token_type", "access_denied", "no_permission", "ekm_access_denied":
		return true
	}
	return false
}

// failure puts the problem into words for people.
func (p *problem) failure(where string, secrets ...secret.Text) *notify.Failure {
	reason := "Slack (" + where + ") " + p.what
	advice, _ := meaning(p.name)
	// Before the cut, or a part of a secret might be left.
	reason = plain(secret.Redact(reason, secrets...), 800)
	if advice != "" {
		reason += ": " + advice
	}
	return &notify.Failure{Refused: p.refused, RetryAfter: p.retryAfter, Reason: reason, Err: p.cause}
}

// isName tells whether a body is the name of an error, and no web page.
func isName(s string) bool {
	return s != "" && len(s) < 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// meaning says what a person can do about an error of Slack's, and whether
// only a person can. What it does not know may well pass, and is tried again.
func meaning(name string) (advice string, refused bool) {
	switch name {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type":
		return "put the app's present bot token (xoxb-…) into token, and reload", true
	case "missing_scope":
		return "add the scope chat:write to the app's bot token scopes, install the app again, and put its new token into token", true
	case "no_permission", "access_denied", "ekm_access_denied", "team_access_not_granted", "enterprise_is_restricted":
		return "an administrator of the workspace has to allow the app to post there", true
	case "channel_not_found":
		return "check the channel's name, and invite the app to it if it is private: /invite @app", true
	case "not_in_channel":
		return "invite the app to the channel: /invite @app", true
	case "is_archived", "channel_is_archived":
		return "the channel is archived: bring it back, or configure another one", true
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"posting_to_general_channel_denied", "action_prohibited", "channel_type_not_supported", "messages_tab_disabled":
		return "the app may not post there: change who may post in the channel, or configure another one", true
	case "no_service", "no_service_id", "no_active_hooks", "invalid_token", "no_team", "team_disabled", "user_not_found":
		return "the webhook was removed or switched off: make a new one, and put its URL into webhook_url", true
	case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "block_mismatch", "no_text",
		"invalid_payload", "invalid_arguments", "invalid_arg_name", "invalid_form_data", "invalid_json",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
		"too_many_attachments", "markdown_text_conflict":
		return "this is a fault of sslwatch, please report it", true
	case "unknown_method", "deprecated_endpoint", "method_deprecated":
		return "check api_url", true
	}
	return "", false
}
