// Package watch is the loop of the daemon: when to check what, how hard to
// try, in what order to write and to tell.
//
// One goroutine, in Run, owns everything that is remembered. Requests,
// deliveries and writes are made by goroutines of their own, bounded in
// number, that get values and send values back:
//
//	due ──▶ request ──▶ Learn ──▶ judge ──▶ delivery ──▶ Tell ──▶ write
//
// Where an instance is probed, a handshake with it follows each request that
// succeeds, and its outcome is learnt likewise.
//
// A receiver gets its next message only when what it took is on disk.
package watch

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/queue"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/view"
)

const (
	// writeDelay is how long what was merely seen may stay unwritten.
	writeDelay = 5 * time.Second
	// writeDutyFactor bounds the part of the time that lazy writes take.
	writeDutyFactor = 20
	// writeTimeout is how long a write may take until nobody waits for it any more.
	writeTimeout = 15 * time.Second
	// maxSleep is the longest sleep, so that a clock that was set is noticed.
	maxSleep = 30 * time.Second
	// firstPass is how long what a first pass brings waits for its end.
	firstPass = 2 * time.Minute
	// deliveryGrace is how long a delivery may go on after the stop.
	deliveryGrace = 3 * time.Second
	// deliveryOverrun is how long a delivery may take to notice that it has to end.
	deliveryOverrun = 500 * time.Millisecond
	// stopLimit is how long a stop takes at most, whatever hangs.
	stopLimit = 4500 * time.Millisecond
	// deliverTimeout bounds one delivery, unless the receiver says otherwise.
	deliverTimeout = 30 * time.Second
	// overlong is how long a delivery may be under way until the receiver
	// counts as failing: longer than a mail server may take for its last yes.
	overlong = 11 * time.Minute
)

// Options is what the loop works with. All fields up to Receivers are
// required.
type Options struct {
	ledger.Terms
	Policy      check.Policy // Awake and Clocks are set by the loop
	Interval    time.Duration
	Concurrency int
	Backoff     Backoff // of checks
	Projects    []Project
	Watched     []check.Watched
	Discoveries []check.Discovery
	Receivers   []Receiver
	// Observers are shown what stands by way of snapshots, and how that goes
	// comes by Observed. Their IDs and names are unlike those of Receivers.
	Observers []ledger.Receiver
	Retry     Backoff // of deliveries

	// Trust is for the instances of which Terms say Probe, and Prober is
	// probe.Do unless it says otherwise.
	Trust  Trust
	Prober Prober

	// Footer says in each message who sent it.
	Footer string
	// Metrics counts what is done; nil for nobody to see.
	Metrics *Metrics
	// Beat is called with each sign of life, nil for none. It must not block.
	Beat func(sign Beat, why string)
}

// The settings of asking are those of poll.
type (
	Project = poll.Project
	Backoff = poll.Backoff
	API     = poll.API
)

// Receiver is one that is told.
type Receiver struct {
	ledger.Receiver
	Sender notify.Sender
	// Wording is how what it is sent is worded.
	Wording notify.Wording
}

// retry is how failed deliveries are tried again unless Options say.
var retry = Backoff{Initial: time.Second, Max: 5 * time.Minute, Multiplier: 2, Jitter: 0.2}

// Watch is the loop. Make one with New, and Run it once.
type Watch struct {
	store    state.Store
	log      *slog.Logger
	maxSleep time.Duration // the longest sleep
	turned   func()        // is called at the end of each turn, for tests

	// Everything below is owned by Run.
	opt         Options
	messages    map[string]map[string]ledger.Sent // by receiver ID and message ID
	known       map[string]state.ReceiverState    // by receiver ID
	began       time.Time                         // when Run did; has a monotonic reading
	ahead       time.Duration                     // how far the clock had run ahead of what passed since, when that was last noticed
	settles     time.Time                         // until when an answer is waited for that vouches for the clock; has a monotonic reading
	awake       time.Time                         // see check.Policy
	poll        *poll.Poller
	asking      map[check.Key]bool                        // of the requests under way: records, and projects for their lists
	backoffs    map[check.Key]*backoff.ExponentialBackOff // likewise, of those that fail
	fleet       *fleet.Fleet
	handshakes  *handshakes
	evaluations *queue.Queue[check.Key] // of subjects, by when time alone changes something
	book        *ledger.Book
	receivers   []*receiver
	disk        disk
	pass        time.Time // when the pass over the fleet began that beat is about

	pings chan struct{}
	// What a first pass brings, after the start or a reload, waits until all
	// are asked that were due at its beginning.
	awaiting map[check.Key]bool // record keys, and projects for their lists
	listing  bool               // the lists were set to when they are due

	looks        chan chan view.Snapshot
	reloads      chan Options
	observations chan observed

	answers    chan poll.Answer
	probed     chan probed
	deliveries chan delivery
	edited     chan edited
	written    chan written
	work       sync.WaitGroup
}

