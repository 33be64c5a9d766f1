package watch

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// Prober shakes hands with an address; probe.Do does it.
type Prober func(ctx context.Context, o probe.Options, now time.Time) []probe.Result

// Trust holds the authorities to trust, by the key of an instance, or of a
// project for those of its instances that have none of their own. None are
// those of the machine.
type Trust map[check.Key][]*x509.Certificate

// of returns the authorities to trust of an instance.
func (t Trust) of(key check.Key) []*x509.Certificate {
	if own, ok := t[key]; ok {
		return own
	}
	return t[key.OfProject()]
}

// probed is what handshakes with an instance showed.
type probed struct {
	key     check.Key
	results []probe.Result
	stopped bool // ctx ended before
}

// shakes reports whether hands are shaken with an instance: where the API has
// just said that SSL is on.
func shakes(r check.Record) bool {
	return r.Left == "" && r.Terms.Probe && !r.Verified.IsZero() && r.Failing.Count == 0 && !r.Off.Set && r.Off.Streak == 0
}

// shake shakes hands with an instance at each of its addresses. now is the
// time by the API's clock.
func (o Options) shake(ctx context.Context, r check.Record, now time.Time) probed {
	out := probed{key: r.Key()}
	for _, a := range r.Endpoint.Addresses() {
		if a.Port == "" {
			continue
		}
		out.results = append(out.results, o.Prober(ctx, probe.Options{Host: a.Host, Port: a.Port, CAs: o.Trust.of(r.Key())}, now)...)
	}
	if len(out.results) == 0 {
		out.results = []probe.Result{{Findings: []probe.Finding{{Breaks: true, Reason: reason.New(reason.EndpointUnnamed, nil)}}}}
	}
	out.stopped = ctx.Err() != nil
	return out
}

// probe starts the handshakes that are wanted, each in a goroutine of its own:
// they hold up no question to the API. What they show is judged by the time, so
// that none are made while this machine's clock may be wrong.
func (w *Watch) probe(ctx context.Context, now time.Time) {
	may := func(projectID string) bool { return !w.fleet.Clock(projectID).Holds() }
	for {
		key, ok := w.handshakes.next(may)
		if !ok {
			return
		}
		r, ok := w.fleet.Record(key)
		if !ok || !shakes(r) {
			w.handshakes.done(key)
			continue
		}
		o, at := w.opt, w.fleet.Clock(key.ProjectID).True(now)
		w.work.Add(1)
		go func() {
			defer w.work.Done()
			w.probed <- o.shake(ctx, r, at)
		}()
	}
}

// onProbed takes in what handshakes with an instance showed. What is to be
// confirmed is asked for anew of the API first: it may say by now that SSL is
// off, or that there is another certificate.
func (w *Watch) onProbed(p probed, now time.Time) {
	w.handshakes.done(p.key)
	if p.stopped {
		return
	}
	before, after, watched := w.fleet.LearnHandshake(p.key, p.results, now)
	if !watched {
		return
	}
	w.opt.Metrics.probed(after.Project, p.results)
	if soon := now.Add(w.opt.Backoff.Initial); after.ProbeUnsure(before) && w.idle(p.key) && after.Due.After(soon) {
		w.askAt(p.key, soon, now)
	}
	w.logProbe(before, after)
	if !after.Believes(before) {
		w.disk.hasten(now)
	}
}

// logProbe logs what is new since the last handshake.
func (w *Watch) logProbe(before, after check.Record) {
	log := w.log.With("project", after.Project, "instance", after.Instance, "instance_id", after.InstanceID)
	was := map[reason.Code]bool{}
	if before.Probed != nil {
		for _, f := range before.Probed.Findings {
			was[f.Reason.Code()] = true
		}
	}
	for _, f := range after.Probed.Findings {
		if !was[f.Reason.Code()] {
			log.Warn("the instance shows something else", "address", f.Address, "finding", f.Reason)
		}
	}
	failed := before.Probed != nil && !before.Probed.Failure.IsZero()
	switch fails := !after.Probed.Failure.IsZero(); {
	case fails && !failed:
		log.Warn("handshake failed", "err", after.Probed.Failure)
	case failed && !fails:
		log.Info("handshake succeeded again")
	case !fails:
		log.Debug("probed", "expires", after.Probed.NotAfter, "protocol", after.Probed.Protocol)
	}
}

// probedProjects returns the names of the projects in which hands are shaken.
func (o Options) probedProjects() map[string]bool {
	names := map[string]bool{}
	for _, w := range o.Watched {
		if w.Terms.Probe {
			names[w.Project] = true
		}
	}
	for _, d := range o.Discoveries {
		if d.Terms.Probe {
			names[d.Project.Project] = true
		}
	}
	return names
}
