package poll

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/queue"
	"github.com/sslwatch/sslwatch/internal/reason"
)

const (
	// throttlePause is how long a project is left alone after a 429 at the
	// least. The gateway's limits are per minute.
	throttlePause = time.Minute
	// longestThrottle is the longest pause after a 429 that is taken over
	// from before a restart. No longer Retry-After is obeyed.
	longestThrottle = time.Hour
	// prompt is how long a healthy API takes for an answer at the most.
	prompt = time.Second
	// remember is how many prompt answers in a row it takes for a project to
	// count as prompt again.
	remember = 16
)

// project is a project with what is due.
type project struct {
	Project
	queue      *queue.Queue[Target] // by when a check is due
	flights    map[Target]time.Time // the requests under way, and since when
	limit      *rate.Limiter
	credential *credential
	turn       uint64 // its last

	// resumes is the end of the pause after a 429; has a monotonic reading.
	// From then on one request tries, until throttled is over.
	resumes   time.Time
	throttled bool
	reason    reason.Reason // why

	lately int   // prompt answers that are missing until it counts as prompt
	hung   int   // answers in a row that took long and brought nothing
	long   Pause // why it does not count as prompt
}

// newProject returns a project with an empty queue.
func newProject(options Project) *project {
	return &project{
		queue: queue.New[Target](), flights: map[Target]time.Time{},
		limit: rate.NewLimiter(rate.Limit(options.Rate), burst(options.Rate)),
	}
}

// burst is how many requests may be made at once.
func burst(perSecond float64) int { return max(1, int(perSecond)) }

// configure takes other options in.
func (p *project) configure(options Project, shared *credential, now time.Time) {
	if p.limit.Limit() != rate.Limit(options.Rate) {
		p.limit.SetLimitAt(now, rate.Limit(options.Rate))
		p.limit.SetBurstAt(now, burst(options.Rate))
	}
	if idle, ok := p.API.(interface{ CloseIdleConnections() }); ok && p.API != options.API {
		idle.CloseIdleConnections() // those in use are closed by the requests that use them
	}
	p.Project, p.credential = options, shared
}

// has reports whether a target is due at some time, or being asked about.
func (p *project) has(t Target) bool {
	_, flies := p.flights[t]
	return flies || !p.queue.At(t).IsZero()
}

// idle reports whether a project has nothing to ask.
func (p *project) idle() bool { return p.queue.Len() == 0 && len(p.flights) == 0 }

// pick returns the target that is to be asked about now. If there
// is none, it returns when to come back; zero if nothing is queued.
func (p *project) pick(now time.Time) (t Target, later time.Time) {
	t, due := p.queue.Next()
	c := p.credential
	if c.probe != (Target{}) && !c.accepted {
		t, due = c.probe, p.queue.At(c.probe) // zero: in flight, or another project's
	}
	switch {
	case due.IsZero():
		return Target{}, time.Time{}
	case !c.accepted && c.inflight > 0, p.throttled && len(p.flights) > 0:
		return Target{}, time.Time{} // its answer will wake us
	case due.After(now):
		return Target{}, due
	case now.Before(c.resumes):
		return Target{}, c.resumes
	case now.Before(p.resumes):
		return Target{}, p.resumes
	}
	r := p.limit.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return Target{}, now.Add(wait)
	}
	return t, time.Time{}
}

// take makes a request of a target that was picked.
func (p *project) take(t Target, turn uint64, now time.Time) Request {
	r := Request{Target: t, api: p.API, lister: p.Lister, credential: p.credential}
	p.queue.Set(t, time.Time{})
	p.flights[t], p.turn = now, turn
	p.credential.inflight++
	return r
}

// took notes whether an answer came promptly.
func (p *project) took(a Answer) {
	if a.IsList() && a.Err == nil {
		return // of many pages, it may take long
	}
	failed := a.Err != nil && a.Err.Kind == dcs.Failed
	switch {
	case a.Took >= prompt && failed:
		p.lately, p.hung = remember, p.hung+1
		p.long = Pause{Why: Hanging, Reason: a.Err.Reason}
	case a.Took >= prompt:
		p.lately, p.hung = remember, 0
		p.long = Pause{Why: Slow, Reason: reason.New(reason.SlowAnswers, reason.Args{"time": a.Took.Round(time.Second).String()})}
	default:
		p.hung = 0
		if p.lately = max(0, p.lately-1); p.lately == 0 {
			p.long = Pause{}
		}
	}
}

// slow reports whether answers take long, or one that is awaited does.
func (p *project) slow(now time.Time) bool {
	if p.lately > 0 {
		return true
	}
	for _, since := range p.flights {
		if now.Sub(since) >= prompt {
			return true
		}
	}
	return false
}

// heard takes in whether an answer asks for a pause, and reports whether that
// begins one.
func (p *project) heard(a Answer, now time.Time) (begins bool) {
	if a.Err == nil || a.Err.Kind != dcs.Throttled {
		p.throttled = p.throttled && now.Before(p.resumes)
		return false
	}
	begins = !now.Before(p.resumes) // else it was under way when the pause began
	if until := now.Add(max(a.Err.RetryAfter, throttlePause)); until.After(p.resumes) {
		p.resumes = until
	}
	p.throttled, p.reason = true, a.Err.Reason
	return begins
}
