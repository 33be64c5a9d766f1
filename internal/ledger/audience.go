package ledger

import (
	"slices"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Audience is what one receiver wants to hear.
type Audience struct {
	MinSeverity check.Severity
	// Match holds what must be so of the subject: project, region, or a label.
	Match map[string]string
	// Also holds conditions that are heard of whatever the rest says,
	// because another receiver can't be told of them.
	Also []check.Condition
}

// Hears reports whether an alert is for this audience. An alert about a
// project is for everyone who is concerned with one of its instances.
func (a Audience) Hears(alert check.Alert) bool {
	return slices.Contains(a.Also, alert.Condition) || alert.Severity.Compare(a.MinSeverity) >= 0 && a.Concerns(alert)
}

// Concerns is Hears without regard to severity.
func (a Audience) Concerns(alert check.Alert) bool {
	if !alert.IsProject() {
		return a.matches(alert.Subject, alert.Labels)
	}
	for _, labels := range alert.Concerned {
		if a.matches(alert.Subject, labels) {
			return true
		}
	}
	return len(alert.Concerned) == 0 && a.where().matches(alert.Subject, nil)
}

// where is the audience with no regard to labels.
func (a Audience) where() Audience {
	match := map[string]string{}
	for _, k := range []string{"project", "region"} {
		if want, ok := a.Match[k]; ok {
			match[k] = want
		}
	}
	return Audience{Match: match}
}

func (a Audience) matches(s check.Subject, labels map[string]string) bool {
	for k, want := range a.Match {
		var got string
		switch k {
		case "project":
			got = s.Project
		case "region":
			got = s.Region
		default:
			got = labels[k]
		}
		if got != want {
			return false
		}
	}
	return true
}
