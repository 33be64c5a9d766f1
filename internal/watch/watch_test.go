package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/state/statetest"
	"github.com/sslwatch/sslwatch/internal/watch"
)

const projectID = "0123456789abcdef0123456789abcdef"

// cloud answers for the API of one project.
type cloud struct {
	mu    sync.Mutex
	ssl   map[string]dcs.SSL
	err   error                   // for all, when set
	fails map[string]*dcs.Error   // by instance
	date  func(dcs.SSL) time.Time // the date that it answers, when set
	// ahead is how far the clock of this machine is ahead of the cloud's, in
	// a cloud that tells the time; says, if set, is what it says instead.
	ahead  *time.Duration
	says   func() dcs.Clock
	slow   time.Duration
	asked  []time.Time
	list   func() ([]dcs.Instance, error)
	lists  int
	flight int
	most   int
}

func (c *cloud) SSL(ctx context.Context, id string) (dcs.SSL, error) {
	c.mu.Lock()
	c.asked = append(c.asked, time.Now())
	c.flight++
	c.most = max(c.most, c.flight)
	ssl, ok := c.ssl[id]
	if c.date != nil {
		ssl.ExpiresAt = c.date(ssl)
	}
	err, slow := c.err, c.slow
	switch {
	case c.says != nil:
		ssl.Clock = c.says()
	case c.ahead != nil:
		ssl.Clock = dcs.Clock{Known: true, Ahead: *c.ahead}
	}
	if failure := c.fails[id]; err == nil && failure != nil {
		err = failure
	}
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.flight--; c.mu.Unlock() }()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return dcs.SSL{}, ctx.Err()
	}
	if err != nil {
		return dcs.SSL{}, err
	}
	if !ok {
		return dcs.SSL{}, &dcs.Error{Kind: dcs.Missing, Reason: reason.Text("no such instance")}
	}
	return ssl, nil
}

// move moves the clock of this machine, and nothing of the cloud's. In a
// bubble no clock can be set: what is told by the cloud's moves the other way.
func (c *cloud) move(by time.Duration) {
	c.set(func(c *cloud) {
		for id, ssl := range c.ssl {
			ssl.ExpiresAt = ssl.ExpiresAt.Add(-by)
			c.ssl[id] = ssl
		}
		if c.ahead != nil {
			ahead := *c.ahead + by
			c.ahead = &ahead
		}
	})
}

func (c *cloud) set(change func(*cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// requests returns how many requests came within d of the first.
func (c *cloud) requests(d time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, at := range c.asked {
		if at.Sub(c.asked[0]) <= d {
			n++
		}
	}
	return n
}

// busiest returns the most requests that were under way at once.
func (c *cloud) busiest() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// count returns how many requests came.
func (c *cloud) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// pager is a receiver that keeps what it was told.
type pager struct {
	mu      sync.Mutex
	limits  notify.Limits
	err     error
	took    bool // although err is returned
	slow    time.Duration
	tries   int
	got     []notify.Message
	unsaved func() bool // whether what was told before is not on disk yet
	early   int         // messages that came before that
}

func newPager() *pager {
	return &pager{limits: notify.Limits{Items: 100, Bytes: 1 << 20}}
}

func (p *pager) Limits() notify.Limits { return p.limits }

func (p *pager) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	p.mu.Lock()
	p.tries++
	slow, err, took := p.slow, p.err, p.took
	p.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil || took {
		if p.unsaved != nil && p.unsaved() {
			p.early++
		}
		p.got = append(p.got, m)
	}
	return nil, err
}

func (p *pager) set(change func(*pager)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// tried returns how often something was to be told.
func (p *pager) tried() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries
}

// lines returns what was told, a line for each alert: kind, condition, name.
func (p *pager) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, m := range p.got {
		for _, n := range noticesOf(m) {
			out = append(out, line(n))
		}
	}
	return out
}

// line is a notice in short.
func line(n ledger.Notice) string {
	s := fmt.Sprintf("%s %s %s", n.Kind, n.Condition, notify.Name(n.Subject))
	if n.Fires() && n.Threshold > 0 {
		s += " " + n.Threshold.String()
	}
	return s
}

