package watch_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/watch"
)

func TestAReloadOfTheSameTellsAndAsksNothingAnew(t *testing.T) {
	bubble(t, 3, func(l *life) {
		l.expires(1, time.Now().Add(10*check.Day))
		l.start()
		l.pass(time.Hour + time.Minute)
		asked := l.cloud.count()
		for range 50 {
			l.reload()
		}
		l.pass(time.Minute)
		l.want("firing certificate_expiring cache-1 14d")
		if more := l.cloud.count() - asked; more > 0 {
			t.Errorf("%d requests more", more)
		}
	})
}

// How something is worded is no part of what was told.
func TestAReloadWithAnotherTimeZoneTellsNothingAnew(t *testing.T) {
	zone := time.FixedZone("", 8*60*60)
	bubble(t, 3, func(l *life) {
		l.expires(1, time.Now().Add(10*check.Day+123456789))
		l.start()
		l.pass(time.Minute)
		for _, z := range []*time.Location{zone, nil, zone} {
			l.opt.Receivers[0].Wording.Zone = z
			l.reload()
			l.pass(time.Hour)
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.opt.Receivers[0].Wording.Zone = nil
		l.start()
		l.pass(time.Hour)
		l.opt.Receivers[0].Wording.Zone = zone
		l.reload()
		l.want("firing certificate_expiring cache-1 14d")
		if s := l.pager.text(); strings.Contains(s, "UTC+8") {
			t.Errorf("told in a zone that came later: %s", s)
		}
		// But what comes next is told in it.
		l.pass(3*check.Day + time.Minute)
		l.want("firing certificate_expiring cache-1 14d", "tighter certificate_expiring cache-1 7d")
		if last := l.pager.got[1]; !strings.Contains(last.Groups[0].Items[0].What, " UTC+8), in 6 days") || !strings.HasSuffix(last.Stamp, " UTC+8)") {
			t.Errorf("told as %s, at %s", last.Groups[0].Items[0].What, last.Stamp)
		}
	})
}

func TestAReloadTakesInstancesInAndLetsThemGo(t *testing.T) {
	bubble(t, 3, func(l *life) {
		all := l.opt.Watched
		l.expires(0, time.Now().Add(10*check.Day))
		l.expires(2, time.Now().Add(10*check.Day))
		l.opt.Watched = all[:2]
		l.start()
		l.pass(time.Hour)
		l.opt.Watched = all[1:]
		l.reload()
		l.pass(time.Minute)
		l.want("firing certificate_expiring cache-0 14d", "firing certificate_expiring cache-2 14d", "resolved certificate_expiring cache-0")
		l.opt.Watched = all
		l.reload()
		l.pass(time.Minute)
		if got := l.pager.lines(); len(got) != 4 || got[3] != "firing certificate_expiring cache-0 14d" {
			t.Errorf("back again: %q", got)
		}
	})
}

func TestAReloadWithOtherThresholdsTellsOnlyWhatIsTighter(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.expires(0, time.Now().Add(9*check.Day))
		l.start()
		l.pass(time.Hour)
		for _, days := range []int{60, 14, 10, 60, 10} {
			terms := terms()
			terms.Expiry = append(terms.Expiry, check.Duration(time.Duration(days)*check.Day))
			l.opt.Watched = []check.Watched{{Subject: instance(0), Terms: terms}}
			l.reload()
			l.pass(time.Minute)
		}
		l.want("firing certificate_expiring cache-0 14d", "tighter certificate_expiring cache-0 10d")
	})
}

