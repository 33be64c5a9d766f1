package config

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// What can't be a value of its kind is warned of, because the forms of the
// cloud and of Slack are theirs to change. An evident exchange of two values
// is a problem: either would be sent where the other belongs.

var (
	accessKeyShape = regexp.MustCompile(`^[A-Z0-9]{20}$`)
	secretKeyShape = regexp.MustCompile(`^[A-Za-z0-9+/=]{40}$`)
	opaqueShape    = regexp.MustCompile(`^[A-Za-z0-9+/=_-]+$`)
	projectIDShape = regexp.MustCompile(`^[0-9a-f]{32}$`)
	assignment     = regexp.MustCompile(`^(export )?[A-Za-z_][A-Za-z0-9_]*=.`)
	wrongScheme    = regexp.MustCompile(`^(?i:env|file|credential)(:| :|=|//)`)
	placeholder    = regexp.MustCompile(`(?i)^(xoxb-)?(<.*>|\[.*\]|x{3,}|\*{3,}|\.{3,}|your[-_ ].*|.*replace[-_ ]?me.*|change[-_ ]?me|todo|tbd|example|placeholder|secret|password|(access|secret)[-_ ]?key|token|none|null|undefined|test)$`)
	apiPath        = regexp.MustCompile(`(?i)/(v\d+(\.\d+)?|instances|[0-9a-f]{32}|\{[^}]*\})(/|$)`)
)

// oddSecret says what is odd about the form of a secret, or "". It never
// repeats it.
func oddSecret(value string) string {
	quoted := func(q string) bool {
		return len(value) > 1 && strings.HasPrefix(value, q) && strings.HasSuffix(value, q)
	}
	switch {
	case strings.HasPrefix(value, "\ufeff"):
		return "begins with a byte order mark, which would be sent with it: save the file without one"
	case strings.Trim(value, " \t") != value:
		return "begins or ends with a space, which would be sent with it"
	case quoted(`"`), quoted("'"), quoted("`"):
		return "stands in quotes that would be sent with it: remove the inner quotes"
	case strings.HasPrefix(value, "${"), strings.HasPrefix(value, "$("), strings.HasPrefix(value, "{{"), strings.HasPrefix(value, "%{"), isVariable(strings.TrimPrefix(value, "$")) && strings.HasPrefix(value, "$"):
		return `looks like a variable, and nothing is put in its place: write "env:NAME"`
	case wrongScheme.MatchString(value):
		return `looks like a reference that is not written as one: it is "env:NAME", "file:PATH" or "credential:NAME", in small letters and without a space`
	case assignment.MatchString(value) && !strings.HasSuffix(value, "="):
		return "looks like NAME=VALUE: only the value belongs there"
	case strings.HasPrefix(value, "/"), strings.HasPrefix(value, "./"), strings.HasPrefix(value, "../"), strings.HasPrefix(value, "~/"):
		return `looks like a path: to have the secret read from a file write "file:PATH"`
	case isVariable(value):
		return `looks like the name of a variable: to have the secret taken from there write "env:NAME"`
	case placeholder.MatchString(value):
		return "looks like a placeholder: put the secret there"
	}
	return ""
}

// checkKeys checks the shapes of a key pair.
func (t *table) checkKeys(access, key secret.Text) {
	for _, odd := range oddKeys("access_key", "secret_key", access, key) {
		if odd.refused {
			t.Problem(odd.of, "%s", odd.why)
		} else {
			t.Warn(odd.of, "%s", odd.why)
		}
	}
}

// oddity is what is odd about the form of a value.
type oddity struct {
	of      string // the name of the value
	why     string
	refused bool // it must not be used
}