func (p *pager) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, m := range p.got {
		for _, g := range m.Groups {
			for _, i := range g.Items {
				b.WriteString(i.Line + "\n")
			}
		}
	}
	return b.String()
}

// memory is a disk.
type memory struct {
	statetest.Memory
	mu   sync.Mutex
	err  error
	slow time.Duration
}

func (m *memory) Commit(c state.Changes) error {
	m.mu.Lock()
	slow, err := m.slow, m.err
	m.mu.Unlock()
	time.Sleep(slow) // fake time: a slow disk
	if err != nil {
		return err
	}
	return m.Memory.Commit(c)
}

func (m *memory) set(change func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

func (m *memory) load(t *testing.T) state.State {
	t.Helper()
	s, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// size returns how large the state is.
func (m *memory) size(t *testing.T) int {
	t.Helper()
	data, err := m.Encoded()
	if err != nil {
		t.Fatal(err)
	}
	return len(data)
}

// shift moves every time that it holds.
func (m *memory) shift(t *testing.T, by time.Duration) {
	t.Helper()
	data, err := m.Encoded()
	if err != nil {
		t.Fatal(err)
	}
	s, bad, err := state.Decode(watch.ShiftTimes(data, by))
	if err != nil || len(bad) > 0 {
		t.Fatal(err, bad)
	}
	m.Replace(s)
}

// life is a daemon in a bubble, with the world around it.
type life struct {
	t        *testing.T
	cloud    *cloud
	pager    *pager
	disk     *memory
	opt      watch.Options
	watch    *watch.Watch
	stop     func() error
	clock    *atomic.Int64 // by how much the clock is about to be set
	hang     *atomic.Int64 // for how long the loop is about not to run
	turn     func()        // see watch.OnTurn
	maxSleep time.Duration // see watch.SetMaxSleep
}

func terms() check.Terms {
	return check.Terms{
		Expiry:   []check.Duration{check.Duration(30 * check.Day), check.Duration(14 * check.Day), check.Duration(7 * check.Day)},
		Critical: check.Duration(7 * check.Day), RequireSSL: true,
	}
}

func instance(i int) check.Subject {
	return check.Subject{
		ProjectID: projectID, Project: "prod", Region: "eu-west-101",
		InstanceID: fmt.Sprintf("553a2516-0000-0000-0000-%012d", i), Instance: fmt.Sprintf("cache-%d", i),
	}
}

func newLife(t *testing.T, instances int) *life {
	c := &cloud{ssl: map[string]dcs.SSL{}, slow: 20 * time.Millisecond}
	p := newPager()
	l := &life{t: t, cloud: c, pager: p, disk: &memory{}}
	l.opt = watch.Options{
		Policy: check.Policy{Confirm: 2, FailingAfter: time.Hour},
		Terms: ledger.Terms{
			GroupWait: 10 * time.Second,
			Repeat:    map[check.Severity]time.Duration{check.Critical: 24 * time.Hour, check.Warning: 7 * check.Day},
		},
		Interval: 15 * time.Minute, Concurrency: 8,
		Backoff:   watch.Backoff{Initial: 10 * time.Second, Max: 15 * time.Minute, Multiplier: 2, Jitter: 0.2},
		Projects:  []watch.Project{{ID: projectID, API: c, Rate: 5, Credential: "ak"}},
		Receivers: []watch.Receiver{{Receiver: ledger.Receiver{ID: "oncall", Name: "oncall"}, Sender: p}},
	}
	for i := range instances {
		s := instance(i)
		l.opt.Watched = append(l.opt.Watched, check.Watched{Subject: s, Terms: terms()})
		c.ssl[s.InstanceID] = dcs.SSL{Enabled: true, Validated: true, ExpiresAt: time.Now().Add(200 * check.Day)}
	}
	return l
}

// start starts the daemon on what the disk holds.
func (l *life) start() { l.startOn(l.disk) }

// startOn is start with something before the disk.
func (l *life) startOn(store state.Store) { l.startFrom(l.disk.load(l.t), store) }

// startFrom is start with something else that is remembered.
func (l *life) startFrom(s state.State, store state.Store) {
	ctx, cancel := context.WithCancel(l.t.Context())
	w := watch.New(l.opt, s, store, slog.New(slog.DiscardHandler))
	w.OnTurn(l.turn)
	w.SetMaxSleep(l.maxSleep)
	l.watch = w
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	l.stop = func() error { cancel(); return <-done }
}

// reload has the daemon take the options in again.
func (l *life) reload() {
	l.t.Helper()
	if err := l.watch.Reload(l.t.Context(), l.opt); err != nil {
		l.t.Fatal(err)
	}
	synctest.Wait()
}

// pass lets time pass.
func (l *life) pass(d time.Duration) {
	time.Sleep(d) // fake time
	synctest.Wait()
}

func (l *life) want(lines ...string) {
	l.t.Helper()
	got := strings.Join(l.pager.lines(), "\n")
	if want := strings.Join(lines, "\n"); got != want {
		l.t.Errorf("after %v told:\n%s\nwant:\n%s", time.Now().Format(time.DateTime), got, want)
	}
}

// expires sets when the certificate of an instance ends.
func (l *life) expires(i int, at time.Time) {
	l.cloud.set(func(c *cloud) {
		id := instance(i).InstanceID
		ssl := c.ssl[id]
		ssl.ExpiresAt = at
		c.ssl[id] = ssl
	})
}

func (l *life) enabled(i int, on bool) {
	l.cloud.set(func(c *cloud) {
		id := instance(i).InstanceID
		ssl := c.ssl[id]
		ssl.Enabled = on
		c.ssl[id] = ssl
	})
}

func bubble(t *testing.T, instances int, f func(*life)) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, instances)
		f(l)
		if err := l.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestAHealthyFleetIsQuiet(t *testing.T) {
	bubble(t, 20, func(l *life) {
		l.start()
		l.pass(24 * time.Hour)
		l.want()
		if n := l.cloud.count(); n < 20*24*4 || n > 20*24*5 {
			t.Errorf("%d requests in a day for 20 instances every 15 minutes", n)
		}
	})
}

func TestACertificateIsToldOfAtEachThresholdOnTime(t *testing.T) {
	bubble(t, 1, func(l *life) {
		start := time.Now()
		l.expires(0, start.Add(30*check.Day+time.Hour+123456789))
		l.start()
		l.pass(time.Hour + time.Minute)
		l.want("firing certificate_expiring cache-0 30d")
		l.pass(16 * check.Day)
		l.want("firing certificate_expiring cache-0 30d", "reminder certificate_expiring cache-0 30d", "reminder certificate_expiring cache-0 30d",
			"tighter certificate_expiring cache-0 14d")
	})
}

func TestTheFirstLookAtTenDaysLeftIsOneNotice(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.opt.Repeat = nil
		l.expires(0, time.Now().Add(10*check.Day))
		l.start()
		l.pass(time.Minute)
		l.want("firing certificate_expiring cache-0 14d")
		l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")} })
		l.pass(3*check.Day + time.Minute)
		l.want("firing certificate_expiring cache-0 14d",
			"firing check_failing cache-0",
			"tighter certificate_expiring cache-0 7d",
			"tighter check_failing cache-0") // its severity: the certificate has become critical
		if !strings.Contains(l.pager.text(), "last checked") {
			t.Errorf("does not say when it was last checked:\n%s", l.pager.text())
		}
	})
}

