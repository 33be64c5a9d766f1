package ledger_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// birth is when every life begins: odd nanoseconds, so that nothing falls on
// an edge by chance.
var birth = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

const (
	day  = check.Day
	hour = time.Hour
)

// life is one instance and one receiver, and what happens to them.
type life struct {
	t      *testing.T
	now    time.Time
	record check.Record
	lines  ledger.Lines
	policy check.Policy
	repeat map[check.Severity]time.Duration
	who    ledger.Audience
	down   bool // the receiver can't be reached
	said   []string
}

func newLife(t *testing.T) *life {
	return &life{
		t: t, now: birth,
		record: check.Record{
			Subject: check.Subject{ProjectID: "p", InstanceID: "i", Project: "prod", Region: "r", Instance: "cache", Labels: map[string]string{"team": "a"}},
			Terms:   check.Terms{Expiry: ladder("30d", "14d", "7d"), Critical: span("7d"), RequireSSL: true},
		},
		policy: check.Policy{Confirm: 2, FailingAfter: hour, Awake: birth},
		repeat: map[check.Severity]time.Duration{check.Critical: day, check.Warning: 7 * day},
	}
}

func span(s string) check.Duration {
	d, err := check.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

func ladder(s ...string) []check.Duration {
	var out []check.Duration
	for _, d := range s {
		out = append(out, span(d))
	}
	return out
}

// after lets time pass, and has the receiver told what it is owed then.
func (l *life) after(d time.Duration) *life {
	l.t.Helper()
	l.now = l.now.Add(d)
	l.tell()
	return l
}

// sees takes an observation in, and has the receiver told.
func (l *life) sees(o check.Observation) *life {
	l.t.Helper()
	l.record = check.Learn(l.record, o, l.policy, l.now)
	l.tell()
	return l
}

// twice is two of the same observation, ten seconds apart.
func (l *life) twice(o check.Observation) *life {
	l.t.Helper()
	return l.sees(o).after(10 * time.Second).sees(o)
}

// tell is what the loop does: judge, mark, deliver.
func (l *life) tell() {
	l.t.Helper()
	alerts := check.Standing(l.record, l.policy, l.now)
	notices := ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now)
	l.lines = ledger.Await(l.lines, alerts, notices, l.now)
	if l.down {
		for _, n := range notices {
			l.lines = ledger.Try(l.lines, n)
		}
		return
	}
	for _, n := range notices {
		l.said = append(l.said, brief(n))
		l.lines = ledger.Tell(l.lines, n, "m", l.now)
	}
	if again := ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now); len(again) != 0 {
		l.t.Errorf("owed after it was delivered: %v", again)
	}
}

// brief writes a notice as the tables want it.
func brief(n ledger.Notice) string {
	s := fmt.Sprintf("%s %s %s", n.Kind, n.Severity, n.Condition)
	if n.Fires() && n.Threshold > 0 {
		s += " " + n.Threshold.String()
	}
	if n.Cause != "" && n.Cause != check.CauseFailed {
		s += " " + string(n.Cause)
	}
	if !n.Fires() {
		s += " " + string(n.Ending)
	}
	return s
}

// said checks all that was told, since the last time.
func (l *life) told(want ...string) *life {
	l.t.Helper()
	if !slices.Equal(l.said, want) {
		l.t.Errorf("told:\n  %s\nwant:\n  %s", strings.Join(l.said, "\n  "), strings.Join(want, "\n  "))
	}
	l.said = nil
	return l
}

// restarts has all that is remembered go through the state file.
func (l *life) restarts() *life {
	l.t.Helper()
	for _, v := range []any{&l.record, &l.lines} {
		data, err := json.Marshal(v)
		if err != nil {
			l.t.Fatal(err)
		}
		switch v := v.(type) {
		case *check.Record:
			*v = check.Record{}
		case *ledger.Lines:
			*v = nil
		}
		if err := json.Unmarshal(data, v); err != nil {
			l.t.Fatal(err)
		}
	}
	return l
}

// on is SSL on and valid until a time left from birth.
func on(left time.Duration) check.Observation {
	return check.Observation{SSL: dcs.SSL{Enabled: true, Validated: true, ExpiresAt: birth.Add(left)}}
}

func invalid(left time.Duration) check.Observation {
	return check.Observation{SSL: dcs.SSL{Enabled: true, ExpiresAt: birth.Add(left)}}
}

