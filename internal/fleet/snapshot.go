package fleet

import (
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Snapshot is what was known at one moment. It shares with the fleet only
// what is never changed.
type Snapshot struct {
	At       time.Time
	Policy   check.Policy
	Counts   Counts
	Records  []*check.Record                // in no order, those that left among them
	Firing   []*check.Record                // those of which an alert stands
	Projects map[string]check.ProjectRecord // by project_id
	Totals   map[string]check.Totals        // by project_id, of those that have records
}

// Snapshot returns what is known now.
func (f *Fleet) Snapshot(now time.Time) Snapshot {
	now = check.Wall(now)
	s := Snapshot{
		At: now, Policy: f.policy, Records: slices.Collect(maps.Values(f.records)),
		Projects: maps.Clone(f.seen), Totals: make(map[string]check.Totals, len(f.projects)),
	}
	for id, p := range f.projects {
		s.Totals[id] = p.Totals
	}
	for key := range f.firing {
		s.Firing = append(s.Firing, f.records[key])
	}
	s.Counts = f.counts
	s.Counts.Verdicts, s.Counts.Firing = maps.Clone(f.counts.Verdicts), maps.Clone(f.counts.Firing)
	for _, a := range s.OfProjects() {
		s.Counts.Firing[Firing{a.Condition, a.Severity}]++
	}
	return s
}

// OfProjects returns the alerts that stand of projects as a whole, by
// project_id.
func (s Snapshot) OfProjects() []check.Alert {
	var stand []check.Alert
	for _, id := range slices.Sorted(maps.Keys(s.Totals)) {
		stand = append(stand, standing(check.Project(s.Projects[id], s.Totals[id], s.Policy, s.At))...)
	}
	return stand
}

// Of returns the alerts that stand of an instance.
func (s Snapshot) Of(r *check.Record) []check.Alert { return standing(s.Alerts(r)) }

// Alerts returns what is true of an instance, also what is hidden or over.
func (s Snapshot) Alerts(r *check.Record) []check.Alert {
	return s.Projects[r.ProjectID].Covers(*r, check.Standing(*r, s.Policy, s.At), s.Policy)
}

// standing returns those of the alerts that stand.
func standing(alerts []check.Alert) []check.Alert {
	return slices.DeleteFunc(alerts, func(a check.Alert) bool { return a.State != check.Stands })
}