func TestARestartRepeatsNothing(t *testing.T) {
	bubble(t, 5, func(l *life) {
		for i := range 5 {
			l.expires(i, time.Now().Add(5*check.Day))
		}
		l.start()
		l.pass(time.Minute)
		told := l.pager.lines()
		if len(told) != 5 || len(l.pager.got) != 1 {
			t.Errorf("want one digest of five alerts, got %d messages: %v", len(l.pager.got), told)
		}
		for range 5 {
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l.start()
			l.pass(time.Minute)
		}
		l.want(told...)
	})
}

func TestAWrongKeyIsTriedByOneRequestAndToldOnce(t *testing.T) {
	bubble(t, 30, func(l *life) {
		l.cloud.err = &dcs.Error{Kind: dcs.Unauthenticated, Status: 401, Reason: reason.Text("the key is refused")}
		l.start()
		l.pass(time.Minute)
		if n := l.cloud.requests(time.Minute); n != 1 {
			t.Errorf("%d requests in the first minute, want 1", n)
		}
		l.want()
		l.pass(6 * time.Minute)
		l.want("firing check_failing project prod")
		l.pass(12 * time.Hour)
		l.want("firing check_failing project prod")
		l.cloud.set(func(c *cloud) { c.err = nil })
		l.pass(30 * time.Minute)
		l.want("firing check_failing project prod", "resolved check_failing project prod")
	})
}

