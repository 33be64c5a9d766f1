package notify_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/ledger/ledgertest"
	"github.com/sslwatch/sslwatch/internal/notify"
)

var wide = notify.Limits{Items: 100, Bytes: 1 << 20}

// numbered returns a record of its own instance.
func numbered(i int, expires time.Time) check.Record {
	r := record(fmt.Sprintf("cache-%d", i))
	r.InstanceID = fmt.Sprintf("%08d-b865-4159-b774-204dc0a36e37", i)
	return seen(r, expires, now.Add(-time.Minute))
}

func TestAStormIsFewMessagesAndEachInstanceIsInExactlyOne(t *testing.T) {
	var notices []ledger.Notice
	for i := range 1000 {
		notices = append(notices, owed(numbered(i, now.Add(time.Duration(i%20)*check.Day+time.Hour)), nil, now)...)
	}
	want := len(notices)
	limits := notify.Limits{Items: 60, Bytes: 10_000}
	told := map[string]bool{}
	messages := 0
	last := ledger.Notice{}
	for len(notices) > 0 {
		batch := utc.Batch(notices, limits, now)
		messages++
		rest := map[string]bool{}
		for _, n := range batch {
			if told[n.ID()] {
				t.Fatalf("%s twice", n.Instance)
			}
			if last.Key() != (check.Key{}) && check.CompareAlerts(last.Alert, n.Alert) > 0 {
				t.Fatalf("%s (%s) after the milder %s (%s)", n.Instance, n.Severity, last.Instance, last.Severity)
			}
			last = n
			told[n.ID()], rest[n.ID()] = true, true
		}
		var left []ledger.Notice
		for _, n := range notices {
			if !rest[n.ID()] {
				left = append(left, n)
			}
		}
		notices = left
	}
	if len(told) != want {
		t.Errorf("%d of %d told", len(told), want)
	}
	if messages > 40 {
		t.Errorf("%d messages for %d alerts", messages, want)
	}
}

func TestANoticeLongerThanTheLimitStillGoes(t *testing.T) {
	n := owed(numbered(1, now.Add(check.Day)), nil, now)
	if batch := utc.Batch(n, notify.Limits{Items: 1, Bytes: 1}, now); len(batch) != 1 {
		t.Errorf("batch of %d", len(batch))
	}
}

func TestAnEndComesBeforeTheAlertThatItUncoversOrThatFollows(t *testing.T) {
	old := numbered(1, now.Add(check.Day))
	off := twice(old, check.Observation{})
	hidden := told(old, now.Add(-2*time.Hour))
	for _, n := range owed(off, hidden, now.Add(-time.Minute)) {
		hidden = ledgertest.Told(hidden, n, "m2", now.Add(-time.Minute))
	}
	longAgo := told(old, now.Add(-25*time.Hour))
	longAgo[check.SSLDisabled] = hidden[check.SSLDisabled]
	next := now.Add(13 * check.Day)
	for name, tt := range map[string]struct {
		record check.Record
		lines  ledger.Lines
	}{
		"renewed":                              {seen(old, next, now.Add(-time.Second)), told(old, now.Add(-time.Hour))},
		"renewed while SSL was off":            {seen(seen(off, next, now.Add(-time.Second)), next, now.Add(-time.Second)), hidden},
		"renewed while SSL was off, and worse": {seen(seen(off, now.Add(49*time.Hour), now), now.Add(49*time.Hour), now), hidden},
		"on again, and a reminder is due":      {seen(seen(off, now.Add(check.Day), now), now.Add(check.Day), now), longAgo},
	} {
		notices := owed(tt.record, tt.lines, now)
		if len(notices) != 2 {
			t.Fatalf("%s: %d notices", name, len(notices))
		}
		together := utc.Batch(notices, wide, now)
		if len(together) != 2 || together[0].Kind != ledger.Resolved || !together[1].Fires() {
			t.Errorf("%s, together: %v", name, together)
		}
		lines := tt.lines
		for _, n := range together {
			lines = ledgertest.Told(lines, n, "m3", now)
		}
		if again := owed(tt.record, lines, now); len(again) != 0 {
			t.Errorf("%s, told, and owed again: %v", name, again)
		}
		threaded := wide
		threaded.Threads = true
		apart := utc.Batch(notices, threaded, now)
		if len(apart) != 1 || apart[0].Kind != ledger.Resolved {
			t.Errorf("%s, apart: %v", name, apart)
		}
	}
}

