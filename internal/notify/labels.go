package notify

import (
	"maps"
	"slices"
	"strings"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Labels are those of an alert, as Prometheus' own tools know it by. What the
// instance has of its own does not take the place of ours.
func Labels(a check.Alert) map[string]string {
	labels := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) { // of two that become one, it is always the same
		labels[labelName(name)] = a.Labels[name]
	}
	maps.Copy(labels, map[string]string{
		"alertname": string(a.Condition), "severity": string(a.Severity), "project": a.Project, "region": a.Region,
		"instance_id": a.InstanceID, "instance": a.Instance,
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

// Annotations are what one alert says in words, by itself, and link is where
// more is to be found, empty for nowhere.
func (g Group) Annotations(item Item) (annotations map[string]string, link string) {
	annotations = map[string]string{"summary": g.summary() + ": " + Name(item.Notice.Subject), "description": item.Line}
	if len(item.Advice) > 0 {
		annotations["what_to_do"] = strings.Join(item.Advice, "\n")
	}
	return annotations, item.Link.URL
}
