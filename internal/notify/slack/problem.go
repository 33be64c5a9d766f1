package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// problem is why one call did not do what it should.
type problem struct {
	// name is Slack's own, empty where it did not get as far as that.
	name string
	// what says what Slack did, in words that follow its name.
	what    string
	refused bool
	// unknown is set where the message may have been taken all the same.
	unknown    bool
	retryAfter time.Duration
	// cause is set where there was no answer. It holds no URL, since that of a
	// webhook is a secret.
	cause error
}

// between is where to look when an answer is not Slack's.
const between = "is there a proxy or a login page in between?"

// judge finds out how a call of the Web API ended: with an answer if well.
// err is what slack-go made of it, and not enough: {} and {"ok":false} are no
// error to it, and a part of a yes that it can't read is.
func judge(x *exchange, err error) (answer, *problem) {
	switch {
	case x.status == http.StatusTooManyRequests:
		return answer{}, tooMany(x)
	case !x.well():
		return answer{}, unanswered(x, err)
	}
	a, whole := x.answer()
	switch {
	case a.OK != nil && *a.OK:
		return a, nil
	case tooManyName(a.Error):
		return a, tooMany(x)
	case a.Error != "":
		return a, named(a)
	case x.isPage():
		return a, &problem{what: "gave a web page for an answer; " + between}
	case a.OK != nil:
		return a, &problem{what: "did not take the message, and did not say why"}
	case x.broken != nil && !errors.Is(x.broken, errTooLarge):
		return a, broken(err)
	case !whole:
		return a, &problem{unknown: true, what: "gave an answer that is not JSON, and does not say whether the message was taken; " + between}
	}
	return a, &problem{unknown: true, what: "gave an answer that does not say whether the message was taken; " + between}
}

// judgeWebhook is judge for a webhook. Its yes is "ok"; what stands for it
// may put it in other words, and what is between may drop the words. So every
// answer of success is a yes that says nothing else.
func judgeWebhook(x *exchange, err error) *problem {
	said := strings.TrimSpace(string(x.body))
	switch {
	case x.status == http.StatusTooManyRequests || tooManyName(said):
		return tooMany(x)
	case x.status != 0 && x.status < 500 && isName(said) && (!x.well() || isKnown(said)):
		return named(answer{Error: said})
	case !x.well():
		return unanswered(x, err)
	case x.isPage():
		return &problem{what: "gave a web page for an answer; " + between}
	}
	var a struct {
		OK, Success   *bool
		Error, Errors any
	}
	_ = json.Unmarshal(x.body, &a) // not JSON, it says nothing of this
	name, isText := a.Error.(string)
	switch {
	case tooManyName(name):
		return tooMany(x)
	case name != "":
		return named(answer{Error: name})
	case a.OK != nil && !*a.OK, a.Success != nil && !*a.Success, a.Error != nil && !isText, a.Errors != nil && len(fmt.Sprint(a.Errors)) > len("[]"):
		return &problem{what: "did not take the message: " + said}
	case x.broken != nil && said != "ok":
		return broken(err)
	}
	return nil
}

// broken is an answer of which a part is missing.
func broken(err error) *problem {
	p := &problem{}
	p.unreached(err)
	return p
}

// named is ok:false with an error's name.
func named(a answer) *problem {
	p := &problem{name: a.Error, what: "answered " + a.Error, unknown: isHalfDone(a.Error)}
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
	case x.status == http.StatusServiceUnavailable, x.status == http.StatusRequestTimeout, x.status == http.StatusTooEarly:
		p.what = fmt.Sprintf("answered HTTP %d", x.status)
	case x.status >= 500:
		p.what = fmt.Sprintf("answered HTTP %d", x.status)
		p.unknown = true // it may have failed after it had taken the message
	case x.status == http.StatusProxyAuthRequired:
		p.what = "answered HTTP 407: the proxy on the way wants a user name and password; put them into HTTPS_PROXY"
		p.refused = true
	case x.status >= 400:
		p.what = fmt.Sprintf("answered HTTP %d; are the URL and the proxy right?", x.status)
		p.refused = true
	case x.status != 0:
		p.what = fmt.Sprintf("answered HTTP %d; %s", x.status, between)
	default:
		p.unreached(err)
	}
	return p
}

// unreached is a call that no answer came to, or not the whole of it.
func (p *problem) unreached(err error) {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // u's own text has the URL
	}
	p.cause = err
	fault := netfault.Explain(err, netfault.Peer{Who: reason.Text("it"), Setting: "api_url or webhook_url", Timeout: requestTimeout})
	p.unknown = fault.Sent
	switch {
	case errors.Is(err, context.Canceled):
		p.what = "was not waited for, since sslwatch stops"
		return
	case errors.Is(err, errTooLarge):
		p.what = "gave an answer far too large to be Slack's; " + between
		p.unknown = false
		return
	}
	p.refused = fault.Lasting
	p.what = "can't be reached: " + fault.String()
	var timeout net.Error
	switch {
	case p.unknown && errors.As(err, &timeout) && timeout.Timeout():
		p.what = "gave no answer in time; it is not known whether the message arrived"
	case p.unknown:
		p.what = "did not answer in full; it is not known whether the message arrived: " + fault.String()
	}
}

