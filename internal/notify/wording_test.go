package notify_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/ledger/ledgertest"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

var now = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

var policy = check.Policy{
	Confirm: 2, FailingAfter: time.Hour, Awake: now.Add(-30 * check.Day),
}

// utc is the wording of times in UTC alone.
var utc notify.Wording

var repeat = map[check.Severity]time.Duration{check.Critical: 24 * time.Hour, check.Warning: 7 * check.Day}

func subject(name string) check.Subject {
	return check.Subject{
		ProjectID: "0123456789abcdef0123456789abcdef", Project: "prod", Region: "eu-west-101",
		InstanceID: "553a2516-b865-4159-b774-204dc0a36e37", Instance: name,
		Console: "https://console.example.com/dcs/?region=eu-west-101",
	}
}

func record(name string) check.Record {
	return check.Record{Subject: subject(name), Terms: check.Terms{
		Expiry: []check.Duration{check.Duration(14 * check.Day), check.Duration(7 * check.Day)}, Critical: check.Duration(7 * check.Day), RequireSSL: true,
	}}
}

// seen takes a healthy answer in.
func seen(r check.Record, expires, at time.Time) check.Record {
	return check.Learn(r, check.Observation{SSL: healthy(expires)}, policy, at)
}

// healthy is the answer about an instance that is well.
func healthy(expires time.Time) dcs.SSL {
	return dcs.SSL{
		Enabled: true, Validated: true, ExpiresAt: expires,
		IP: "192.168.0.5", IPv6: "fd00::5", Port: "6379", Domain: "redis-553a2516.dcs.example.com",
	}
}

// probing is a record of an instance that is probed.
func probing(r check.Record) check.Record {
	r.Terms.Probe = true
	return r
}

// twice takes an observation in often enough to be believed.
func twice(r check.Record, o check.Observation) check.Record {
	r = check.Learn(r, o, policy, now.Add(-90*time.Minute))
	return check.Learn(r, o, policy, now.Add(-4*time.Minute))
}

// shown takes handshakes in often enough to be believed.
func shown(r check.Record, results ...probe.Result) check.Record {
	r.Terms.Probe = true
	r = check.LearnHandshake(r, results, policy, now.Add(-90*time.Minute))
	return check.LearnHandshake(r, results, policy, now.Add(-3*time.Minute))
}

// serves is an address that serves a certificate that ends at a time, and what
// is wrong with that.
func serves(expires time.Time, codes ...reason.Code) probe.Result {
	r := probe.Result{Address: "192.168.0.5:6379", Version: tls.VersionTLS12, Leaf: &x509.Certificate{NotAfter: expires, DNSNames: []string{"redis.example.com"}}}
	for _, code := range codes {
		r.Findings = append(r.Findings, probe.Finding{Breaks: true, Reason: reason.New(code, reason.Args{
			"address": r.Address, "time": text.Stamp(expires), "names": "redis.example.com", "name": "redis-553a2516.dcs.example.com", "issuer": "CN=Redis CA",
			"ca": text.Stamp(expires.Add(-check.Week)), "leaf": text.Stamp(expires), "version": "TLS 1.1", "detail": "certificate required",
			"peer": reason.New(reason.TheEndpoint, reason.Args{"address": r.Address}),
		})})
	}
	return r
}

// silent is an address that takes no connection.
func silent() probe.Result {
	return probe.Result{Address: "192.168.0.5:6379", Findings: []probe.Finding{{Breaks: true, Reason: reason.New(reason.ConnectionRefused, reason.Args{
		"peer": reason.New(reason.TheEndpoint, reason.Args{"address": "192.168.0.5:6379"}), "setting": "host and port",
	})}}}
}

// owed returns what a receiver that knows lines is owed.
func owed(r check.Record, lines ledger.Lines, at time.Time) []ledger.Notice {
	return ledgertest.Owed(lines, judged(check.Standing(r, policy, at), policy, at))
}

