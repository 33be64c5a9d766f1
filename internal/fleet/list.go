package fleet

import (
	"slices"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
)

// Listed is what a complete list of a project's instances brought.
type Listed struct {
	Coverage check.Coverage
	New      []check.Record // to be asked about at once
	Left     []check.Record // not to be asked about any more
	// Missing are those that the list lacks for the first time: to be asked
	// about at once.
	Missing []check.Key
	// Again is set where an instance was missed for the first time: the list
	// is to be read again soon.
	Again bool
}

// List takes in a complete list of the instances of a project that is
// discovered. heard reports whether somebody is told of an instance.
func (f *Fleet) List(projectID string, instances []dcs.Instance, heard func(check.Subject) bool, now time.Time) (out Listed) {
	d, discovered := f.discoveries[projectID]
	if !discovered {
		return out
	}
	known := map[string]check.Key{} // the API does not mind the case of an ID
	for _, key := range f.Instances(projectID) {
		known[strings.ToLower(key.InstanceID)] = key
	}
	out.Coverage.Instances = len(instances)
	listed, watched := map[check.Key]bool{}, map[check.Key]bool{}
	for _, i := range instances {
		key, isKnown := known[strings.ToLower(i.ID)]
		if !isKnown {
			key = check.Key{ProjectID: projectID, InstanceID: i.ID}
		}
		listed[key] = true
		r := f.records[key]
		byHand := r != nil && r.Left == "" && r.Origin == check.Listed
		if why := d.Excludes(i); why != "" && !byHand {
			if out.Coverage.Excluded == nil {
				out.Coverage.Excluded = map[check.Exclusion]int{}
			}
			out.Coverage.Excluded[why]++
			continue
		}
		out.Coverage.Watched++
		watched[key] = true
		var before check.Record
		if r != nil {
			before = *r
		}
		w := d.Watch(i)
		w.InstanceID = key.InstanceID
		after, changed := before.Appear(w, check.Describe(i), now)
		if !heard(after.Subject) {
			out.Coverage.Unheard++
		}
		if !changed {
			continue
		}
		f.put(after, now)
		p := f.projects[projectID]
		p.Concern(after.Subject, p.known)
		if r == nil || before.Left != "" {
			out.New = append(out.New, after)
		}
	}
	for _, key := range known {
		before := *f.records[key]
		if watched[key] || before.Left != "" {
			continue
		}
		if before.Origin == check.Listed {
			out.Coverage.Gone = append(out.Coverage.Gone, key.InstanceID)
			continue
		}
		after := before.Miss(listed[key])
		f.put(after, now)
		out.Again = out.Again || after.Absent == 1
		switch {
		case after.Left != "":
			out.Left = append(out.Left, after)
		case !listed[key] && after.Absent == 1:
			out.Missing = append(out.Missing, key)
		}
	}
	slices.Sort(out.Coverage.Gone)
	seen := f.seen[projectID]
	seen.Listing = seen.Listing.Succeed(out.Coverage, now)
	f.see(projectID, seen, now)
	return out
}

// Unlisted takes in that the list of a project's instances could not be read.
// It returns the listing before and after.
func (f *Fleet) Unlisted(projectID string, o check.Observation, now time.Time) (before, after check.Listing) {
	seen := f.seen[projectID]
	before = seen.Listing
	seen.Listing = before.Fail(o, now)
	f.see(projectID, seen, now)
	return before, seen.Listing
}

// ListDue takes in when the list of a project is to be read next; a zero time
// means that the project is not discovered.
func (f *Fleet) ListDue(projectID string, due, now time.Time) {
	seen := f.seen[projectID]
	if due.IsZero() {
		seen.Listing = check.Listing{}
	} else {
		seen.Listing.Due = check.Wall(due)
	}
	f.see(projectID, seen, now)
}

// Discovered reports whether the instances of a project are discovered.
func (f *Fleet) Discovered(projectID string) bool {
	_, ok := f.discoveries[projectID]
	return ok
}