// oddKeys says what is odd about a key pair whose halves have these names.
func oddKeys(accessName, secretName string, access, key secret.Text) []oddity {
	ak, sk := strings.TrimSpace(access.Reveal()), strings.TrimSpace(key.Reveal())
	switch {
	case ak != "" && ak == sk:
		return []oddity{{secretName, "is the same as " + accessName + ": the two are different, and the secret key is shown only once, when the access key is made", true}}
	case isSecretKey(ak) && accessKeyShape.MatchString(sk):
		return []oddity{{accessName, accessName + " and " + secretName + " are exchanged: nothing is sent, lest the secret key be shown", true}}
	case isSecretKey(ak):
		return []oddity{{accessName, "has the form of a secret key (40 characters), and is not sent, lest it be shown: an access key has 20 capital letters and digits", true}}
	case accessKeyShape.MatchString(sk):
		return []oddity{{secretName, "has the form of an access key (20 capital letters and digits): a secret key has 40 characters", true}}
	}
	var odd []oddity
	if ak != "" && !accessKeyShape.MatchString(ak) && oddSecret(ak) == "" {
		odd = append(odd, oddity{accessName, "does not look like an access key, which has 20 capital letters and digits", false})
	}
	if sk != "" && !isSecretKey(sk) && oddSecret(sk) == "" {
		odd = append(odd, oddity{secretName, "does not look like a secret key, which has 40 letters and digits", false})
	}
	return odd
}

// isSecretKey reports whether a text has the form of a secret key.
func isSecretKey(s string) bool { return secretKeyShape.MatchString(s) }

// isKeyOrToken reports whether a text has the form of something that is not
// to be shown, whatever the key that it stands under.
func isKeyOrToken(s string) bool {
	s = strings.TrimSpace(s)
	mixed := strings.ContainsAny(s, "0123456789") && strings.ToLower(s) != s && strings.ToUpper(s) != s
	return len(s) >= 36 && mixed && opaqueShape.MatchString(s) && !isUUID(s) || isSecretKey(s) || accessKeyShape.MatchString(s) || strings.HasPrefix(s, "xox") || strings.HasPrefix(s, "xapp-") ||
		strings.Contains(s, "hooks.slack.com/")
}

// checkToken warns of tokens that can't post, or should not.
func (t *table) checkToken(token secret.Text) {
	s := token.Reveal()
	switch {
	case s == "" || oddSecret(s) != "":
	case strings.HasPrefix(s, "https://"):
		t.Problem("token", "is a URL: that of an incoming webhook belongs under webhook_url")
	case strings.HasPrefix(s, "xoxp-"):
		t.Warn("token", "is one of a person, in whose name the messages would come and with whom it ends: take the bot's, which begins with xoxb-")
	case strings.HasPrefix(s, "xoxe"):
		t.Warn("token", "is one that ends after twelve hours, or that only renews others: take the bot's, which begins with xoxb-, of an app without token rotation")
	case strings.HasPrefix(s, "xapp-"):
		t.Warn("token", "is one of an app, which can't post: take the bot's, which begins with xoxb-")
	case !strings.HasPrefix(s, "xoxb-"):
		t.Warn("token", "does not look like the token of a bot, which begins with xoxb-")
	}
}

// checkChannel warns of what can't be a channel.
func (t *table) checkChannel(s string) {
	switch {
	case strings.Contains(s, "://"):
		hint := ""
		if u, err := url.Parse(s); err == nil {
			if _, id, found := strings.Cut(u.Path, "/archives/"); found {
				id, _, _ = strings.Cut(id, "/")
				hint = ": write its ID, " + quote(id)
			}
		}
		t.Warn("channel", "is a link, which Slack does not take for a channel%s", hint)
	case strings.HasPrefix(s, "<"):
		t.Warn("channel", "is a channel as messages mention it: write its name or its ID alone")
	case strings.HasPrefix(s, "@"):
		t.Warn("channel", "is a person: write the ID of a channel, or of the conversation with that person")
	}
}

// checkHook warns of URLs of Slack that are not those of incoming webhooks.
func (t *table) checkHook(u *url.URL) {
	host := u.Hostname()
	switch {
	case host != "hooks.slack.com" && host != "hooks.slack-gov.com":
		if host == "slack.com" || strings.HasSuffix(host, ".slack.com") {
			t.Warn("webhook_url", "is a page of Slack: the URL of an incoming webhook begins with https://hooks.slack.com/services/")
		}
	case strings.HasPrefix(u.Path, "/workflows/"), strings.HasPrefix(u.Path, "/triggers/"):
		t.Warn("webhook_url", "is that of a workflow, which takes variables and no messages: make an incoming webhook, whose URL begins with https://hooks.slack.com/services/")
	case !strings.HasPrefix(u.Path, "/services/"):
		t.Warn("webhook_url", "is not that of an incoming webhook, which begins with https://hooks.slack.com/services/")
	}
}