// New returns a loop that starts from what is remembered.
func New(o Options, remembered state.State, store state.Store, log *slog.Logger) *Watch {
	w := &Watch{
		store: store, log: log, maxSleep: maxSleep, turned: func() {},
		asking: map[check.Key]bool{}, backoffs: map[check.Key]*backoff.ExponentialBackOff{}, evaluations: queue.New[check.Key](), handshakes: newHandshakes(), poll: poll.New(poll.Options{}, time.Time{}),
		pings: make(chan struct{}), looks: make(chan chan view.Snapshot), reloads: make(chan Options), observations: make(chan observed),
		answers: make(chan poll.Answer), probed: make(chan probed), deliveries: make(chan delivery), edited: make(chan edited), written: make(chan written, 1),
	}
	w.remember(remembered, remembered.Clocks)
	w.opt = o.complete()
	return w
}

// remember has the loop go on from what is remembered.
func (w *Watch) remember(s state.State, clocks check.Clocks) {
	w.messages, w.known = map[string]map[string]ledger.Sent{}, map[string]state.ReceiverState{}
	maps.Copy(w.messages, s.Messages)
	maps.Copy(w.known, s.Receivers)
	answered := map[string]time.Time{}
	for id, r := range s.Receivers {
		answered[id] = r.Succeeded
	}
	w.book = ledger.New(s.Ledgers, answered)
	w.fleet = fleet.New(s.Records, s.Projects, clocks)
}

