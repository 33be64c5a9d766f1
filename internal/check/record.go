package check

import (
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// Record is what was seen of one instance, and the terms it is judged by.
type Record struct {
	Subject
	Terms Terms `json:"terms"`
	// Left says why the instance is no longer watched; empty while it is.
	// A record that left stays until every receiver has heard the last word.
	Left Ending `json:"left,omitempty"`
	// Origin says how it is known that it is to be watched.
	Origin Origin `json:"origin,omitempty"`
	// Absent counts the complete lists in a row without it, SeenOn is set
	// once SSL was seen on; both of one that is discovered.
	Absent int  `json:"absent,omitempty"`
	SeenOn bool `json:"seen_on,omitempty"`
	// About is what the list of instances said of it.
	About About `json:"about,omitzero"`
	// Due is when the next check is due. The loop sets it; it is kept here
	// so that a restart is no stampede.
	Due time.Time `json:"due,omitzero"`

	// Checked is when the last check ended, Verified when the last one
	// that brought an SSL state did.
	Checked  time.Time `json:"checked,omitzero"`
	Verified time.Time `json:"verified,omitzero"`
	// NotAfter is the last ssl_expired_at that was believed, kept while SSL
	// is off.
	NotAfter time.Time `json:"not_after,omitzero"`
	// Identity is the date that was believed first of the certificate; zero
	// where it is NotAfter. It stays while the date moves.
	Identity time.Time `json:"certificate_id,omitzero"`
	// PreviousNotAfter is the date of the certificate before this one.
	PreviousNotAfter time.Time `json:"previous_not_after,omitzero"`
	// Displaced is the latest date that an earlier one took the place of. A
	// date up to it that comes back needs confirmation, so that a cluster
	// whose nodes hold different certificates is no new story at each check.
	Displaced time.Time `json:"displaced,omitzero"`
	// Comeback counts how often in a row such a date was seen.
	Comeback Comeback `json:"comeback,omitzero"`
	// Endpoint is where clients reach the instance, as last seen.
	Endpoint Endpoint `json:"endpoint,omitzero"`

	Off         Flag `json:"off,omitzero"`         // SSL is off
	Invalid     Flag `json:"invalid,omitzero"`     // ssl_validated is false
	Missing     Flag `json:"missing,omitzero"`     // there is no such instance
	Unsupported Flag `json:"unsupported,omitzero"` // it can't have SSL
	Denied      Flag `json:"denied,omitzero"`      // access to it is forbidden
	// Denial says how, in the API's words.
	Denial reason.Reason `json:"denial,omitzero"`
	// Alone is set when another instance of the project could be seen while
	// this one was forbidden: so it is not the project that is.
	Alone bool `json:"alone,omitempty"`
	// NoInfo tells a 204 from a 200 that says off.
	NoInfo bool `json:"no_info,omitempty"`
	// Failing is the run of failed checks that the last check belongs to.
	Failing Failing `json:"failing,omitzero"`
	// Probed is what handshakes with the instance showed, nil where there was
	// none.
	Probed *Probed `json:"probed,omitempty"`
}

// Terms are the thresholds in force for an instance. The configuration is
// reconciled into them, and judgement reads them here.
type Terms struct {
	// Expiry is the ladder of times left at which a certificate is told of.
	Expiry []Duration `json:"expiry"`
	// Critical is the time left from which on it is critical; it acts as a
	// threshold of its own.
	Critical Duration `json:"critical"`
	// RequireSSL makes SSL that is off an alert.
	RequireSSL bool `json:"require_ssl"`
	// Probe has hands be shaken with the instance itself.
	Probe bool `json:"probe,omitempty"`
}

// Tightest returns the smallest threshold that the time left has reached,
// and whether it has reached any.
func (t Terms) Tightest(left time.Duration) (Duration, bool) {
	for _, threshold := range t.thresholds() {
		if left <= time.Duration(threshold) {
			return threshold, true
		}
	}
	return 0, false
}

// thresholds returns the ladder and the critical threshold, ascending.
func (t Terms) thresholds() []Duration {
	all := append(slices.Clone(t.Expiry), t.Critical)
	slices.Sort(all)
	return slices.Compact(all)
}

// Endpoint is where clients reach an instance with SSL, as the API told.
type Endpoint struct {
	IP     string `json:"ip,omitempty"`
	IPv6   string `json:"ipv6,omitempty"`
	Port   string `json:"port,omitempty"`
	Domain string `json:"domain_name,omitempty"`
}

// Flag is something that is believed only when it was seen often enough in
// a row, and no longer only when its contrary was.
type Flag struct {
	Set bool `json:"set,omitempty"`
	// Since is when what is believed was first seen.
	Since time.Time `json:"since,omitzero"`
	// Streak counts the observations in a row that contradict what is
	// believed, the first of them at From.
	Streak      int       `json:"streak,omitempty"`
	StreakSince time.Time `json:"streak_since,omitzero"`
}

// observe returns the flag after one more observation.
func (f Flag) observe(is bool, confirm int, now time.Time) Flag {
	if is == f.Set {
		f.Streak, f.StreakSince = 0, time.Time{}
		return f
	}
	if f.Streak == 0 {
		f.StreakSince = now
	}
	f.Streak++
	if f.Streak < confirm {
		return f
	}
	return Flag{Set: is, Since: f.StreakSince}
}

// Comeback is a later date that was seen before and seems to be back.
type Comeback struct {
	NotAfter time.Time `json:"not_after,omitzero"`
	Streak   int       `json:"streak,omitempty"`
}

// Failing is a run of checks that brought no SSL state.
type Failing struct {
	Since time.Time `json:"since,omitzero"` // the first failure of the run
	Last  time.Time `json:"last,omitzero"`  // the latest
	Count int       `json:"count,omitempty"`
	Cause Cause     `json:"cause,omitempty"`
	// Reason is why the latest failed, without secrets.
	Reason reason.Reason `json:"reason,omitzero"`
}

// Cause is why an instance or a project can't be checked.
type Cause string

// The causes of check_failing.
const (
	CauseFailed      Cause = "failed"      // the checks fail
	CauseMissing     Cause = "missing"     // there is no such instance
	CauseUnsupported Cause = "unsupported" // it can't have SSL
	CauseRefused     Cause = "refused"     // the credential is not accepted (401)
	CauseForbidden   Cause = "forbidden"   // the credential may not do this (403)
	CauseOverdue     Cause = "overdue"     // checks that are due are not made
	CauseClock       Cause = "clock"       // this machine's clock is off
	CauseUnlisted    Cause = "unlisted"    // the list of the instances can't be read
)

// denied reports whether the cause concerns the credential or the project.
func (c Cause) denied() bool { return c == CauseRefused || c == CauseForbidden }

// under returns the record with other terms. What handshakes showed does not
// count any more when they begin anew.
func (r Record) under(t Terms) Record {
	if t.Probe && !r.Terms.Probe {
		r.Probed = nil
	}
	r.Terms = t
	return r
}

// clone returns a record that shares nothing that anyone may change.
func (r Record) clone() Record {
	r.Labels = maps.Clone(r.Labels)
	r.Terms.Expiry = slices.Clone(r.Terms.Expiry)
	return r
}

// Unsure reports whether an observation waits to be confirmed, so that the
// next check should come soon.
func (r Record) Unsure() bool {
	return r.Off.Streak > 0 || r.Invalid.Streak > 0 || r.Missing.Streak > 0 || r.Unsupported.Streak > 0 || r.Comeback.Streak > 0
}

// Believes reports whether r says of the instance what the other record says:
// the same certificate, and the same of all that needs confirmation.
func (r Record) Believes(other Record) bool {
	return r.NotAfter.Equal(other.NotAfter) && r.Off.Set == other.Off.Set && r.Invalid.Set == other.Invalid.Set &&
		r.Missing.Set == other.Missing.Set && r.Unsupported.Set == other.Unsupported.Set && r.Denied.Set == other.Denied.Set &&
		r.Probed.believes(other.Probed)
}

// Observation is one answer of the API, or the lack of one.
type Observation struct {
	SSL dcs.SSL // what was seen, when Cause is empty
	// Cause says why nothing was seen; empty when something was.
	Cause Cause
	// Reason is why it failed.
	Reason reason.Reason
	// Seen is when the API last said something about an instance of the
	// project to the same credential.
	Seen time.Time
}

// Observe turns an answer of the API into an observation.
func Observe(ssl dcs.SSL, err *dcs.Error) Observation {
	if err == nil {
		return Observation{SSL: ssl}
	}
	o := Observation{Cause: CauseFailed, Reason: err.Reason}
	switch err.Kind {
	case dcs.Missing:
		o.Cause = CauseMissing
	case dcs.Unsupported:
		o.Cause = CauseUnsupported
	case dcs.Unauthenticated:
		o.Cause = CauseRefused
	case dcs.Forbidden:
		o.Cause = CauseForbidden
	}
	return o
}

// Accepts reports whether an answer with a cause shows that the API accepted
// the credential, whatever else it says.
func (c Cause) Accepts() bool { return c != CauseFailed && c != CauseRefused && c != CauseOverdue }

// Learn takes one observation into a record.
func Learn(r Record, o Observation, p Policy, now time.Time) Record {
	now = Wall(now)
	r = r.clone()
	r.Checked = now
	see := func(f *Flag, is bool) { *f = f.observe(is, p.Confirm, now) }

	switch {
	case o.Cause == CauseForbidden:
		see(&r.Denied, true)
		r.Denial = o.Reason
		began := r.Denied.Since
		if !r.Denied.Set {
			began = r.Denied.StreakSince
		}
		r.Alone = r.Alone || o.Seen.After(began)
	case o.Cause.Accepts(): // an answer about the instance
		r.Denied, r.Denial, r.Alone = Flag{}, reason.Reason{}, false
		// Of one that is discovered, the list says whether it is gone.
		see(&r.Missing, o.Cause == CauseMissing && r.Origin == Listed)
		see(&r.Unsupported, o.Cause == CauseUnsupported)
	}
	if o.Cause != "" {
		if r.Failing.Count == 0 {
			r.Failing.Since = now
		}
		r.Failing.Last, r.Failing.Cause, r.Failing.Reason = now, o.Cause, o.Reason
		r.Failing.Count++
		return r
	}

	r.Failing = Failing{}
	r.Verified = now
	see(&r.Off, !o.SSL.Enabled)
	r.SeenOn = r.SeenOn || r.Origin == Discovered && o.SSL.Enabled && !r.Off.Set
	if !o.SSL.Enabled {
		r.NoInfo = o.SSL.NoInfo
		return r
	}
	see(&r.Invalid, !o.SSL.Validated)
	r.Endpoint = Endpoint{IP: o.SSL.IP, IPv6: o.SSL.IPv6, Port: o.SSL.Port, Domain: o.SSL.Domain}
	if o.SSL.ExpiresAt.IsZero() {
		return r // not valid, and without a date: the one last known stays
	}
	return r.date(Wall(o.SSL.ExpiresAt), p.Confirm)
}

// date takes an ssl_expired_at in. One reading is enough, but for a date
// that was displaced by an earlier one before: if that could come and go
// with each reading, so would the alerts.
func (r Record) date(expires time.Time, confirm int) Record {
	known := CertificateID(r.Identity, r.NotAfter)
	switch {
	case known.IsZero():
		r.NotAfter = expires
		return r
	case SameCertificate(expires, known):
		r.NotAfter, r.Identity, r.Comeback = expires, known, Comeback{}
		if expires.Equal(known) {
			r.Identity = time.Time{}
		}
		return r
	case expires.Before(known):
		if r.Displaced.Before(r.NotAfter) {
			r.Displaced = r.NotAfter
		}
	case expires.Before(r.Displaced) || SameCertificate(expires, r.Displaced):
		if !SameCertificate(expires, r.Comeback.NotAfter) {
			r.Comeback = Comeback{NotAfter: expires}
		}
		r.Comeback.Streak++
		if r.Comeback.Streak < confirm {
			return r
		}
	}
	r.PreviousNotAfter, r.NotAfter, r.Identity, r.Comeback = r.NotAfter, expires, time.Time{}, Comeback{}
	return r
}

// SameCertificate reports whether two dates are of one certificate: they are
// less than a day apart. A date that the API computes moves a little at each
// check, and that is not another certificate.
func SameCertificate(a, b time.Time) bool { return a.Sub(b).Abs() < Day }

// CertificateID returns the date that identifies a certificate: the one that was
// believed first, if that is not the one that is shown.
func CertificateID(first, shown time.Time) time.Time {
	if first.IsZero() {
		return shown
	}
	return first
}