// Else the next try would come as late as after so many refusals.
func TestRefusalsThatWereUnderWayTogetherAreOne(t *testing.T) {
	bubble(t, 30, func(l *life) {
		l.cloud.slow = 3 * time.Second
		l.start()
		l.pass(time.Second) // the first is under way, and will be accepted
		l.refuse(true)
		l.pass(9 * time.Second)
		n := l.cloud.count()
		if n < 4 {
			t.Fatalf("%d requests", n)
		}
		l.refuse(false)
		l.pass(6*time.Minute + 30*time.Second)
		if l.cloud.count() == n {
			t.Error("the key is not tried again after 5 minutes and the jitter")
		}
	})
}

func TestARefusalIsOverWhenTheKeyIsAcceptedForAnother(t *testing.T) {
	bubble(t, 3, func(l *life) {
		l.opt.Repeat = nil
		l.refuse(true)
		l.start()
		l.pass(3 * time.Hour)
		l.want("firing check_failing project prod")
		// The one that tried the key has a trouble of its own from now on.
		for i := range 3 {
			if l.disk.load(t).Records[instance(i).Key()].Failing.Cause == check.CauseRefused {
				l.fails(i, &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")})
			}
		}
		l.refuse(false)
		l.pass(6 * time.Hour)
		lines := l.pager.lines()
		slices.Sort(lines)
		if len(lines) != 3 || lines[2] != "resolved check_failing project prod" || !strings.HasPrefix(lines[0], "firing check_failing cache-") {
			t.Errorf("told %q", lines)
		}
	})
}

// The key is one for both projects: what one of them learns of it is so for
// the other, whose only instance has a trouble of its own.
func TestARefusalIsOverInAllProjectsOfTheKey(t *testing.T) {
	const other = "fedcba9876543210fedcba9876543210"
	bubble(t, 2, func(l *life) {
		l.opt.Repeat = nil
		l.opt.Projects = append(l.opt.Projects, watch.Project{ID: other, API: l.cloud, Rate: 5, Credential: l.opt.Projects[0].Credential})
		l.opt.Watched[1].ProjectID = other
		l.start()
		l.pass(time.Hour)
		l.refuse(true)
		l.pass(time.Hour / 2)
		l.want("firing check_failing project prod", "firing check_failing project prod") // one each, at once
		l.pass(3 * time.Hour)
		l.fails(0, &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")})
		l.refuse(false)
		l.pass(6 * time.Hour)
		var firing, resolved int
		for _, line := range l.pager.lines() {
			switch {
			case strings.HasPrefix(line, "firing check_failing project"):
				firing++
			case strings.HasPrefix(line, "resolved check_failing project"):
				resolved++
			}
		}
		if firing != 2 || resolved != 2 {
			t.Errorf("told %q", l.pager.lines())
		}
	})
}

func TestAThrottledProjectPauses(t *testing.T) {
	bubble(t, 30, func(l *life) {
		l.start()
		l.pass(20 * time.Minute)
		before := l.cloud.count()
		l.cloud.set(func(c *cloud) {
			c.err = &dcs.Error{Kind: dcs.Throttled, Status: 429, Reason: reason.Text("throttled"), RetryAfter: 10 * time.Minute}
		})
		l.pass(15 * time.Minute)
		if n := l.cloud.count() - before; n > 16 {
			t.Errorf("%d requests in 15 minutes of throttling for 10 minutes each", n)
		}
		l.want()
	})
}

func TestAProjectThatCannotBeAskedIsNeverSilent(t *testing.T) {
	bubble(t, 30, func(l *life) {
		l.start()
		l.pass(20 * time.Minute)
		l.cloud.set(func(c *cloud) {
			c.err = &dcs.Error{Kind: dcs.Throttled, Status: 429, Reason: reason.Text("throttled"), RetryAfter: 24 * time.Hour}
		})
		l.pass(2 * time.Hour)
		l.want("firing check_failing project prod")
		if !strings.Contains(l.pager.text(), "could not be asked") {
			t.Errorf("does not say what is so: %s", l.pager.text())
		}
		l.cloud.set(func(c *cloud) { c.err = nil })
		l.pass(24 * time.Hour)
		l.want("firing check_failing project prod", "resolved check_failing project prod")
	})
}

func TestConcurrencyAndRateAreKept(t *testing.T) {
	bubble(t, 100, func(l *life) {
		l.cloud.slow = 5 * time.Second
		l.start()
		l.pass(time.Second)
		if n := l.cloud.busiest(); n > 1 {
			t.Errorf("%d requests at once with a credential that was not accepted yet", n)
		}
		l.pass(2 * time.Minute)
		if n := l.cloud.busiest(); n != 8 {
			t.Errorf("%d requests at once, want 8", n)
		}
		l.cloud.set(func(c *cloud) { c.slow = 0 })
		l.pass(15 * time.Minute)
		l.cloud.set(func(c *cloud) {
			for i := 15; i < len(c.asked); i++ {
				if gap := c.asked[i].Sub(c.asked[i-15]); gap < 2*time.Second {
					t.Errorf("16 requests within %v at a rate of 5 per second with a burst of 5", gap)
					break
				}
			}
		})
	})
}

func TestSSLSwitchedOffAndOnIsToldOnceEach(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.start()
		l.pass(20 * time.Minute)
		l.enabled(0, false)
		l.pass(16 * time.Minute)
		l.want("firing ssl_disabled cache-0")
		l.enabled(0, true)
		l.pass(16 * time.Minute)
		l.want("firing ssl_disabled cache-0", "resolved ssl_disabled cache-0")
	})
}

