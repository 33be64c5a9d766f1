package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/view"
)

// replica is what one sslwatch knows, and one observer of it.
type replica struct {
	mu     sync.Mutex
	fleet  *fleet.Fleet
	names  map[string]check.Watched
	handed map[string]map[check.Key][]check.Condition
	health []string
	log    bytes.Buffer
	stop   context.CancelFunc
}

var policy = check.Policy{Confirm: 1, FailingAfter: 30 * check.Day}

func newReplica() *replica {
	r := &replica{fleet: fleet.New(nil, nil, nil), names: map[string]check.Watched{}}
	return r
}

// watch has instances be watched, by their names, with labels.
func (r *replica) watch(labels map[string]string, names ...string) *replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []check.Watched
	for _, name := range names {
		r.names[name] = check.Watched{
			Subject: check.Subject{ProjectID: "p", Project: "prod", Region: "eu-west-101", InstanceID: "id-" + name, Instance: name, Labels: labels},
			Terms: check.Terms{
				Expiry:   []check.Duration{check.Duration(30 * check.Day), check.Duration(7 * check.Day)},
				Critical: check.Duration(7 * check.Day), RequireSSL: true,
			},
		}
	}
	for _, w := range r.names {
		all = append(all, w)
	}
	r.fleet.Configure(all, nil, nil, policy, time.Now())
	return r
}

// see has an answer come: of a certificate with so much left, or none.
func (r *replica) see(name string, left time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.fleet.Learn(r.names[name].Key(), check.Observation{SSL: dcs.SSL{Enabled: left > 0, Validated: left > 0, ExpiresAt: now.Add(left)}}, now)
}

// hand hands the expiry of an instance to a fallback.
func (r *replica) hand(fallback string, names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handed = map[string]map[check.Key][]check.Condition{fallback: {}}
	for _, name := range names {
		r.handed[fallback][r.names[name].Key()] = []check.Condition{check.CertificateExpiring}
	}
}

func (r *replica) Alive(context.Context) error { return nil }

func (r *replica) Snapshot(context.Context) (view.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fleet.PassTime(time.Now())
	return view.Snapshot{Snapshot: r.fleet.Snapshot(time.Now()), Handed: r.handed}, nil
}

func (r *replica) report(_ context.Context, id, failure string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if said := id + ": " + failure; len(r.health) == 0 || r.health[len(r.health)-1] != said {
		r.health = append(r.health, said)
	}
}

// observe starts an observer of the replica.
func (r *replica) observe(audience ledger.Audience, to ...http.RoundTripper) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	var members []Member
	for i := range to {
		members = append(members, Member{fmt.Sprint("cluster/am-", i), Settings{URL: "http://am", PeerTimeout: 15 * time.Second}})
	}
	o := New("cluster", audience, members, r, slog.New(slog.NewTextHandler(&r.log, nil)), r.report)
	for i := range to {
		o.members[i].transport = to[i]
	}
	go o.Run(ctx)
}

// peer is an Alertmanager as far as alerts go: of the same labels, the later
// post says when it ends.
type peer struct {
	mu     sync.Mutex
	name   string   // in its cluster
	others []string // members of that
	status int      // of its answer about the cluster; 0 for 200
	down   bool
	refuse string // what it objects to, of the names of instances
	ends   map[string]time.Time
	posts  int
	missed int
	bodies []string
	began  time.Time
	firing map[string]bool
	told   []string
}

func newPeer() *peer {
	p := &peer{ends: map[string]time.Time{}, firing: map[string]bool{}, began: time.Now()}
	return p
}

func (p *peer) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		p.missed++
		return nil, errors.New("connection refused")
	}
	if r.Method == http.MethodGet && r.URL.Path == "/api/v2/status" {
		names := ""
		for _, name := range append([]string{p.name}, p.others...) {
			names += fmt.Sprintf(`,{"name":%q,"address":"192.0.2.1:9094"}`, name)
		}
		return answer(max(200, p.status), fmt.Sprintf(`{"cluster":{"name":%q,"status":"ready","peers":[%s]},"uptime":"2026-11-23T02:07:13.123Z"}`, p.name, names[1:])), nil
	}
	body, _ := io.ReadAll(r.Body)
	p.posts++
	p.bodies = append(p.bodies, string(body))
	var alerts []alert
	if err := json.Unmarshal(body, &alerts); err != nil {
		panic(err)
	}
	status := 200
	for _, a := range alerts {
		if p.refuse != "" && a.Labels["instance"] == p.refuse {
			status = 400
			continue
		}
		p.ends[label(a.Labels)] = a.EndsAt
	}
	p.settle()
	return answer(status, ""), nil
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// label names an alert.
func label(l map[string]string) string {
	return strings.Join([]string{l["alertname"], l["instance"], l["severity"], l["team"]}, " ")
}

