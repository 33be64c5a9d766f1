package watch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// redis is what the instances show, by their host.
type redis struct {
	mu    sync.Mutex
	shows map[string]func() []probe.Result
	hangs map[string]bool
	took  time.Duration
	asked map[string]int
	most  int
	now   int
	at    []time.Time
}

func (r *redis) do(ctx context.Context, o probe.Options, now time.Time) []probe.Result {
	r.mu.Lock()
	r.asked[o.Host]++
	r.at = append(r.at, now)
	if r.now++; r.now > r.most {
		r.most = r.now
	}
	show, hangs, took := r.shows[o.Host], r.hangs[o.Host], r.took
	r.mu.Unlock()
	defer func() { r.mu.Lock(); r.now--; r.mu.Unlock() }()
	if hangs {
		took = time.Minute
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
	}
	if hangs || show == nil || ctx.Err() != nil {
		return []probe.Result{{Address: o.Host, Findings: []probe.Finding{{Breaks: true, Reason: reason.New(reason.ConnectTimeout, nil)}}}}
	}
	return show()
}

func (r *redis) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// count returns how often hands were shaken with an instance since it was last
// asked.
func (r *redis) count(i int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.asked[host(i)]
	r.asked[host(i)] = 0
	return n
}

func host(i int) string { return fmt.Sprintf("192.0.2.%d", i) }

// serving is a certificate until then, with these findings.
func serving(until time.Time, codes ...reason.Code) func() []probe.Result {
	return func() []probe.Result {
		r := probe.Result{Address: "a", Version: tls.VersionTLS13, Leaf: &x509.Certificate{NotAfter: until}}
		for _, code := range codes {
			r.Findings = append(r.Findings, probe.Finding{Breaks: true, Reason: reason.New(code, nil)})
		}
		return []probe.Result{r}
	}
}

// shaking is a life in which all instances are probed, and show what the API
// says.
func shaking(t *testing.T, n int, f func(l *life, r *redis)) {
	bubble(t, n, func(l *life) {
		r := &redis{shows: map[string]func() []probe.Result{}, hangs: map[string]bool{}, asked: map[string]int{}, took: 50 * time.Millisecond}
		l.opt.Prober = r.do
		for i := range l.opt.Watched {
			l.opt.Watched[i].Terms.Probe = true
			id := instance(i).InstanceID
			l.cloud.set(func(c *cloud) {
				ssl := c.ssl[id]
				ssl.IP, ssl.Port = host(i), "6379"
				c.ssl[id] = ssl
				r.shows[host(i)] = serving(ssl.ExpiresAt)
			})
		}
		f(l, r)
	})
}

func TestHandsAreShakenAfterEachAnswerThatSaysOn(t *testing.T) {
	shaking(t, 2, func(l *life, r *redis) {
		l.opt.Watched[1].Terms.Probe = false
		l.start()
		l.pass(time.Hour)
		if n := r.count(0); n < 4 || n > 6 {
			t.Errorf("%d handshakes in an hour of four checks", n)
		}
		l.enabled(0, false)
		l.pass(time.Hour)
		r.count(0)
		l.pass(time.Hour)
		if n := r.count(0); n != 0 {
			t.Errorf("%d handshakes while SSL is off", n)
		}
		l.enabled(0, true)
		l.pass(time.Hour)
		l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")} })
		l.pass(20 * time.Minute)
		r.count(0)
		l.pass(30 * time.Minute)
		if n := r.count(0); n != 0 {
			t.Errorf("%d handshakes while checks fail", n)
		}
		if n := r.count(1); n != 0 {
			t.Errorf("%d handshakes with one that is not probed", n)
		}
		l.want("firing ssl_disabled cache-0", "resolved ssl_disabled cache-0")
	})
}

// What was seen once is asked for again soon: first of the API.
func TestWhatAnInstanceShowsIsConfirmedSoonAndToldOnce(t *testing.T) {
	shaking(t, 1, func(l *life, r *redis) {
		l.start()
		l.pass(20 * time.Minute)
		good := r.shows[host(0)]
		r.set(func() { r.shows[host(0)] = serving(time.Now().Add(100 * check.Day)) })
		l.pass(16 * time.Minute)
		l.want("firing endpoint_mismatch cache-0")
		l.pass(5 * time.Hour)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.start()
		l.pass(5 * time.Hour)
		l.want("firing endpoint_mismatch cache-0")
		r.set(func() { r.shows[host(0)] = good })
		l.pass(16 * time.Minute)
		l.want("firing endpoint_mismatch cache-0", "resolved endpoint_mismatch cache-0")
	})
}

func TestARenewalThatTheAPIKnowsByTheSecondLookIsNoMismatch(t *testing.T) {
	shaking(t, 1, func(l *life, r *redis) {
		l.start()
		l.pass(20 * time.Minute)
		until := time.Now().Add(500 * check.Day)
		r.set(func() { r.shows[host(0)] = func() []probe.Result { l.expires(0, until); return serving(until)() } })
		l.pass(3 * time.Hour)
		l.want()
	})
}

