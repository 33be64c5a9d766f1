package check

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

// Probed is what handshakes with an instance showed. One that is in a record
// is never changed: another takes its place.
type Probed struct {
	// At is when the last handshake ended, Reached when the last one did that
	// showed what is served.
	At      time.Time `json:"at,omitzero"`
	Reached time.Time `json:"reached,omitzero"`
	// NotAfter is when the certificate ends that was shown last, and the rest
	// says what it is; of several the one that ends first. All are empty where
	// clear text was.
	NotAfter time.Time `json:"not_after,omitzero"`
	Protocol string    `json:"protocol,omitempty"`
	Names    string    `json:"names,omitempty"`
	Issuer   string    `json:"issuer,omitempty"`
	// Findings are what is not as it should be, the worst first, those among
	// them that are not believed yet.
	Findings []Finding `json:"findings,omitempty"`
	// Unreachable is whether handshakes fail, and Failure why.
	Unreachable Flag          `json:"unreachable,omitzero"`
	Failure     reason.Reason `json:"failure,omitzero"`
}

// Finding is one thing that an instance shows to its clients otherwise than
// the API says, or than clients accept.
type Finding struct {
	Flag
	Reason reason.Reason `json:"reason"`
	// Address is where it was seen, at one of them, and Seen when it was last.
	Address string    `json:"address"`
	Seen    time.Time `json:"seen"`
	// Critical is set where what is served has ended, or ends before the API
	// says.
	Critical bool `json:"critical,omitempty"`
}

// ProbeUnsure reports whether the last handshake showed something that waits to
// be confirmed, so that the API and the instance should be asked again soon.
// before is the record as it was before that handshake.
func (r Record) ProbeUnsure(before Record) bool {
	was := before.Probed.flags()
	for code, f := range r.Probed.flags() {
		if f.Streak > was[code].Streak {
			return true
		}
	}
	return false
}

// unreachable stands among the codes of findings for what is none.
const unreachable reason.Code = "unreachable"

// flags returns what is believed, or waits for that.
func (p *Probed) flags() map[reason.Code]Flag {
	if p == nil {
		return nil
	}
	all := map[reason.Code]Flag{unreachable: p.Unreachable}
	for _, f := range p.Findings {
		all[f.Reason.Code()] = f.Flag
	}
	return all
}

// LearnHandshake takes into a record what handshakes with all addresses of an
// instance showed. Only an address that was reached takes anything back.
func LearnHandshake(r Record, results []probe.Result, p Policy, now time.Time) Record {
	now = Wall(now)
	var after Probed
	if r.Probed != nil {
		after = *r.Probed
	}
	after.At = now

	failure, reached := failureOf(results)
	after.Unreachable = after.Unreachable.observe(!failure.IsZero(), p.Confirm, now)
	if !failure.IsZero() || !after.Unreachable.Set {
		after.Failure = failure
	}
	if len(reached) > 0 {
		after.Reached = now
		after.show(reached)
		real := p.Clock(r.ProjectID).True(now)
		after.Findings = after.learn(r, factsOf(r, reached), results, p.Confirm, real, now)
	}
	r = r.clone()
	r.Probed = &after
	return r
}

// failureOf returns why an address could not be reached, zero if none failed,
// and those that were. That this machine has no route to the addresses of one
// kind says nothing of the instance, where it has one to those of the other.
func failureOf(results []probe.Result) (failure reason.Reason, reached []probe.Result) {
	for _, r := range results {
		if r.Reached() {
			reached = append(reached, r)
		}
	}
	for _, r := range results {
		if r.Reached() || len(r.Findings) == 0 {
			continue
		}
		why := r.Findings[0].Reason
		if failure.IsZero() && (len(reached) == 0 || why.Code() != reason.NoRoute) {
			failure = why
		}
	}
	return failure, reached
}

