// Package config reads the configuration file into validated values in which
// nothing is optional any more.
//
// All problems of a file are found in one go, each with its line, its key
// and what would be right. What is odd but possible is a warning. Neither
// ever holds a secret, or a part of one.
package config

import (
	"crypto/x509"
	"time"

	"github.com/sslwatch/sslwatch/internal/alertmanager"
	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config/sdkchain"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/notify/webhook"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// Config is a whole configuration. It shares nothing with others that anyone
// may change.
type Config struct {
	// Policy is complete but for Awake, which the loop knows.
	Policy check.Policy
	Loop   Loop
	// Terms are how what is owed is told.
	Terms ledger.Terms
	// State is the path of the state file.
	State string
	// Projects are those that are watched, by name.
	Projects []Project
	// Watched are the instances, by project and name, without those that
	// are ignored.
	Watched []check.Watched
	// Discoveries are of the projects whose instances are discovered.
	Discoveries []check.Discovery
	// Trust holds the authorities of ca_file, by the key of an instance that has
	// its own, or of a project; none are those of the machine.
	Trust map[check.Key][]*x509.Certificate
	// Receivers are those that are told, by name and recipient.
	Receivers []Receiver
	HTTP      HTTP
	// WatchFiles is set where Files are to be watched, and taken in when they
	// change.
	WatchFiles bool
	// Files are those that were read for this, as they were.
	Files []File
	// Heartbeat is the URL of a dead-man service; zero for none.
	Heartbeat secret.Text
	// Chain is what auth = "default" comes to, as far as that is decided when
	// the configuration is read; nil where no project needs it.
	Chain *sdkchain.Chain
	// Secrets are all of the file, for whoever writes what others say.
	Secrets []secret.Text
	// Warnings are what is odd, sorted by line.
	Warnings []Problem
}

// Kind is the name of the tables in which such receivers stand.
func (r Receiver) Kind() string {
	switch {
	case r.Slack != nil:
		return "slack"
	case r.Email != nil:
		return "email"
	case r.Alertmanager != nil:
		return "alertmanager"
	}
	return "webhook"
}

// Loop says how often and how hard to ask.
type Loop struct {
	Interval    time.Duration // between successful checks of one instance
	Timeout     time.Duration // for one request
	Concurrency int           // requests in flight
	Rate        float64       // requests per second, each project
	Backoff     poll.Backoff  // of failed checks
}

// Project is a project of the cloud.
type Project struct {
	Name        string // as configured
	Region      string
	ID          string
	Endpoint    string // the base URL of the DCS API, without a slash at its end
	Credentials Credentials
}

// Receiver is one that is told: a Slack channel, one recipient of e-mail, a
// webhook, or one address of an Alertmanager. Exactly one of Slack, Email,
// Webhook and Alertmanager is set.
type Receiver struct {
	// Its Name is as configured; the recipients or addresses of one table share
	// it. Its ID is the name, followed by a slash and which of those it is.
	ledger.Receiver
	Wording      notify.Wording
	Slack        *slack.Settings
	Email        *email.Settings
	Webhook      *webhook.Settings
	Alertmanager *alertmanager.Settings // an observer: it has no ledger
}
