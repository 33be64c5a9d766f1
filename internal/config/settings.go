package config

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/poll"
)

// The bounds of durations. The lower one is for tests and demonstrations;
// nothing in the program is finer.
const (
	shortest = 100 * time.Millisecond
	century  = 100 * 365 * check.Day
)

// readCheck reads how often and how hard to ask.
func (c *Config) readCheck(t *table) {
	c.Loop.Interval = t.duration("interval", 15*time.Minute, shortest, check.Week)
	c.Loop.Timeout = t.duration("timeout", 15*time.Second, shortest, 5*time.Minute)
	c.Loop.Concurrency = t.Whole("concurrency", 8, 1, 256)
	c.Loop.Rate = t.Number("rate", 5, 0.01, 100_000)
	c.Policy.Confirm = t.Whole("confirm", 2, 1, 10)

	b := t.Sub("backoff")
	before := len(t.doc.Problems)
	c.Loop.Backoff = poll.Backoff{
		Initial:    b.duration("initial", 10*time.Second, shortest, check.Day),
		Max:        b.duration("max", 15*time.Minute, shortest, check.Day),
		Multiplier: b.Number("multiplier", 2, 1, 10),
		// With a jitter of 1 a delay could be none at all.
		Jitter: b.Number("jitter", 0.2, 0, 0.9),
	}
	if sound := len(t.doc.Problems) == before; sound && c.Loop.Backoff.Max < c.Loop.Backoff.Initial {
		b.Problem("max", "%q is shorter than initial, %q: the delays grow from initial to max",
			check.Duration(c.Loop.Backoff.Max).String(), check.Duration(c.Loop.Backoff.Initial).String())
	}
	if c.Loop.Timeout > c.Loop.Interval {
		t.Warn("timeout", "%q is longer than interval, %q: a request that hangs delays the next check of its instance",
			check.Duration(c.Loop.Timeout).String(), check.Duration(c.Loop.Interval).String())
	}
}

// readAlerts reads what is told when, and returns the terms of an instance
// that has none of its own.
func (c *Config) readAlerts(t *table) check.Terms {
	terms := check.Terms{RequireSSL: true}
	terms.Expiry = t.ladder("expiry", days(60, 30, 14, 7, 3, 1))
	terms.Critical = check.Duration(t.duration("critical", check.Week, 0, century))
	t.oddTerms(terms)
	c.Policy.FailingAfter = t.duration("failing_after", time.Hour, shortest, 30*check.Day)
	r := t.Sub("repeat_interval")
	c.Terms.Repeat = map[check.Severity]time.Duration{
		check.Critical: r.orNever("critical", check.Day),
		check.Warning:  r.orNever("warning", check.Week),
	}
	c.Terms.GroupWait = t.duration("group_wait", 10*time.Second, 0, time.Hour)
	return terms
}

func days(n ...int) []check.Duration {
	out := make([]check.Duration, len(n))
	for i, d := range n {
		out[i] = check.Duration(time.Duration(d) * check.Day)
	}
	return out
}

// orNever reads a duration of which "0" means never.
func (t *table) orNever(name string, def time.Duration) time.Duration {
	d := t.duration(name, def, 0, century)
	if d > 0 && d < shortest {
		t.Problem(name, "%q is too short: at least %q, or \"0\" for never", check.Duration(d).String(), check.Duration(shortest).String())
		return def
	}
	return d
}

// oddTerms warns of thresholds that are hardly meant, at the key in this
// table that makes them so.
func (t *table) oddTerms(terms check.Terms) {
	first, name := terms.Critical, "critical"
	if len(terms.Expiry) > 0 {
		first = max(first, terms.Expiry[0])
	}
	if !t.Given(name) {
		name = "expiry"
	}
	switch {
	case first < check.Duration(check.Day):
		t.Warn(name, "the first notice comes only %s before a certificate ends: \"d\" is days, and \"m\" is minutes", first)
	case len(terms.Expiry) > 0 && terms.Critical > terms.Expiry[0]:
		t.Warn(name, "the critical threshold, %q, is longer than the longest of expiry, %q: the first notice comes at the former and is critical already",
			terms.Critical.String(), terms.Expiry[0].String())
	}
}
