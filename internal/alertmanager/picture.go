package alertmanager

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/text"
	"github.com/sslwatch/sslwatch/internal/view"
)

// picture is what stands, and what has become something else of late. It is
// never changed.
type picture struct {
	standing map[identity]standing
	replaced []replaced
}

// identity is what stays the same of an alert, whatever its labels are.
type identity struct {
	subject   check.Key
	condition check.Condition
}

// standing is an alert, and the labels by which Alertmanager knows it.
type standing struct {
	check.Alert
	labels map[string]string
}

func standingOf(a check.Alert) standing { return standing{a, notify.Labels(a)} }

// replaced is an alert that stands by other labels now.
type replaced struct {
	standing
	at time.Time
}

// next returns the picture after this one, for an observer of that name. What
// was in it stays as long as it stands, whatever its audience hears of: it may
// have been handed to it.
func (p picture) next(s view.Snapshot, name string, audience ledger.Audience) picture {
	q := picture{standing: map[identity]standing{}}
	see := func(a check.Alert) {
		id := identity{a.Key(), a.Condition}
		before, known := p.standing[id]
		hears := audience
		hears.Also = s.Handed[name][id.subject]
		switch holds := s.Policy.Clock(a.ProjectID).Holds(); {
		case a.State == check.Over:
		case known && (holds || a.State == check.Hidden): // what hides it is another alert, and no end of it
			q.standing[id] = before
		case a.State == check.Hidden:
		case holds && a.Timely(), !known && !hears.Hears(a):
		default:
			q.standing[id] = standingOf(a)
		}
	}
	for _, r := range s.Firing {
		for _, a := range s.Alerts(r) {
			see(a)
		}
	}
	for _, a := range s.OfProjects() {
		see(a)
	}
	for id, before := range p.standing {
		after, stands := q.standing[id]
		switch {
		case !stands && before.Timely() && s.Policy.Clock(before.ProjectID).Holds():
			q.standing[id] = before // a clock that is wrong ends nothing either
		case stands && !maps.Equal(before.labels, after.labels):
			q.replaced = append(q.replaced, replaced{before, s.At})
		}
	}
	for _, r := range p.replaced {
		if s.At.Before(ends(r.at)) { // after that, it has ended by itself
			q.replaced = append(q.replaced, r)
		}
	}
	return q
}

// keys returns by what Alertmanager knows what stands.
func (p picture) keys() map[string]bool {
	keys := make(map[string]bool, len(p.standing))
	for _, a := range p.standing {
		keys[key(a.labels)] = true
	}
	return keys
}

// news reports whether something stands that was not posted.
func (p picture) news(posted map[string]bool) bool {
	for _, a := range p.standing {
		if !posted[key(a.labels)] {
			return true
		}
	}
	return false
}

// key writes labels, the same for the same.
func key(labels map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString(name + "\x00" + labels[name] + "\x00")
	}
	return b.String()
}

// alerts returns what is to be posted: all that stands, and the end of what was
// replaced since the last post that was taken. What stands ends by the lead
// earlier than for a member that waits for no other.
func (p picture) alerts(wording notify.Wording, now, taken time.Time, lead time.Duration) []alert {
	stand := p.keys()
	alerts := make([]alert, 0, len(p.standing)+len(p.replaced))
	for _, r := range p.replaced {
		if r.at.After(taken) && !stand[key(r.labels)] {
			alerts = append(alerts, r.alert(wording, now, r.at))
		}
	}
	for _, a := range p.standing {
		alerts = append(alerts, a.alert(wording, now, ends(now).Add(-lead)))
	}
	slices.SortFunc(alerts, func(a, b alert) int { return strings.Compare(key(a.Labels), key(b.Labels)) })
	return alerts
}

// ends returns when what is posted at a time ends by itself, if nothing follows:
// at a whole minute, which is the same for all posts of a minute.
func ends(at time.Time) time.Time { return at.Truncate(again).Add(again + validity) }

// alert is an alert as it is posted.
//
// Source: POST /api/v2/alerts in the OpenAPI specification of Alertmanager. A
// time that is left out is taken from the other, so both are always there.
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

func (s standing) alert(wording notify.Wording, now, end time.Time) alert {
	m := wording.Compose([]ledger.Notice{{Alert: s.Alert, Kind: ledger.Firing, Began: s.Since}}, nil, now)
	a := alert{Labels: s.labels, StartsAt: s.Since.UTC(), EndsAt: end.UTC()}
	a.Annotations, a.GeneratorURL = m.Groups[0].Annotations(m.Groups[0].Items[0])
	// Alertmanager says whether it fires, also of one that has ended.
	a.Annotations["description"] = strings.TrimPrefix(a.Annotations["description"], "FIRING ")
	if s.Since.IsZero() || !s.Since.Before(end) {
		a.StartsAt = end.Add(-time.Second).UTC()
	}
	return a
}

// sample is a test alert.
func sample(severity check.Severity, now time.Time) alert {
	return alert{
		Labels: map[string]string{"alertname": "SslwatchTest", "severity": string(severity)},
		Annotations: map[string]string{
			"summary":     "This is a test alert of sslwatch",
			"description": "It was sent by hand at " + text.Stamp(now) + ", and ends by itself within a minute. Nothing is wrong.",
		},
		StartsAt: now.UTC(), EndsAt: now.Add(time.Minute).UTC(),
	}
}