// It was not so: the old settings were kept until the next restart.
func TestAReloadGivesAReceiverItsNewSettings(t *testing.T) {
	for what, change := range map[string]func(*watch.Receiver, *pager){
		"its carrier":      func(r *watch.Receiver, moved *pager) { r.Sender = moved },
		"its min_severity": func(r *watch.Receiver, _ *pager) { r.Audience.MinSeverity = check.Critical },
		"its match":        func(r *watch.Receiver, _ *pager) { r.Audience.Match = map[string]string{"team": "nobody"} },
		"its fallback": func(r *watch.Receiver, moved *pager) {
			r.Fallback, r.FallbackAfter = "moved", time.Minute
			r.Sender.(*pager).set(func(p *pager) { p.err = &notify.Failure{Reason: "HTTP 503"} })
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, 1, func(l *life) {
				moved := newPager()
				deaf := ledger.Audience{Match: map[string]string{"team": "nobody"}}
				l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "moved", Name: "moved", Audience: deaf}, Sender: moved})
				l.start()
				l.pass(time.Hour)
				l.opt.Receivers = slices.Clone(l.opt.Receivers)
				change(&l.opt.Receivers[0], moved)
				l.reload()
				l.expires(0, time.Now().Add(10*check.Day))
				l.pass(time.Hour)
				l.want()
				elsewhere := what == "its carrier" || what == "its fallback"
				if got := moved.lines(); (len(got) == 1) != elsewhere {
					t.Errorf("elsewhere: %q", got)
				}
			})
		})
	}
}

func TestAReceiverThatIsNewHearsWhatStandsAndTheOthersNothing(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.expires(0, time.Now().Add(9*check.Day))
		l.start()
		l.pass(time.Hour)
		late := newPager()
		l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "late", Name: "late"}, Sender: late})
		l.reload()
		l.pass(time.Minute)
		l.want("firing certificate_expiring cache-0 14d")
		if got := late.lines(); len(got) != 1 {
			t.Errorf("the new one heard %q", got)
		}
	})
}

func TestAReceiverThatGoesDuringADeliveryLeavesNothing(t *testing.T) {
	bubble(t, 1, func(l *life) {
		slow := newPager()
		slow.slow = 20 * time.Second
		stays := l.opt.Receivers
		l.opt.Receivers = append(stays[:1:1], watch.Receiver{Receiver: ledger.Receiver{ID: "slow", Name: "slow"}, Sender: slow})
		l.expires(0, time.Now().Add(9*check.Day))
		l.start()
		l.pass(15 * time.Second)
		l.opt.Receivers = stays
		l.reload()
		l.pass(time.Minute)
		if slow.tries != 1 || len(slow.got) != 1 {
			t.Fatalf("%d tries, %d taken: not during a delivery", slow.tries, len(slow.got))
		}
		if s := l.disk.load(t); s.Ledgers["slow"] != nil || s.Messages["slow"] != nil {
			t.Errorf("left: %v, %v", s.Ledgers["slow"], s.Messages["slow"])
		}
		l.want("firing certificate_expiring cache-0 14d")
	})
}

// Its record is forgotten when nobody was told of it; so what is on its way
// counts as told.
func TestAnInstanceThatGoesDuringADeliveryGetsALastWord(t *testing.T) {
	for what, worsen := range map[string]func(*life){
		"its own alert": func(l *life) { l.expires(0, time.Now().Add(9*check.Day)) },
		"that of its project": func(l *life) {
			l.cloud.err = &dcs.Error{Kind: dcs.Forbidden, Status: 403, Reason: reason.Text("forbidden")}
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, 1, func(l *life) {
				worsen(l)
				l.pager.slow = 25 * time.Second
				l.start()
				for l.pager.tried() == 0 {
					l.pass(time.Second)
				}
				l.opt.Watched = nil
				l.reload()
				l.pass(2 * time.Minute)
				got := l.pager.lines()
				if len(got) != 2 || !strings.HasPrefix(got[0], "firing") || !strings.HasPrefix(got[1], "resolved") {
					t.Errorf("told %q", got)
				}
				if s := l.disk.load(t); len(s.Records) > 0 || len(s.Ledgers["oncall"]) > 0 {
					t.Errorf("left: %v, %v", s.Records, s.Ledgers)
				}
			})
		})
	}
}

func TestAReloadKeepsAPauseAndANewKeyIsTriedAtOnce(t *testing.T) {
	bubble(t, 5, func(l *life) {
		l.cloud.err = &dcs.Error{Kind: dcs.Unauthenticated, Status: 401, Reason: reason.Text("the API refused the access key")}
		l.start()
		l.pass(time.Minute)
		for range 20 {
			l.reload()
			l.pass(time.Second)
		}
		if n := l.cloud.count(); n != 1 {
			t.Errorf("%d requests with the same refused key", n)
		}
		l.cloud.set(func(c *cloud) { c.err = nil })
		l.opt.Projects = []watch.Project{l.opt.Projects[0]}
		l.opt.Projects[0].Credential = "another"
		l.reload()
		l.pass(time.Minute)
		if n := l.cloud.count(); n < 6 {
			t.Errorf("%d requests: the new key is not tried", n)
		}
		if text := strings.Join(l.pager.lines(), " "); text != "" {
			t.Errorf("told: %s", text)
		}
	})
}

