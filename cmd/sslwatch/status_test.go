package main

import (
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/state"
)

// A daemon whose projects all pause has no reason to write: its state is not
// old before the first of them is asked again.
func TestAPausedProjectIsNoDeadDaemon(t *testing.T) {
	written := time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)
	records := map[check.Key]check.Record{}
	for _, key := range []check.Key{{ProjectID: "p", InstanceID: "1"}, {ProjectID: "p", InstanceID: "2"}, {ProjectID: "q", InstanceID: "3"}} {
		records[key] = check.Record{Subject: check.Subject{ProjectID: key.ProjectID, InstanceID: key.InstanceID}}
	}
	until := func(d time.Duration) check.ProjectRecord {
		return check.ProjectRecord{Pause: check.Pause{Why: check.PauseThrottled, Until: written.Add(d)}}
	}
	for rule, test := range map[string]struct {
		projects map[string]check.ProjectRecord
		left     bool // the instance of q is not watched any more
		want     time.Duration
	}{
		"no project pauses":                       {nil, false, 0},
		"one pauses, the other does not":          {map[string]check.ProjectRecord{"p": until(time.Hour)}, false, 0},
		"both pause, until the first is asked":    {map[string]check.ProjectRecord{"p": until(2 * time.Hour), "q": until(time.Hour)}, false, time.Hour},
		"a pause that was over does not count":    {map[string]check.ProjectRecord{"p": until(-time.Second), "q": until(time.Hour)}, false, 0},
		"what is not watched keeps nobody busy":   {map[string]check.ProjectRecord{"p": until(3 * time.Hour)}, true, 3 * time.Hour},
		"what is not watched ends no pause early": {map[string]check.ProjectRecord{"p": until(3 * time.Hour), "q": until(time.Hour)}, true, 3 * time.Hour},
	} {
		s := state.State{Written: written, Records: map[check.Key]check.Record{}, Projects: test.projects}
		for key, r := range records {
			if test.left && key.ProjectID == "q" {
				r.Left = check.Unwatched
			}
			s.Records[key] = r
		}
		if got := busyUntil(s).Sub(written); got != test.want {
			t.Errorf("%s: the daemon may be quiet for %v, want %v", rule, got, test.want)
		}
	}
}
