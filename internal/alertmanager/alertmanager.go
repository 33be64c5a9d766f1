// Package alertmanager shows Prometheus' Alertmanager what stands: an observer
// of snapshots, with no ledger of its own.
//
// Whatever stands is posted every minute, and within seconds when it is new,
// each time with an end five minutes ahead. What is over is not posted any more,
// and so ends by itself. An end is not posted at once: of two sslwatch, one sees
// it up to an interval of checks before the other, whose next post would have
// the alert fire anew. So a restart, and the death of one of two, ends nothing.
//
// The members of a cluster tell one another what they told, and not what they
// were posted. So they have to agree on when an alert ends: all are posted the
// same at the same time, and the end is that of a whole minute. A member that
// waits for others before it tells gets an end that is as much earlier.
//
// An alert whose labels change, such as its severity, is another one to
// Alertmanager: the old one ends in the post in which the new one begins.
package alertmanager

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/view"
)

const (
	// look is how often it is looked what stands.
	look = 5 * time.Second
	// again is how often it is posted although nothing is new.
	again = time.Minute
	// validity is how long a post holds at least: some may be lost, and sslwatch
	// may be restarted.
	validity = 5 * time.Minute
	// logStanding is how often a failure that lasts is logged.
	logStanding = time.Hour
)

// Report takes in how a member of a cluster does: why it does not take what
// stands, empty if it does.
type Report func(ctx context.Context, id, failure string)

// Member is one address of an Alertmanager, or of one of a cluster.
type Member struct {
	ID string // of the receiver that it is
	Settings
}

// Observer shows the members of a cluster what stands. One that is down costs
// the others nothing.
type Observer struct {
	name     string
	audience ledger.Audience
	members  []*member
	source   view.Source
	log      *slog.Logger
	report   Report

	shown picture   // the latest
	round time.Time // the minute in which all were posted last
}

// member is a Member, and how posting to it goes. All but what a post under way
// needs is owned by Run.
type member struct {
	Member
	transport http.RoundTripper
	pace      *backoff.ExponentialBackOff
	place     int    // in the cluster: how many come before it
	unplaced  string // why that is not known, empty if it is
	busy      bool
	taken     time.Time       // of the picture that was taken last; zero if none was
	posted    map[string]bool // what was in that
	resumes   time.Time       // not before
	failure   string          // of the last post; empty for none
	logged    time.Time
}

// outcome is how a post ended.
type outcome struct {
	member *member
	place  int
	lost   error // why the place is not known
	at     time.Time
	posted map[string]bool
	wait   time.Duration // for how long it asks to be left alone
	err    error
}

// New returns an observer of that name, which connects to nothing yet. What is
// posted is what the audience hears of.
func New(name string, audience ledger.Audience, members []Member, source view.Source, log *slog.Logger, report Report) *Observer {
	o := &Observer{name: name, audience: audience, source: source, log: log, report: report}
	for _, m := range members {
		o.members = append(o.members, &member{
			Member: m, transport: m.transport(),
			pace: backoff.NewExponentialBackOff(backoff.WithInitialInterval(look), backoff.WithMaxInterval(again), backoff.WithMaxElapsedTime(0)),
		})
	}
	return o
}

// Run posts until ctx ends.
func (o *Observer) Run(ctx context.Context) {
	outcomes := make(chan outcome)
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	under := o.look(ctx, outcomes)
	for {
		select {
		case <-ticker.C:
			under += o.look(ctx, outcomes)
		case e := <-outcomes:
			under--
			if ctx.Err() == nil {
				o.ended(e)
				o.report(ctx, e.member.ID, e.member.failure)
			}
		case <-ctx.Done():
			for ; under > 0; under-- {
				<-outcomes
			}
			return
		}
	}
}

// look starts the posts that are due, and returns how many.
func (o *Observer) look(ctx context.Context, outcomes chan<- outcome) (started int) {
	limited, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	s, err := o.source.Snapshot(limited)
	if err != nil {
		return 0 // the loop hangs: that is said elsewhere, and it will be restarted
	}
	o.shown = o.shown.next(s, o.name, o.audience)
	minute, now := s.At.Truncate(again), time.Now()
	round := !minute.Equal(o.round) || slices.ContainsFunc(o.members, func(m *member) bool { return m.failure == "" && o.shown.news(m.posted) })
	if round {
		o.round = minute
	}
	for _, m := range o.members {
		if m.busy || m.failure == "" && !round || m.failure != "" && now.Before(m.resumes) {
			continue
		}
		m.busy = true
		started++
		e := outcome{member: m, place: m.place, at: s.At, posted: o.shown.keys()}
		shown, taken := o.shown, m.taken
		go func() {
			if len(o.members) > 1 {
				if place, err := m.Settings.place(ctx, m.transport); err == nil {
					e.place = place
				} else {
					e.lost = err
				}
			}
			e.wait, e.err = m.post(ctx, m.transport, shown.alerts(m.Wording, s.At, taken, m.lead(e.place)))
			outcomes <- e
		}()
	}
	return started
}

// ended takes in how a post ended.
func (o *Observer) ended(e outcome) {
	m, log := e.member, o.log.With("receiver", e.member.ID)
	m.busy, m.place = false, e.place
	if e.err == nil {
		lost := ""
		if e.lost != nil {
			lost = e.lost.Error()
		}
		if lost != "" && lost != m.unplaced {
			log.Warn("its place in the cluster can't be read: it may tell the end of an alert twice", "err", lost)
		}
		m.unplaced = lost
		if m.failure != "" {
			log.Info("receiver recovered")
		}
		m.failure, m.logged, m.taken, m.posted, m.resumes = "", time.Time{}, e.at, e.posted, time.Time{}
		m.pace.Reset()
		return
	}
	now, delay := time.Now(), max(m.pace.NextBackOff(), e.wait)
	m.resumes = now.Add(delay)
	if e.err.Error() != m.failure || now.Sub(m.logged) >= logStanding {
		log.Warn("what stands can't be posted", "err", e.err, "standing", len(o.shown.standing), "again_in", delay.Round(time.Second))
		m.logged = now
	}
	m.failure = e.err.Error()
}

// Test posts an alert that ends by itself within a minute.
func Test(ctx context.Context, s Settings, severity check.Severity, now time.Time) error {
	_, err := s.post(ctx, s.transport(), []alert{sample(severity, now)})
	return err
}