// gone reports whether the first message can't be followed any more, because
// it or its channel is gone or takes no replies: what follows is posted anew.
func (p *problem) gone() bool {
	switch p.name {
	case "message_not_found", "thread_not_found", "channel_not_found", "is_archived",
		"cannot_reply_to_message", "restricted_action_non_threadable_channel", "restricted_action_thread_locked":
		return true
	}
	return false
}

// looks reports whether Slack's no may be about how a message is laid out, so
// that a plainer one may pass. A name that is not known may be about anything.
func (p *problem) looks() bool {
	if p.name == "" || isPassing(p.name) {
		return false
	}
	advice, refused := meaning(p.name)
	return advice == ourFault || !refused
}

// uneditable reports whether an edit failed for good: what is wrong is with
// that message, and neither passes nor is mended by another token.
func (p *problem) uneditable() bool {
	return p.name != "" && !isPassing(p.name) && !isCredential(p.name)
}

// tooManyName reports whether a name asks for fewer messages.
func tooManyName(name string) bool {
	switch name {
	case "ratelimited", "rate_limited", "message_limit_exceeded":
		return true
	}
	return false
}

// isPassing reports whether an error is about the moment.
func isPassing(name string) bool {
	switch name {
	case "service_unavailable", "request_timeout", "update_failed", "team_added_to_org", "external_channel_migrating",
		"org_login_required", "rollup_error", "timeout":
		return true
	}
	return tooManyName(name) || isHalfDone(name)
}

// isHalfDone reports whether Slack says of an error that a part of what was
// asked may have been done.
func isHalfDone(name string) bool { return name == "internal_error" || name == "fatal_error" }

// isCredential reports whether an error is about the token itself.
func isCredential(name string) bool {
	switch name {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive",
		"not_allowed_token_type", "access_denied", "accesslimited", "no_permission", "ekm_access_denied",
		"team_access_not_granted", "missing_scope", "two_factor_setup_required":
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
	return &notify.Failure{Refused: p.refused, Unknown: p.unknown, RetryAfter: p.retryAfter, Reason: reason, Err: p.cause}
}

// isName reports whether a body is the name of an error, and no web page.
func isName(s string) bool {
	return s != "" && s != "ok" && len(s) < 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// isKnown reports whether a name is that of an error for sure.
func isKnown(name string) bool {
	advice, _ := meaning(name)
	return advice != "" || isPassing(name)
}

// ourFault is the advice where only a change of sslwatch helps.
const ourFault = "this is a fault of sslwatch, please report it"

// meaning says what a person can do about an error of Slack's, and whether
// only a person can. What it does not know may well pass, and is tried again.
func meaning(name string) (advice string, refused bool) {
	const installAnew = "install the app to the workspace again, put its bot token (xoxb-…) into token, and reload"
	switch name {
	case "invalid_auth", "not_authed":
		return "put the app's present bot token (xoxb-…) into token, and reload", true
	case "token_revoked":
		return "the token was revoked: " + installAnew, true
	case "account_inactive":
		return "the app was removed from the workspace, or the workspace is gone: " + installAnew, true
	case "token_expired":
		return "the app rotates its tokens, which sslwatch can't take part in: put the bot token (xoxb-…) of an app without token rotation into token, and reload", true
	case "not_allowed_token_type":
		return "this kind of token can't post messages: put the bot token (xoxb-…) from the app's page OAuth & Permissions into token, not an app-level (xapp-), user (xoxp-) or configuration (xoxe-) token, and reload", true
	case "missing_scope":
		return "add the scope chat:write to the app's bot token scopes, install the app again, and put its new token into token", true
	case "no_permission":
		return "invite the app to the channel: /invite @app; if it is there, an administrator of the workspace has to allow it to post", true
	case "team_access_not_granted":
		return "the app is not installed in the channel's workspace: have an administrator of the organisation add it there", true
	case "accesslimited":
		return "the API may not be used from this machine's address: have an administrator allow it", true
	case "access_denied", "ekm_access_denied", "enterprise_is_restricted", "two_factor_setup_required":
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
	case "parameter_validation_failed", "invalid_trigger_inputs", "invalid_workflow_input", "trigger_not_found", "invalid_trigger_type":
		return "this URL starts a workflow: make an incoming webhook (https://hooks.slack.com/services/…), and put its URL into webhook_url", true
	case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "block_mismatch", "no_text",
		"invalid_payload", "invalid_arguments", "invalid_arg_name", "invalid_form_data", "invalid_json",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
		"too_many_attachments", "attachment_payload_limit_exceeded", "invalid_attachments", "markdown_text_conflict", "missing_text_or_fallback_or_attachments":
		return ourFault, true
	case "unknown_method", "deprecated_endpoint", "method_deprecated":
		return "check api_url", true
	}
	return "", false
}
