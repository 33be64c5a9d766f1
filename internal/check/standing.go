package check

import (
	"cmp"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// State is how a condition stands.
type State string

// The states. A condition about which nothing is known has no Alert at all,
// so that unknown can't be taken for over.
const (
	Stands State = "stands"
	Hidden State = "hidden" // true, and a worse one speaks for it
	Over   State = "over"   // a positive reading says that it is not so
)

// Ending is why a condition is over.
type Ending string

// The endings.
const (
	Enabled     Ending = "enabled"      // SSL is on again
	NotRequired Ending = "not_required" // SSL is off, and may be
	Renewed     Ending = "renewed"      // a certificate with a later date is in place
	Validated   Ending = "validated"    // the certificate is valid again
	Checked     Ending = "checked"      // checks succeed again
	Unwatched   Ending = "unwatched"    // taken out of the configuration
	Deleted     Ending = "deleted"      // deleted in the cloud
	TooEarly    Ending = "too_early"    // it was told by a clock that was wrong
	Agrees      Ending = "agrees"       // a handshake shows what the API says
	Answers     Ending = "answers"      // handshakes succeed again
	Unprobed    Ending = "unprobed"     // no hands are shaken any more
	Partly      Ending = "partly"       // access to some instances is forbidden, and no longer to all
)

// Alert is one condition of one subject at one moment.
type Alert struct {
	Subject
	Condition Condition
	State     State
	Severity  Severity
	// Threshold is the tightest one reached, of a certificate that expires.
	Threshold Duration
	// NotAfter is the ssl_expired_at last known, zero if none is, and
	// Identity that which was believed first of it, zero if it is the same.
	NotAfter, Identity time.Time
	// PreviousNotAfter is the date of the certificate before.
	PreviousNotAfter time.Time
	// Since is when it began.
	Since time.Time
	// Verified is when the API last gave an SSL state.
	Verified time.Time
	// Cause and Reason say why checks fail, NoInfo how the API says off.
	Cause  Cause
	Reason reason.Reason
	NoInfo bool
	// Probed is what handshakes with the instance showed, of those conditions,
	// and Findings what of it stands, the worst first.
	Probed   *Probed
	Findings []Finding
	// Ending says why the condition is over.
	Ending Ending
	// Pause is why checks of a project are overdue, zero where it is not known.
	Pause Pause
	// Endpoint is where clients reach the instance, as last seen.
	Endpoint Endpoint
	// About is what the list of instances said of it.
	About About
	// Ahead is by how much this machine's clock is ahead, where that is the cause.
	Ahead time.Duration
	// Affected counts the instances that an alert about a project is about.
	Affected int
	// Concerned holds the distinct labels of a project's instances; none
	// where it may concern any.
	Concerned []map[string]string
}

// Timely reports whether it may be time alone that brought an alert, and hence
// a clock that is wrong.
func (a Alert) Timely() bool { return a.Condition.OfCertificate() || a.Cause == CauseOverdue }

// CertificateID returns what identifies the certificate of an alert.
func (a Alert) CertificateID() time.Time { return CertificateID(a.Identity, a.NotAfter) }

// Standing returns what is true of an instance now: each condition of which
// anything is known, standing, hidden or over.
func Standing(r Record, p Policy, now time.Time) []Alert {
	now = p.Clock(r.ProjectID).True(Wall(now))
	base := Alert{
		Subject: r.Subject, NotAfter: r.NotAfter, Identity: r.Identity, PreviousNotAfter: r.PreviousNotAfter, Verified: r.Verified, NoInfo: r.NoInfo,
		Endpoint: r.Endpoint, About: r.About,
	}
	if r.Left != "" {
		return gone(base, r.Left)
	}
	alerts := make([]Alert, 0, len(Conditions()))
	if !r.Verified.IsZero() {
		alerts = ssl(alerts, base, r, now)
	}
	alerts = append(alerts, endpoint(base, r, now)...)
	if a, known := failing(base, r, p, now); known {
		alerts = append(alerts, a)
	}
	return alerts
}

// gone returns every condition as over, because the subject is.
func gone(base Alert, why Ending) []Alert {
	var alerts []Alert
	for _, c := range Conditions() {
		a := base
		a.Condition, a.State, a.Ending = c, Over, why
		alerts = append(alerts, a)
	}
	return alerts
}

// ssl adds the four conditions of which one hides the other, to none.
func ssl(alerts []Alert, base Alert, r Record, now time.Time) []Alert {
	left := r.NotAfter.Sub(now)
	threshold, crossed := r.Terms.Tightest(left)
	expired := left <= 0
	dated := !r.NotAfter.IsZero()

	over := Renewed
	if r.Off.Set {
		over = NotRequired // said only where off does not hide it
	}
	present := !r.Off.Set || r.RequiresSSL()

	disabled := base
	disabled.Condition, disabled.Severity, disabled.Since = SSLDisabled, Critical, r.Off.Since
	disabled.State, disabled.Ending = judge(r.Off.Set && r.RequiresSSL(), over)
	if !r.Off.Set {
		disabled.Ending = Enabled
	}

	alerts = append(alerts, disabled)
	if dated {
		a := base
		a.Condition, a.Severity, a.Since = CertificateExpired, Critical, r.NotAfter
		a.State, a.Ending = judge(present && expired, over)
		alerts = append(alerts, a)
	}

	invalid := base
	invalid.Condition, invalid.Severity, invalid.Since = SSLInvalid, Critical, r.Invalid.Since
	invalid.State, invalid.Ending = judge(present && r.Invalid.Set, over)
	if !r.Invalid.Set {
		invalid.Ending = Validated
	}
	alerts = append(alerts, invalid)

	if dated {
		a := base
		a.Condition, a.Severity = CertificateExpiring, Warning
		if left <= time.Duration(r.Terms.Critical) {
			a.Severity = Critical
		}
		if crossed {
			a.Threshold, a.Since = threshold, r.NotAfter.Add(-time.Duration(threshold))
		}
		a.State, a.Ending = judge(present && crossed, over)
		alerts = append(alerts, a)
	}
	return hide(alerts)
}

// judge turns a truth into a state, with the ending if it is not so.
func judge(so bool, ending Ending) (State, Ending) {
	if so {
		return Stands, ""
	}
	return Over, ending
}

// hide keeps only the first condition that stands in sight.
func hide(alerts []Alert) []Alert {
	seen := false
	for i := range alerts {
		if alerts[i].State != Stands {
			continue
		}
		if seen {
			alerts[i].State = Hidden
		}
		seen = true
	}
	return alerts
}

// failing judges whether the instance can be checked. A refusal of the
// credential is the project's alert, not the instance's; where the project
// speaks for an instance that is forbidden, see ProjectRecord.Covers.
//
// How long checks have failed is measured at the last failed check and not
// by the clock: at the start of a daemon that was away for days, nothing is
// told before it has looked.
func failing(base Alert, r Record, p Policy, now time.Time) (alert Alert, known bool) {
	a := base
	a.Condition, a.Reason = CheckFailing, r.Failing.Reason
	a.Severity = blindness(r, now)
	switch {
	case r.Missing.Set:
		a.Cause, a.Since = CauseMissing, r.Missing.Since
	case r.Unsupported.Set:
		a.Cause, a.Since = CauseUnsupported, r.Unsupported.Since
	case r.Failing.Count == 0:
		a.State, a.Ending, a.Severity = Over, Checked, ""
		return a, !r.Verified.IsZero()
	case r.Denied.Set && r.Failing.Cause != CauseFailed:
		a.Cause, a.Since, a.Reason = CauseForbidden, r.Denied.Since, r.Denial
	case r.Failing.Cause.denied() || r.Failing.Last.Sub(r.Failing.Since) < p.FailingAfter:
		return Alert{}, false
	default:
		a.Cause, a.Since = CauseFailed, r.Failing.Since
	}
	a.State = Stands
	return a, true
}

// blindness is how bad it is not to see an instance.
func blindness(r Record, now time.Time) Severity {
	if !r.NotAfter.IsZero() && !r.Off.Set && r.NotAfter.Sub(now) <= time.Duration(r.Terms.Critical) {
		return Critical
	}
	return Warning
}

// late reports whether a check has been due for as long as one may fail.
func late(r Record, p Policy, now time.Time) bool {
	return !r.Due.IsZero() && now.Sub(r.Due) >= p.FailingAfter
}

// Next returns when, by this machine's clock, Standing of an instance will
// next change by the passing of time alone; zero if it will not.
func Next(r Record, p Policy, now time.Time) time.Time {
	if r.Left != "" || r.NotAfter.IsZero() {
		return time.Time{}
	}
	real := p.Clock(r.ProjectID).True(now)
	ahead := now.Sub(real)
	for _, threshold := range slices.Backward(r.Terms.thresholds()) {
		if at := r.NotAfter.Add(-time.Duration(threshold)); at.After(real) {
			return at.Add(ahead)
		}
	}
	if r.NotAfter.After(real) {
		return r.NotAfter.Add(ahead)
	}
	return time.Time{}
}

// earlier returns the earlier of two times that are still to come.
func earlier(next, t, now time.Time) time.Time {
	if !t.After(now) || !next.IsZero() && !t.Before(next) {
		return next
	}
	return t
}

// CompareAlerts orders alerts for people, the worst first.
func CompareAlerts(a, b Alert) int {
	if c := cmp.Or(b.Severity.Compare(a.Severity), a.Condition.Compare(b.Condition), a.NotAfter.Compare(b.NotAfter)); c != 0 {
		return c // most often, and without a look at the names
	}
	return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Instance, b.Instance), a.Key().Compare(b.Key()))
}
