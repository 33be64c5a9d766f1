package config

import (
	"cmp"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/notify/webhook"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// readReceivers reads all that are told. zone is that of those who have none
// of their own.
func (c *Config) readReceivers(root *table, zone *time.Location) {
	byName := map[string]toml.Key{}
	kinds := []struct {
		name, example string
		read          func(*table) []Receiver
	}{
		{"slack", "oncall", (*table).slack},
		{"email", "ops-mail", (*table).email},
		{"webhook", "pager", (*table).webhook},
		{"alertmanager", "cluster", (*table).alertmanager},
	}
	var tables []*table
	for _, kind := range kinds {
		for _, t := range root.Named(kind.name, kind.example) {
			if other, ok := byName[t.Name()]; ok {
				t.doc.Twice(other, t.Path(), "has the same name as %s: receivers need different names, since fallback and the state go by them")
			}
			if strings.ContainsRune(t.Name(), '/') {
				t.doc.Problem(t.Path(), "a receiver's name has no slash")
			}
			byName[t.Name()] = t.Path()
			common, wording := t.receiver(), notify.Wording{Zone: t.timezone(zone)}
			for _, r := range kind.read(t) {
				r.Name, r.Audience, r.Fallback, r.FallbackAfter = common.Name, common.Audience, common.Fallback, common.FallbackAfter
				r.Wording = wording
				c.Receivers = append(c.Receivers, r)
			}
			tables = append(tables, t)
		}
	}
	for _, t := range tables {
		t.fallback(byName)
	}
	absent := true
	for _, kind := range kinds {
		absent = absent && !root.Holds(kind.name)
	}
	if absent {
		root.doc.Problem(nil, "there is no receiver, so nobody would be told: add [slack.NAME], [email.NAME], [webhook.NAME] or [alertmanager.NAME]")
	}
	slices.SortFunc(c.Receivers, func(a, b Receiver) int { return cmp.Compare(a.ID, b.ID) })
}

// receiver reads what every kind of receiver has.
func (t *table) receiver() ledger.Receiver {
	r := ledger.Receiver{
		Name: t.Name(),
		Audience: ledger.Audience{
			MinSeverity: check.Severity(t.Choice("min_severity", string(check.Warning), string(check.Critical))),
			Match:       t.labels("match"),
		},
		Fallback:      t.Line("fallback"),
		FallbackAfter: t.duration("fallback_after", 5*time.Minute, 0, 30*check.Day),
	}
	if t.Given("fallback_after") && !t.Given("fallback") {
		t.Warn("fallback_after", "has no effect without fallback")
	}
	return r
}

// fallback checks the reference to another receiver.
func (t *table) fallback(byName map[string]toml.Key) {
	name, ok := t.Value("fallback").(string)
	switch _, exists := byName[name]; {
	case !ok || name == "" || tomlfile.Unfit(name) != "":
	case name == t.Name():
		t.Problem("fallback", "names the receiver itself: name another, or remove it")
	case !exists:
		var names []string
		for n := range byName {
			if n != t.Name() {
				names = append(names, n)
			}
		}
		slices.Sort(names)
		hint := tomlfile.DidYouMean(name, names)
		if hint == "" && len(names) > 0 {
			hint = ": there is " + strings.Join(names, ", ")
		}
		t.Problem("fallback", "there is no receiver %s%s", quote(name), hint)
	}
}

// slack reads a Slack channel.
func (t *table) slack() []Receiver {
	s := slack.Settings{
		Token:      t.secret("token"),
		Channel:    t.Line("channel"),
		WebhookURL: t.secret("webhook_url"),
		APIURL:     t.endpoint("api_url"),
		Mention:    t.mentions(),
	}
	switch {
	case t.Given("webhook_url"):
		t.ExcludeAll([]string{"token", "channel", "api_url"}, "webhook_url, which knows its channel")
		t.checkWebhook(s.WebhookURL)
	case t.Given("token"):
		t.Need("channel", `"#redis-oncall", or the channel's ID`)
		t.checkToken(s.Token)
		t.checkChannel(s.Channel)
		if strings.ContainsAny(s.Channel, " ,") {
			t.Problem("channel", "%s is not a valid channel: write one name or ID, and a table for each further channel", quote(s.Channel))
		}
	default:
		t.Problem("token", "is missing: write the bot's token and its channel, or the webhook_url of an incoming webhook")
	}
	return []Receiver{{Receiver: ledger.Receiver{ID: t.Name()}, Slack: &s}}
}

// mentions reads whom a critical alert wakes.
func (t *table) mentions() []string {
	var out []string
	for _, who := range t.Texts("mention", `["@here"]`) {
		_, valid := slack.Mention(who)
		switch {
		case !valid && strings.HasPrefix(who, "@"):
			t.Problem("mention", `%s can't be mentioned by name: write "@here", "@channel", or the ID of a person (U…) or of a user group (S…), from "Copy member ID" or "Copy group ID" in Slack`, quote(who))
		case !valid:
			t.Problem("mention", `%s is not a valid mention: write "@here", "@channel", or the ID of a person (U…) or of a user group (S…), such as "U0123456789"`, quote(who))
		case slices.Contains(out, who):
			t.Problem("mention", "%s is in the list twice", quote(who))
		default:
			out = append(out, who)
		}
	}
	return out
}

func (t *table) checkWebhook(text secret.Text) {
	if text.IsZero() {
		return // its problem is noted
	}
	u, why := parseURL(text.Reveal())
	if why != "" {
		t.Problem("webhook_url", "%s", why)
		return
	}
	t.warnPlain("webhook_url", u)
	t.checkHook(u)
}

// webhook reads the address of what understands Alertmanager's webhook.
func (t *table) webhook() []Receiver {
	s := webhook.Settings{
		Name: t.Name(), URL: t.secret("url"), Authorization: t.secret("authorization"), SigningKey: t.secret("signing_key"),
	}
	t.Need("url", `"credential:pager-url"`)
	if !s.URL.IsZero() {
		if u, why := parseHook(s.URL.Reveal()); why != "" {
			t.Problem("url", "%s", why)
		} else {
			t.warnPlain("url", u)
		}
	}
	return []Receiver{{Receiver: ledger.Receiver{ID: t.Name()}, Webhook: &s}}
}

// parseHook is parseURL for an address that may hold a user name and password.
func parseHook(s string) (u *url.URL, why string) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, "is not a URL: write https://HOST/PATH"
	}
	bare := *u
	bare.User = nil
	if _, why = parseURL(bare.String()); why != "" {
		return nil, why
	}
	return u, ""
}