func TestANewKeyIsTriedAtOnceWhereChecksFail(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.opt.Backoff.Max = 2 * l.opt.Interval
		l.cloud.err = &dcs.Error{Kind: dcs.Forbidden, Status: 403, Reason: reason.Text("forbidden")}
		l.start()
		l.pass(3 * time.Hour)
		n := l.cloud.count()
		for l.cloud.count() == n {
			l.pass(time.Second) // the next try is minutes away then
		}
		for range 5 {
			l.reload()
			l.pass(time.Second)
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l.start()
		l.pass(time.Second)
		if got := l.cloud.count(); got != n+1 {
			t.Errorf("%d requests because of reloads and a restart with the same key", got-n-1)
		}
		l.opt.Projects = []watch.Project{l.opt.Projects[0]}
		l.opt.Projects[0].Credential = "another"
		l.reload()
		l.pass(time.Second)
		if got := l.cloud.count(); got != n+2 {
			t.Errorf("%d requests with the new key, want 1", got-n-1)
		}
	})
}

// While a credential is refused, one instance stands for all that it is for.
func TestTheInstanceThatTriesARefusedKeyMayGo(t *testing.T) {
	const other = "fedcba9876543210fedcba9876543210"
	for name, leave := range map[string]func(*life){
		"out of the configuration": func(l *life) { l.opt.Watched = l.opt.Watched[1:] },
		"to another key":           func(l *life) { l.opt.Projects[0].Credential = "another" },
	} {
		for when, d := range map[string]time.Duration{"between requests": time.Minute, "during one": 10 * time.Millisecond} {
			t.Run(name+", "+when, func(t *testing.T) {
				bubble(t, 2, func(l *life) {
					l.opt.Projects = append(l.opt.Projects, watch.Project{ID: other, API: l.cloud, Rate: 5, Credential: "ak"})
					l.opt.Watched[1].ProjectID = other
					l.cloud.err = &dcs.Error{Kind: dcs.Unauthenticated, Status: 401, Reason: reason.Text("the API refused the access key")}
					l.start()
					l.pass(d)
					if n := l.cloud.count(); n != 1 {
						t.Fatalf("%d requests", n)
					}
					l.opt.Projects = append([]watch.Project(nil), l.opt.Projects...)
					leave(l)
					l.reload()
					l.pass(20 * time.Minute)
					l.cloud.set(func(c *cloud) { c.err = nil })
					l.pass(2 * time.Hour)
					for _, r := range l.disk.load(t).Records {
						if time.Since(r.Verified) > time.Hour {
							t.Errorf("%s was last verified %v", r.Instance, r.Verified)
						}
					}
				})
			})
		}
	}
}

// A reload forgives what a person has mended, not what was asked of us.
func TestAReloadDoesNotForgetWhatAReceiverAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		l.pager.set(func(p *pager) {
			p.err = &notify.Failure{RetryAfter: time.Hour, Reason: "asks for fewer messages"}
		})
		l.expires(0, time.Now().Add(5*check.Day))
		l.start()
		l.pass(time.Minute)
		for range 10 {
			l.reload()
			l.pass(time.Second)
		}
		if n := l.pager.tried(); n != 1 {
			t.Errorf("%d tries within the hour that was asked for", n)
		}
		l.pager.set(func(p *pager) { p.err = &notify.Failure{Refused: true, Reason: "the token is revoked"} })
		l.pass(time.Hour)
		n := l.pager.tried()
		l.pager.set(func(p *pager) { p.err = nil })
		l.reload()
		l.pass(time.Second)
		if l.pager.tried() != n+1 {
			t.Error("a reload that may have mended the receiver is not tried at once")
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}
