// Package fleet is what is known of all instances and projects, and what it
// adds up to. It is pure: no clock, no network, no goroutine, no log.
//
// What happens to one instance costs the same however large the fleet is:
// totals are kept as records change, and never counted by a walk over all of
// them. Each change makes its subject stale: the caller takes what Stale
// returns and hands what Alerts says of it to a ledger.Book.
package fleet

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/queue"
)

// Fleet is what is known. It is not safe for concurrent use. A record that it
// holds is never changed: another takes its place.
type Fleet struct {
	policy   check.Policy
	records  map[check.Key]*check.Record
	seen     map[string]check.ProjectRecord // by project_id
	clocks   check.Clocks                   // by project_id
	projects map[string]*project            // by project_id, of those that have records or are discovered
	// discoveries are by project_id.
	discoveries map[string]check.Discovery
	counts      Counts
	firing      map[check.Key]bool // of instances, where an alert stands
	pass        time.Time          // see Pass
	unpassed    int
	later       *queue.Queue[check.Key] // of instances, by when time alone changes what they add
	stale       map[check.Key]bool
	changed     changed
}

// project is what the records of a project add up to.
type project struct {
	check.Totals
	parts map[check.Key]part
	late  *queue.Queue[check.Key] // of those that are overdue, by since when
	// unseen are those that are forbidden since no other was seen, by since
	// when.
	unseen *queue.Queue[check.Key]
	turns  []check.Key     // see SecondOpinion
	known  map[string]bool // see Concern
}

// part is what a record adds.
type part struct {
	check.Part
	verdict check.Verdict
	passed  bool
	firing  []Firing // nil for nearly all
}

// Changes are what is new of what is to be remembered; nil where it is gone.
type Changes struct {
	Records  map[check.Key]*check.Record
	Projects map[string]*check.ProjectRecord // by project_id
	Clocks   map[string]*check.Clock         // by project_id, of those that are off
}

// changed is of what something is new.
type changed struct {
	records          map[check.Key]bool
	projects, clocks map[string]bool // by project_id
}

func nothingChanged() changed {
	return changed{records: map[check.Key]bool{}, projects: map[string]bool{}, clocks: map[string]bool{}}
}

// New returns a fleet that goes on with what is remembered.
func New(records map[check.Key]check.Record, projects map[string]check.ProjectRecord, clocks check.Clocks) *Fleet {
	f := &Fleet{
		records: map[check.Key]*check.Record{}, seen: map[string]check.ProjectRecord{}, clocks: maps.Clone(clocks),
		stale: map[check.Key]bool{}, changed: nothingChanged(),
	}
	for key, r := range records {
		f.records[key] = &r
	}
	maps.Copy(f.seen, projects)
	f.recount(time.Time{})
	return f
}

// Configure takes in what is to be watched, how more of it is discovered, by
// project_id, and the policy, of which the fleet itself sets Clocks. told are the subjects that receivers know
// something of: an instance that is not watched any more stays until Forget.
// Everything is stale after it.
func (f *Fleet) Configure(watched []check.Watched, discoveries map[string]check.Discovery, told []check.Key, policy check.Policy, now time.Time) {
	policy.Clocks = f.clocks
	f.policy, f.discoveries = policy, discoveries
	before := f.records
	f.records = map[check.Key]*check.Record{}
	for key, r := range check.Reconcile(values(before), told, watched, f.discoveries, now) {
		f.records[key] = &r
		f.changed.records[key] = true
	}
	f.recount(now)
	for id := range f.seen {
		if f.projects[id] == nil { // it had no instances
			delete(f.seen, id)
			f.changed.projects[id] = true
		}
	}
}

func values(records map[check.Key]*check.Record) map[check.Key]check.Record {
	out := make(map[check.Key]check.Record, len(records))
	for key, r := range records {
		out[key] = *r
	}
	return out
}

// Credential takes in what a project authenticates with: what another
// credential saw does not count. It returns what is known of the project.
func (f *Fleet) Credential(projectID, credential string) check.ProjectRecord {
	before := f.seen[projectID]
	after := before.With(credential)
	if f.seen[projectID] = after; after != before {
		f.changed.projects[projectID] = true
	}
	return after
}

// Record returns what is known of an instance, and whether anything is.
func (f *Fleet) Record(key check.Key) (check.Record, bool) {
	r, ok := f.records[key]
	if !ok {
		return check.Record{}, false
	}
	return *r, true
}

// Records returns all records, in the order of their keys.
func (f *Fleet) Records() iter.Seq2[check.Key, check.Record] {
	return func(yield func(check.Key, check.Record) bool) {
		for _, key := range slices.SortedFunc(maps.Keys(f.records), check.Key.Compare) {
			if !yield(key, *f.records[key]) {
				return
			}
		}
	}
}

// Instances returns the instances of a project, in no order.
func (f *Fleet) Instances(projectID string) []check.Key {
	p := f.projects[projectID]
	if p == nil {
		return nil
	}
	return slices.Collect(maps.Keys(p.parts))
}

// Project returns what is known of a project.
func (f *Fleet) Project(projectID string) check.ProjectRecord { return f.seen[projectID] }

// Next returns when a record will next say something else by the passing of
// time alone; zero if it will not.
func (f *Fleet) Next(r check.Record, now time.Time) time.Time { return check.Next(r, f.policy, now) }

// OwnClock returns what the API of a project said of this machine's clock.
func (f *Fleet) OwnClock(projectID string) check.Clock { return f.clocks[projectID] }

// Clock returns what is known of this machine's clock where a project is
// concerned.
func (f *Fleet) Clock(projectID string) check.Clock { return f.policy.Clock(projectID) }

// Alerts returns what is true of a subject, and when time alone will change
// that; zero if it will not.
func (f *Fleet) Alerts(key check.Key, now time.Time) ([]check.Alert, time.Time) {
	if !key.IsProject() {
		r := f.records[key]
		if r == nil {
			return nil, time.Time{}
		}
		return f.alerts(*r, now), check.Next(*r, f.policy, now)
	}
	p := f.projects[key.ProjectID]
	if p == nil {
		return nil, time.Time{}
	}
	return check.Project(f.seen[key.ProjectID], p.Totals, f.policy, now), check.NextProject(f.seen[key.ProjectID], p.Totals, f.policy, now)
}

func (f *Fleet) alerts(r check.Record, now time.Time) []check.Alert {
	return f.seen[r.ProjectID].Covers(r, check.Standing(r, f.policy, now), f.policy)
}

// Stale returns the subjects of which something is new since it was last
// called, in no order.
func (f *Fleet) Stale() []check.Key {
	if len(f.stale) == 0 {
		return nil
	}
	keys := slices.Collect(maps.Keys(f.stale))
	f.stale = map[check.Key]bool{} // not cleared: one that was large stays so, and costs as much each time
	return keys
}

// Changes returns what is new since it was last called.
func (f *Fleet) Changes() Changes {
	out := Changes{
		Records:  make(map[check.Key]*check.Record, len(f.changed.records)),
		Projects: map[string]*check.ProjectRecord{}, Clocks: map[string]*check.Clock{},
	}
	for key := range f.changed.records {
		out.Records[key] = f.records[key]
	}
	for id := range f.changed.projects {
		out.Projects[id] = nil
		if seen, ok := f.seen[id]; ok {
			out.Projects[id] = &seen
		}
	}
	for id := range f.changed.clocks {
		out.Clocks[id] = nil
		if c := f.clocks[id]; c.Off {
			out.Clocks[id] = &c
		}
	}
	f.changed = nothingChanged()
	return out
}
