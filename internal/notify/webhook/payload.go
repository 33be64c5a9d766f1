package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"time"

	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
)

// payload is what Alertmanager posts, in its version 4.
//
// Source: "webhook_config" of the Alertmanager documentation.
type payload struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []alert           `json:"alerts"`
}

type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"` // zero while it fires
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// payloadOf writes a message. All posts to a receiver are one group, as without
// group_by: each holds what is new.
func payloadOf(m notify.Message, receiver string) payload {
	p := payload{
		Version: "4", GroupKey: "{}:{}", Status: status(m.Firing), Receiver: receiver, GroupLabels: map[string]string{},
	}
	for _, g := range m.Groups {
		for _, item := range g.Items {
			p.Alerts = append(p.Alerts, alertOf(m, g, item))
		}
	}
	p.CommonLabels = common(p.Alerts, func(a alert) map[string]string { return a.Labels })
	p.CommonAnnotations = common(p.Alerts, func(a alert) map[string]string { return a.Annotations })
	return p
}

func status(firing bool) string {
	if firing {
		return "firing"
	}
	return "resolved"
}

func alertOf(m notify.Message, g notify.Group, item notify.Item) alert {
	n := item.Notice
	a := alert{Status: status(n.Fires()), Labels: notify.Labels(n.Alert), StartsAt: n.Began, Fingerprint: fingerprint(n)}
	a.Annotations, a.GeneratorURL = g.Annotations(item)
	if m.Note != "" {
		a.Annotations["note"] = m.Note
	}
	if m.Footer != "" {
		a.Annotations["sent_by"] = m.Footer
	}
	if !n.Fires() {
		a.EndsAt = m.Time
	}
	return a
}

// fingerprint is the same for all that is told of one condition of one subject,
// whatever its severity, so that an end finds its beginning.
func fingerprint(n ledger.Notice) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s", n.Key(), n.Condition))
	return hex.EncodeToString(sum[:8])
}

// common returns what is the same in all alerts.
func common(alerts []alert, of func(alert) map[string]string) map[string]string {
	out := map[string]string{}
	for i, a := range alerts {
		if i == 0 {
			maps.Copy(out, of(a))
			continue
		}
		maps.DeleteFunc(out, func(name, value string) bool { return of(a)[name] != value })
	}
	return out
}
