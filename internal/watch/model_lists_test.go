package watch_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// Some lives discover the instances of the first project: those come, go, hide
// from the list and change their names there, and the list fails or is empty.
// One of the two is never deleted, so that there always is one to be asked.

// listing is what the cloud lists of the project that is discovered.
type listing struct {
	on     bool
	gone   map[string]bool // deleted
	hidden map[string]bool // not in the list, and there
	names  map[string]string
	fault  string
	good   []time.Time // when it was read
	denied beliefs
}

// discover has a life discover the first project.
func (m *model) discover() {
	m.lists = listing{on: true, gone: map[string]bool{}, hidden: map[string]bool{}, names: map[string]string{}}
	project := m.all[0].Subject
	project.InstanceID, project.Instance = "", ""
	m.opt.Discoveries = []check.Discovery{{Project: project, Terms: m.all[0].Terms, Interval: 40 * time.Minute}}
	m.opt.Projects[0].Lister = m
	m.opt.Watched = m.listed()
}

// discovers reports whether the instances of a project are discovered.
func (m *model) discovers(projectID string) bool {
	return m.lists.on && projectID == m.all[0].ProjectID
}

// watches reports whether an instance is watched, or is to be.
func (m *model) watches(id string) bool {
	for _, w := range m.all {
		if w.InstanceID == id && m.discovers(w.ProjectID) {
			return !m.lists.gone[id]
		}
	}
	return slices.ContainsFunc(m.opt.Watched, func(w check.Watched) bool { return w.InstanceID == id })
}

// watchedIn returns the instances of a project that are watched.
func (m *model) watchedIn(projectID string) []check.Watched {
	return slices.DeleteFunc(slices.Clone(m.all), func(w check.Watched) bool { return w.ProjectID != projectID || !m.watches(w.InstanceID) })
}

// listed returns what the configuration lists, of those that are watched.
func (m *model) listed() []check.Watched {
	return slices.DeleteFunc(slices.Clone(m.all), func(w check.Watched) bool { return m.discovers(w.ProjectID) || !m.watches(w.InstanceID) })
}

// setTerms sets the terms of an instance: those that are discovered share them.
func (m *model) setTerms(i int, terms check.Terms) {
	m.all[i].Terms = terms
	if !m.discovers(m.all[i].ProjectID) {
		return
	}
	for j, w := range m.all {
		if m.discovers(w.ProjectID) {
			m.all[j].Terms = terms
		}
	}
	m.opt.Discoveries = slices.Clone(m.opt.Discoveries)
	m.opt.Discoveries[0].Terms = terms
}

// List answers as the cloud does, and notes it.
func (m *model) List(ctx context.Context) (dcs.List, error) {
	m.cloud.mu.Lock()
	err, slow := m.cloud.err, m.cloud.slow
	m.cloud.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return dcs.List{}, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e, _ := err.(*dcs.Error); {
	case err != nil:
		if e.Kind == dcs.Unauthenticated || e.Kind == dcs.Forbidden {
			m.lists.denied.see(true)
		}
		return dcs.List{}, err
	case m.lists.fault == "fails":
		return dcs.List{}, &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("no list")}
	}
	if !m.fate.gone() {
		m.lists.good = append(m.lists.good, time.Now())
		m.lists.denied.set(map[belief]bool{{}: true})
	}
	var out dcs.List
	for i, w := range m.all {
		if id := w.InstanceID; m.discovers(w.ProjectID) && !m.lists.gone[id] && !m.lists.hidden[id] && m.lists.fault == "" {
			one := listed(i)
			if name := m.lists.names[id]; name != "" {
				one.Name = name
			}
			out.Instances = append(out.Instances, one)
			if s := m.seen[id]; s.shown.IsZero() {
				s.shown = time.Now()
			}
		}
	}
	return out, nil
}

// unlisted reports whether the list could not be read for as long as it takes
// until that is told.
func (m *model) unlisted(at time.Time) bool {
	return !slices.ContainsFunc(m.lists.good, func(good time.Time) bool {
		return good.After(at.Add(-m.opt.Policy.FailingAfter)) && good.Before(at.Add(-time.Second))
	})
}

// listHappens has something happen to the list, and returns what.
func (m *model) listHappens() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.random.IntN(2)
	id, name := instance(i).InstanceID, instance(i).Instance
	switch m.random.IntN(6) {
	case 0, 1:
		id, name = instance(0).InstanceID, instance(0).Instance
		if m.lists.gone[id] = !m.lists.gone[id]; m.lists.gone[id] {
			return name + " is deleted"
		}
		m.returns(id)
		return name + " is created"
	case 2, 3:
		m.lists.hidden[id] = !m.lists.hidden[id]
		return fmt.Sprintf("%s hides from the list: %v", name, m.lists.hidden[id])
	case 4:
		m.lists.names[id] = fmt.Sprint("renamed-", m.random.IntN(1000))
		return name + " is called " + m.lists.names[id]
	}
	m.lists.fault = []string{"", "fails", "empty"}[m.random.IntN(3)]
	return fmt.Sprintf("the list is %q", m.lists.fault)
}

// returns has an instance be watched again: it is not known whether its record
// has been forgotten.
func (m *model) returns(id string) {
	s := m.seen[id]
	s.each(func(b *beliefs) { b.set(b.since(time.Time{})) })
	s.came, s.shown, s.on = time.Now(), time.Time{}, time.Time{}
}

// isDeleted reports whether the cloud says that an instance does not exist.
func (m *model) isDeleted(id string) bool {
	m.cloud.mu.Lock()
	defer m.cloud.mu.Unlock()
	return m.lists.gone[id] && m.cloud.err == nil
}

// listsWell has the list be whole.
func (m *model) listsWell() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lists.fault, m.lists.hidden = "", map[string]bool{}
}

// seenOn notes that SSL of an instance was on: of one that is discovered, off
// is an alert only from then on.
func (s *seen) seenOn() {
	s.everOn = true
	if s.on.IsZero() {
		s.on = time.Now()
	}
}

// mustBeOn reports whether SSL that is off is an alert; may, whether it may be.
func (m *model) mustBeOn(i int) (must, may bool) {
	w, s := m.all[i], m.seen[m.all[i].InstanceID]
	if !w.Terms.RequireSSL {
		return false, false
	}
	if !m.discovers(w.ProjectID) {
		return true, true
	}
	return !s.on.IsZero(), s.everOn
}
