package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
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
	a := alert{
		Status: status(n.Fires()), Labels: Labels(n), StartsAt: n.Began, Fingerprint: fingerprint(n),
		Annotations: map[string]string{"summary": g.Heading + ": " + notify.Name(n.Subject), "description": item.Line},
	}
	if len(g.Advice) > 0 {
		a.Annotations["what_to_do"] = strings.Join(g.Advice, "\n")
	}
	if m.Note != "" {
		a.Annotations["note"] = m.Note
	}
	if m.Footer != "" {
		a.Annotations["sent_by"] = m.Footer
	}
	for _, link := range g.Links {
		a.GeneratorURL = link.URL
		break
	}
	if !n.Fires() {
		a.EndsAt = m.Time
	}
	return a
}

// Labels are those of an alert, as Prometheus' own tools know it by. What the
// instance has of its own does not take the place of ours.
func Labels(n ledger.Notice) map[string]string {
	labels := map[string]string{}
	for name, value := range n.Labels {
		labels[labelName(name)] = value
	}
	maps.Copy(labels, map[string]string{
		"alertname": string(n.Condition), "severity": string(n.Severity), "project": n.Project, "region": n.Region,
		"instance_id": n.InstanceID, "instance": n.Instance,
	})
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}

// labelName makes a name such as that of a tag one that a label may have.
func labelName(s string) string {
	name := strings.Map(func(r rune) rune {
		if r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, s)
	if name == "" || '0' <= name[0] && name[0] <= '9' {
		return "_" + name
	}
	return name
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