func TestWhatFollowsGoesToTheMessageThatToldFirst(t *testing.T) {
	limits := wide
	limits.Threads = true
	records := []check.Record{numbered(1, now.Add(13*check.Day)), numbered(2, now.Add(13*check.Day))}
	told := ledger.Ledger{}
	var sent map[string]ledger.Sent
	deliver := func(receipt string, at time.Time) notify.Message {
		t.Helper()
		var notices []ledger.Notice
		for _, r := range records {
			notices = append(notices, owed(r, told[r.Key()], at)...)
		}
		batch := utc.Batch(notices, limits, at)
		if len(batch) == 0 {
			t.Fatal("nothing is owed")
		}
		m := utc.Compose(batch, sent, at)
		var raw json.RawMessage
		if receipt != "" {
			raw = json.RawMessage(receipt)
		}
		var ids []string
		sent, ids = utc.Keep(sent, m, batch, raw, at)
		for i, n := range batch {
			told[n.Key()] = ledgertest.Told(told[n.Key()], n, ids[i], at)
		}
		return m
	}

	first := deliver(`"p1"`, now)
	if first.Thread != nil || len(sent) != 1 {
		t.Fatalf("the first message follows %v, %d kept", first.Thread, len(sent))
	}

	later := now.Add(6*check.Day + time.Hour) // 7d is crossed by both
	second := deliver("", later)
	if second.Thread == nil || second.Thread.ID != first.ID || string(second.Thread.Receipt) != `"p1"` || second.RemindersOnly {
		t.Errorf("the tightening follows %+v", second.Thread)
	}
	says(t, sent, "CRITICAL prod/cache-1: certificate expires soon, and 1 more")

	reminder := deliver("", later.Add(24*time.Hour))
	if !reminder.RemindersOnly || reminder.Thread == nil {
		t.Errorf("a reminder tells nothing new, in the thread: %+v", reminder)
	}

	records[0] = seen(records[0], now.Add(400*check.Day), later.Add(25*time.Hour))
	third := deliver("", later.Add(25*time.Hour))
	if third.Thread == nil {
		t.Error("an end follows nothing")
	}
	says(t, sent, "CRITICAL prod/cache-2: certificate expires soon, and 1 more (1 of 2 resolved)")

	records[1] = seen(records[1], now.Add(400*check.Day), later.Add(26*time.Hour))
	last := deliver("", later.Add(26*time.Hour))
	if last.Thread == nil {
		t.Error("the last end follows nothing")
	}
	r := says(t, sent, "RESOLVED prod/cache-1: certificate was about to expire, and 1 more")
	if sent = notify.Revised(sent, r); len(sent) != 0 {
		t.Errorf("%d kept once the first message says that all is over", len(sent))
	}
}

// says checks what the one message that is stale is to say.
func says(t *testing.T, sent map[string]ledger.Sent, parts ...string) notify.Revision {
	t.Helper()
	stale := notify.Stale(sent)
	if len(stale) != 1 {
		t.Fatalf("stale: %v", stale)
	}
	r := utc.Revise(stale[0], sent[stale[0]], now)
	for _, part := range parts {
		if !strings.Contains(r.Title, part) {
			t.Errorf("the message is to say %q, without %q", r.Title, part)
		}
	}
	return r
}

// A restart between the news and the edit, or news during one, must not
// leave a message that says for ever what is no longer so.
func TestAMessageIsStaleUntilItSaysHowItsAlertsStand(t *testing.T) {
	r := numbered(1, now.Add(13*check.Day))
	firing := owed(r, nil, now)
	m1 := utc.Compose(firing, nil, now)
	sent, ids := utc.Keep(nil, m1, firing, json.RawMessage(`"p1"`), now)
	if len(notify.Stale(sent)) != 0 {
		t.Errorf("stale as it was sent: %v", sent)
	}
	lines := ledgertest.Told(nil, firing[0], ids[0], now)
	at := now.Add(7 * check.Day)
	tighter := owed(r, lines, at)
	sent, _ = utc.Keep(sent, utc.Compose(tighter, sent, at), tighter, nil, at)
	under := says(t, sent, "CRITICAL prod/cache-1: ") // the edit that is under way
	lines = ledgertest.Told(lines, tighter[0], m1.ID, at)

	at = at.Add(time.Hour)
	over := owed(seen(r, now.Add(400*check.Day), at), lines, at)
	sent, _ = utc.Keep(sent, utc.Compose(over, sent, at), over, nil, at)
	if sent = notify.Revised(sent, under); len(notify.Stale(sent)) != 1 {
		t.Fatalf("an edit that was under way when news came is taken for the last: %+v", sent)
	}
	sent = notify.Revised(sent, says(t, sent, "RESOLVED prod/cache-1: "))
	if len(sent) != 0 {
		t.Errorf("kept %+v", sent)
	}
	if again := notify.Revised(sent, under); len(again) != 0 {
		t.Errorf("an edit that ended late brings back %+v", again)
	}
}