func TestAReceiverThatFailsIsTriedUntilItTakesWhatIsTrueThen(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.pager.err = &notify.Failure{Reason: "HTTP 503"}
		l.start()
		l.pass(20 * time.Minute)
		l.enabled(0, false)
		l.pass(3 * time.Hour)
		if l.pager.tried() < 20 {
			t.Errorf("%d tries in 3 hours", l.pager.tried())
		}
		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(10 * time.Minute)
		l.want("firing ssl_disabled cache-0")
	})
}

func TestWhatCameAndWentWhileAReceiverWasDownIsToldAsOver(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.pager.err = &notify.Failure{Reason: "HTTP 503"}
		l.start()
		l.pass(20 * time.Minute)
		l.enabled(0, false)
		l.pass(time.Hour)
		l.enabled(0, true)
		l.pass(time.Hour)
		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(10 * time.Minute)
		l.want("passed ssl_disabled cache-0")
	})
}

func TestRetryAfterIsObeyedAndARefusalIsNotHammered(t *testing.T) {
	for name, tc := range map[string]struct {
		err  *notify.Failure
		most int
	}{
		"retry after": {&notify.Failure{Reason: "429", RetryAfter: 20 * time.Minute}, 4},
		"refused":     {&notify.Failure{Reason: "invalid_auth", Refused: true}, 16},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(l *life) {
				l.pager.err = tc.err
				l.expires(0, time.Now().Add(time.Hour*50))
				l.start()
				l.pass(time.Hour)
				if l.pager.tried() < 2 || l.pager.tried() > tc.most {
					t.Errorf("%d tries in an hour, want at most %d", l.pager.tried(), tc.most)
				}
			})
		})
	}
}

func TestTheFallbackHearsWhatWaitsTooLong(t *testing.T) {
	bubble(t, 1, func(l *life) {
		mail := newPager()
		l.opt.Receivers[0].Fallback, l.opt.Receivers[0].FallbackAfter = "mail", 5*time.Minute
		l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "mail/ops", Name: "mail", Audience: ledger.Audience{Match: map[string]string{"team": "nobody"}}}, Sender: mail})
		l.pager.err = &notify.Failure{Reason: "account_inactive", Refused: true}
		l.start()
		l.pass(20 * time.Minute)
		l.enabled(0, false)
		l.pass(30 * time.Minute)
		if got := mail.lines(); len(got) != 1 || got[0] != "firing ssl_disabled cache-0" {
			t.Errorf("the fallback was told %v", got)
		}
		l.pager.set(func(p *pager) { p.err = nil })
		l.enabled(0, true)
		l.pass(30 * time.Minute)
		if got := mail.lines(); len(got) != 2 || got[1] != "resolved ssl_disabled cache-0" {
			t.Errorf("the fallback was told %v", got)
		}
	})
}

