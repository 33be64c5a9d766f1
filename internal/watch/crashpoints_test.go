package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/watch"
)

var long = flag.Bool("long", false, "the long forms of the tests that have one")

var errKilled = errors.New("killed")

// fate numbers the operations of a daemon on the world, and kills it at one.
type fate struct {
	killAt int           // 0 for never
	died   chan struct{} // closed when it dies

	mu   sync.Mutex
	n    int
	dead bool
}

// step is an operation. It reports whether the daemon is dead, so that the
// operation has no effect any more.
func (f *fate) step() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return true
	}
	f.n++
	if f.n == f.killAt {
		f.dead = true
		close(f.died)
	}
	return f.dead
}

func (f *fate) isDead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// rebirth lets operations have an effect again, from now on all of them.
func (f *fate) rebirth() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead, f.killAt = false, 0
}

// mortalStore is a disk whose writes are operations: one before it takes
// effect, one after.
type mortalStore struct {
	*memory
	fate *fate
}

func (s mortalStore) Commit(c state.Changes) error {
	if s.fate.step() {
		return errKilled
	}
	time.Sleep(100 * time.Millisecond) // fake time, in which others go on, and it may die
	if s.fate.isDead() {
		return errKilled
	}
	err := s.memory.Commit(c)
	if s.fate.step() {
		return errKilled
	}
	return err
}

// mortalPager is a receiver whose deliveries are operations: one before it
// has the message, one after, when its answer may not arrive any more.
type mortalPager struct {
	*pager
	fate *fate
}

func (p mortalPager) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	if p.fate.step() {
		return nil, errKilled
	}
	receipt, err := p.pager.Deliver(ctx, m)
	if p.fate.step() {
		return nil, errKilled
	}
	return receipt, err
}

// story is a life with every condition in it: what happens, and how long
// after what happened before.
var story = []struct {
	after time.Duration
	what  func(*life)
}{
	{check.Day, func(l *life) { l.enabled(1, false) }},
	{check.Day, func(l *life) { l.valid(2, false) }},
	{check.Day, func(l *life) { l.enabled(1, true) }},
	{check.Day, func(l *life) { l.valid(2, true) }},
	{check.Day, func(l *life) { l.fails(3, &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")}) }},
	{check.Day, func(l *life) { l.fails(3, nil) }},
	{check.Day, func(l *life) {
		l.fails(4, &dcs.Error{Kind: dcs.Unsupported, Status: 400, Reason: reason.Text("no SSL")})
	}},
	{check.Day, func(l *life) { l.refuse(true) }},
	{2 * check.Day, func(l *life) { l.refuse(false) }},
	{3 * check.Day, func(l *life) { l.expires(0, time.Now().Add(400*check.Day)) }},
	{check.Day, func(l *life) { l.fails(4, nil) }},
	{check.Day, func(*life) {}},
}

func (l *life) valid(i int, valid bool) {
	l.cloud.set(func(c *cloud) {
		ssl := c.ssl[instance(i).InstanceID]
		ssl.Validated = valid
		c.ssl[instance(i).InstanceID] = ssl
	})
}

// fails has requests about one instance fail, until err is nil.
func (l *life) fails(i int, err *dcs.Error) {
	l.cloud.set(func(c *cloud) {
		if c.fails == nil {
			c.fails = map[string]*dcs.Error{}
		}
		c.fails[instance(i).InstanceID] = err
	})
}

// refuse has the key be refused.
func (l *life) refuse(refused bool) {
	l.cloud.set(func(c *cloud) {
		c.err = nil
		if refused {
			c.err = &dcs.Error{Kind: dcs.Unauthenticated, Status: 401, Reason: reason.Text("the API refused the access key")}
		}
	})
}

// heard is what one receiver was told, by what each notice is about.
type heard struct {
	times    map[string]int // by notice
	repeated int            // notices told more than once
	order    []string       // what is told of an alert that was not open
	open     []string       // alerts of which the end was never told
}

func hear(p *pager) heard {
	h := heard{times: map[string]int{}}
	open := map[string]bool{}
	for _, m := range p.got {
		for _, g := range m.Groups {
			for _, item := range g.Items {
				n := item.Notice
				// The words tell times, which may differ; what it is about must not.
				what := strings.Join([]string{
					string(n.Kind), string(n.Condition), n.Instance, n.Threshold.String(), string(n.Severity), n.NotAfter.String(),
				}, " ")
				h.times[what]++
				alert := n.Key().String() + " " + string(n.Condition)
				if !n.Fires() {
					if !open[alert] && h.times[what] == 1 && n.Kind != ledger.Missed {
						h.order = append(h.order, item.Line)
					}
					for _, c := range n.Closes {
						delete(open, n.Key().String()+" "+string(c))
					}
					continue
				}
				if n.Kind != ledger.Firing && !open[alert] {
					h.order = append(h.order, item.Line)
				}
				open[alert] = true
			}
		}
	}
	h.open = slices.Sorted(maps.Keys(open))
	for what, times := range h.times {
		if strings.HasPrefix(what, string(ledger.Reminder)) {
			continue // as many as there are intervals; see the reference
		}
		h.repeated += times - 1
	}
	return h
}

// live plays the story, with the daemon killed at one operation and started
// again at once, or only after the next two things have happened. It returns how many operations there were, and what each
// receiver heard.
func live(t *testing.T, killAt int, late bool) (operations int, oncall, ops heard) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 5)
		l.opt.Interval, l.opt.Backoff.Max = 12*time.Hour, 12*time.Hour
		l.opt.Repeat = map[check.Severity]time.Duration{ // never when something ends
			check.Critical: 13 * time.Hour, check.Warning: 103 * time.Hour,
		}
		l.expires(0, time.Now().Add(10*check.Day+time.Hour+123456789))
		other := newPager()
		other.slow = 300 * time.Millisecond
		f := &fate{killAt: killAt, died: make(chan struct{})}
		store := mortalStore{l.disk, f}
		l.opt.Receivers = []watch.Receiver{
			{Receiver: ledger.Receiver{ID: "oncall", Name: "oncall"}, Sender: mortalPager{l.pager, f}},
			{Receiver: ledger.Receiver{ID: "ops", Name: "ops"}, Sender: mortalPager{other, f}},
		}
		l.startOn(store)
		died, away := f.died, 0
		restart := func() {
			f.rebirth()
			l.startOn(store)
		}
		for _, s := range story {
			until := time.Now().Add(s.after)
			select {
			case <-time.After(s.after):
			case <-died:
				died = nil
				_ = l.stop() // its last writes and deliveries have no effect
				if late {
					away = 3
				} else {
					restart()
				}
				time.Sleep(time.Until(until))
			}
			synctest.Wait()
			s.what(l)
			if away--; away == 0 {
				restart()
			}
		}
		select {
		case <-died: // at the very end
			_ = l.stop()
			restart()
		default:
			if away > 0 {
				restart()
			}
		}
		f.rebirth()
		l.pass(check.Day)
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		operations, oncall, ops = f.n, hear(l.pager), hear(other)
	})
	return operations, oncall, ops
}

