// Package notifytest makes messages for the tests of receivers: what the
// judgement owes, in the words that people get.
package notifytest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/ledger/ledgertest"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// Now is when the messages are composed: an instant with nothing round
// about it.
var Now = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

const fresh = 4 * time.Minute // since the API was last asked

var policy = check.Policy{
	Confirm: 2, FailingAfter: time.Hour, Awake: Now.Add(-30 * check.Day),
}

var repeat = map[check.Severity]time.Duration{check.Critical: 24 * time.Hour, check.Warning: 7 * check.Day}

// subject is an instance of that name.
func subject(name, id string) check.Subject {
	return check.Subject{
		ProjectID: "0123456789abcdef0123456789abcdef", Project: "prod", Region: "eu-west-101",
		InstanceID: id + "-b865-4159-b774-204dc0a36e37", Instance: name,
		Console: "https://console.example.com/dcs/?region=eu-west-101&agencyId=1#/dcs",
	}
}

// life is an instance as it is seen, and what one receiver was told of it.
type life struct {
	record check.Record
	lines  ledger.Lines
}

func born(name, id string) *life {
	return &life{record: check.Record{Subject: subject(name, id), Terms: check.Terms{
		Expiry:   []check.Duration{check.Duration(14 * check.Day), check.Duration(7 * check.Day), check.Duration(3 * check.Day)},
		Critical: check.Duration(7 * check.Day), RequireSSL: true,
	}}}
}

// sees takes observations in, the last of them fresh before a time.
func (l *life) sees(before time.Time, all ...check.Observation) *life {
	for i, o := range all {
		at := before.Add(-fresh - time.Duration(len(all)-1-i)*90*time.Minute)
		l.record = check.Learn(l.record, o, policy, at)
	}
	return l
}

func (l *life) owed(at time.Time) []ledger.Notice {
	return ledgertest.Owed(l.lines, ledgertest.Judged{Alerts: check.Standing(l.record, policy, at), Repeat: repeat, At: at})
}

// until is a certificate that ends some time after Now.
func until(left time.Duration) check.Observation {
	return check.Observation{SSL: dcs.SSL{
		Enabled: true, Validated: true, ExpiresAt: Now.Add(left),
		IP: "192.168.0.5", Port: "6379", Domain: "redis-orders.dcs.example.com",
	}}
}

// receiver is what a receiver was told of some lives.
type receiver struct {
	lives   []*life
	sent    map[string]ledger.Sent
	wording notify.Wording
}

// next composes what is owed; receipt is what the receiver returns for it.
func (r *receiver) next(at time.Time, receipt json.RawMessage) notify.Message {
	var notices []ledger.Notice
	for _, l := range r.lives {
		notices = append(notices, l.owed(at)...)
	}
	batch := r.wording.Batch(notices, notify.Limits{Items: 1000, Bytes: 1 << 20}, at)
	m := r.wording.Compose(batch, r.sent, at)
	m.Footer = "sslwatch v1.2.3 on mon-1"
	var ids []string
	r.sent, ids = r.wording.Keep(r.sent, m, batch, receipt, at)
	for i, n := range batch {
		for _, l := range r.lives {
			if l.record.Key() == n.Key() {
				l.lines = ledgertest.Told(l.lines, n, ids[i], at)
			}
		}
	}
	return m
}

// Item is a critical item about an instance of that name.
func Item(name string) notify.Item {
	r := receiver{lives: []*life{born(name, "553a2516").sees(Now, until(5*check.Day))}}
	return r.next(Now, nil).Groups[0].Items[0]
}

func orders() *life { return born("orders-cache", "553a2516").sees(Now, until(5*check.Day)) }
func search() *life {
	return born("search-cache", "6e1f0c44").sees(Now, until(10*check.Day+4*time.Hour))
}

// Firing is one critical alert.
func Firing() notify.Message {
	r := receiver{lives: []*life{orders()}}
	return r.next(Now, nil)
}

// FiringIn is Firing with the times of a zone beside UTC, about an instance of
// which the maintenance window is known.
func FiringIn(zone *time.Location) notify.Message {
	l := orders()
	l.record.About = check.About{MaintenanceBegin: "22:00:00", MaintenanceEnd: "02:00:00"}
	r := receiver{lives: []*life{l}, wording: notify.Wording{Zone: zone}}
	return r.next(Now, nil)
}

