// Package alertmanager shows Prometheus' Alertmanager what stands: an observer
// of snapshots, with no ledger of its own.
//
// Whatever stands is posted every minute, and within seconds when it is new,
// each time with an end five minutes ahead. What is over is not posted any more,
// and so ends by itself. An end is not posted at once: of two sslwatch, one sees
// it up to an interval of checks before the other, whose next post would have
// the alert fire anew. So a restart, and the death of one of two, ends nothing.
//
// An alert whose labels change, such as its severity, is another one to
// Alertmanager: the old one ends in the post in which the new one begins.
package alertmanager

import (
	"context"
	"log/slog"
	"net/http"
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
	// validity is how long a post holds: some may be lost, and sslwatch may
	// be restarted.
	validity = 5 * time.Minute
	// logStanding is how often a failure that lasts is logged.
	logStanding = time.Hour
)

// Observer shows one Alertmanager what stands, by one of its addresses. It
// has others for the rest: alerts don't spread in a cluster of Alertmanagers,
// and one address that is down is to cost the others nothing.
type Observer struct {
	who       ledger.Receiver
	settings  Settings
	source    view.Source
	log       *slog.Logger
	report    func(ctx context.Context, id, failure string)
	transport http.RoundTripper
	pace      *backoff.ExponentialBackOff

	shown   picture   // the latest
	taken   time.Time // when the last one was that was taken; zero if none was
	posted  map[string]bool
	resumes time.Time // not before
	failure string    // of the last post; empty for none
	logged  time.Time
}

// New returns an observer, which connects to nothing yet. What is posted is
// what the receiver hears of. report is told how each post went: why it
// failed, empty if it did not.
func New(who ledger.Receiver, s Settings, source view.Source, log *slog.Logger, report func(ctx context.Context, id, failure string)) *Observer {
	return &Observer{
		who: who, settings: s, source: source, log: log.With("receiver", who.ID), report: report, transport: s.transport(),
		pace: backoff.NewExponentialBackOff(backoff.WithInitialInterval(look), backoff.WithMaxInterval(again), backoff.WithMaxElapsedTime(0)),
	}
}

// Run posts until ctx ends.
func (o *Observer) Run(ctx context.Context) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		o.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look posts what stands, if it is due.
func (o *Observer) look(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	s, err := o.source.Snapshot(limited)
	if err != nil {
		return // the loop hangs: that is said elsewhere, and it will be restarted
	}
	o.shown = o.shown.next(s, o.who)
	now := time.Now()
	switch {
	case now.Before(o.resumes):
		return
	case o.failure == "" && !o.shown.news(o.posted) && now.Sub(o.taken) < again-look/2:
		return
	}
	alerts := o.shown.alerts(o.settings.Wording, s.At, o.taken)
	wait, err := o.settings.post(ctx, o.transport, alerts)
	if ctx.Err() != nil {
		return
	}
	o.ended(err, wait, s.At)
	o.report(ctx, o.who.ID, o.failure)
}

// ended takes in how a post ended, and for how long it was asked to wait.
func (o *Observer) ended(err error, wait time.Duration, at time.Time) {
	now := time.Now()
	if err == nil {
		if o.failure != "" {
			o.log.Info("receiver recovered")
		}
		o.failure, o.logged, o.taken, o.posted, o.resumes = "", time.Time{}, at, o.shown.keys(), time.Time{}
		o.pace.Reset()
		return
	}
	delay := max(o.pace.NextBackOff(), wait)
	o.resumes = now.Add(delay)
	if err.Error() != o.failure || now.Sub(o.logged) >= logStanding {
		o.log.Warn("what stands can't be posted", "err", err, "standing", len(o.shown.standing), "again_in", delay.Round(time.Second))
		o.logged = now
	}
	o.failure = err.Error()
}

// Test posts an alert that ends by itself within a minute.
func Test(ctx context.Context, s Settings, severity check.Severity, now time.Time) error {
	_, err := s.post(ctx, s.transport(), []alert{sample(severity, now)})
	return err
}
