package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// desk is a book, with one instance that is looked at, and receivers that are
// told.
type desk struct {
	*life
	book *ledger.Book
	ids  []string
	down map[string]bool
	got  map[string][]string      // by receiver
	kept map[string]ledger.Ledger // what is durable
	next time.Time
}

func newDesk(t *testing.T, terms ledger.Terms, receivers ...ledger.Receiver) *desk {
	d := &desk{life: newLife(t), book: ledger.New(nil, nil), down: map[string]bool{}, got: map[string][]string{}, kept: map[string]ledger.Ledger{}}
	d.book.Configure(receivers, terms)
	for _, r := range receivers {
		d.ids = append(d.ids, r.ID)
	}
	return d
}

// see takes observations in, ten seconds apart, and tells what is owed then.
func (d *desk) see(all ...check.Observation) {
	d.t.Helper()
	for _, o := range all {
		d.now = d.now.Add(10 * time.Second)
		d.record = check.Learn(d.record, o, d.policy, d.now)
		d.tell()
	}
}

// wait lets time pass, and tells what is owed then.
func (d *desk) wait(by time.Duration) {
	d.t.Helper()
	d.now = d.now.Add(by)
	d.tell()
}

func (d *desk) update() {
	d.next, _ = d.book.Update(d.record.Key(), check.Standing(d.record, d.policy, d.now), d.policy.Clock("p"), d.now)
}

// tell is what the loop does, until there is nothing left to do.
func (d *desk) tell() {
	d.t.Helper()
	d.update()
	for _, id := range d.ids {
		for range 100 {
			batch := d.book.Ready(id, d.now).Notices
			if len(batch) == 0 {
				break
			}
			if !d.book.Begin(id, batch) {
				if !d.commit() {
					d.t.Fatal("something has to be durable first, and nothing changed")
				}
				continue
			}
			if d.down[id] {
				d.book.Failed(id, batch)
				d.update()
				break
			}
			for _, n := range batch {
				d.got[id] = append(d.got[id], brief(n))
			}
			d.book.Delivered(id, batch, slices.Repeat([]string{"m"}, len(batch)), d.now)
			d.update()
		}
	}
}

// commit makes what changed durable, and reports whether anything did.
func (d *desk) commit() bool {
	changes := d.book.Changes()
	for at, lines := range changes {
		if d.kept[at.Receiver] == nil {
			d.kept[at.Receiver] = ledger.Ledger{}
		}
		d.kept[at.Receiver][at.Subject] = lines
	}
	return len(changes) > 0
}

// heard checks all that a receiver was told since the last time.
func (d *desk) heard(id string, want ...string) {
	d.t.Helper()
	if !slices.Equal(d.got[id], want) {
		d.t.Errorf("%s was told %q, want %q", id, d.got[id], want)
	}
	delete(d.got, id)
}

func TestTheFallbackHearsOnce(t *testing.T) {
	deaf := ledger.Audience{Match: map[string]string{"team": "nobody"}}
	d := newDesk(t, ledger.Terms{},
		ledger.Receiver{ID: "chat", Name: "chat", Fallback: "mail", FallbackAfter: 5 * time.Minute},
		ledger.Receiver{ID: "mail", Name: "mail", Audience: deaf},
	)
	d.down["chat"] = true
	d.see(on(300*day), off, off)
	d.wait(4 * time.Minute)
	d.heard("mail")
	if at := d.next.Sub(d.now); at <= 0 || at > time.Minute {
		t.Errorf("the book is to be updated in %v, which is not when the fallback is to hear", at)
	}
	d.wait(2 * time.Minute)
	d.heard("mail", "firing critical ssl_disabled")
	d.wait(time.Hour)
	d.see(on(300*day), on(300*day))
	d.wait(time.Minute)
	d.wait(time.Hour)
	d.heard("mail", "resolved critical ssl_disabled enabled")
}

// After a start, what waited while nobody ran to send it is left to its own
// receiver for a moment, and not for longer: a daemon that dies again and
// again has a fallback, too.
func TestWhatWaitedWhileNobodyRanIsLeftToItsReceiverForAMinute(t *testing.T) {
	receivers := []ledger.Receiver{
		{ID: "chat", Name: "chat", Fallback: "mail", FallbackAfter: 5 * time.Minute},
		{ID: "mail", Name: "mail", Audience: ledger.Audience{Match: map[string]string{"team": "nobody"}}},
	}
	d := newDesk(t, ledger.Terms{}, receivers...)
	d.down["chat"] = true
	d.see(on(300*day), off, off)
	d.commit()

	d.now = d.now.Add(time.Hour)
	d.book = ledger.New(d.kept, nil)
	d.book.Configure(receivers, ledger.Terms{})
	d.book.Awake(d.now)
	d.wait(59 * time.Second)
	d.heard("mail")
	d.wait(time.Second)
	d.heard("mail", "firing critical ssl_disabled")
}

func TestNothingIsReadyBeforeItsTime(t *testing.T) {
	d := newDesk(t, ledger.Terms{GroupWait: 10 * time.Second}, ledger.Receiver{ID: "chat", Name: "chat"})
	d.record = check.Learn(d.record, off, d.policy, d.now)
	d.record = check.Learn(d.record, off, d.policy, d.now)
	began := d.now
	d.update()
	for _, test := range []struct {
		rule  string
		after time.Duration
		do    func()
		ready int
		wake  time.Duration
	}{
		{"others may join", 9 * time.Second, func() {}, 0, 10 * time.Second},
		{"they had their time", 10 * time.Second, func() {}, 1, 0},
		{"what is gathered waits", 10 * time.Second, func() { d.book.Gather(began, began.Add(2*time.Minute)) }, 0, 2 * time.Minute},
		{"until it is gathered", 2 * time.Minute, func() {}, 1, 0},
		{"what was owed before does not wait", 10 * time.Second, func() { d.book.Gather(began.Add(time.Nanosecond), began.Add(2*time.Minute)) }, 1, 0},
	} {
		test.do()
		r := d.book.Ready("chat", began.Add(test.after))
		if len(r.Notices) != test.ready || test.wake > 0 && !r.Wake.Equal(began.Add(test.wake)) {
			t.Errorf("%s: %d ready, again at %v", test.rule, len(r.Notices), r.Wake.Sub(began))
		}
	}
}