// show takes in the certificate that was shown, of several the one that ends
// first.
func (p *Probed) show(reached []probe.Result) {
	p.NotAfter, p.Protocol, p.Names, p.Issuer = time.Time{}, "", "", ""
	for _, r := range reached {
		if r.Leaf == nil {
			continue
		}
		if end := believable(r.Leaf.NotAfter); p.NotAfter.IsZero() || end.Before(p.NotAfter) {
			p.NotAfter, p.Protocol, p.Names, p.Issuer = end, r.Protocol(), r.Names(), r.Issuer()
		}
	}
}

// believable returns a time that a server wrote within the bounds of what is
// stored.
func believable(t time.Time) time.Time {
	switch t = Wall(t); {
	case t.Year() < 1970:
		return time.Unix(0, 0).UTC()
	case t.Year() >= 2200:
		return time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// factsOf returns what is not as it should be at the addresses that were
// reached, each thing once.
func factsOf(r Record, reached []probe.Result) []Finding {
	var facts []Finding
	add := func(address string, why reason.Reason, critical bool) {
		if !slices.ContainsFunc(facts, func(f Finding) bool { return f.Reason.Code() == why.Code() }) {
			facts = append(facts, Finding{Reason: why, Address: address, Critical: critical})
		}
	}
	for _, result := range reached {
		another := false
		if result.Leaf != nil && !r.NotAfter.IsZero() {
			served := Wall(result.Leaf.NotAfter)
			if another = !SameCertificate(served, r.NotAfter); another {
				add(result.Address, reason.New(reason.EndpointOtherDate, reason.Args{"served": text.Stamp(served), "told": text.Stamp(r.NotAfter)}), served.Before(r.NotAfter))
			}
		}
		for _, f := range result.Findings {
			switch code := f.Reason.Code(); {
			case code == reason.ProbeExpiring: // the ladder tells of that
			case code == reason.ProbeExpired && another: // told already
			default:
				add(result.Address, f.Reason, code == reason.ProbeExpired)
			}
		}
	}
	return facts
}

// learn returns the findings after these facts. One at an address that was
// asked and not reached stays as it was, and so does one of which the API
// itself speaks now: that is told once.
func (p Probed) learn(r Record, facts []Finding, results []probe.Result, confirm int, real, now time.Time) []Finding {
	said := func(f Finding) bool { return r.saidOfAPI(f, p.NotAfter, real) }
	unanswered := func(f Finding) bool {
		return slices.ContainsFunc(results, func(r probe.Result) bool { return r.Address == f.Address && !r.Reached() })
	}
	var out []Finding
	for _, f := range p.Findings {
		at := slices.IndexFunc(facts, func(fact Finding) bool { return fact.Reason.Code() == f.Reason.Code() })
		switch {
		case said(f):
			f.Streak, f.StreakSince = 0, time.Time{}
		case at < 0 && unanswered(f):
		case at >= 0:
			flag := f.Flag
			f = facts[at]
			f.Seen = now
			f.Flag = flag.observe(true, confirm, now)
		default:
			f.Flag = f.observe(false, confirm, now)
		}
		if f.Set || f.Streak > 0 {
			out = append(out, f)
		}
	}
	for _, f := range facts {
		known := slices.ContainsFunc(p.Findings, func(k Finding) bool { return k.Reason.Code() == f.Reason.Code() })
		if !known && !said(f) {
			f.Seen = now
			f.Flag = Flag{}.observe(true, confirm, now)
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		switch {
		case a.Critical == b.Critical:
			return cmp.Compare(a.Reason.Code(), b.Reason.Code())
		case a.Critical:
			return -1
		}
		return 1
	})
	return out
}

// saidOfAPI reports whether the API says the same as a finding, so that it is
// told by another condition. served is when what is served ends.
func (r Record) saidOfAPI(f Finding, served, now time.Time) bool {
	expired := !r.NotAfter.IsZero() && !r.NotAfter.After(now)
	switch f.Reason.Code() {
	case reason.ProbeExpired:
		return expired
	case reason.EndpointOtherDate:
		return expired && !served.After(now)
	case reason.ProbeUntrusted, reason.ProbeUntrustedByFile, reason.ProbeOtherName, reason.ProbeNotYetValid,
		reason.NotForServers, reason.WeakSignature, reason.NotTrusted:
		return r.Invalid.Set
	}
	return false
}

// endpoint judges what handshakes with the instance showed, where any did.
func endpoint(base Alert, r Record, now time.Time) []Alert {
	p := r.Probed
	if p == nil {
		return nil
	}
	base.Probed = p
	mismatch, silent := base, base
	mismatch.Condition, silent.Condition = EndpointMismatch, EndpointUnreachable
	if ending := unasked(r); ending != "" {
		mismatch.State, mismatch.Ending = Over, ending
		silent.State, silent.Ending = Over, ending
		return []Alert{mismatch, silent}
	}
	if !r.Off.Set && p.At.Before(r.Off.Since) {
		return nil // what was so before SSL was off is not known to be so now
	}
	var alerts []Alert
	if known := mismatch.mismatch(r, now); known {
		alerts = append(alerts, mismatch)
	}
	silent.State, silent.Ending = judge(p.Unreachable.Set, Answers)
	if p.Unreachable.Set {
		silent.Severity, silent.Since, silent.Reason = Warning, p.Unreachable.Since, p.Failure
	}
	if p.Unreachable.Set || p.Unreachable.Streak == 0 {
		alerts = append(alerts, silent)
	}
	if r.Off.Set { // that is what is told, and no hands are shaken meanwhile
		for i, a := range alerts {
			if a.State == Stands {
				alerts[i].State = Hidden
			}
		}
	}
	return alerts
}

// unasked returns why no hands are shaken with an instance at all; empty where
// they are.
func unasked(r Record) Ending {
	switch {
	case !r.Terms.Probe:
		return Unprobed
	case r.Off.Set && !r.RequiresSSL():
		return NotRequired
	}
	return ""
}

// mismatch judges the findings, and reports whether anything is known.
func (a *Alert) mismatch(r Record, now time.Time) (known bool) {
	p := r.Probed
	believed := slices.DeleteFunc(slices.Clone(p.Findings), func(f Finding) bool { return !f.Set })
	if len(believed) == 0 {
		a.State, a.Ending = Over, Agrees
		return !p.Reached.IsZero() && len(p.Findings) == 0
	}
	shown := slices.DeleteFunc(slices.Clone(believed), func(f Finding) bool { return r.saidOfAPI(f, p.NotAfter, now) })
	a.State = Stands
	if len(shown) == 0 {
		a.State, shown = Hidden, believed
	}
	a.Severity, a.Findings, a.Since = Warning, shown, shown[0].Since
	for _, f := range shown {
		if f.Critical {
			a.Severity = Critical
		}
		if f.Since.Before(a.Since) {
			a.Since = f.Since
		}
	}
	return true
}

// sound returns what is wrong with what was read.
func (p Probed) sound() error {
	for _, f := range p.Findings {
		if err := errors.Join(f.sound(), SoundTimes(f.Seen)); err != nil {
			return err
		}
	}
	if err := p.Unreachable.sound(); err != nil {
		return err
	}
	return SoundTimes(p.At, p.Reached, p.NotAfter)
}

// rewind bounds by the present what the handshakes showed.
func (p Probed) rewind(now time.Time) Probed {
	p.Findings = slices.Clone(p.Findings)
	Bound(now, &p.At, &p.Reached, &p.Unreachable.Since, &p.Unreachable.StreakSince)
	for i := range p.Findings {
		Bound(now, &p.Findings[i].Seen, &p.Findings[i].Since, &p.Findings[i].StreakSince)
	}
	return p
}

// believes reports whether it says of the instance what another says.
func (p *Probed) believes(other *Probed) bool {
	set := func(p *Probed) map[reason.Code]bool {
		codes := map[reason.Code]bool{}
		for code, f := range p.flags() {
			if f.Set {
				codes[code] = true
			}
		}
		return codes
	}
	return maps.Equal(set(p), set(other))
}