// complete fills in what may be left out.
func (o Options) complete() Options {
	if o.Retry == (Backoff{}) {
		o.Retry = retry
	}
	if o.Prober == nil {
		o.Prober = probe.Do
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	return o
}

// Reload has the loop go on with another configuration: what is the same in
// both is neither forgotten nor told again. It returns when the loop has
// taken it in, or why ctx ended before.
func (w *Watch) Reload(ctx context.Context, o Options) error {
	select {
	case w.reloads <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run watches until ctx ends, and returns when all is written: nil, or why
// the last write failed.
func (w *Watch) Run(ctx context.Context) error {
	requests, cancel := context.WithCancel(ctx)
	defer cancel()
	deliveries, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()

	w.began = time.Now()
	w.wakes(w.began)
	w.doubtClocks() // the clock may have been set while nobody looked
	w.rewind(w.began)
	w.configure(w.opt, w.began)
	w.hasten(w.began)
	timer := time.NewTimer(0)
	defer timer.Stop()
	wake := w.began
	for {
		happened := func(time.Time) {}
		select {
		case <-ctx.Done():
			return w.stop(abandon)
		case a := <-w.answers:
			happened = func(now time.Time) { w.onAnswer(a, now) }
		case p := <-w.probed:
			happened = func(now time.Time) { w.onProbed(p, now) }
		case d := <-w.deliveries:
			happened = func(now time.Time) { w.onDelivery(d, now) }
		case e := <-w.edited:
			happened = func(now time.Time) { w.onEdited(e, now) }
		case d := <-w.written:
			happened = func(now time.Time) { w.onWritten(d, now) }
		case <-w.pings:
		case reply := <-w.looks:
			happened = func(now time.Time) { reply <- w.snapshot(now) }
		case o := <-w.observations:
			happened = func(now time.Time) { w.onObserved(o, now) }
		case o := <-w.reloads:
			w.log.Info("configuration taken in", "instances", len(o.Watched), "receivers", len(o.Receivers)+len(o.Observers))
			happened = func(now time.Time) { w.configure(o, now) }
		case <-timer.C:
		}
		now := time.Now()
		w.clock(now, wake) // before anything is judged by it
		happened(now)
		wake = now.Add(w.maxSleep)
		sooner := func(t time.Time) {
			if !t.IsZero() && t.Before(wake) {
				wake = t
			}
		}
		sooner(w.settleClocks(now))
		sooner(w.ask(requests, now))
		w.probe(requests, now)
		sooner(w.evaluateDue(now))
		sooner(w.deliver(deliveries, now))
		sooner(w.edit(deliveries, now))
		sooner(w.save(now))
		w.beat(now)
		w.turned()
		timer.Reset(time.Until(wake))
	}
}

// stop waits for what is under way, and writes what is left. The requests
// end by themselves, since ctx has.
func (w *Watch) stop(abandon context.CancelFunc) error {
	w.log.Info("stopping")
	done := make(chan struct{})
	go func() { w.work.Wait(); close(done) }()
	grace, limit := time.NewTimer(deliveryGrace), time.NewTimer(stopLimit)
	defer grace.Stop()
	defer limit.Stop()
	for {
		select {
		case a := <-w.answers:
			w.onAnswer(a, time.Now())
		case p := <-w.probed:
			w.onProbed(p, time.Now())
		case d := <-w.deliveries:
			w.onDelivery(d, time.Now())
		case e := <-w.edited:
			w.onEdited(e, time.Now())
		case d := <-w.written:
			w.onWritten(d, time.Now())
		case <-grace.C:
			abandon()
		case <-limit.C:
			return errHung
		case <-done:
			return w.flush(limit.C)
		}
	}
}

// configure takes a configuration in, at the start and at a reload. What is
// the same in both keeps its place: queues, pauses, delays, ledgers.
func (w *Watch) configure(o Options, now time.Time) {
	w.opt = o.complete()
	w.opt.Policy.Awake = w.awake
	w.configureReceivers(now)
	w.missObservers()
	w.fleet.Configure(o.Watched, o.discoveries(), w.book.Subjects(), w.opt.Policy, now)
	mended := w.poll.Configure(w.opt.poll(), now)
	w.resumePauses(now)
	w.handshakes.limit(w.opt.Concurrency, len(w.opt.probedProjects()))
	w.expectMetrics()
	for key, r := range w.fleet.Records() {
		if r.Left != "" || !w.poll.Knows(r.ProjectID) {
			w.poll.Drop(poll.Target(key))
			continue
		}
		if mended[r.ProjectID] && r.Failing.Count > 0 || r.Due.After(now.Add(w.longest(r))) {
			r.Due = check.Wall(now) // the latter: from a longer interval, or another clock
			w.fleet.Due(key, r.Due, now)
			delete(w.backoffs, key)
		}
		if w.idle(key) {
			w.poll.Set(poll.Target(key), r.Due)
		}
	}
	w.configureLists(now)
	w.awaitFirstPass(now)
	w.disk.touch()
}

// awaitFirstPass has what the first pass brings be told together: it waits
// until all are asked that are due now.
func (w *Watch) awaitFirstPass(now time.Time) {
	w.awaiting = map[check.Key]bool{}
	for key, r := range w.fleet.Records() {
		if r.Left == "" && w.poll.Knows(r.ProjectID) && !r.Due.After(now) {
			w.awaiting[key] = true
		}
	}
	for _, d := range w.opt.Discoveries {
		if due := w.fleet.Project(d.Project.ProjectID).Listing.Due; !due.After(now) {
			w.awaiting[d.Project.Key()] = true
		}
	}
	if len(w.awaiting) > 0 {
		w.book.Gather(now, now.Add(firstPass))
	}
}

// resumePauses has each project know its credential, and pauses go on that
// were in force before a restart: a daemon that crashes in a loop would get
// its key locked.
func (w *Watch) resumePauses(now time.Time) {
	for _, options := range w.opt.Projects {
		p := w.fleet.Credential(options.ID, options.Credential)
		w.poll.Resume(options.ID, poll.Pause{Why: poll.Why(p.Pause.Why), Until: p.Pause.Until, Reason: p.Pause.Reason}, now)
	}
}

// expectMetrics makes the counters of the configuration exist.
func (w *Watch) expectMetrics() {
	var projects, receivers []string
	for _, watched := range w.opt.Watched {
		projects = append(projects, watched.Project)
	}
	for _, d := range w.opt.Discoveries {
		projects = append(projects, d.Project.Project)
		w.opt.Metrics.expectLists(d.Project.Project)
	}
	for project := range w.opt.probedProjects() {
		w.opt.Metrics.expectProbes(project)
	}
	for _, r := range w.opt.Receivers {
		receivers = append(receivers, r.ID)
	}
	w.opt.Metrics.expect(projects, receivers)
}