// judged is what a policy makes of alerts.
func judged(alerts []check.Alert, p check.Policy, at time.Time) ledgertest.Judged {
	return ledgertest.Judged{Alerts: alerts, Clock: p.Clock(subject("").ProjectID), Repeat: repeat, At: at}
}

// told returns the lines of a receiver that took what was owed at a time.
func told(r check.Record, at time.Time) ledger.Lines {
	var lines ledger.Lines
	for _, n := range owed(r, lines, at) {
		lines = ledgertest.Told(lines, n, "m1", at)
	}
	return lines
}

// clocked is the policy with what is known of this machine's clock.
func clocked(c check.Clock) check.Policy {
	p := policy
	p.Clocks = check.Clocks{subject("").ProjectID: c}
	return p
}

// story is every kind of news, each as it comes about.
func story() []struct {
	name    string
	notices []ledger.Notice
} {
	fresh := now.Add(-4 * time.Minute)
	day := now.Add(-26 * time.Hour)
	failure := func(c check.Cause, says string) check.Observation {
		return check.Observation{Cause: c, Reason: reason.Text(says)}
	}
	expiring := seen(record("orders-cache"), now.Add(10*check.Day+4*time.Hour), fresh)
	week := seen(record("orders-cache"), now.Add(6*check.Day+3*time.Hour), day)
	soon := seen(record("orders-cache"), now.Add(5*check.Day), fresh)
	was := told(week, now.Add(-9*check.Day))
	expired := seen(record("orders-cache"), now.Add(-2*time.Hour), fresh)
	off := twice(seen(record("orders-cache"), now.Add(200*check.Day), day), check.Observation{})
	noInfo := twice(seen(record("orders-cache"), now.Add(200*check.Day), day), check.Observation{SSL: dcs.SSL{NoInfo: true}})
	invalid := twice(record("orders-cache"), check.Observation{SSL: dcs.SSL{Enabled: true, ExpiresAt: now.Add(200 * check.Day), IPv6: "fd00::5", Port: "6380"}})
	failing := twice(seen(record("orders-cache"), now.Add(5*check.Day), day), failure(check.CauseFailed, "the API answered HTTP 500 (DCS.5010: Failed to operate SSL in database.)"))
	missing := twice(record("orders-cache"), failure(check.CauseMissing, "there is no such instance in this project (DCS.3022: This DCS instance does not exist.): it was deleted, or its ID, project_id or region is wrong"))
	unsupported := twice(record("orders-cache"), failure(check.CauseUnsupported, "this instance can't have SSL (DCS.4201: Do not support SSL.): only single-node, master/standby and cluster instances of Redis 6.0 and 7.0 can; stop watching it"))
	free := off
	free.Terms.RequireSSL = false
	never := check.Learn(record("orders-cache"), check.Observation{}, policy, day)
	never.Terms.RequireSSL = false
	never = twice(never, failure(check.CauseFailed, "the API answered HTTP 500"))
	nameless := expiring
	nameless.Project, nameless.Region, nameless.Instance, nameless.Console = "", "", "", ""
	left := expiring
	left.Left = check.Unwatched
	leave := func(r check.Record) check.Record { r.Left = check.Unwatched; return r }
	deleted := off
	deleted.Left = check.Deleted
	renewed := seen(expiring, now.Add(375*check.Day), fresh.Add(time.Minute))
	earlier := seen(expiring, now.Add(9*check.Day), fresh.Add(time.Minute))
	long := seen(record("orders-cache"), now.Add(-55*time.Hour), fresh)
	hostile := expiring
	hostile.Instance = "orders\x1b[2J\u202e\r\nRESOLVED critical"
	hostile.Endpoint = check.Endpoint{Domain: "x; rm -rf /", IP: "1.2.3.4`id`", Port: "6379"}
	portless := seen(record("orders-cache"), now.Add(-2*time.Hour), fresh)
	portless.Endpoint.Port = "0"
	inherited := func(r check.Record, told ledger.Lines) []ledger.Notice {
		return owed(r, ledgertest.Inherited(told, judged(check.Standing(r, policy, fresh), policy, fresh)), now)
	}
	on := check.Observation{SSL: dcs.SSL{Enabled: true, Validated: true, ExpiresAt: now.Add(200 * check.Day)}}
	missedLines := func(r check.Record) ledger.Lines {
		return ledgertest.Tried(nil, judged(check.Standing(r, policy, fresh), policy, fresh))
	}
	project := func(c check.Cause, says string) []ledger.Notice {
		r := twice(seen(record("orders-cache"), now.Add(200*check.Day), day), failure(c, says))
		f := check.Sum([]check.Record{r, record("other")}, policy, now)
		var p check.ProjectRecord
		if c == check.CauseForbidden {
			p = check.ProjectRecord{Forbidden: r.Denied.Since, Reason: reason.Text(says)}
		} else {
			p = p.Refuse(reason.Text(says), policy, day).Refuse(reason.Text(says), policy, day)
		}
		return ledgertest.Owed(nil, judged(check.Project(p, f, policy, now), policy, now))
	}
	spared := seen(record("orders-cache"), now.Add(100*check.Day), day)
	late := seen(record("orders-cache"), now.Add(200*check.Day), day)
	late.Due = now.Add(-3 * time.Hour)
	later := late
	later.InstanceID = "6e1f0c44-b865-4159-b774-204dc0a36e37"
	paused := ledgertest.Owed(nil, judged(check.Project(check.ProjectRecord{}, check.Sum([]check.Record{late, later}, policy, now), policy, now), policy, now))
	paused[0].Reason = reason.Text("the API asks for a pause until 2026-11-23 02:30:00 UTC")
	throttled := slices.Clone(paused)
	throttled[0].Reason, throttled[0].Pause = reason.Reason{}, check.Pause{Why: check.PauseThrottled, Until: now.Add(23 * time.Minute), Reason: reason.Text("the API is asked too often")}
	unlisted := check.ProjectRecord{Seen: day, Listing: check.Listing{Due: now, Failing: check.Failing{
		Since: now.Add(-2 * time.Hour), Last: fresh, Count: 9, Cause: check.CauseFailed, Reason: reason.New(reason.APIFailed, reason.Args{"status": 500, "said": "(DCS.5000: internal)"}),
	}}}
	projectSubject := check.Subject{ProjectID: spared.ProjectID, Project: spared.Project, Region: spared.Region}
	about := seen(record("orders-cache"), now.Add(200*check.Day), day)
	about.About = check.About{Kind: dcs.SingleNode, MaintenanceBegin: "22:00:00", MaintenanceEnd: "02:00:00", PassesClientIP: true}
	year := now.Add(365 * check.Day)
	well := seen(record("orders-cache"), year, day)
	another := shown(well, serves(now.Add(3*check.Day)))
	unprobed := another
	unprobed.Terms.Probe = false
	unreached := shown(check.LearnHandshake(probing(well), []probe.Result{serves(year)}, policy, day), silent())
	clear := probe.Result{Address: "[fd00::5]:6379", Findings: serves(time.Time{}, reason.ProbePlainText).Findings}
	undated := twice(record("orders-cache"), check.Observation{SSL: dcs.SSL{Enabled: true, IP: "192.168.0.5", Port: "6379"}})
	clockOff := clocked(check.Clock{Off: true, Since: now.Add(-time.Minute), Ahead: check.Offset(60 * check.Day)})
	return []struct {
		name    string
		notices []ledger.Notice
	}{
		{"expiring", owed(expiring, nil, now)},
		{"expiring, tighter", owed(week, was, now)},
		{"expiring, reminder", owed(soon, told(soon, now.Add(-25*time.Hour)), now)},
		{"expiring, replaced by an earlier one", owed(earlier, told(expiring, day), now)},
		{"expired", owed(expired, nil, now)},
		{"expired, of which the port is not known", owed(portless, nil, now)},
		{"expired, reminder", owed(long, told(long, now.Add(-25*time.Hour)), now)},
		{"expired, replaced by an earlier one", owed(seen(expired, now.Add(-30*time.Hour), fresh.Add(time.Minute)), told(expired, fresh), now)},
		{"disabled", owed(off, nil, now)},
		{"disabled, no info", owed(noInfo, nil, now)},
		{"invalid", owed(invalid, nil, now)},
		{"failing", owed(failing, nil, now)[:2]},
		{"failing, and never had a certificate", owed(never, nil, now)},
		{"missing", owed(missing, nil, now)},
		{"unsupported", owed(unsupported, nil, now)},
		{"refused", project(check.CauseRefused, "the API refused the access key (APIGW.0301: verify aksk signature fail)")},
		{"forbidden", project(check.CauseForbidden, "the API forbids it (DCS.2007: Policy does not allow dcs:ssl:get to be performed.)")},
		{"overdue", ledgertest.Owed(nil, judged(check.Project(check.ProjectRecord{}, check.Sum([]check.Record{late}, policy, now), policy, now), policy, now))},
		{"overdue, and why", paused},
		{"the list can't be read", ledgertest.Owed(nil, judged(check.Project(unlisted, check.Sum([]check.Record{spared}, policy, now), policy, now), policy, now))},
		{"the list can't be read, and nothing is known of the project", ledgertest.Owed(nil, judged(check.Project(unlisted, check.Totals{Subject: projectSubject}, policy, now), policy, now))},
		{"disabled, of a known kind", owed(twice(about, check.Observation{}), nil, now)},
		{"the clock is off", ledgertest.Owed(nil, judged(check.Project(check.ProjectRecord{}, check.Sum([]check.Record{expiring}, clockOff, now), clockOff, now), policy, now))},
		{"the clock was wrong, and is right again", ledgertest.Owed(ledgertest.Rewound(told(spared, now.Add(101*check.Day)), spared.Key(), now.Add(-time.Hour)), judged(check.Standing(spared, policy, now), clocked(check.Clock{Trust: check.Vouched}), now))},
		{"renewed", owed(renewed, told(expiring, now.Add(-3*check.Day)), now)},
		{"on again", owed(twice(off, on), told(off, day), now)},
		{"off, and need not be on", owed(free, told(off, day), now)},
		{"valid again", owed(twice(invalid, on), told(invalid, day), now)},
		{"checks succeed", owed(seen(failing, now.Add(5*check.Day), fresh), told(failing, day), now)[:1]},
		{"unwatched", owed(left, told(expiring, day), now)},
		{"unwatched, expired", owed(leave(expired), told(expired, day.Add(25*time.Hour)), now)},
		{"unwatched, off", owed(leave(off), told(off, day), now)},
		{"unwatched, invalid", owed(leave(invalid), told(invalid, day), now)},
		{"unwatched, failing", owed(leave(failing), told(failing, day), now)[1:]},
		{"deleted", owed(deleted, told(off, day), now)},
		{"of which only the IDs are known", owed(nameless, nil, now)},
		{"came and went", owed(renewed, missedLines(expiring), now)},
		{"handed on to a fallback, over", inherited(renewed, told(expiring, day))},
		{"of a hostile name and address", owed(hostile, nil, now)},
		{"the instance serves a certificate that ends first", owed(another, nil, now)},
		{"the instance serves a certificate that ended", owed(shown(well, serves(now.Add(-3*check.Day))), nil, now)},
		{"the instance serves a later certificate", owed(shown(well, serves(year.Add(90*check.Day))), nil, now)},
		{"the instance serves an expired certificate of which the API has no date", owed(shown(undated, serves(now.Add(-time.Hour), reason.ProbeExpired)), nil, now)[1:]},
		{"the instance speaks without TLS", owed(shown(well, clear), nil, now)},
		{"the instance serves a certificate of another authority, for another name", owed(shown(well, serves(year, reason.ProbeUntrustedByFile, reason.ProbeOtherName)), nil, now)},
		{"the instance serves a certificate of an unknown authority", owed(shown(well, serves(year, reason.ProbeUntrusted)), nil, now)},
		{"the authority in the CA file ends first", owed(shown(well, serves(year, reason.ProbeCAEndsFirst)), nil, now)},
		{"the instance speaks old TLS", owed(shown(well, serves(year, reason.ProbeOldTLS)), nil, now)},
		{"the instance wants a client certificate", owed(shown(well, serves(year, reason.ClientCertificate)), nil, now)},
		{"the instance serves a certificate that is not valid yet", owed(shown(well, serves(year, reason.ProbeNotYetValid)), nil, now)},
		{"the instance serves a certificate that is not for servers", owed(shown(well, serves(year, reason.NotForServers)), nil, now)},
		{"the instance shows something else, reminder", owed(another, told(another, now.Add(-25*time.Hour)), now)},
		{"the instance shows what the API says", owed(shown(another, serves(year)), told(another, day), now)},
		{"no handshake succeeds", owed(unreached, nil, now)},
		{"no handshake ever succeeded", owed(shown(well, silent()), nil, now)},
		{"handshakes succeed again", owed(shown(unreached, serves(year)), told(unreached, day), now)},
		{"the instance is no longer probed", owed(unprobed, told(another, day), now)},
		{"the instance shows something else, and is no longer watched", owed(leave(another), told(another, day), now)},
		{"no handshake succeeds, and the instance is no longer watched", owed(leave(unreached), told(unreached, day), now)},
		{"came, and is no longer watched", owed(left, missedLines(expiring), now)},
		{"overdue, in a pause that has an end", throttled},
	}
}

