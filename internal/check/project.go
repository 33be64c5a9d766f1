package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// ProjectRecord is what was seen of a project as a whole.
type ProjectRecord struct {
	// Credential names what it authenticated with last, and reveals nothing.
	Credential string `json:"credential,omitempty"`
	// Seen is when the API last said something about an instance to that
	// credential, be it that there is none.
	Seen time.Time `json:"seen,omitzero"`
	// Refused is whether the credential is refused.
	Refused Flag `json:"refused,omitzero"`
	// Forbidden is since when access to every instance is forbidden, zero
	// while it is not.
	Forbidden time.Time `json:"forbidden,omitzero"`
	// Denied is when access was last forbidden so that only an instance that
	// is seen shows the contrary. Reason is how the API said it, or a refusal.
	Denied time.Time     `json:"denied,omitzero"`
	Reason reason.Reason `json:"reason,omitzero"`
	// Pause is what holds its checks up.
	Pause Pause `json:"pause,omitzero"`
	// Listing is about the list of its instances, where they are discovered.
	Listing Listing `json:"listing,omitzero"`
}

// Pause is what holds the checks of a project up.
type Pause struct {
	Why    Why           `json:"why,omitempty"`
	Until  time.Time     `json:"until,omitzero"`
	Reason reason.Reason `json:"reason,omitzero"`
}

// Why is a kind of pause.
type Why string

// The kinds of pauses. Only the first two have an end that is known.
const (
	PauseRefused   Why = "refused"   // the credential is not accepted
	PauseThrottled Why = "throttled" // the API is asked too often
	PauseHanging   Why = "hanging"   // the API takes long, and then brings nothing
	PauseSlow      Why = "slow"      // the API takes long
)

// In reports whether nothing is asked at a time because of the pause.
func (p Pause) In(now time.Time) bool { return p.Until.After(now) }

// With returns the project with a credential: what another one saw does not
// count.
func (p ProjectRecord) With(credential string) ProjectRecord {
	if p.Credential != credential {
		p.Credential, p.Seen, p.Pause = credential, time.Time{}, Pause{}
	}
	return p
}

// Learn takes an answer in that was about one of the instances.
func (p ProjectRecord) Learn(o Observation, now time.Time) ProjectRecord {
	now = Wall(now)
	switch {
	case o.Cause == CauseForbidden:
		if p.Refused != (Flag{}) {
			p.Denied = now // that it is accepted does not end what was told
		}
		p = p.Accept()
	case o.Cause.Accepts():
		p = p.Accept()
		p.Seen = now
	}
	return p
}

// Accept takes in that the credential was accepted, if only for an instance
// of another project.
func (p ProjectRecord) Accept() ProjectRecord {
	p.Refused = Flag{}
	return p
}

// Refuse takes in that the credential was refused.
func (p ProjectRecord) Refuse(why reason.Reason, policy Policy, now time.Time) ProjectRecord {
	now = Wall(now)
	p.Refused, p.Reason = p.Refused.observe(true, policy.Confirm, now), why
	return p
}

// Judge brings what is so of the project as a whole in line with its sum.
// Access is forbidden to all where it is to each instance, or where it is to
// some and no instance was ever seen. That ends when one is seen.
func (p ProjectRecord) Judge(f Totals, now time.Time) ProjectRecord {
	now = Wall(now)
	all := f.Forbidden > 0 && (f.Forbidden == f.Watched || p.Seen.IsZero() && f.Unasked == 0)
	switch {
	case p.Forbidden.IsZero() && all:
		p.Forbidden = now
	case f.Forbidden == 0 || !p.Seen.Before(p.Forbidden):
		p.Forbidden = time.Time{}
	}
	if !p.Forbidden.IsZero() {
		p.Denied, p.Reason = now, f.Reason
	}
	return p
}

// Covers returns what stands of an instance where its project speaks for it:
// what is forbidden for all is one alert of the project. An instance has one
// of its own as soon as it is known that another can be seen, or when that is
// not known for long; and when it fails for another reason since.
func (p ProjectRecord) Covers(r Record, alerts []Alert, policy Policy) []Alert {
	if !r.Denied.Set {
		return alerts
	}
	alone := r.Alone || !p.Seen.After(r.Denied.Since) && r.Failing.Last.Sub(r.Denied.Since) >= policy.FailingAfter
	if p.Forbidden.IsZero() && (alone || r.Failing.Cause == CauseFailed) {
		return alerts
	}
	alerts = slices.Clone(alerts)
	for i, a := range alerts {
		if a.Condition == CheckFailing && a.State == Stands {
			alerts[i].State = Hidden
		}
	}
	return alerts
}

// Totals are the sum of a project's records.
type Totals struct {
	Subject   Subject // the project
	Concerned []map[string]string
	Records   int
	Watched   int
	Unasked   int // watched, and not asked yet
	Forbidden int // watched, and forbidden
	Late      int // watched, and overdue
	// How many of them have a certificate that is critical, or will be unseen.
	Critical, ForbiddenCritical, LateCritical int
	Verified                                  time.Time     // the latest
	Due                                       time.Time     // of the check that is overdue longest
	Left                                      Ending        // why one left
	Reason                                    reason.Reason // why access is forbidden
}

// Part is what a record adds to the totals of its project.
type Part struct {
	Watched, Unasked, Forbidden, Late, Critical bool
	// Due is since when its check is overdue; zero if it is not.
	Due time.Time
	// Next is when time alone changes it; zero if it does not.
	Next time.Time
}