// settle notes what has changed, and when.
func (p *peer) settle() {
	var all []string
	for name := range p.ends {
		all = append(all, name)
	}
	slices.Sort(all)
	for _, name := range all {
		if now := time.Now().Before(p.ends[name]); now != p.firing[name] {
			p.firing[name] = now
			p.told = append(p.told, fmt.Sprintf("%v %s %s", time.Since(p.began).Round(time.Second), map[bool]string{true: "firing", false: "resolved"}[now], strings.TrimSpace(name)))
		}
	}
}

// pass lets time pass, while the peer looks at what it has each second.
func (p *peer) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Second)
		synctest.Wait()
		p.mu.Lock()
		p.settle()
		p.mu.Unlock()
	}
}

func (p *peer) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// says checks what the peer has told since it was last asked.
func (p *peer) says(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.told, want) {
		t.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(p.told, "\n\t"), strings.Join(want, "\n\t"))
	}
	p.told = nil
}

func TestWhatStandsIsKeptAliveAndEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := newReplica().watch(nil, "orders", "queue"), newPeer()
		time.Sleep(123456789)
		r.observe(ledger.Audience{}, p)
		p.pass(time.Minute)
		p.says(t)
		r.see("orders", 20*check.Day)
		r.see("queue", 300*check.Day)
		p.pass(10 * time.Second)
		p.says(t, "1m5s firing certificate_expiring orders warning")
		posts := p.posts
		p.pass(time.Hour)
		p.says(t)
		if n := p.posts - posts; n < 59 || n > 61 {
			t.Errorf("%d posts in an hour", n)
		}
		r.see("orders", 300*check.Day)
		p.pass(6 * time.Minute)
		p.says(t, "1h7m0s resolved certificate_expiring orders warning")
		if len(r.health) != 1 || r.health[0] != "cluster/am-0: " {
			t.Errorf("health %q", r.health)
		}
		r.stop()
	})
}

// What one replica sees to be over, the other sees later.
func TestTwoReplicasTellOnceThatItFiresAndOnceThatItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, p := newReplica().watch(nil, "orders"), newReplica().watch(nil, "orders"), newPeer()
		a.observe(ledger.Audience{}, p)
		time.Sleep(3 * time.Second)
		b.observe(ledger.Audience{}, p)
		a.see("orders", 0)
		p.pass(14 * time.Minute)
		b.see("orders", 0)
		p.pass(time.Minute)
		p.says(t, "5s firing ssl_disabled orders critical")
		b.see("orders", 300*check.Day)
		p.pass(14 * time.Minute)
		p.says(t)
		a.see("orders", 300*check.Day)
		p.pass(10 * time.Minute)
		if len(p.told) != 1 || !strings.Contains(p.told[0], "resolved ssl_disabled orders critical") {
			t.Errorf("told %q", p.told)
		}
		a.stop()
		b.stop()
	})
}

// Members of a cluster tell one another what they told: where one has an alert
// end before the other, the other tells anew that it fires.
func TestTheMembersOfAClusterAgreeWhenAnAlertEnds(t *testing.T) {
	for _, late := range []time.Duration{0, 7 * time.Second, 29 * time.Second, 58 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a, b, first, second := newReplica().watch(nil, "orders", "queue"), newReplica().watch(nil, "orders", "queue"), newPeer(), newPeer()
			a.see("orders", 0)
			b.see("orders", 0)
			time.Sleep(123456789)
			a.observe(ledger.Audience{}, first, second)
			time.Sleep(late)
			b.observe(ledger.Audience{}, second, first)
			first.pass(5*time.Minute + late/2)
			a.see("queue", 0) // news comes in the middle of a minute
			b.see("queue", 0)
			first.pass(7 * time.Minute)
			a.see("orders", 300*check.Day)
			b.see("queue", 300*check.Day)
			first.pass(11 * time.Second)
			b.see("orders", 300*check.Day)
			a.see("queue", 300*check.Day)
			first.pass(10 * time.Minute)
			for name, ends := range first.ends {
				if !ends.Equal(second.ends[name]) {
					t.Errorf("%s ends at %v and %v", name, ends, second.ends[name])
				}
			}
			if len(first.told) != 4 || len(first.ends) != 2 {
				t.Errorf("told %q", first.told)
			}
			a.stop()
			b.stop()
		})
	}
}