var (
	off     = check.Observation{}
	noInfo  = check.Observation{SSL: dcs.SSL{NoInfo: true}}
	failed  = check.Observation{Cause: check.CauseFailed, Reason: reason.Text("HTTP 500")}
	missing = check.Observation{Cause: check.CauseMissing, Reason: reason.Text("DCS.3022")}
	unable  = check.Observation{Cause: check.CauseUnsupported, Reason: reason.Text("DCS.4201")}
	refused = check.Observation{Cause: check.CauseRefused, Reason: reason.Text("APIGW.0301")}
)

func TestRules(t *testing.T) {
	for rule, story := range map[string]func(l *life){
		"a healthy instance is nothing to speak of": func(l *life) {
			l.sees(on(300 * day)).after(100 * day).told()
		},
		"a first look under three thresholds is one notice, for the tightest": func(l *life) {
			l.sees(on(10 * day)).told("firing warning certificate_expiring 14d")
		},
		"each threshold is told once, on time": func(l *life) {
			l.repeat = nil
			l.sees(on(31 * day)).told()
			l.after(day - 1).told()
			l.after(1).told("firing warning certificate_expiring 30d")
			l.after(16*day - 1).told()
			l.after(1).told("tighter warning certificate_expiring 14d")
			l.after(7 * day).told("tighter critical certificate_expiring 7d")
			l.after(7*day - 1).told()
			l.after(1).told("firing critical certificate_expired")
			l.after(300 * day).told()
		},
		"critical between two rungs is told": func(l *life) {
			l.repeat = nil
			l.record.Terms.Critical = span("10d")
			l.sees(on(12 * day)).told("firing warning certificate_expiring 14d").
				after(2 * day).told("tighter critical certificate_expiring 10d").
				after(3 * day).told("tighter critical certificate_expiring 7d")
		},
		"a wider threshold says nothing, a tighter one already crossed is told once": func(l *life) {
			l.sees(on(9 * day)).told("firing warning certificate_expiring 14d")
			l.record.Terms.Expiry = ladder("60d", "14d", "7d")
			l.after(time.Minute).told()
			l.record.Terms.Expiry = ladder("60d", "14d", "10d", "7d")
			l.after(time.Minute).told("tighter warning certificate_expiring 10d")
			l.after(time.Minute).told()
		},
		"a reminder under wider thresholds does not make the old one news again": func(l *life) {
			l.sees(on(29 * day)).told("firing warning certificate_expiring 30d")
			l.record.Terms.Expiry = ladder("60d", "14d", "7d")
			l.after(7 * day).told("reminder warning certificate_expiring 60d")
			l.record.Terms.Expiry = ladder("30d", "14d", "7d")
			l.after(time.Minute).told()
		},
		"thresholds that are taken away cure nothing": func(l *life) {
			l.sees(on(9 * day)).told("firing warning certificate_expiring 14d")
			l.record.Terms.Expiry = ladder("7d")
			l.after(time.Minute).told()
			l.sees(on(400 * day)).told("resolved warning certificate_expiring renewed")
		},
		"renewed is told once, and the ladder starts anew": func(l *life) {
			l.sees(on(10*day)).sees(on(60*day)).told("firing warning certificate_expiring 14d", "resolved warning certificate_expiring renewed")
			l.after(31 * day).told("firing warning certificate_expiring 30d")
		},
		"renewed and still near its end is an end and a beginning": func(l *life) {
			l.sees(on(2*day)).sees(on(20*day)).told("firing critical certificate_expiring 7d",
				"resolved critical certificate_expiring renewed", "firing warning certificate_expiring 30d")
		},
		"an earlier date is told as what it is": func(l *life) {
			l.sees(on(10*day)).sees(on(9*day)).told("firing warning certificate_expiring 14d", "tighter warning certificate_expiring 14d")
		},
		"two nodes with different certificates are no story without end": func(l *life) {
			for range 50 {
				l.sees(on(10 * day)).after(15 * time.Minute).sees(on(90 * day)).after(15 * time.Minute)
			}
			l.told("firing warning certificate_expiring 14d", "resolved warning certificate_expiring renewed",
				"firing warning certificate_expiring 14d")
		},
		"time fires while the API is down": func(l *life) {
			l.repeat = nil
			l.sees(on(8 * day)).told("firing warning certificate_expiring 14d")
			l.sees(failed).after(hour).sees(failed).told("firing warning check_failing")
			l.after(day-hour).sees(failed).told("tighter critical certificate_expiring 7d", "tighter critical check_failing")
		},
		"a failed check resolves nothing": func(l *life) {
			l.twice(off).told("firing critical ssl_disabled")
			l.sees(failed).after(10 * hour).sees(failed).told("firing warning check_failing")
			l.sees(off).told("resolved warning check_failing checked")
		},
		"off needs as many observations as confirm says, and so does its end": func(l *life) {
			l.sees(on(300 * day)).sees(off).told()
			l.sees(on(300 * day)).sees(off).told()
			l.sees(off).told("firing critical ssl_disabled")
			l.sees(on(300 * day)).told()
			l.sees(off).sees(on(300 * day)).told()
			l.sees(on(300 * day)).told("resolved critical ssl_disabled enabled")
		},
		"a failed check in between breaks no row": func(l *life) {
			l.sees(on(300 * day)).sees(off).sees(failed).sees(off).told("firing critical ssl_disabled")
		},
		"204 is off": func(l *life) { l.twice(noInfo).told("firing critical ssl_disabled") },
		"off that is not required is no alert": func(l *life) {
			l.record.Terms.RequireSSL = false
			l.twice(off).told()
		},
		"off that is not required any more ends what was told": func(l *life) {
			l.twice(off).told("firing critical ssl_disabled")
			l.record.Terms.RequireSSL = false
			l.after(time.Minute).told("resolved critical ssl_disabled not_required")
		},
		"invalid needs confirmation": func(l *life) {
			l.sees(on(300 * day)).sees(invalid(300 * day)).told()
			l.sees(invalid(300 * day)).told("firing critical ssl_invalid")
			l.twice(on(300 * day)).told("resolved critical ssl_invalid validated")
		},
		"missing and unsupported are told as soon as confirmed": func(l *life) {
			l.sees(missing).told()
			l.sees(missing).told("firing warning check_failing missing")
			l.sees(on(300 * day)).told()
			l.sees(on(300 * day)).told("resolved warning check_failing checked")
			l.twice(unable).told("firing warning check_failing unsupported")
		},
		"blindness is critical near the end": func(l *life) {
			l.repeat = nil
			l.sees(on(5 * day)).told("firing critical certificate_expiring 7d")
			l.sees(failed).after(hour).sees(failed).told("firing critical check_failing")
		},
		"a single failure is told to nobody, however long ago the last success": func(l *life) {
			l.sees(on(300 * day)).after(5 * day).sees(failed).told()
			l.sees(on(300 * day)).told()
		},
		"a refusal is not the instance's alert": func(l *life) {
			l.sees(on(300 * day)).sees(refused).after(hour).sees(refused).after(hour).sees(refused).told()
		},
		"disabled hides the others, which are not told again when it ends": func(l *life) {
			l.sees(on(10 * day)).told("firing warning certificate_expiring 14d")
			l.twice(off).told("firing critical ssl_disabled")
			l.twice(on(10 * day)).told("resolved critical ssl_disabled enabled")
		},
		"what got worse while it was hidden is told when it is seen": func(l *life) {
			l.repeat = nil
			l.sees(on(10 * day)).told("firing warning certificate_expiring 14d")
			l.twice(off).after(4 * day).told("firing critical ssl_disabled")
			l.twice(on(10*day)).told("resolved critical ssl_disabled enabled", "tighter critical certificate_expiring 7d")
		},
		"what ends at once is told once": func(l *life) {
			l.sees(on(10*day)).twice(off).told("firing warning certificate_expiring 14d", "firing critical ssl_disabled")
			l.twice(on(300 * day)).told("resolved critical ssl_disabled enabled")
		},
		"expired hides invalid": func(l *life) {
			l.repeat = nil
			l.twice(invalid(hour)).told("firing critical certificate_expiring 7d", "firing critical ssl_invalid")
			l.after(hour).told("firing critical certificate_expired")
			// A date is believed at once, valid only when it was confirmed.
			l.sees(on(300 * day)).told("resolved critical certificate_expired renewed")
			l.sees(on(300 * day)).told("resolved critical ssl_invalid validated")
		},
		"reminders come by severity, without drift and not because of a restart": func(l *life) {
			l.sees(on(5 * day)).told("firing critical certificate_expiring 7d")
			for range 23 {
				l.after(hour).restarts()
			}
			l.told()
			l.after(hour + time.Minute).told("reminder critical certificate_expiring 7d")
			l.after(23*hour + 58*time.Minute).told()
			l.after(2 * time.Minute).told("reminder critical certificate_expiring 7d")
			l.after(2*day + hour).told("reminder critical certificate_expiring 7d")
		},
		"what is tighter is news, and reminders count from it": func(l *life) {
			l.repeat[check.Warning] = day
			l.sees(on(14*day + 12*hour)).told("firing warning certificate_expiring 30d")
			l.after(12*hour + time.Minute).told("tighter warning certificate_expiring 14d")
			l.after(day - 2*time.Minute).told()
			l.after(3 * time.Minute).told("reminder warning certificate_expiring 14d")
		},
		"what came, got worse and went is told at its worst": func(l *life) {
			l.down = true
			l.sees(on(8 * day)).after(2 * day).sees(on(300 * day))
			l.down = false
			l.after(time.Minute).told("passed critical certificate_expiring renewed")
		},
		"a reminder of nothing new is not sent to a filter that no longer hears": func(l *life) {
			l.sees(on(10 * day)).told("firing warning certificate_expiring 14d")
			l.who.MinSeverity = check.Critical
			l.after(20 * time.Minute).told()
			l.sees(on(300 * day)).told("resolved warning certificate_expiring renewed")
		},
		"what a filter does not hear is not told": func(l *life) {
			l.who.Match = map[string]string{"team": "b"}
			l.sees(on(day)).twice(off).told()
		},
		"a receiver that comes back is told what is true then": func(l *life) {
			l.down = true
			l.sees(on(20 * day)).after(15 * day).told()
			l.down = false
			l.after(time.Minute).told("firing critical certificate_expiring 7d")
		},
		"what came and went while it was down is told as over, once": func(l *life) {
			l.sees(on(300 * day))
			l.down = true
			l.twice(off).twice(on(300 * day))
			l.down = false
			l.after(time.Minute).told("passed critical ssl_disabled enabled")
			l.after(day).told()
		},
		"what passed hides behind nothing that nobody tried to tell": func(l *life) {
			l.sees(on(hour))
			l.lines = nil
			l.down = true
			l.after(time.Minute) // tried, and perhaps it arrived
			l.now = birth.Add(hour + time.Second)
			alerts := check.Standing(l.record, l.policy, l.now)
			l.lines = ledger.Await(l.lines, alerts, ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now), l.now)
			l.down, l.said = false, nil
			l.sees(on(300 * day)).told("passed critical certificate_expiring renewed")
		},
		"what was told and ends while it was down is resolved": func(l *life) {
			l.twice(off).told("firing critical ssl_disabled")
			l.down = true
			l.twice(on(300 * day))
			l.down = false
			l.after(time.Minute).told("resolved critical ssl_disabled enabled")
		},
		"what ended while it was down and began anew fires anew: the end may have arrived": func(l *life) {
			l.twice(off).told("firing critical ssl_disabled")
			l.down = true
			l.twice(on(300 * day)).restarts().twice(off)
			l.down = false
			l.after(time.Minute).told("firing critical ssl_disabled")
			l.after(time.Minute).told()
			l.twice(on(300 * day)).told("resolved critical ssl_disabled enabled")
		},
		"what a doubtful end closed fires anew, be it told before": func(l *life) {
			l.repeat = nil
			l.twice(invalid(300*day)).twice(off).told("firing critical ssl_invalid", "firing critical ssl_disabled")
			l.down = true
			l.twice(on(300 * day)).twice(invalid(300 * day))
			l.down = false
			l.after(time.Minute).told("resolved critical ssl_disabled enabled", "firing critical ssl_invalid")
		},
		"an end that nobody tried to tell is no end": func(l *life) {
			l.twice(off).told("firing critical ssl_disabled")
			l.record = check.Learn(check.Learn(l.record, on(300*day), l.policy, l.now), on(300*day), l.policy, l.now)
			alerts := check.Standing(l.record, l.policy, l.now)
			l.lines = ledger.Await(l.lines, alerts, ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now), l.now)
			l.record = check.Learn(check.Learn(l.record, off, l.policy, l.now), off, l.policy, l.now)
			l.after(time.Minute).told()
		},
		"an instance that leaves has a last word": func(l *life) {
			l.sees(on(10 * day)).told("firing warning certificate_expiring 14d")
			l.record.Left = check.Unwatched
			l.after(time.Minute).told("resolved warning certificate_expiring unwatched")
			l.after(day).told()
		},
		"what leaves after an alert that may have arrived has a last word": func(l *life) {
			l.down = true
			l.sees(on(10 * day))
			l.record.Left = check.Unwatched
			l.down = false
			l.after(time.Minute).told("passed warning certificate_expiring unwatched")
			l.after(day).told()
		},
		"an instance that leaves unheard of leaves silently": func(l *life) {
			l.sees(on(300 * day))
			l.record.Left = check.Deleted
			l.after(time.Minute).told()
		},
		"a clock that is set back makes neither an end nor a silence": func(l *life) {
			l.sees(on(5 * day)).told("firing critical certificate_expiring 7d")
			l.after(6 * day).told("firing critical certificate_expired")
			l.now = birth.Add(day)
			l.record, l.lines = l.record.Rewind(l.now), ledger.RewindTold(ledger.Rewind(l.lines, l.now), l.now)
			l.after(time.Minute).told("reminder critical certificate_expiring 7d")
			l.after(4 * day).told("reminder critical certificate_expired")
		},
	} {
		t.Run(rule, func(t *testing.T) {
			l := newLife(t)
			story(l)
			if len(l.said) > 0 {
				t.Errorf("told besides: %q", l.said)
			}
		})
	}
}

