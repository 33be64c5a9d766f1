package watch

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// discoveries returns how instances are discovered, by project_id.
func (o Options) discoveries() map[string]check.Discovery {
	out := map[string]check.Discovery{}
	for _, d := range o.Discoveries {
		out[d.Project.ProjectID] = d
	}
	return out
}

// configureLists has the lists of instances be read: after a restart when they
// are due, and after a reload at once, because what is to be watched of them
// may be another thing.
func (w *Watch) configureLists(now time.Time) {
	for _, p := range w.opt.Projects {
		if !w.fleet.Discovered(p.ID) {
			w.fleet.ListDue(p.ID, time.Time{}, now)
			if w.idle(check.Key{ProjectID: p.ID}) {
				w.poll.Drop(poll.Target{ProjectID: p.ID})
			}
		}
	}
	for _, d := range w.opt.Discoveries {
		id := d.Project.ProjectID
		if due := w.fleet.Project(id).Listing.Due; due.IsZero() || w.listing {
			w.fleet.ListDue(id, now, now)
		}
	}
	w.listing = true
	w.setLists(now)
}

// setLists has the poller know when the lists are due: now where that lies
// further ahead than it can, by a longer interval or another clock.
func (w *Watch) setLists(now time.Time) {
	for _, d := range w.opt.Discoveries {
		key := check.Key{ProjectID: d.Project.ProjectID}
		due := w.fleet.Project(key.ProjectID).Listing.Due
		if due.After(now.Add(max(d.Interval, w.opt.Backoff.Max, poll.RefusalPause))) {
			due = check.Wall(now)
			w.fleet.ListDue(key.ProjectID, due, now)
		}
		if w.idle(key) {
			w.poll.Set(poll.Target(key), due)
		}
	}
}

// onList takes the list of a project's instances in, or that it could not be
// read.
func (w *Watch) onList(a poll.Answer, now time.Time) {
	key := check.Key(a.Target)
	delete(w.asking, key)
	outcome := w.poll.Answered(a, now)
	if a.Stopped {
		return
	}
	defer w.asked(key) // what is new is awaited by then
	w.hearClock(key.ProjectID, a.Clock(), now)
	d, discovered := w.opt.discoveries()[key.ProjectID]
	if !discovered {
		w.poll.Drop(a.Target) // no longer so, since a reload
		return
	}
	o := check.Observe(dcs.SSL{}, a.Err)
	w.opt.Metrics.listed(d.Project.Project, string(o.Cause))
	var due time.Time
	if a.Err != nil {
		before, after := w.fleet.Unlisted(key.ProjectID, o, now)
		w.logUnlisted(d.Project.Project, before, after, a.Err)
		due = w.afterRefusal(now.Add(w.delay(key)), key.ProjectID, outcome, now)
	} else {
		delete(w.backoffs, key)
		due = w.takeList(d, a.List.Instances, now)
	}
	w.learnSharing(key.ProjectID, o, outcome, now)
	w.fleet.ListDue(key.ProjectID, due, now)
	w.poll.Set(a.Target, check.Wall(due))
}

// takeList takes a complete list in, and returns when it is to be read next.
func (w *Watch) takeList(d check.Discovery, instances []dcs.Instance, now time.Time) time.Time {
	id := d.Project.ProjectID
	log := w.log.With("project", d.Project.Project)
	before := w.fleet.Project(id).Listing
	listed := w.fleet.List(id, instances, w.heard, now)
	for _, r := range listed.New {
		log.Info("instance discovered", "instance", r.Instance, "instance_id", r.InstanceID)
		if len(w.awaiting) > 0 {
			w.awaiting[r.Key()] = true
		}
		if w.idle(r.Key()) {
			w.askAt(r.Key(), now, now)
		}
	}
	for _, r := range listed.Left {
		log.Info("instance is no longer watched", "instance", r.Instance, "instance_id", r.InstanceID, "why", r.Left)
		w.poll.Drop(poll.Target(r.Key()))
		w.asked(r.Key())
	}
	for _, key := range listed.Missing {
		if w.idle(key) {
			w.askAt(key, now, now)
		}
	}
	after := listed.Coverage
	if before.Failing.Count > 0 {
		log.Info("the list of instances can be read again", "after", now.Sub(before.Failing.Since), "failures", before.Failing.Count)
	}
	if c := before.Coverage; c == nil || c.Instances != after.Instances || c.Watched != after.Watched || !maps.Equal(c.Excluded, after.Excluded) {
		attributes := []any{"instances", after.Instances, "watched", after.Watched}
		if len(after.Excluded) > 0 {
			attributes = append(attributes, "excluded", after.Excluded)
		}
		log.Info("instances listed", attributes...)
	}
	if after.Unheard > 0 && (before.Coverage == nil || before.Coverage.Unheard != after.Unheard) {
		log.Warn("no receiver hears about some instances: no match fits their labels", "instances", after.Unheard)
	}
	if len(after.Gone) > 0 && (before.Coverage == nil || len(before.Coverage.Gone) != len(after.Gone)) {
		log.Warn("the configuration lists instances that the project does not have", "instance_ids", after.Gone)
	}
	if len(listed.New)+len(listed.Left) > 0 {
		w.disk.hasten(now)
	}
	if listed.Again {
		return now.Add(w.opt.Backoff.Initial)
	}
	return now.Add(d.Interval - time.Duration(rand.Float64()*spread*float64(d.Interval)))
}

// heard reports whether some receiver is told of an instance.
func (w *Watch) heard(s check.Subject) bool {
	concerns := func(r ledger.Receiver) bool { return r.Audience.Concerns(check.Alert{Subject: s}) }
	return slices.ContainsFunc(w.opt.Receivers, func(r Receiver) bool { return concerns(r.Receiver) }) || slices.ContainsFunc(w.opt.Observers, concerns)
}

// logUnlisted logs what is new about a list that can't be read.
func (w *Watch) logUnlisted(project string, before, after check.Listing, err *dcs.Error) {
	if before.Failing.Count > 0 && before.Failing.Reason == after.Failing.Reason || err.Kind == dcs.Throttled {
		return
	}
	w.log.Warn("the list of instances can't be read", "project", project, "kind", err.Kind.String(), "err", err.Reason, "request_id", err.RequestID)
}
