package ledger_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// The two addresses of an instance.
const (
	v4 = "192.0.2.5:6379"
	v6 = "[2001:db8::5]:6379"
)

// serves is an address that serves a certificate until a time left from birth,
// with these findings.
func serves(address string, left time.Duration, codes ...reason.Code) probe.Result {
	r := probe.Result{Address: address, Leaf: &x509.Certificate{NotAfter: birth.Add(left)}}
	for _, code := range codes {
		r.Findings = append(r.Findings, probe.Finding{Breaks: true, Reason: reason.New(code, nil)})
	}
	return r
}

// fails is an address that was not reached.
func fails(address string, code reason.Code) probe.Result {
	return probe.Result{Address: address, Findings: []probe.Finding{{Breaks: true, Reason: reason.New(code, nil)}}}
}

// clear is an address that speaks without TLS.
func clear(address string) probe.Result {
	return probe.Result{Address: address, Findings: []probe.Finding{{Breaks: true, Reason: reason.New(reason.ProbePlainText, nil)}}}
}

// shows is an answer of the API with handshakes after it, as the loop has them.
func (l *life) shows(o check.Observation, results ...probe.Result) *life {
	l.t.Helper()
	l.record.Terms.Probe = true
	l.record = check.Learn(l.record, o, l.policy, l.now)
	l.now = l.now.Add(time.Second)
	l.record = check.LearnHandshake(l.record, results, l.policy, l.now)
	l.tell()
	return l
}

// showsTwice is two of the same.
func (l *life) showsTwice(o check.Observation, results ...probe.Result) *life {
	l.t.Helper()
	return l.shows(o, results...).after(10*time.Second).shows(o, results...)
}