func TestProbingThatIsTurnedOffEndsWhatItTold(t *testing.T) {
	shaking(t, 1, func(l *life, r *redis) {
		r.hangs[host(0)] = true
		l.start()
		l.pass(time.Hour)
		l.want("firing endpoint_unreachable cache-0")
		l.opt.Watched[0].Terms.Probe = false
		l.reload()
		l.pass(time.Minute)
		l.want("firing endpoint_unreachable cache-0", "resolved endpoint_unreachable cache-0")
		if n := r.count(0); n == 0 {
			t.Error("no hands were shaken")
		}
		l.pass(time.Hour)
		if n := r.count(0); n != 0 {
			t.Errorf("%d handshakes after that", n)
		}
	})
}

// What is shown is judged by the time.
func TestNoHandsAreShakenWhileTheClockIsInDoubt(t *testing.T) {
	shaking(t, 1, func(l *life, r *redis) {
		l.start()
		l.pass(time.Hour)
		r.count(0)
		l.cloud.set(func(c *cloud) { c.says = func() dcs.Clock { return dcs.Clock{Known: true, Ahead: 2 * time.Hour} } })
		l.pass(30 * time.Minute)
		r.count(0)
		l.pass(2 * time.Hour)
		if n := r.count(0); n != 0 {
			t.Errorf("%d handshakes under a wrong clock", n)
		}
		l.cloud.set(func(c *cloud) { c.says = func() dcs.Clock { return dcs.Clock{Known: true} } })
		l.pass(2 * time.Hour)
		if n := r.count(0); n == 0 {
			t.Error("no handshakes once it is right")
		}
	})
}

// A project whose instances hang has its share of the handshakes, and no
// question to the API waits for one.
func TestInstancesThatHangHoldUpNoOtherAndNoCheck(t *testing.T) {
	shaking(t, 60, func(l *life, r *redis) {
		const other = "other"
		l.opt.Projects = append(l.opt.Projects, watch.Project{ID: other, API: l.cloud, Rate: 5, Credential: "ak"})
		for i := range l.opt.Watched {
			if i < 50 {
				r.hangs[host(i)] = true
				continue
			}
			l.opt.Watched[i].ProjectID, l.opt.Watched[i].Project = other, other
		}
		l.start()
		l.pass(40 * time.Second)
		for i := 50; i < 60; i++ {
			if n := r.count(i); n == 0 {
				t.Errorf("%s waits for those that hang", host(i))
			}
		}
		l.pass(time.Hour)
		for i := range l.opt.Watched {
			n := r.count(i)
			switch {
			case i >= 50 && n < 4, i < 50 && n == 0:
				t.Errorf("%d handshakes with %s", n, host(i))
			}
		}
		if r.most > l.opt.Concurrency {
			t.Errorf("%d hands at once", r.most)
		}
		if n := l.cloud.requests(time.Hour); n < 4*60 {
			t.Errorf("%d checks in an hour", n)
		}
	})
}

func TestAStopEndsHandshakesAndLearnsNothingOfThem(t *testing.T) {
	shaking(t, 1, func(l *life, r *redis) {
		r.hangs[host(0)] = true
		l.start()
		l.pass(2 * time.Second)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		for key, record := range l.disk.load(t).Records {
			if record.Probed != nil {
				t.Errorf("%s: %+v", key, record.Probed)
			}
		}
		r.hangs[host(0)] = false
		l.start()
		l.pass(time.Hour)
		l.want()
	})
}

func TestAnInstanceWithoutAnAddressIsUnreachable(t *testing.T) {
	shaking(t, 1, func(l *life, _ *redis) {
		l.cloud.set(func(c *cloud) {
			id := instance(0).InstanceID
			ssl := c.ssl[id]
			ssl.IP, ssl.Port = "", ""
			c.ssl[id] = ssl
		})
		l.start()
		l.pass(time.Hour)
		l.want("firing endpoint_unreachable cache-0")
	})
}

// The certificates to trust are those of the instance, or else of its project.
func TestWhomAnInstanceIsTrustedBy(t *testing.T) {
	shaking(t, 3, func(l *life, _ *redis) {
		project, own := []*x509.Certificate{{}}, []*x509.Certificate{{}, {}}
		l.opt.Trust = watch.Trust{instance(0).Key().OfProject(): project, instance(1).Key(): own, instance(2).Key(): nil}
		var mu sync.Mutex
		got := map[string]int{}
		l.opt.Prober = func(_ context.Context, o probe.Options, _ time.Time) []probe.Result {
			mu.Lock()
			defer mu.Unlock()
			got[o.Host] = len(o.CAs)
			return serving(time.Now().Add(200 * check.Day))()
		}
		l.start()
		l.pass(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if got[host(0)] != 1 || got[host(1)] != 2 || got[host(2)] != 0 || len(got) != 3 {
			t.Errorf("%v", got)
		}
	})
}

func TestAPassShakesHands(t *testing.T) {
	shaking(t, 3, func(l *life, r *redis) {
		l.start()
		r.set(func() { r.shows[host(1)] = serving(time.Now().Add(time.Hour), reason.ProbeOtherName) })
		l.opt.Policy.Confirm = 1
		learnt, err := watch.Pass(l.t.Context(), l.opt, func(int, int) {})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, record := range learnt.Records {
			for _, f := range record.Probed.Findings {
				found = append(found, record.Instance+" "+string(f.Reason.Code()))
			}
		}
		if got := strings.Join(found, ", "); got != "cache-1 endpoint_other_date, cache-1 probe_other_name" {
			t.Errorf("found %q", got)
		}
	})
}
