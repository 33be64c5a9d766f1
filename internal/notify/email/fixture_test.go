package email_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim"
)

const (
	user     = "sslwatch"
	password = "hunter2-passwordsecret"
)

// odd is an instant with nothing round about it.
var odd = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newSim is a mail server that wants a password, unless it has no TLS.
func newSim(t *testing.T, mode sim.MailTLS) *sim.Mail {
	t.Helper()
	o := sim.MailOptions{TLS: mode}
	if mode != sim.MailPlain {
		o.User, o.Password = user, password
	}
	m, err := sim.NewMail(o)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	must(t, m.Listen(""))
	return m
}

// settings fit a simulated server.
func settings(t *testing.T, m *sim.Mail, mode sim.MailTLS) email.Settings {
	t.Helper()
	s := email.Settings{
		Host: m.Host(), Port: m.Port(), Security: email.Security(mode),
		From: "sslwatch <sslwatch@Mon.Example.com>", To: "ops@example.com",
	}
	if mode != sim.MailPlain {
		s.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		must(t, m.WriteCA(s.CAFile))
		s.Username, s.Password = user, secret.New(password)
	}
	return s
}

func newReceiver(t *testing.T, s email.Settings) notify.Receiver {
	t.Helper()
	r, err := email.New(s)
	must(t, err)
	return r
}

// item is an item in the words that the planner would use.
func item(kind check.Kind, severity check.Severity, condition check.Condition, instance, what string) notify.Item {
	id := fmt.Sprintf("%08x-b865-4159-b774-204dc0a36e37", len(instance)*31+len(what))
	n := check.Notice{Kind: kind, Began: odd}
	if kind != check.Firing {
		n.Told = &check.Told{First: odd, Anchor: odd, Last: odd}
	}
	n.Alert = check.Alert{
		Subject: check.Subject{
			ProjectID: "0123456789abcdef0123456789abcdef", InstanceID: id,
			Project: "prod", Region: "eu-west-101", Instance: instance,
		},
		Condition: condition, Severity: severity,
	}
	status := "FIRING"
	if !n.Fires() {
		status = "RESOLVED"
	}
	where := "project prod, region eu-west-101, instance " + id
	return notify.Item{
		Notice: n, What: what, Where: where,
		Line: fmt.Sprintf("%s %s %s %s: %s (%s)", status, severity, condition, instance, what, where),
	}
}

var (
	renew  = "The cloud documents no way to renew this certificate. Open a service ticket for this instance."
	toggle = "Switching SSL off and on restarts the instance, and loses the data of a single-node instance or one without AOF."
	trust  = "After any change, bring the new ca.crt to the clients before they reconnect."
	links  = []notify.Link{{Text: "DCS console, eu-west-101", URL: "https://console.example.com/dcs/?region=eu-west-101&agencyId=1#/dcs"}}
)

const expires = "the certificate expires 2026-11-28 02:07:13 UTC, in 5 days (threshold 7d); last verified 2026-11-23 02:03:13 UTC, 4 minutes ago"

// firing is one critical alert.
func firing() notify.Message {
	return notify.Message{
		ID: "0123456789abcdef01234567", Time: odd, Severity: check.Critical, Firing: true,
		Title: "CRITICAL orders-cache: certificate expires in 5 days",
		Groups: []notify.Group{{
			Condition: check.CertificateExpiring, Severity: check.Critical, Firing: true, Heading: "Certificate expires soon",
			Items:  []notify.Item{item(check.Firing, check.Critical, check.CertificateExpiring, "orders-cache", expires)},
			Advice: []string{renew, toggle, trust}, Links: links,
		}},
	}
}

// digest is several groups.
func digest() notify.Message {
	m := firing()
	m.ID, m.Title = "1123456789abcdef01234567", "CRITICAL carts_cache: SSL is off, and 3 more (2 critical, 1 warning, 1 resolved)"
	soon := m.Groups[0]
	soon.Heading = "Certificate expires soon (2)"
	soon.Items = append(soon.Items, item(check.Reminder, check.Warning, check.CertificateExpiring, "search-cache",
		"still so: the certificate expires 2026-12-03 06:07:13 UTC, in 10 days 4 hours (threshold 14d)"))
	m.Groups = []notify.Group{
		{
			Condition: check.SSLDisabled, Severity: check.Critical, Firing: true, Heading: "SSL is off",
			Items: []notify.Item{item(check.Firing, check.Critical, check.SSLDisabled, "carts_cache",
				"SSL is off, first seen off 2026-11-23 00:37:13 UTC, 1 hour 30 minutes ago")},
			Advice: []string{"Clients that insist on TLS can't connect, and others now speak in clear text.", trust}, Links: links,
		},
		soon,
		{
			Condition: check.CheckFailing, Severity: check.Warning, Heading: "Resolved: could not be checked",
			Items: []notify.Item{item(check.Resolved, check.Warning, check.CheckFailing, "sessions", "checks succeed again; was open 6 days")},
		},
	}
	return m
}

// tighter is news of an alert that was told before.
func tighter() notify.Message {
	m := firing()
	it := item(check.Tighter, check.Critical, check.CertificateExpiring, "orders-cache",
		"the certificate expires 2026-11-28 02:07:13 UTC, in 2 days 23 hours (threshold 3d)")
	m.ID, m.Time, m.Title = "2123456789abcdef01234567", odd.Add(49*time.Hour), "CRITICAL orders-cache: certificate expires in 2 days 23 hours"
	m.Groups[0].Items = []notify.Item{it}
	m.References = []string{firing().ID}
	return m
}

// resolution ends one of two alerts of an earlier message.
func resolution() notify.Message {
	it := item(check.Resolved, check.Critical, check.CertificateExpiring, "orders-cache",
		"the certificate is renewed until 2027-11-23 02:07:13 UTC, in 365 days (before: 2026-11-28 02:07:13 UTC); was open 6 days")
	return notify.Message{
		ID: "3123456789abcdef01234567", Time: odd.Add(72 * time.Hour), Severity: check.Critical,
		Title: "RESOLVED orders-cache: certificate renewed until 2027-11-23",
		Groups: []notify.Group{{
			Condition: check.CertificateExpiring, Severity: check.Critical, Heading: "Resolved: certificate was to expire",
			Items: []notify.Item{it},
		}},
		References: []string{firing().ID},
	}
}

// failure is the error of a delivery that must have failed, in words that
// may be shown.
func failure(t *testing.T, err error) *notify.Failure {
	t.Helper()
	var f *notify.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v is no *notify.Failure", err)
	}
	for _, s := range []string{
		password, "passwordsecret",
		base64.StdEncoding.EncodeToString([]byte(password)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password)),
	} {
		if strings.Contains(f.Error(), s) {
			t.Errorf("the failure shows a secret: %s", f.Reason)
		}
	}
	if strings.ContainsAny(f.Reason, "\n\r\x00\x1b") || len(f.Reason) > 1000 {
		t.Errorf("the reason is not one short line: %q", f.Reason)
	}
	return f
}

// soon is a context that ends by itself, for what hangs.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