func TestAnEndThatClosesWhatItHidMendsThatMessageToo(t *testing.T) {
	r := numbered(1, now.Add(check.Day))
	expiring := owed(r, nil, now)
	m1 := utc.Compose(expiring, nil, now)
	sent, ids := utc.Keep(nil, m1, expiring, json.RawMessage(`"p1"`), now)
	lines := ledgertest.Told(nil, expiring[0], ids[0], now)

	at := now.Add(25 * time.Hour)
	expired := owed(r, lines, at)
	m2 := utc.Compose(expired, sent, at)
	if m2.Thread != nil {
		t.Errorf("another alert follows %+v", m2.Thread)
	}
	sent, ids = utc.Keep(sent, m2, expired, json.RawMessage(`"p2"`), at)
	lines = ledgertest.Told(lines, expired[0], ids[0], at)

	at = at.Add(time.Hour)
	over := owed(seen(r, now.Add(400*check.Day), at), lines, at)
	m3 := utc.Compose(over, sent, at)
	if m3.Thread == nil || m3.Thread.ID != m2.ID {
		t.Errorf("follows %+v", m3.Thread)
	}
	sent, _ = utc.Keep(sent, m3, over, nil, at)
	for _, id := range notify.Stale(sent) {
		r := utc.Revise(id, sent[id], at)
		if !strings.HasPrefix(r.Title, "RESOLVED prod/cache-1: ") {
			t.Errorf("%s is to say %q", id, r.Title)
		}
		sent = notify.Revised(sent, r)
	}
	if len(sent) != 0 {
		t.Errorf("%d messages kept", len(sent))
	}
}

func TestAMessageThatWasGoneIsPostedAnewAndFollowedFromThenOn(t *testing.T) {
	r := numbered(1, now.Add(13*check.Day))
	firing := owed(r, nil, now)
	m1 := utc.Compose(firing, nil, now)
	sent, ids := utc.Keep(nil, m1, firing, json.RawMessage(`"p1"`), now)
	lines := ledgertest.Told(nil, firing[0], ids[0], now)

	at := now.Add(7 * check.Day)
	tighter := owed(r, lines, at)
	m2 := utc.Compose(tighter, sent, at)
	sent, ids = utc.Keep(sent, m2, tighter, json.RawMessage(`"p2"`), at)
	if ids[0] != m2.ID || string(sent[m2.ID].Receipt) != `"p2"` {
		t.Errorf("belongs to %s, kept %+v", ids[0], sent)
	}
	// The edit finds out whether the first one is still there.
	if stale := notify.Stale(sent); len(stale) != 1 || stale[0] != m1.ID || len(notify.Gone(sent, m1.ID)) != 1 {
		t.Errorf("stale %v, kept %+v", stale, sent)
	}
}

func TestTheSameNewsHasTheSameIDAfterACrash(t *testing.T) {
	n := owed(numbered(1, now.Add(check.Day)), nil, now)
	a, b := utc.Compose(n, nil, now), utc.Compose(n, nil, now.Add(time.Hour))
	if a.ID != b.ID || a.ID == "" {
		t.Errorf("%q and %q", a.ID, b.ID)
	}
}