// What a member tells after its wait is what it saw before. Whenever the members
// look at their groups, an end is told once, and nothing fires after it.
func TestAnEndIsToldOnceWheneverTheMembersLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, members := newReplica().watch(nil, "orders"), []*peer{newPeer(), newPeer(), newPeer()}
		for i, name := range []string{"01M", "01A", "01Z"} {
			members[i].name, members[i].others = name, []string{"01A", "01M", "01Z"}
			members[i].others = slices.DeleteFunc(members[i].others, func(s string) bool { return s == name })
		}
		time.Sleep(123456789)
		r.observe(ledger.Audience{}, members[0], members[1], members[2])
		r.see("orders", 0)
		members[0].pass(20 * time.Minute)
		r.see("orders", 300*check.Day)
		members[0].pass(10 * time.Minute)
		r.stop()
		waits := []time.Duration{15 * time.Second, 0, 30 * time.Second}
		const interval = 5 * time.Minute // in which a group is looked at again
		var ends []time.Time
		for _, m := range members {
			ends = slices.AppendSeq(ends, maps.Values(m.ends))
		}
		bad := 0
		for a := time.Duration(0); a < interval; a += 7 * time.Second {
			for b := time.Duration(0); b < interval; b += 3 * time.Second {
				if told := tellings(ends, waits, []time.Duration{0, a, b}, interval); !slices.Equal(told, []string{"resolved"}) {
					if bad++; bad < 4 {
						t.Errorf("members that look %v and %v after another told %q", a, b, told)
					}
				}
			}
		}
		if bad > 0 {
			t.Errorf("%d times", bad)
		}
	})
}

// tellings returns what the members of a cluster tell of an alert that has been
// told to fire, with the ends that each was posted: each sees at its time what
// is so, waits, and then tells that if another has not told it.
func tellings(ends []time.Time, waits, offsets []time.Duration, interval time.Duration) (told []string) {
	type telling struct {
		at    time.Time
		fires bool
	}
	var all []telling
	first := slices.MinFunc(ends, time.Time.Compare).Add(-interval)
	for i, end := range ends {
		for n := range time.Duration(4) {
			seen := first.Add(offsets[i] + n*interval)
			all = append(all, telling{seen.Add(waits[i]), seen.Before(end)})
		}
	}
	slices.SortFunc(all, func(a, b telling) int { return a.at.Compare(b.at) })
	fires := true
	for _, one := range all {
		if one.fires != fires {
			fires = one.fires
			told = append(told, map[bool]string{true: "firing", false: "resolved"}[fires])
		}
	}
	return told
}

func TestAPlaceThatCanNotBeReadIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a, b := newReplica().watch(nil, "orders"), newPeer(), newPeer()
		a.status = 403
		r.observe(ledger.Audience{}, a, b)
		r.see("orders", 0)
		a.pass(time.Hour)
		r.stop()
		if n := strings.Count(r.log.String(), "its place in the cluster can't be read"); n != 1 || !strings.Contains(r.log.String(), "answered HTTP 403 to GET /api/v2/status") {
			t.Errorf("said %d times:\n%s", n, &r.log)
		}
		for _, p := range []*peer{a, b} {
			p.settle()
			if len(p.told) != 1 {
				t.Errorf("told %q", p.told)
			}
		}
	})
}

func TestAMemberThatIsDownCostsTheOthersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, down, up := newReplica().watch(nil, "orders", "queue"), newPeer(), newPeer()
		down.down = true
		r.observe(ledger.Audience{}, down, up)
		up.pass(time.Minute)
		r.see("orders", 0)
		up.pass(10 * time.Second)
		up.says(t, "1m5s firing ssl_disabled orders critical")
		up.pass(20 * time.Minute)
		up.says(t)
		if n := up.posts; n < 20 || n > 24 {
			t.Errorf("%d posts in 21 minutes", n)
		}
		down.set(func() { down.down = false })
		up.pass(2 * time.Minute)
		if len(down.ends) != 1 {
			t.Errorf("the other has %v", down.ends)
		}
		want := []string{"cluster/am-0: ", "cluster/am-1: "}
		for _, said := range want {
			if !slices.Contains(r.health, said) {
				t.Errorf("health %q", r.health)
			}
		}
		r.stop()
	})
}