func TestInputsAreNotModified(t *testing.T) {
	l := newLife(t)
	l.sees(on(10 * day)).twice(off)
	record, lines := l.record, maps.Clone(l.lines)
	before := fmt.Sprintf("%#v %#v", record, lines)
	labels := maps.Clone(record.Labels)
	check.Learn(record, off, l.policy, l.now)
	alerts := check.Standing(record, l.policy, l.now)
	notices := ledger.Owed(alerts, lines, l.who, l.repeat, l.policy.Clock("p"), l.now)
	ledger.Await(lines, alerts, notices, l.now)
	for _, n := range notices {
		ledger.Tell(lines, n, "x", l.now)
		ledger.Try(lines, n)
	}
	for _, n := range notices {
		ledger.Inherit(ledger.Lines{}, lines, n)
	}
	ledger.HandOn(lines, check.SSLDisabled)
	if after := fmt.Sprintf("%#v %#v", record, lines); after != before || !maps.Equal(labels, record.Labels) {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// What is owed again later must not have waited since then: it would be told
// without its group, and handed to the fallback at once.
func TestAWaitForWhatIsNoLongerOwedIsForgotten(t *testing.T) {
	l := newLife(t)
	await := func() {
		alerts := check.Standing(l.record, l.policy, l.now)
		l.lines = ledger.Await(l.lines, alerts, ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now), l.now)
	}
	l.record = check.Learn(l.record, on(10*day), l.policy, l.now)
	await()
	if len(l.lines) != 1 {
		t.Fatalf("what is new is not waited for: %v", l.lines)
	}
	l.who.MinSeverity = check.Critical
	await()
	if len(l.lines) != 0 {
		t.Errorf("what was never told is still waited for: %v", l.lines)
	}
	l.who.MinSeverity = check.Warning
	l.repeat[check.Warning] = day
	l.tell()
	l.now = l.now.Add(day + time.Minute)
	await()
	if waits := l.lines[check.CertificateExpiring].Pending; waits == nil || !waits.Since.Equal(l.now) {
		t.Fatalf("a reminder is not waited for: %+v", waits)
	}
	l.who.MinSeverity = check.Critical
	await()
	if waits := l.lines[check.CertificateExpiring].Pending; waits != nil {
		t.Errorf("a reminder is still waited for: %+v", waits)
	}
}

// Mail programs hide what they have seen: what is news again must have
// another ID, and what is sent again after a crash the same.
func TestAnIDIsTheSameForTheSameNewsOnly(t *testing.T) {
	l := newLife(t)
	var ids []string
	hear := func() {
		t.Helper()
		alerts := check.Standing(l.record, l.policy, l.now)
		notices := ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now)
		if len(notices) != 1 {
			t.Fatalf("%d notices: %v", len(notices), notices)
		}
		l.lines = ledger.Try(ledger.Await(l.lines, alerts, notices, l.now), notices[0])
		l.now = l.now.Add(time.Minute)
		l.restarts()
		again := ledger.Owed(check.Standing(l.record, l.policy, l.now), l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now)
		if len(again) != 1 || again[0].ID() != notices[0].ID() {
			t.Errorf("%s: told again after a crash as %v", brief(notices[0]), again)
		}
		if slices.Contains(ids, again[0].ID()) {
			t.Errorf("%s has the ID of what was told before", brief(notices[0]))
		}
		ids = append(ids, again[0].ID())
		l.lines = ledger.Tell(l.lines, again[0], "m", l.now)
	}
	look := func(o check.Observation) { l.record = check.Learn(l.record, o, l.policy, l.now) }
	for range 3 {
		look(on(10 * day))
		hear()
		l.record.Left = check.Unwatched // and back, with the same certificate
		hear()
		l.record.Left = ""
		hear()
		look(on(300 * day)) // twice: one that was there before needs confirmation
		look(on(300 * day))
		hear()
		look(on(10 * day)) // another node, with the old one
		hear()
		look(on(9 * day))
		hear()
		look(on(300 * day))
		look(on(300 * day))
		hear()
	}
}