func TestAnEditedMessageSaysWhatIsNotSolved(t *testing.T) {
	var sent map[string]ledger.Sent
	records := []check.Record{numbered(1, now.Add(13*check.Day)), numbered(2, now.Add(13*check.Day))}
	var batch []ledger.Notice
	for _, r := range records {
		batch = append(batch, owed(r, nil, now)...)
	}
	m := utc.Compose(batch, nil, now)
	sent, ids := utc.Keep(nil, m, batch, json.RawMessage(`"p1"`), now)
	at := now.Add(time.Hour)
	left, renewed := records[0], seen(records[1], now.Add(400*check.Day), at)
	left.Left = check.Unwatched
	over := append(owed(left, ledgertest.Told(nil, batch[0], ids[0], now), at), owed(renewed, ledgertest.Told(nil, batch[1], ids[1], now), at)...)
	m = utc.Compose(over, sent, at)
	sent, _ = utc.Keep(sent, m, over, nil, at)
	if r := says(t, sent, "CLOSED prod/cache-1: no longer watched, and not solved, and 1 more"); !r.Entries[0].Unsolved || r.Entries[1].Unsolved {
		t.Errorf("the first message is to say %+v", r)
	}
	if m.Solved || len(m.Groups) != 2 || m.Groups[0].Solved == m.Groups[1].Solved {
		t.Errorf("solved and not solved are one: %+v", m)
	}
}

func TestTwoInstancesOfOneNameNeverLookAlike(t *testing.T) {
	one := owed(numbered(1, now.Add(13*check.Day)), nil, now)
	other := owed(numbered(1, now.Add(13*check.Day)), nil, now)
	other[0].Project, other[0].ProjectID = "staging", "ffffffffffffffffffffffffffffffff"
	a, b := utc.Compose(one, nil, now), utc.Compose(other, nil, now)
	if a.Title == b.Title || !strings.Contains(a.Title, "prod/cache-1") || !strings.Contains(b.Title, "staging/cache-1") {
		t.Errorf("titles %q and %q", a.Title, b.Title)
	}
	if a.Groups[0].Advice[len(a.Groups[0].Advice)-1] == b.Groups[0].Advice[len(b.Groups[0].Advice)-1] {
		t.Errorf("the same command for both: %q", a.Groups[0].Advice)
	}
}

func TestADigestGivesEachAdviceOnce(t *testing.T) {
	var all []ledger.Notice
	for _, s := range story() {
		all = append(all, s.notices...)
	}
	said := map[string]int{}
	for _, g := range utc.Compose(all, nil, now).Groups {
		for _, a := range g.Advice {
			said[a]++
		}
		for _, l := range g.Links {
			said[l.URL]++
		}
	}
	for s, n := range said {
		if n > 1 {
			t.Errorf("%d times: %s", n, s)
		}
	}
}

func TestNoAddressThatIsNoneGetsIntoACommand(t *testing.T) {
	for _, e := range []check.Endpoint{
		{Domain: "a b", Port: "1"}, {Domain: "-help", Port: "1"}, {Domain: "x;id", Port: "1"}, {Domain: "$(id)", Port: "1"},
		{Domain: "x\ny", Port: "1"}, {Domain: "a..b", Port: "1"}, {Domain: strings.Repeat("a", 64), Port: "1"}, {Domain: "9", Port: "1"},
		{Domain: "\u0430.example", Port: "1"}, {IP: "999.1.1.1", Port: "1"}, {IPv6: "fe80::1%eth0;id", Port: "1"}, {IP: "0.0.0.0", Port: "1"},
		{IP: "1.2.3.4", Port: "6379;id"}, {IP: "1.2.3.4", Port: "0"}, {IP: "1.2.3.4", Port: "65536"}, {Domain: "a.example"}, {},
	} {
		n := owed(numbered(1, now.Add(13*check.Day)), nil, now)
		n[0].Endpoint = e
		for _, a := range utc.Compose(n, nil, now).Groups[0].Advice {
			if strings.Contains(a, "openssl") {
				t.Errorf("%+v: %s", e, a)
			}
		}
	}
}

func TestEachPartOfATestAlertSaysThatItIsOne(t *testing.T) {
	for _, severity := range []check.Severity{check.Warning, check.Critical} {
		m := utc.Sample(severity, "1", now)
		it := m.Groups[0].Items[0]
		for _, s := range []string{m.Title, m.Groups[0].Heading, it.Line, it.What, m.Groups[0].Advice[0]} {
			if !strings.Contains(strings.ToLower(s), "test") {
				t.Errorf("%q does not say so", s)
			}
		}
		if m.Severity != severity || !m.Firing || !strings.HasPrefix(it.Line, "FIRING "+string(severity)+" certificate_expiring sample-cache: ") {
			t.Errorf("it does not look as an alert does: %+v", m)
		}
		if a, b := utc.Sample(severity, "1", now), utc.Sample(severity, "2", now); a.ID == b.ID {
			t.Error("two tests have one ID")
		}
	}
}