// ports are the usual ones.
var ports = map[email.Security]int{email.STARTTLS: 587, email.Implicit: 465, email.None: 25}

// email reads a mail server and those who get mail from it, each of whom is
// a receiver.
func (t *table) email() []Receiver {
	s := email.Settings{
		Host:     t.Line("host"),
		Security: email.Security(t.Choice("tls", string(email.STARTTLS), string(email.Implicit), string(email.None))),
		CAFile:   t.file("ca_file"),
		HELO:     t.Line("helo"),
		Username: t.Line("username"),
		Password: t.secret("password"),
		From:     t.Line("from"),
	}
	s.Port = t.Whole("port", ports[s.Security], 1, 65535)
	switch {
	case !t.Given("host"):
		t.Need("host", `"smtp.example.com"`)
	case strings.ContainsAny(s.Host, " /@") || strings.Contains(s.Host, ":") && net.ParseIP(s.Host) == nil:
		t.Problem("host", "must be the name of the mail server alone: its port has a key of its own, and there is no scheme")
	case s.Security == email.None && !isLoopback(s.Host):
		t.Warn("tls", `"none" to another machine: the mails can be read and changed on the way`)
	}
	if s.Security == email.STARTTLS && s.Port == 465 {
		t.Warn("port", `465 is usually for tls = "implicit"; with "starttls" the connection will probably hang`)
	}
	if s.Security == email.Implicit && s.Port == 587 {
		t.Warn("port", `587 is usually for tls = "starttls"; with "implicit" the connection will probably fail`)
	}
	t.checkCA(s)
	t.checkLogin(s)
	if s.HELO != "" {
		if err := email.CheckHELO(s.HELO); err != nil {
			t.Problem("helo", "%s %s", quote(s.HELO), err)
		}
	}
	switch _, err := email.ParseAddress(s.From); {
	case !t.Given("from"):
		t.Need("from", `"sslwatch <sslwatch@example.com>"`)
	case s.From != "" && err != nil:
		t.Problem("from", `%s %s: write "sslwatch <sslwatch@example.com>"`, quote(s.From), err)
	}
	return t.recipients(s)
}

func (t *table) checkCA(s email.Settings) {
	if s.CAFile == "" {
		return
	}
	if s.Security == email.None {
		t.Problem("ca_file", `has no use with tls = "none": remove it`)
		return
	}
	t.authorities(s.CAFile, "the mail server")
}

// authorities reads ca_file, if it has to be there: PEM with the CA of the
// server of that name.
func (t *table) authorities(path, server string) []byte {
	if !t.needed() {
		return nil
	}
	f, err := t.doc.read(path, largestCertificate)
	switch {
	case err != nil:
		t.Passing("ca_file", "can't read it: %s", cause(err))
	case !x509.NewCertPool().AppendCertsFromPEM(f.Data):
		t.Passing("ca_file", "holds no certificate: it must be a PEM file with the CA of %s", server)
	}
	return f.Data
}

func (t *table) checkLogin(s email.Settings) {
	user, password := t.Given("username"), t.Given("password")
	switch {
	case user && isReference(s.Username):
		t.Problem("username", "only secrets can be kept elsewhere: write the user name itself")
	case user && !password:
		t.Need("password", `"credential:smtp-password", or remove username`)
	case password && !user:
		t.Need("username", `"sslwatch", or remove password`)
	case user && s.Security == email.None:
		t.Problem("tls", `with "none" the password would be sent in the clear: use "starttls" or "implicit", or remove username and password`)
	}
}

// recipients makes a receiver of each recipient.
func (t *table) recipients(s email.Settings) []Receiver {
	list := t.Texts("to", `["ops@example.com"]`)
	if len(list) == 0 {
		if v, isList := t.Value("to").([]any); t.Value("to") == nil || isList && len(v) == 0 {
			t.Problem("to", `is missing: write to = ["ops@example.com"]`)
		}
		return nil
	}
	var out []Receiver
	seen := map[string]bool{}
	for _, text := range list {
		address, err := email.ParseAddress(text)
		if err == nil && tomlfile.Unfit(text) != "" {
			err = errors.New(tomlfile.Unfit(text))
		}
		if err != nil {
			t.Problem("to", `%s %s: write "ops@example.com"`, quote(text), err)
			continue
		}
		// The ledger goes by the address alone: neither its case nor the
		// name beside it makes anybody another person.
		id := t.Name() + "/" + strings.ToLower(address.Address)
		if seen[id] {
			t.Problem("to", "%s is in the list twice", quote(address.Address))
			continue
		}
		seen[id] = true
		one := s
		one.To = text
		out = append(out, Receiver{Receiver: ledger.Receiver{ID: id}, Email: &one})
	}
	return out
}