// Someone who reads the log at night knows instances by their names.
func TestTheLogNamesWhatIsHandedToTheFallback(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.opt.Receivers[0].Fallback, l.opt.Receivers[0].FallbackAfter = "mail", 5*time.Minute
		l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "mail/ops", Name: "mail"}, Sender: newPager()})
		l.pager.err = &notify.Failure{Reason: "account_inactive", Refused: true}
		var log bytes.Buffer
		if err := l.startOnFile(mount{newRAM(), func(string) error { return nil }}, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		l.pass(20 * time.Minute)
		l.enabled(0, false)
		l.pass(30 * time.Minute)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.stop = func() error { return nil }
		want := `msg="handed to the fallback" receiver=oncall fallback=mail project=prod instance=cache-0 instance_id=553a2516-0000-0000-0000-000000000000 condition=ssl_disabled`
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, log.String())
		}
	})
}

// What waits grows worse, ends, and begins anew while nobody can be reached
// but the fallback, which would hear none of it by its own filter.
func TestTheFallbackHearsEachNewsThatWaitsTooLong(t *testing.T) {
	bubble(t, 1, func(l *life) {
		mail := newPager()
		l.opt.Repeat = nil
		l.opt.Receivers[0].Fallback, l.opt.Receivers[0].FallbackAfter = "mail", 5*time.Minute
		l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "mail/ops", Name: "mail", Audience: ledger.Audience{Match: map[string]string{"team": "nobody"}}}, Sender: mail})
		l.pager.err = &notify.Failure{Reason: "account_inactive", Refused: true}
		l.expires(0, time.Now().Add(14*check.Day+6*time.Hour))
		l.start()
		l.pass(8 * check.Day)
		for range 2 {
			l.enabled(0, false)
			l.pass(time.Hour)
			l.enabled(0, true)
			l.pass(time.Hour)
		}
		want := []string{
			"firing certificate_expiring cache-0 30d", "tighter certificate_expiring cache-0 14d", "tighter certificate_expiring cache-0 7d",
			"firing ssl_disabled cache-0", "resolved ssl_disabled cache-0", "firing ssl_disabled cache-0", "resolved ssl_disabled cache-0",
		}
		if got := mail.lines(); !slices.Equal(got, want) {
			t.Errorf("the fallback was told\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
		}
	})
}

func TestAFallbackThatHeardItselfHearsNothingTwice(t *testing.T) {
	bubble(t, 1, func(l *life) {
		mail := newPager()
		l.opt.Receivers[0].Fallback, l.opt.Receivers[0].FallbackAfter = "mail", 5*time.Minute
		l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "mail/ops", Name: "mail"}, Sender: mail})
		l.start()
		l.pass(20 * time.Minute)
		l.enabled(0, false)
		l.pass(30 * time.Minute)
		l.pager.set(func(p *pager) { p.err = &notify.Failure{Reason: "HTTP 503"} })
		l.enabled(0, true)
		l.pass(time.Hour)
		l.enabled(0, false)
		l.pass(time.Hour)
		l.enabled(0, true)
		l.pass(time.Hour)
		want := []string{"firing ssl_disabled cache-0", "resolved ssl_disabled cache-0", "firing ssl_disabled cache-0", "resolved ssl_disabled cache-0"}
		if got := mail.lines(); !slices.Equal(got, want) {
			t.Errorf("the fallback was told\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
		}
	})
}

func TestOneReceiverDownHoldsUpNoOther(t *testing.T) {
	bubble(t, 1, func(l *life) {
		mail := newPager()
		l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "mail/ops", Name: "mail"}, Sender: mail})
		l.pager.set(func(p *pager) { p.slow = time.Hour })
		l.expires(0, time.Now().Add(50*time.Hour))
		l.start()
		l.pass(time.Minute)
		if got := mail.lines(); len(got) != 1 {
			t.Errorf("the other was told %v", got)
		}
	})
}