func TestEveryStoryIsTold(t *testing.T) {
	var b strings.Builder
	for _, s := range story() {
		if len(s.notices) == 0 {
			t.Errorf("%s: nothing is owed", s.name)
			continue
		}
		m := utc.Compose(s.notices, nil, now)
		fmt.Fprintf(&b, "== %s\n%s", s.name, plain(m))
	}
	fmt.Fprintf(&b, "== a test message\n%s", plain(utc.Test("1", now)))
	fmt.Fprintf(&b, "== a test alert\n%s", plain(utc.Sample(check.Critical, "1", now)))
	golden.Assert(t, b.String(), "stories.golden")
}

func TestADigestTellsTheWorstFirst(t *testing.T) {
	var all []ledger.Notice
	for i, s := range story() {
		for _, n := range s.notices {
			if !n.IsProject() {
				n.InstanceID = fmt.Sprintf("%08d-b865-4159-b774-204dc0a36e37", i)
			}
			all = append(all, n)
		}
	}
	batch := utc.Batch(all, notify.Limits{Items: 100, Bytes: 1 << 20}, now)
	if len(batch) != len(all) {
		t.Errorf("%d of %d notices in the batch", len(batch), len(all))
	}
	golden.Assert(t, plain(utc.Compose(batch, nil, now)), "digest.golden")
}

// plain writes a message as text.
func plain(m notify.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", m.Title)
	for _, g := range m.Groups {
		fmt.Fprintf(&b, "\n%s\n", g.Heading)
		for _, i := range g.Items {
			if g.Brief {
				fmt.Fprintf(&b, "%s\n", i.Short())
				continue
			}
			fmt.Fprintf(&b, "%s\n", i.Line)
		}
		for _, a := range g.Advice {
			fmt.Fprintf(&b, "  %s\n", a)
		}
		for _, l := range g.Links {
			fmt.Fprintf(&b, "  %s: %s\n", l.Text, l.URL)
		}
	}
	b.WriteString("\n")
	return b.String()
}