// Digest is several groups: alerts, a reminder and a resolution.
func Digest() notify.Message {
	carts := born("carts_cache", "0b52c1d7").sees(Now, check.Observation{}, check.Observation{})
	reminded, sessions := search(), born("sessions", "91d0aa02")
	weekAgo := Now.Add(-6 * check.Day)
	failed := check.Observation{Cause: check.CauseFailed, Reason: reason.Text("the API answered HTTP 500 (DCS.5010: Failed to operate SSL in database.)")}
	sessions.sees(weekAgo, until(300*check.Day), failed, failed)
	reminded.record.Terms.Critical = check.Duration(12 * check.Day) // reminded daily
	(&receiver{lives: []*life{reminded}}).next(Now.Add(-26*time.Hour), nil)
	(&receiver{lives: []*life{sessions}}).next(weekAgo, nil)
	sessions.sees(Now, until(300*check.Day))
	r := receiver{lives: []*life{sessions, reminded, orders(), carts}}
	return r.next(Now, nil)
}

// Tighter is news of the alert of Firing. With the receipt of that message,
// it follows it.
func Tighter(receipt json.RawMessage) notify.Message {
	m, _ := TighterThen(receipt)
	return m
}

// TighterThen is Tighter, and what the message of that receipt is to say then.
func TighterThen(receipt json.RawMessage) (notify.Message, notify.Revision) {
	r := receiver{lives: []*life{orders()}}
	r.next(Now, receipt)
	at := Now.Add(49 * time.Hour)
	return r.next(at, nil), r.revision(at)
}

// Reminder is a reminder of the alert of Firing, which follows it.
func Reminder(receipt json.RawMessage) notify.Message {
	r := receiver{lives: []*life{orders()}}
	r.next(Now, receipt)
	return r.next(Now.Add(25*time.Hour), nil)
}

// MildReminder is a reminder of an alert that is only a warning.
func MildReminder(receipt json.RawMessage) notify.Message {
	l := born("search-cache", "6e1f0c44").sees(Now, until(13*check.Day))
	l.record.Terms.Critical = check.Duration(check.Day)
	l.record.Terms.Expiry = l.record.Terms.Expiry[:1]
	r := receiver{lives: []*life{l}}
	r.next(Now, receipt)
	return r.next(Now.Add(8*check.Day), nil)
}

// Resolution ends one of the two alerts of an earlier message, and with the
// receipt of that message follows it.
func Resolution(receipt json.RawMessage) notify.Message {
	m, _ := ResolutionThen(receipt)
	return m
}

// ResolutionThen is Resolution, and what the message of that receipt is to
// say then.
func ResolutionThen(receipt json.RawMessage) (notify.Message, notify.Revision) {
	renewed := orders()
	r := receiver{lives: []*life{renewed, search()}}
	r.next(Now, receipt)
	later := Now.Add(51 * time.Hour)
	renewed.sees(later, until(365*check.Day))
	return r.next(later, nil), r.revision(later)
}

// Storm is a first message about many critical alerts, and what it is to say
// when one of them is over.
func Storm(n int, receipt json.RawMessage) (notify.Message, notify.Revision) {
	r := receiver{}
	for i := range n {
		r.lives = append(r.lives, born(fmt.Sprintf("orders-cache-%03d", i), fmt.Sprintf("553a%04d", i)).sees(Now, until(5*check.Day)))
	}
	first := r.next(Now, receipt)
	later := Now.Add(time.Hour)
	r.lives[0].sees(later, until(365*check.Day))
	r.next(later, nil)
	return first, r.revision(later)
}

// revision is what the one stale message is to say.
func (r *receiver) revision(at time.Time) notify.Revision {
	for _, id := range notify.Stale(r.sent) {
		then := r.wording.Revise(id, r.sent[id], at)
		then.Footer = "sslwatch v1.2.3 on mon-1"
		return then
	}
	return notify.Revision{}
}

// Life is all that is told of one certificate: it comes close to its end, it
// expires, people are reminded, and it is renewed. The last message is of the
// next certificate, as it comes close to its end.
func Life() []notify.Message {
	cache := orders()
	r := receiver{lives: []*life{cache}}
	all := []notify.Message{r.next(Now, nil)}
	for _, d := range []time.Duration{49 * time.Hour, 5*check.Day + time.Minute, 6*check.Day + 2*time.Minute} {
		all = append(all, r.next(Now.Add(d), nil))
	}
	later := Now.Add(6*check.Day + time.Hour)
	cache.sees(later, until(365*check.Day))
	all = append(all, r.next(later, nil))
	return append(all, r.next(Now.Add(355*check.Day), nil))
}