func TestWhatIsBeingSentIsNotReady(t *testing.T) {
	d := newDesk(t, ledger.Terms{}, ledger.Receiver{ID: "chat", Name: "chat"})
	d.record = check.Learn(check.Learn(d.record, off, d.policy, d.now), off, d.policy, d.now)
	d.update()
	batch := d.book.Ready("chat", d.now).Notices
	if d.book.Begin("chat", batch) {
		t.Fatal("it is sent before it is marked")
	}
	if !d.book.Begin("chat", d.book.Ready("chat", d.now).Notices) {
		t.Fatal("what is marked is not sent")
	}
	if r := d.book.Ready("chat", d.now); len(r.Notices) > 0 || !d.book.Open(d.record.Key()) {
		t.Errorf("it is ready twice: %v", r)
	}
	d.book.Failed("chat", batch)
	if r := d.book.Ready("chat", d.now); len(r.Notices) != 1 {
		t.Errorf("after it failed, %d are ready", len(r.Notices))
	}
	if n, since := d.book.Owed("chat"); n != 1 || !since.Equal(d.now) {
		t.Errorf("%d are owed since %v", n, since)
	}
}

// What changed is said once, and is gone where the receiver is.
func TestChangesAreSaidOnce(t *testing.T) {
	d := newDesk(t, ledger.Terms{}, ledger.Receiver{ID: "chat", Name: "chat"})
	d.see(off, off)
	d.commit()
	if lines := d.kept["chat"][d.record.Key()]; lines[check.SSLDisabled].Told == nil {
		t.Errorf("what is durable is %v", lines)
	}
	d.update()
	if again := d.book.Changes(); len(again) > 0 {
		t.Errorf("nothing happened, and these changed: %v", again)
	}
	if gone := d.book.Configure(nil, ledger.Terms{}); !slices.Equal(gone, []string{"chat"}) {
		t.Errorf("gone are %q", gone)
	}
	if lines, ok := d.book.Changes()[ledger.Place{Receiver: "chat", Subject: d.record.Key()}]; !ok || len(lines) > 0 {
		t.Errorf("of a receiver that is gone there remain %v", lines)
	}
}

// A message that may have arrived is repeated as it was, at its pace, and
// sooner where its receiver took another one since.
func TestAMessageInDoubtIsRepeatedAtItsPace(t *testing.T) {
	d := newDesk(t, ledger.Terms{}, ledger.Receiver{ID: "chat", Name: "chat"})
	d.record = check.Learn(check.Learn(d.record, off, d.policy, d.now), off, d.policy, d.now)
	doubt := func() {
		t.Helper()
		d.update()
		batch := d.book.Ready("chat", d.now).Notices
		if len(batch) != 1 {
			t.Fatalf("%d are ready", len(batch))
		}
		if !d.book.Begin("chat", batch) && !d.book.Begin("chat", d.book.Ready("chat", d.now).Notices) {
			t.Fatal("it can't be sent")
		}
		d.book.Doubted("chat", batch, "m1", d.now)
		d.update()
	}
	doubt()
	for _, delay := range []time.Duration{time.Minute, 3 * time.Minute, 9 * time.Minute, 27 * time.Minute, 81 * time.Minute, 243 * time.Minute, 6 * time.Hour, 6 * time.Hour} {
		if r := d.book.Ready("chat", d.now.Add(delay-1)); len(r.Notices) > 0 || !r.Wake.Equal(d.now.Add(delay)) {
			t.Fatalf("before %v, %d are ready, again at %v", delay, len(r.Notices), r.Wake.Sub(d.now))
		}
		d.now = d.now.Add(delay)
		doubt()
	}
	d.now = d.now.Add(time.Minute)
	d.book.Delivered("chat", nil, nil, d.now)
	if r := d.book.Ready("chat", d.now); len(r.Notices) != 1 || r.Notices[0].InDoubt == nil {
		t.Errorf("after another message was taken, %d are ready", len(r.Notices))
	}
}

// After a start under a clock that was set back, nothing waits for a time that
// lies ahead: neither what was owed, nor what is in doubt.
func TestNothingWaitsForATimeThatLiesAhead(t *testing.T) {
	chat := ledger.Receiver{ID: "chat", Name: "chat"}
	d := newDesk(t, ledger.Terms{GroupWait: 10 * time.Second}, chat)
	d.record = check.Learn(check.Learn(d.record, off, d.policy, d.now), off, d.policy, d.now)
	d.update()
	d.commit()

	back := d.now.Add(-24 * time.Hour)
	d.book = ledger.New(d.kept, map[string]time.Time{"chat": d.now})
	d.book.Rewind(back)
	d.book.Configure([]ledger.Receiver{chat}, ledger.Terms{GroupWait: 10 * time.Second})
	d.now = back.Add(10 * time.Second)
	d.update()
	if n, since := d.book.Owed("chat"); n != 1 || since.After(back) {
		t.Errorf("%d are owed since %v, and it is %v", n, since, back)
	}
	if r := d.book.Ready("chat", d.now); len(r.Notices) != 1 {
		t.Errorf("%d are ready, the next at %v", len(r.Notices), r.Wake)
	}
}