func TestARestartAndTheDeathOfOneReplicaEndNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, p := newReplica().watch(nil, "orders"), newReplica().watch(nil, "orders"), newPeer()
		a.see("orders", 0)
		b.see("orders", 0)
		a.observe(ledger.Audience{}, p)
		b.observe(ledger.Audience{}, p)
		p.pass(time.Minute)
		p.says(t, "0s firing ssl_disabled orders critical")
		a.stop()
		p.pass(time.Hour)
		b.stop()
		p.pass(3*time.Minute + 30*time.Second)
		b.observe(ledger.Audience{}, p)
		p.pass(time.Hour)
		p.says(t)
		b.stop()
	})
}

// An alert with other labels is another one to Alertmanager.
func TestTheOldLabelsEndInThePostInWhichTheNewOnesBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := newReplica().watch(nil, "orders"), newPeer()
		r.see("orders", 7*check.Day+2*time.Minute)
		r.observe(ledger.Audience{}, p)
		p.pass(time.Minute)
		p.says(t, "0s firing certificate_expiring orders warning")
		p.pass(2 * time.Minute)
		p.says(t, "2m0s firing certificate_expiring orders critical", "2m0s resolved certificate_expiring orders warning")
		r.watch(map[string]string{"team": "payments"}, "orders")
		p.pass(time.Hour)
		p.says(t, "3m5s resolved certificate_expiring orders critical", "3m5s firing certificate_expiring orders critical payments")
		ends := 0
		for _, body := range p.bodies {
			if strings.Contains(body, `"severity":"warning"`) && strings.Contains(body, `"severity":"critical"`) {
				ends++
			}
		}
		if ends != 1 {
			t.Errorf("the end was posted %d times", ends)
		}
		r.stop()
	})
}

// One that missed the change gets the end of the old labels when it is back.
func TestAnEndIsPostedUntilItIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := newReplica().watch(nil, "orders"), newPeer()
		r.see("orders", 7*check.Day+90*time.Second)
		r.observe(ledger.Audience{}, p)
		p.pass(time.Minute)
		p.set(func() { p.down = true })
		p.pass(3 * time.Minute)
		p.set(func() { p.down = false })
		p.pass(2 * time.Minute)
		if len(p.told) != 3 || !strings.HasSuffix(p.told[2], " resolved certificate_expiring orders warning") || p.told[1][:5] != p.told[2][:5] {
			t.Errorf("told %q", p.told)
		}
		r.stop()
	})
}

func TestAnEndThatNobodyTakesIsForgottenWhenItHasEndedByItself(t *testing.T) {
	r := newReplica().watch(nil, "orders")
	r.see("orders", 0)
	s, _ := r.Snapshot(t.Context())
	p := picture{}.next(s, "cluster", ledger.Audience{})
	r.watch(map[string]string{"team": "payments"}, "orders")
	s, _ = r.Snapshot(t.Context())
	if p = p.next(s, "cluster", ledger.Audience{}); len(p.replaced) != 1 {
		t.Errorf("%d have been replaced", len(p.replaced))
	}
	s.At = ends(s.At).Add(-time.Nanosecond)
	if p = p.next(s, "cluster", ledger.Audience{}); len(p.replaced) != 1 {
		t.Error("it is forgotten too early")
	}
	s.At = s.At.Add(time.Nanosecond)
	if p = p.next(s, "cluster", ledger.Audience{}); len(p.replaced) != 0 {
		t.Error("it is never forgotten")
	}
}

