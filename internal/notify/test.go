package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// Test returns a message that says that it is a test. unique tells one test
// from another.
func (w Wording) Test(unique string, now time.Time) Message {
	t := w.at(now)
	sum := sha256.Sum256([]byte("test " + unique))
	return Message{
		ID:    hex.EncodeToString(sum[:12]),
		Time:  t.now,
		Stamp: t.stamp(now),
		Title: "TEST: sslwatch can reach you here",
		Groups: []Group{{
			Heading: "Test",
			Advice: []string{
				"This is a test message of sslwatch, sent by hand at " + t.stamp(now) + ". Nothing is wrong.",
				"When something is, you will be told here, once each time something changes.",
			},
		}},
	}
}

// Sample returns a message that looks as a true alert of that severity does,
// and says in each of its parts that it is a test.
func (w Wording) Sample(severity check.Severity, unique string, now time.Time) Message {
	now = check.Wall(now)
	t := w.at(now)
	left, threshold := 13*check.Day+5*time.Hour, 14*check.Day
	if severity == check.Critical {
		left, threshold = 6*check.Day+5*time.Hour, 7*check.Day
	}
	n := ledger.Notice{
		Alert: check.Alert{
			Subject: check.Subject{
				ProjectID: "00000000000000000000000000000000", Project: "test", Region: "test-region",
				InstanceID: "00000000-0000-0000-0000-000000000000", Instance: "sample-cache",
			},
			Condition: check.CertificateExpiring, State: check.Stands, Severity: severity,
			Threshold: check.Duration(threshold), NotAfter: now.Add(left), Verified: now.Add(-4 * time.Minute),
			Endpoint: check.Endpoint{Domain: "sample-cache.example.com", Port: "6379"},
		},
		Kind: ledger.Firing, Owed: now,
	}
	n.Since = n.NotAfter.Add(-threshold)
	n.Began = n.Since
	m := w.Compose([]ledger.Notice{n}, nil, now)
	m.ID = w.Test(unique, now).ID
	m.Title = "TEST " + m.Title
	g := &m.Groups[0]
	g.Heading = "TEST: " + g.Heading
	for i, it := range g.Items {
		what := "this is a test, and nothing is wrong: " + it.What
		g.Items[i].Line = strings.Replace(it.Line, it.What, what, 1)
		g.Items[i].What = what
	}
	g.Advice = append([]string{"This is a test alert of sslwatch, sent by hand at " + t.stamp(now) + ". Nothing is wrong. A true one says:"}, g.Advice...)
	return m
}