func TestRulesOfTheThirdWitness(t *testing.T) {
	const mismatch, reached = "resolved warning endpoint_mismatch agrees", "resolved warning endpoint_unreachable answers"
	year := 300 * day
	for rule, story := range map[string]func(l *life){
		"an instance that shows what the API says is nothing to speak of": func(l *life) {
			l.showsTwice(on(year), serves(v4, year), serves(v6, year)).told()
		},
		"dates of one certificate move": func(l *life) {
			l.showsTwice(on(year), serves(v4, year-23*hour)).told()
		},
		"what needs confirmation is told and ended by the second look": func(l *life) {
			l.shows(on(year), serves(v4, year, reason.ProbeOtherName)).told()
			l.shows(on(year), serves(v4, year)).told()
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOtherName)).told("firing warning endpoint_mismatch")
			l.shows(on(year), serves(v4, year)).told()
			l.shows(on(year), serves(v4, year)).told(mismatch)
		},
		"two things once each are not one thing twice": func(l *life) {
			l.shows(on(year), serves(v4, year, reason.ProbeOtherName)).shows(on(year), serves(v4, year, reason.ProbeOldTLS)).told()
		},
		"a certificate that ends before the API says is critical": func(l *life) {
			l.showsTwice(on(year), serves(v4, 200*day)).told("firing critical endpoint_mismatch")
		},
		"one that ends after it is a warning": func(l *life) {
			l.showsTwice(on(year), serves(v4, 400*day)).told("firing warning endpoint_mismatch")
		},
		"one of two addresses is enough": func(l *life) {
			l.showsTwice(on(year), serves(v4, year), serves(v6, 200*day)).told("firing critical endpoint_mismatch")
		},
		"a warning that becomes critical is told again": func(l *life) {
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOldTLS)).told("firing warning endpoint_mismatch")
			l.showsTwice(on(year), serves(v4, 200*day, reason.ProbeOldTLS)).told("tighter critical endpoint_mismatch")
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOldTLS)).told()
			l.showsTwice(on(year), serves(v4, year)).told("resolved critical endpoint_mismatch agrees")
		},
		"clear text is a mismatch": func(l *life) {
			l.showsTwice(on(year), clear(v4)).told("firing warning endpoint_mismatch")
			l.showsTwice(on(year), serves(v4, year)).told(mismatch)
		},
		"a certificate close to its end is the ladder's": func(l *life) {
			l.showsTwice(on(year), serves(v4, year, reason.ProbeExpiring)).told()
		},
		"an end that the API tells is told once": func(l *life) {
			l.repeat = nil
			l.sees(on(hour)).told("firing critical certificate_expiring 7d")
			l.after(2 * hour).told("firing critical certificate_expired")
			l.showsTwice(on(hour), serves(v4, hour, reason.ProbeExpired)).told()
			// Renewed by the API's word, and the instance serves the old one yet.
			l.shows(on(year), serves(v4, hour, reason.ProbeExpired)).told("resolved critical certificate_expired renewed")
			l.shows(on(year), serves(v4, hour, reason.ProbeExpired)).told("firing critical endpoint_mismatch")
			l.showsTwice(on(year), serves(v4, year)).told("resolved critical endpoint_mismatch agrees")
		},
		"what was an end of both is no mismatch between the two readings of a renewal": func(l *life) {
			l.repeat = nil
			l.sees(on(hour)).after(2*hour).told("firing critical certificate_expiring 7d", "firing critical certificate_expired")
			l.showsTwice(on(hour), serves(v4, hour, reason.ProbeExpired)).told()
			l.sees(on(year)).told("resolved critical certificate_expired renewed")
			l.shows(on(year), serves(v4, year)).told()
		},
		"that the API finds it expired and the instance serves a good one is told": func(l *life) {
			l.repeat = nil
			l.sees(on(hour)).after(2*hour).told("firing critical certificate_expiring 7d", "firing critical certificate_expired")
			l.showsTwice(on(hour), serves(v4, year)).told("firing warning endpoint_mismatch")
		},
		"an end of which the API tells no date is told": func(l *life) {
			undated := check.Observation{SSL: invalid(0).SSL}
			undated.SSL.ExpiresAt = time.Time{}
			l.showsTwice(undated, serves(v4, -hour, reason.ProbeExpired)).told("firing critical ssl_invalid", "firing critical endpoint_mismatch")
		},
		"a chain that is not trusted, of what the API calls invalid, is told once": func(l *life) {
			l.showsTwice(invalid(year), serves(v4, year, reason.ProbeUntrusted)).told("firing critical ssl_invalid")
			l.showsTwice(invalid(year), serves(v4, year, reason.ProbeUntrusted)).told()
			l.showsTwice(invalid(year), clear(v4)).told("firing warning endpoint_mismatch")
		},
		"what was shown once, and then said by the API as well, counts anew": func(l *life) {
			l.shows(on(year), serves(v4, year, reason.ProbeUntrusted)).told()
			l.twice(invalid(year)).told("firing critical ssl_invalid")
			l.shows(invalid(year), serves(v4, year, reason.ProbeUntrusted)).told()
			l.twice(on(year)).told("resolved critical ssl_invalid validated")
			l.shows(on(year), serves(v4, year, reason.ProbeUntrusted)).told()
			l.shows(on(year), serves(v4, year, reason.ProbeUntrusted)).told("firing warning endpoint_mismatch")
		},
		"another certificate that has ended like the one of the API is told once": func(l *life) {
			l.repeat = nil
			l.sees(on(hour)).after(3*day).told("firing critical certificate_expiring 7d", "firing critical certificate_expired")
			l.showsTwice(on(hour), serves(v4, 50*hour, reason.ProbeExpired)).told()
		},
		"why it is unreachable is known until its end is confirmed": func(l *life) {
			l.showsTwice(on(year), fails(v4, reason.ConnectTimeout)).told("firing warning endpoint_unreachable")
			l.shows(on(year), serves(v4, year)).told()
			for _, a := range check.Standing(l.record, l.policy, l.now) {
				if a.Condition == check.EndpointUnreachable && a.Reason.Code() != reason.ConnectTimeout {
					t.Errorf("%+v", a)
				}
			}
			l.shows(on(year), serves(v4, year)).told(reached)
		},
		"what the API says as well by now is hidden, and not resolved": func(l *life) {
			l.repeat = map[check.Severity]time.Duration{check.Warning: 7 * day}
			l.showsTwice(on(year), serves(v4, year, reason.ProbeUntrusted)).told("firing warning endpoint_mismatch")
			l.showsTwice(invalid(year), serves(v4, year, reason.ProbeUntrusted)).told("firing critical ssl_invalid")
			l.showsTwice(invalid(year), serves(v4, year, reason.ProbeUntrusted)).told()
			l.after(8 * day).told()
			l.showsTwice(on(year), serves(v4, year, reason.ProbeUntrusted)).told("resolved critical ssl_invalid validated", "reminder warning endpoint_mismatch")
			l.showsTwice(on(year), serves(v4, year)).told(mismatch)
		},
		"disabled hides both": func(l *life) {
			l.repeat = map[check.Severity]time.Duration{check.Warning: 7 * day}
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOldTLS), fails(v6, reason.ConnectTimeout)).
				told("firing warning endpoint_mismatch", "firing warning endpoint_unreachable")
			l.twice(off).told("firing critical ssl_disabled")
			l.after(30 * day).told()
			// What was so before is not known to be so now: no reminder either.
			l.twice(on(year)).told("resolved critical ssl_disabled enabled")
			l.after(30 * day).told()
		},
		"what was before SSL was off and on ends by what is shown after it": func(l *life) {
			l.repeat = nil
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOldTLS), fails(v6, reason.ConnectTimeout)).
				told("firing warning endpoint_mismatch", "firing warning endpoint_unreachable")
			l.twice(off).twice(on(year)).told("firing critical ssl_disabled", "resolved critical ssl_disabled enabled")
			l.showsTwice(on(year), serves(v4, year), serves(v6, year)).told(mismatch, reached)
		},
		"SSL that need not be on ends both": func(l *life) {
			l.record.Terms.RequireSSL = false
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOldTLS), fails(v6, reason.ConnectTimeout)).
				told("firing warning endpoint_mismatch", "firing warning endpoint_unreachable")
			l.twice(off).told("resolved warning endpoint_mismatch not_required", "resolved warning endpoint_unreachable not_required")
		},
		"unreachable needs confirmation, and takes nothing back": func(l *life) {
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOtherName)).told("firing warning endpoint_mismatch")
			l.shows(on(year), fails(v4, reason.ConnectionRefused)).told()
			l.shows(on(year), fails(v4, reason.ConnectTimeout)).told("firing warning endpoint_unreachable")
			l.showsTwice(on(year), fails(v4, reason.ConnectTimeout)).told()
			l.showsTwice(on(year), serves(v4, year)).told(mismatch, reached)
		},
		"a name that can't be looked up takes nothing back": func(l *life) {
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOtherName)).told("firing warning endpoint_mismatch")
			l.showsTwice(on(year), fails("redis.example.com:6379", reason.NoSuchHost)).told("firing warning endpoint_unreachable")
			l.showsTwice(on(year), fails("redis.example.com:6379", reason.NoSuchHost)).told()
			if !l.record.Probed.NotAfter.Equal(birth.Add(year)) {
				t.Errorf("the certificate that was shown last is forgotten: %+v", l.record.Probed)
			}
		},
		"what an address showed that does not answer now is not over": func(l *life) {
			l.showsTwice(on(year), serves(v4, year), serves(v6, year, reason.ProbeOldTLS)).told("firing warning endpoint_mismatch")
			l.showsTwice(on(year), serves(v4, year), fails(v6, reason.ConnectTimeout)).told("firing warning endpoint_unreachable")
			l.showsTwice(on(year), serves(v4, year), fails(v6, reason.ConnectTimeout)).told()
			l.showsTwice(on(year), serves(v4, year), serves(v6, year)).told(mismatch, reached)
		},
		"a machine without the one network says nothing of the instance": func(l *life) {
			l.showsTwice(on(year), serves(v4, year), fails(v6, reason.NoRoute)).told()
			l.showsTwice(on(year), fails(v4, reason.NoRoute), fails(v6, reason.NoRoute)).told("firing warning endpoint_unreachable")
		},
		"a failed check ends nothing": func(l *life) {
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOtherName)).told("firing warning endpoint_mismatch")
			l.twice(missing).told("firing warning check_failing missing")
		},
		"each is reminded of by its severity": func(l *life) {
			l.showsTwice(on(year), serves(v4, 200*day)).told("firing critical endpoint_mismatch")
			l.after(day + time.Minute).told("reminder critical endpoint_mismatch")
		},
		"no more probing ends both, unsolved, and begins anew": func(l *life) {
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOtherName), fails(v6, reason.ConnectTimeout)).
				told("firing warning endpoint_mismatch", "firing warning endpoint_unreachable")
			reconcile := func(probe bool) {
				terms := l.record.Terms
				terms.Probe = probe
				records := check.Reconcile(map[check.Key]check.Record{l.record.Key(): l.record}, nil, []check.Watched{{Subject: l.record.Subject, Terms: terms}}, nil, l.now)
				l.record = records[l.record.Key()]
			}
			reconcile(false)
			l.after(time.Minute).told("resolved warning endpoint_mismatch unprobed", "resolved warning endpoint_unreachable unprobed")
			reconcile(true)
			l.after(time.Minute).told()
			l.shows(on(year), serves(v4, year, reason.ProbeOtherName)).told()
		},
		"an instance that leaves has a last word of each": func(l *life) {
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOtherName)).told("firing warning endpoint_mismatch")
			l.record.Left = check.Deleted
			l.after(time.Minute).told("resolved warning endpoint_mismatch deleted")
		},
		"a restart changes nothing": func(l *life) {
			l.shows(on(year), serves(v4, year, reason.ProbeOtherName), fails(v6, reason.ConnectTimeout)).restarts().told()
			l.shows(on(year), serves(v4, year, reason.ProbeOtherName), fails(v6, reason.ConnectTimeout)).restarts().
				told("firing warning endpoint_mismatch", "firing warning endpoint_unreachable")
			l.after(hour).told()
		},
		"what came and went while the receiver was down is told as over": func(l *life) {
			l.down = true
			l.showsTwice(on(year), serves(v4, year, reason.ProbeOtherName)).showsTwice(on(year), serves(v4, year))
			l.down = false
			l.after(time.Minute).told("passed warning endpoint_mismatch agrees")
		},
		"a clock that is known to be wrong judges nothing by itself": func(l *life) {
			l.policy.Clocks = check.Clocks{"p": {Off: true, Ahead: check.Offset(400 * day), Trust: check.Assumed}}
			l.now = birth.Add(400 * day)
			l.shows(on(year), serves(v4, year)).shows(on(year), serves(v4, year)).told()
		},
	} {
		t.Run(rule, func(t *testing.T) {
			l := newLife(t)
			story(l)
			if len(l.said) > 0 {
				t.Errorf("told besides: %q", l.said)
			}
			if err := l.record.Sound(l.record.Key()); err != nil {
				t.Error(err)
			}
		})
	}
}