func TestAnInstanceThatLeavesGetsALastWordAndIsForgotten(t *testing.T) {
	bubble(t, 2, func(l *life) {
		l.enabled(0, false)
		l.start()
		l.pass(time.Minute)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.opt.Watched = l.opt.Watched[1:]
		l.start()
		l.pass(time.Minute)
		l.want("firing ssl_disabled cache-0", "resolved ssl_disabled cache-0")
		if n := len(l.disk.load(t).Records); n != 1 {
			t.Errorf("%d records, want 1", n)
		}
	})
}

func TestNothingMoreIsToldBeforeWhatWasToldIsOnDisk(t *testing.T) {
	bubble(t, 40, func(l *life) {
		l.pager.limits = notify.Limits{Items: 4, Bytes: 1 << 20}
		l.disk.slow = 700 * time.Millisecond
		told := 0
		l.pager.unsaved = func() bool {
			on := 0
			for _, lines := range l.disk.load(t).Ledgers["oncall"] {
				for _, line := range lines {
					if line.Told != nil {
						on++
					}
				}
			}
			early := on < told
			told += 4
			return early
		}
		for i := range 40 {
			l.expires(i, time.Now().Add(3*check.Day))
		}
		l.start()
		l.pass(5 * time.Minute)
		if len(l.pager.got) != 10 || l.pager.early != 0 {
			t.Errorf("%d messages of 10, %d of them before the ones before were on disk", len(l.pager.got), l.pager.early)
		}
	})
}

func TestAFullDiskHoldsUpNoAlert(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.start()
		l.pass(20 * time.Minute)
		l.disk.set(func(m *memory) { m.err = errors.New("no space left on device") })
		l.enabled(0, false)
		l.pass(16 * time.Minute)
		l.enabled(0, true)
		l.pass(16 * time.Minute)
		l.want("firing ssl_disabled cache-0", "resolved ssl_disabled cache-0")
		l.disk.set(func(m *memory) { m.err = nil })
		l.pass(2 * time.Minute)
		if r := l.disk.load(t).Records[instance(0).Key()]; r.Off.Set {
			t.Errorf("the state did not heal: %+v", r)
		}
	})
}

func TestAQuietFleetWritesSeldom(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.start()
		l.pass(10 * time.Hour)
		if checks := l.cloud.count(); l.disk.Commits() > checks+2 {
			t.Errorf("%d writes for %d checks", l.disk.Commits(), checks)
		}
	})
}

func TestStopIsPromptAndCompletesADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		l.opt.GroupWait = 0
		l.expires(0, time.Now().Add(3*check.Day))
		l.pager.slow = 2 * time.Second
		l.start()
		l.pass(time.Second)
		l.cloud.set(func(c *cloud) { c.slow = time.Hour })
		before := time.Now()
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("the stop took %v", took)
		}
		l.want("firing certificate_expiring cache-0 7d")
		l.pager.set(func(p *pager) { p.slow = 0 })
		l.start()
		l.pass(time.Minute)
		l.want("firing certificate_expiring cache-0 7d")
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAReturnAfterDaysAwayAsksBeforeItCries(t *testing.T) {
	bubble(t, 10, func(l *life) {
		l.start()
		l.pass(time.Hour)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * check.Day) // fake time, away
		l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Failed, Reason: reason.Text("no DNS yet")} })
		l.start()
		l.pass(2 * time.Minute)
		l.cloud.set(func(c *cloud) { c.err = nil })
		l.pass(2 * time.Hour)
		l.want()
	})
}

// A scrape sees an alert as soon as it stands. If the daemon is killed right
// after, the alert must stand when it is back, and not begin anew.
func TestWhatIsBelievedAnewIsOnDiskWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 200) // a pass of 40 seconds: what is merely seen waits for its write
		l.opt.GroupWait = time.Hour
		l.enabled(1, false)
		l.start()
		for range 400 {
			l.pass(100 * time.Millisecond)
			snapshot, err := l.watch.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			key := instance(1).Key()
			if slices.ContainsFunc(snapshot.Records, func(r *check.Record) bool { return r.Key() == key && r.Off.Set }) {
				l.pass(1100 * time.Millisecond)
				if !l.disk.load(t).Records[key].Off.Set {
					t.Fatal("SSL was seen off, and that is not on disk")
				}
				if err := l.stop(); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatal("never seen")
	})
}
