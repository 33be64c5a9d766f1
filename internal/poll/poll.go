// Package poll decides whom to ask when. The daemon and a single pass use the
// same: due times, turns among projects, the rate of each, pauses, and
// credentials that several share. It remembers no answers.
//
// A Poller is told what is due, hands out one request after another, and is
// told each answer:
//
//	Set ──▶ Next ──▶ Request.Do ──▶ Answered ──▶ Set
//
// It starts no goroutine and reads no clock: one goroutine owns it, and has
// the requests made by others.
package poll

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// API is what is asked about one project.
type API interface {
	// SSL returns the state of an instance's SSL. The error is a *dcs.Error
	// unless ctx ended.
	SSL(ctx context.Context, instanceID string) (dcs.SSL, error)
}

// Lister reads the list of a project's instances.
type Lister interface {
	// List returns the complete list. The error is a *dcs.Error unless ctx
	// ended.
	List(ctx context.Context) (dcs.List, error)
}

// Project is a project to ask about.
type Project struct {
	ID  string
	API API
	// Lister is for a Target that is the project itself; nil where there is
	// none.
	Lister Lister
	Rate   float64 // requests per second
	// Credential names what the project authenticates with: equal for the
	// same credential, also after a restart. It must reveal nothing.
	Credential string
}

// Options is how to ask.
type Options struct {
	Concurrency int     // requests in flight, of all projects together
	Backoff     Backoff // of a refused credential, but for Initial
	Projects    []Project
}

// Target is what one request asks about: an instance, or with an empty
// InstanceID the list of a project's instances.
type Target struct {
	ProjectID  string
	InstanceID string
}

// Request is one question to the API.
type Request struct {
	Target
	api        API
	lister     Lister
	credential *credential // for the Poller only
}

// Answer is what one request brought.
type Answer struct {
	Request
	SSL  dcs.SSL
	List dcs.List
	Err  *dcs.Error
	Took time.Duration
	// Stopped is set when there is no answer because ctx ended.
	Stopped bool
	// Shared is set when another target was asked, for which this stands.
	Shared bool
}

// Clock returns what the answer says of this machine's clock.
func (a Answer) Clock() dcs.Clock {
	if a.Err != nil {
		return a.Err.Clock
	}
	if a.IsList() {
		return a.List.Clock
	}
	return a.SSL.Clock
}

// IsList reports whether a target is the list of a project's instances.
func (t Target) IsList() bool { return t.InstanceID == "" }

// Do asks.
func (r Request) Do(ctx context.Context) Answer {
	start := time.Now()
	a := Answer{Request: r}
	var err error
	if r.IsList() {
		a.List, err = r.lister.List(ctx)
	} else {
		a.SSL, err = r.api.SSL(ctx, r.InstanceID)
	}
	a.Took = time.Since(start)
	if err != nil && !errors.As(err, &a.Err) {
		a.Err = &dcs.Error{Kind: dcs.Failed, Reason: reason.Text(err.Error()), Err: err}
	}
	a.Stopped = ctx.Err() != nil && a.Err != nil
	return a
}

// Poller decides whom to ask when.
type Poller struct {
	opt      Options
	projects []*project
	turns    []*project // those that have or had something to ask, in the order of their turns
	inflight int
	turn     uint64
}

// New returns a poller to which nothing is due.
func New(o Options, now time.Time) *Poller {
	p := &Poller{}
	p.Configure(o, now)
	return p
}

// Configure takes other options in. A project that stays keeps its due
// times, its rate budget and what the API asked of it. It returns the IDs of
// the projects that were there with another credential: what failed with the
// old one is to be tried with the new one.
func (p *Poller) Configure(o Options, now time.Time) (mended map[string]bool) {
	credentials := map[string]*credential{}
	for _, old := range p.projects {
		credentials[old.Credential] = old.credential
	}
	var projects []*project
	mended = map[string]bool{}
	for _, options := range o.Projects {
		shared, ok := credentials[options.Credential]
		if !ok {
			shared = newCredential(o.Backoff)
			credentials[options.Credential] = shared
		}
		project := p.project(options.ID)
		if project == nil {
			project = newProject(options)
		} else {
			mended[options.ID] = project.Credential != options.Credential
		}
		project.configure(options, shared, now)
		projects = append(projects, project)
	}
	p.opt, p.projects, p.turns = o, projects, slices.Clone(projects)
	p.freeProbes()
	return mended
}

// Set puts a target at the time at which it is due, wherever it was before.
// It does nothing for a project that is not configured, and must not be
// called for a target that is being asked about.
func (p *Poller) Set(t Target, due time.Time) {
	if project := p.project(t.ProjectID); project != nil {
		project.queue.Set(t, due)
	}
}