// Whatever the moment in which the daemon dies: nothing is lost, nothing is
// told twice but what was under way, and nothing ends that did not begin.
func TestKilledAtEveryOperation(t *testing.T) {
	operations, oncall, ops := live(t, 0, false)
	for name, h := range map[string]heard{"oncall": oncall, "ops": ops} {
		if h.repeated > 0 || len(h.order) > 0 || len(h.times) < 14 {
			t.Fatalf("%s, undisturbed: %+v", name, h)
		}
	}
	step := 97
	if *long {
		step = 1
	}
	repeated, points := 0, 0
	for k := 1; k <= operations; k += step {
		points++
		_, oncallNow, opsNow := live(t, k, false)
		for name, h := range map[string][2]heard{"oncall": {oncall, oncallNow}, "ops": {ops, opsNow}} {
			want, got := h[0], h[1]
			for _, what := range slices.Sorted(maps.Keys(want.times)) {
				if got.times[what] == 0 {
					t.Errorf("killed at %d of %d, %s did not hear %q", k, operations, name, what)
				}
			}
			for _, what := range slices.Sorted(maps.Keys(got.times)) {
				if want.times[what] == 0 {
					t.Errorf("killed at %d of %d, %s heard what is not so: %q", k, operations, name, what)
				}
			}
			if len(got.order) > 0 || len(got.open) > 0 {
				t.Errorf("killed at %d of %d, %s heard of what had not begun: %q, and not of the end of %q", k, operations, name, got.order, got.open)
			}
		}
		_, oncallLate, opsLate := live(t, k, true)
		for name, got := range map[string]heard{"oncall": oncallLate, "ops": opsLate} {
			if len(got.order) > 0 || len(got.open) > 0 {
				t.Errorf("killed at %d of %d and away for long, %s heard of what had not begun: %q, and not of the end of %q",
					k, operations, name, got.order, got.open)
			}
		}
		// One message of one receiver can have been under way, or one of each.
		both := oncallNow.repeated + opsNow.repeated
		repeated += both
		if both > 4 {
			t.Errorf("killed at %d of %d: %d notices told twice", k, operations, both)
		}
	}
	t.Logf("killed at %d of %d operations: 0 lost, %d told twice", points, operations, repeated)
}
