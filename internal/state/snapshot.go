package state

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Snapshot is what a running daemon knows at one moment. Its maps are its own.
type Snapshot struct {
	At        time.Time
	Policy    check.Policy
	Interval  time.Duration // between successful checks of one instance
	Records   map[check.Key]check.Record
	Projects  map[string]check.ProjectRecord
	Receivers []ReceiverState
	// Unwritten says why the state can't be written; empty if it can.
	Unwritten string
}

// Alerts returns the alerts that stand, of instances and of projects.
func (s Snapshot) Alerts() []check.Alert {
	var stand []check.Alert
	take := func(alerts []check.Alert) {
		for _, a := range alerts {
			if a.State == check.Stands {
				stand = append(stand, a)
			}
		}
	}
	byProject := map[string][]check.Record{}
	for _, r := range s.Records {
		take(s.Projects[r.ProjectID].Covers(r, check.Standing(r, s.Policy, s.At), s.Policy))
		byProject[r.ProjectID] = append(byProject[r.ProjectID], r)
	}
	for id, records := range byProject {
		take(check.Project(s.Projects[id], check.Sum(records, s.Policy, s.At), s.Policy, s.At))
	}
	return stand
}