func TestOneThatIsDownIsTriedEverMoreRarelyAndThenGetsAllThatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := newReplica().watch(nil, "orders", "queue"), newPeer()
		p.down = true
		r.see("orders", 0)
		r.observe(ledger.Audience{}, p)
		p.pass(30 * time.Minute)
		r.see("queue", 0)
		p.pass(30 * time.Minute)
		p.set(func() { p.down = false })
		p.pass(100 * time.Second)
		if len(p.told) != 2 {
			t.Errorf("told %q", p.told)
		}
		if p.missed < 55 || p.missed > 80 {
			t.Errorf("tried %d times in an hour", p.missed)
		}
		want := []string{"cluster/am-0: ", "connection refused"}
		if len(r.health) != 2 || !strings.Contains(r.health[0], want[1]) || r.health[1] != want[0] {
			t.Errorf("health %q", r.health)
		}
		if n := strings.Count(r.log.String(), "what stands can't be posted"); n != 1 && n != 2 {
			t.Errorf("it was logged %d times in an hour:\n%s", n, &r.log)
		}
		r.stop()
	})
}

func TestAnAlertThatIsRefusedHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := make([]string, batch+20)
		for i := range names {
			names[i] = fmt.Sprintf("cache-%03d", i)
		}
		r, p := newReplica().watch(nil, names...), newPeer()
		for _, name := range names {
			r.see(name, 0)
		}
		p.refuse = "cache-007"
		r.observe(ledger.Audience{}, p)
		p.pass(time.Minute)
		if len(p.told) != batch+19 || len(r.health) != 1 || !strings.Contains(r.health[0], "does not take all that was posted") {
			t.Errorf("%d are told, health %q", len(p.told), r.health)
		}
		p.told = nil
		p.pass(6 * time.Minute)
		p.says(t)
		r.stop()
	})
}

func TestAClockInDoubtBringsNothingAndEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := newReplica().watch(nil, "orders", "queue", "cache"), newPeer()
		r.see("orders", 20*check.Day)
		r.see("queue", 30*check.Day+time.Minute)
		r.observe(ledger.Audience{}, p)
		p.pass(30 * time.Second)
		p.says(t, "0s firing certificate_expiring orders warning")
		r.mu.Lock()
		r.fleet.DoubtClocks([]string{"p"})
		r.mu.Unlock()
		p.pass(time.Minute) // queue has come to its threshold
		p.says(t)
		r.see("cache", 0) // what is no matter of time is shown
		p.pass(20 * time.Minute)
		p.says(t, "1m35s firing ssl_disabled cache critical")
		r.mu.Lock()
		r.fleet.HearClock("p", dcs.Clock{Known: true}, time.Now())
		r.mu.Unlock()
		p.pass(time.Minute)
		p.says(t, "21m35s firing certificate_expiring queue warning")
		r.stop()
	})
}

func TestItHearsWhatItsAudienceDoesAndWhatIsHandedToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := newReplica().watch(nil, "orders", "queue", "cache"), newPeer()
		r.see("orders", 20*check.Day)
		r.see("queue", 5*check.Day)
		r.see("cache", 20*check.Day)
		r.observe(ledger.Audience{MinSeverity: check.Critical}, p)
		p.pass(time.Minute)
		p.says(t, "0s firing certificate_expiring queue critical")
		r.hand("another", "cache")
		p.pass(time.Minute)
		p.says(t)
		r.hand("cluster", "orders")
		p.pass(time.Minute)
		p.says(t, "2m5s firing certificate_expiring orders warning")
		r.hand("cluster") // the receiver has it now, and it still stands
		p.pass(time.Hour)
		p.says(t)
		r.see("orders", 300*check.Day)
		p.pass(6 * time.Minute)
		if len(p.told) != 1 || !strings.Contains(p.told[0], "resolved certificate_expiring orders") {
			t.Errorf("told %q", p.told)
		}
		r.stop()
	})
}

// A certificate that expires while SSL is off has not been renewed.
func TestWhatAnotherAlertHidesHasNotEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := newReplica().watch(nil, "orders", "queue"), newPeer()
		r.see("orders", 2*time.Hour)
		r.observe(ledger.Audience{}, p)
		p.pass(time.Minute)
		p.says(t, "0s firing certificate_expiring orders critical")
		p.pass(2 * time.Hour)
		p.says(t, "2h0m0s firing certificate_expired orders critical")
		r.see("queue", 0)
		p.pass(time.Minute)
		p.says(t, "2h1m5s firing ssl_disabled queue critical")
		r.see("orders", 300*check.Day)
		p.pass(10 * time.Minute)
		p.says(t, "2h8m0s resolved certificate_expired orders critical", "2h8m0s resolved certificate_expiring orders critical")
		r.stop()
	})
}