// PartOf returns what a record adds to the sum of its project now.
func PartOf(r Record, p Policy, now time.Time) Part {
	now = Wall(now)
	if r.Left != "" {
		return Part{}
	}
	real := p.Clock(r.ProjectID).True(now)
	part := Part{
		Watched: true, Unasked: r.Checked.IsZero(), Forbidden: r.Denied.Set,
		Late: late(r, p, now), Critical: blindness(r, real) == Critical,
	}
	if part.Late {
		part.Due = r.Due
	}
	if !r.Due.IsZero() {
		part.Next = earlier(part.Next, r.Due.Add(p.FailingAfter), now)
	}
	part.Next = earlier(part.Next, Next(r, p, now), now) // the critical threshold among them
	return part
}

// Count adds a part n times; with -1 it takes it away.
func (f *Totals) Count(part Part, n int) {
	f.Records += n
	for _, c := range []struct {
		of *int
		is bool
	}{
		{&f.Watched, part.Watched}, {&f.Unasked, part.Unasked}, {&f.Forbidden, part.Forbidden}, {&f.Late, part.Late},
		{&f.Critical, part.Critical}, {&f.ForbiddenCritical, part.Forbidden && part.Critical}, {&f.LateCritical, part.Late && part.Critical},
	} {
		if c.is {
			*c.of += n
		}
	}
}

// Note takes in what of a record is no matter of counting.
func (f *Totals) Note(r Record) {
	f.Subject = Subject{ProjectID: r.ProjectID, Project: r.Project, Region: r.Region}
	if r.Left != "" {
		f.Left = r.Left
		return
	}
	if r.Verified.After(f.Verified) {
		f.Verified = r.Verified
	}
	if !r.Denial.IsZero() {
		f.Reason = r.Denial
	}
}

// Concern takes in whom an alert of the project concerns. known holds the
// labels that it has, and is kept by the caller.
func (f *Totals) Concern(s Subject, known map[string]bool) {
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		key.WriteString(strconv.Quote(name) + strconv.Quote(s.Labels[name]))
	}
	if !known[key.String()] {
		known[key.String()] = true
		f.Concerned = append(f.Concerned, s.Labels)
	}
}

// Sum adds the records of a project up.
func Sum(records []Record, p Policy, now time.Time) Totals {
	var f Totals
	known := map[string]bool{}
	for _, r := range records {
		part := PartOf(r, p, now)
		f.Count(part, 1)
		f.Note(r)
		f.Concern(r.Subject, known)
		if part.Late && (f.Due.IsZero() || part.Due.Before(f.Due)) {
			f.Due = part.Due
		}
	}
	return f
}

// Project returns what is true of a project: whether its instances can be
// asked at all. There is one condition, check_failing, for five causes: this
// machine's clock is off, the credential is refused, access to every instance
// is forbidden, checks that have been due for FailingAfter are not made, or
// the list of its instances can't be read.
func Project(p ProjectRecord, f Totals, policy Policy, now time.Time) []Alert {
	now = Wall(now)
	lists := !p.Listing.Due.IsZero()
	if f.Records == 0 && !lists {
		return nil
	}
	a := Alert{Subject: f.Subject, Condition: CheckFailing, State: Stands, Severity: Warning, Verified: f.Verified, Concerned: f.Concerned}
	critical, own := 0, policy.Clocks[f.Subject.ProjectID]
	unlisted, long, unknown := p.Listing.blind(policy, now)
	switch {
	case f.Watched == 0 && !lists:
		a.State, a.Ending, a.Severity = Over, f.Left, ""
		return []Alert{a}
	case own.Off:
		a.Cause, a.Since, a.Ahead = CauseClock, own.Since, time.Duration(own.Ahead)
		a.Affected, critical = f.Watched, f.Critical
	case p.Refused.Set:
		a.Cause, a.Since, a.Reason = CauseRefused, p.Refused.Since, p.Reason
		a.Affected, critical = f.Watched, f.Critical
	case !p.Forbidden.IsZero():
		a.Cause, a.Since, a.Reason = CauseForbidden, p.Forbidden, p.Reason
		a.Affected, critical = f.Forbidden, f.ForbiddenCritical
	case f.Late > 0 && now.Sub(policy.Awake) >= policy.FailingAfter:
		a.Cause, a.Since, a.Pause = CauseOverdue, f.Due, p.Pause
		a.Affected, critical = f.Late, f.LateCritical
		if p.Refused.Streak > 0 { // a refusal that waits to be confirmed is why the others wait
			a.Cause, a.Since, a.Reason = CauseRefused, p.Refused.StreakSince, p.Reason
			a.Affected = f.Watched
		}
	case long:
		a.Cause, a.Since, a.Reason, a.Pause = CauseUnlisted, unlisted, p.Listing.Failing.Reason, p.Pause
		a.Affected, a.Concerned = f.Watched, nil // whose the instances are that are not known, nobody knows
	case p.Refused.Streak > 0 || f.Late > 0 || unknown || f.Watched > 0 && (p.Seen.IsZero() || p.Seen.Before(p.Denied)):
		return nil // unknown
	default:
		a.State, a.Ending, a.Severity = Over, Checked, ""
		if f.Forbidden > 0 {
			a.Ending = Partly
		}
		return []Alert{a}
	}
	if critical > 0 {
		a.Severity = Critical
	}
	return []Alert{a}
}

// NextProject returns when Project will next change by the passing of time
// alone, but for what PartOf says of each record; zero if it will not.
func NextProject(p ProjectRecord, f Totals, policy Policy, now time.Time) time.Time {
	var next time.Time
	awake := policy.Awake.Add(policy.FailingAfter)
	if f.Late > 0 {
		next = earlier(next, awake, now)
	}
	if !p.Listing.Due.IsZero() {
		overdue := p.Listing.Due.Add(policy.FailingAfter)
		if overdue.Before(awake) {
			overdue = awake
		}
		next = earlier(next, overdue, now)
	}
	return next
}
