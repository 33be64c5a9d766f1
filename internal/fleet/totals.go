package fleet

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/queue"
)

// Firing is what an alert that stands counts as.
type Firing struct {
	Condition check.Condition
	Severity  check.Severity
}

// Counts are how the instances stand that are watched.
type Counts struct {
	Watched, Unasked int
	Verdicts         map[check.Verdict]int
	Firing           map[Firing]int
}

// recount adds all records up anew: after a reload, or when the clock was set.
func (f *Fleet) recount(now time.Time) {
	f.projects, f.later = map[string]*project{}, queue.New[check.Key]()
	f.counts = Counts{Verdicts: map[check.Verdict]int{}, Firing: map[Firing]int{}}
	f.unpassed, f.firing = 0, map[check.Key]bool{}
	for key, r := range f.records {
		f.count(key, *r, now)
		p := f.projects[key.ProjectID]
		p.Concern(r.Subject, p.known)
		f.stale[key], f.stale[key.OfProject()] = true, true
	}
	for id, d := range f.discoveries {
		p := f.project(id)
		p.Subject = check.Subject{ProjectID: id, Project: d.Project.Project, Region: d.Project.Region}
		f.stale[check.Key{ProjectID: id}] = true
	}
}

// project returns what the records of a project add up to.
func (f *Fleet) project(id string) *project {
	p := f.projects[id]
	if p == nil {
		p = &project{parts: map[check.Key]part{}, late: queue.New[check.Key](), unseen: queue.New[check.Key](), known: map[string]bool{}}
		f.projects[id] = p
	}
	return p
}

// put replaces the record of an instance.
func (f *Fleet) put(r check.Record, now time.Time) {
	key := r.Key()
	f.records[key] = &r
	f.changed.records[key] = true
	f.count(key, r, now)
	f.stale[key], f.stale[key.OfProject()] = true, true
}

// count counts a record, in place of what it added before.
func (f *Fleet) count(key check.Key, r check.Record, now time.Time) {
	p := f.project(key.ProjectID)
	if before, counted := p.parts[key]; counted {
		f.add(p, before, -1)
	} else {
		p.turns = append(p.turns, key)
	}
	part := f.part(r, now)
	p.parts[key] = part
	f.add(p, part, 1)
	if delete(f.firing, key); part.firing != nil {
		f.firing[key] = true
	}
	p.Note(r)
	p.late.Set(key, part.Due)
	_, p.Due = p.late.Next()
	f.later.Set(key, part.Next)
	var unseen time.Time
	if part.Forbidden && !f.seen[key.ProjectID].Seen.After(r.Denied.Since) {
		unseen = r.Denied.Since
	}
	p.unseen.Set(key, unseen)
}

// remove takes a record out.
func (f *Fleet) remove(key check.Key) {
	delete(f.records, key)
	delete(f.firing, key)
	f.changed.records[key] = true
	f.later.Set(key, time.Time{})
	p := f.projects[key.ProjectID]
	f.add(p, p.parts[key], -1)
	delete(p.parts, key)
	p.late.Set(key, time.Time{})
	p.unseen.Set(key, time.Time{})
	_, p.Due = p.late.Next()
	f.stale[key], f.stale[key.OfProject()] = true, true
	if _, discovered := f.discoveries[key.ProjectID]; p.Totals.Records == 0 && !discovered {
		delete(f.projects, key.ProjectID)
		delete(f.seen, key.ProjectID)
		f.changed.projects[key.ProjectID] = true
	}
}

// part returns what a record adds.
func (f *Fleet) part(r check.Record, now time.Time) part {
	out := part{Part: check.PartOf(r, f.policy, now), passed: r.Left != "" || r.Checked.After(f.pass)}
	if r.Left != "" {
		return out
	}
	// What its project speaks for is no better for that.
	alerts := check.Standing(r, f.policy, now)
	out.verdict = check.VerdictOf(r, alerts)
	for _, a := range f.seen[r.ProjectID].Covers(r, alerts, f.policy) {
		if a.State == check.Stands {
			out.firing = append(out.firing, Firing{a.Condition, a.Severity})
		}
	}
	return out
}

// add adds a part n times; with -1 it takes it away.
func (f *Fleet) add(p *project, part part, n int) {
	p.Count(part.Part, n)
	if !part.passed {
		f.unpassed += n
	}
	if !part.Watched {
		return
	}
	f.counts.Watched += n
	if part.Unasked {
		f.counts.Unasked += n
	}
	tally(f.counts.Verdicts, part.verdict, n)
	for _, firing := range part.firing {
		tally(f.counts.Firing, firing, n)
	}
}

// tally adds n to a count, and drops it where it becomes none.
func tally[K comparable](counts map[K]int, key K, n int) {
	if counts[key] += n; counts[key] == 0 {
		delete(counts, key)
	}
}

// PassTime counts the records anew that time has changed, and returns when it
// will do so next; zero if it will not.
func (f *Fleet) PassTime(now time.Time) time.Time {
	now = check.Wall(now)
	for {
		key, due := f.later.Pop(now)
		if !due {
			break
		}
		f.count(key, *f.records[key], now)
		f.stale[key.OfProject()] = true
	}
	_, next := f.later.Next()
	return next
}

// Pass begins a pass over the fleet.
func (f *Fleet) Pass(now time.Time) {
	f.pass, f.unpassed = check.Wall(now), 0
	for _, p := range f.projects {
		for key, part := range p.parts {
			part.passed = !part.Watched
			p.parts[key] = part
			if part.Watched {
				f.unpassed++
			}
		}
	}
}

// Passed reports whether all that are watched were asked about since Pass.
func (f *Fleet) Passed() bool { return f.unpassed == 0 }