// Drop has a target not be asked about any more.
func (p *Poller) Drop(t Target) {
	project := p.project(t.ProjectID)
	if project == nil {
		return
	}
	project.queue.Set(t, time.Time{})
	project.credential.free(t)
}

// Knows reports whether a project is configured.
func (p *Poller) Knows(projectID string) bool { return p.project(projectID) != nil }

// Asking reports whether a target is being asked about.
func (p *Poller) Asking(t Target) bool {
	project := p.project(t.ProjectID)
	if project == nil {
		return false
	}
	_, asking := project.flights[t]
	return asking
}

// InFlight returns how many requests are under way.
func (p *Poller) InFlight() int { return p.inflight }

// project returns the project with an ID, nil if it is not configured.
func (p *Poller) project(id string) *project {
	for _, project := range p.projects {
		if project.ID == id {
			return project
		}
	}
	return nil
}

// freeProbes has a refused credential be tried by another target, where the
// one that was to do so is no longer asked with it.
func (p *Poller) freeProbes() {
	for _, shared := range p.projects {
		c := shared.credential
		if !slices.ContainsFunc(p.projects, func(q *project) bool { return q.credential == c && q.has(c.probe) }) {
			c.probe = Target{}
		}
	}
}

// Next returns the request that is to be made now. If there is none, it
// returns when to come back; zero if an answer or a Set will bring the next.
//
// Projects take turns: first comes who has the fewest requests under way, and
// of those who waited longest. A project whose answers take long gets no more
// than its share of the requests, and all such together no more than theirs,
// so that one that hangs holds up no other.
func (p *Poller) Next(now time.Time) (r Request, ok bool, wake time.Time) {
	if p.inflight >= p.opt.Concurrency {
		return Request{}, false, time.Time{}
	}
	slices.SortStableFunc(p.turns, func(a, b *project) int {
		return cmp.Or(cmp.Compare(len(a.flights), len(b.flights)), cmp.Compare(a.turn, b.turn))
	})
	for _, project := range p.turns {
		if project.idle() || p.full(project, now) {
			continue
		}
		t, later := project.pick(now)
		if t == (Target{}) {
			wake = Soonest(wake, later)
			continue
		}
		p.turn++
		p.inflight++
		return project.take(t, p.turn, now), true, time.Time{}
	}
	return Request{}, false, wake
}

// full reports whether a project has as many requests under way as it may.
// There is no limit of its own for one whose answers come promptly.
func (p *Poller) full(project *project, now time.Time) bool {
	if !project.slow(now) {
		return false
	}
	all, slow, held := 0, 0, 0
	for _, other := range p.projects {
		if other.idle() {
			continue
		}
		all++
		if other.slow(now) {
			slow++
			held += len(other.flights)
		}
	}
	own, together := max(1, p.opt.Concurrency/all), max(1, p.opt.Concurrency*slow/all)
	return len(project.flights) >= own || held >= together
}

// Outcome is what an answer says beyond its instance.
type Outcome struct {
	// Accepted is set when the answer shows that the credential is accepted.
	Accepted bool
	// Refused is set when the credential was refused. A refusal of a request
	// that was under way when an earlier one was refused says nothing new.
	Refused bool
	// Sharing holds the IDs of the projects with the same credential, that of
	// the answer among them, when one of the above is set.
	Sharing []string
	// Paused is set when the answer began a pause.
	Paused bool
}

// Answered takes an answer in. The caller has to Set or Drop the target.
func (p *Poller) Answered(a Answer, now time.Time) (o Outcome) {
	p.inflight--
	a.credential.inflight--
	project := p.project(a.ProjectID)
	if project != nil {
		delete(project.flights, a.Target)
	}
	if a.Stopped {
		return Outcome{}
	}
	o = a.credential.heard(a, now)
	if project == nil || project.credential != a.credential {
		a.credential.free(a.Target) // it is no longer asked with it
	}
	if project != nil {
		project.took(a)
		o.Paused = project.heard(a, now) || o.Refused
	}
	if o.Accepted || o.Refused {
		for _, project := range p.projects {
			if project.credential == a.credential {
				o.Sharing = append(o.Sharing, project.ID)
			}
		}
	}
	return o
}

// Pause returns what holds the requests of a project up, the zero value if
// nothing does.
func (p *Poller) Pause(projectID string, now time.Time) Pause {
	if project := p.project(projectID); project != nil {
		return project.pause(now)
	}
	return Pause{}
}

// Resume has a pause go on that was in force before a restart. It ends no
// later than one that begins now could.
func (p *Poller) Resume(projectID string, pause Pause, now time.Time) {
	if project := p.project(projectID); project != nil {
		project.resume(pause, now)
	}
}

// Soonest returns the earlier of two times, of which zero means never.
func Soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
