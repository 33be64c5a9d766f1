package watch_test

import (
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// beats keeps the signs of life.
type beats struct {
	mu    sync.Mutex
	signs []string
}

func (b *beats) beat(sign watch.Beat, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signs = append(b.signs, strings.TrimSpace(string(sign)+" "+why))
}

// since returns the signs after the first n, but those that a pass begins.
func (b *beats) since(n int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.signs[n:]), func(s string) bool { return s == string(watch.BeatStart) })
}

func (b *beats) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.signs)
}

func TestASignOfLifeIsASuccessOnlyAfterACleanPass(t *testing.T) {
	for _, tc := range []struct {
		rule   string
		ail    func(*life)
		want   string // how the signs begin meanwhile; empty for none
		mended func(*life)
	}{{
		"all is well", func(*life) {}, "success", func(*life) {},
	}, {
		"the API fails, which is told",
		func(l *life) {
			l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")} })
		}, "success",
		func(l *life) { l.cloud.set(func(c *cloud) { c.err = nil }) },
	}, {
		"the state can't be written",
		func(l *life) { l.disk.set(func(m *memory) { m.err = syscall.ENOSPC }) },
		"fail the state can't be written: no space left on device",
		func(l *life) { l.disk.set(func(m *memory) { m.err = nil }) },
	}, {
		"a receiver can't be told",
		func(l *life) {
			l.pager.set(func(p *pager) { p.err = &notify.Failure{Reason: "HTTP 503"} })
			l.expires(1, time.Now().Add(3*check.Day))
		},
		"fail receiver oncall has been owed alerts since 2000-01-01T",
		func(l *life) { l.pager.set(func(p *pager) { p.err = nil }) },
	}, {
		"an observer can't be shown what stands",
		func(l *life) { observed(l, "refused", "cluster/am-0", "cluster/am-1") },
		"fail receiver cluster can't be shown what stands since 2000-01-01T",
		func(l *life) { observed(l, "", "cluster/am-1") },
	}, {
		"one address of an observer is there",
		func(l *life) {
			observed(l, "", "cluster/am-0")
			observed(l, "refused", "cluster/am-1")
		}, "success",
		func(*life) {},
	}, {
		"not all are asked",
		func(l *life) {
			l.cloud.set(func(c *cloud) { c.err = &dcs.Error{Kind: dcs.Throttled, Status: 429, RetryAfter: 5 * time.Hour} })
		}, "",
		func(l *life) { l.cloud.set(func(c *cloud) { c.err = nil }) },
	}} {
		t.Run(tc.rule, func(t *testing.T) {
			bubble(t, 3, func(l *life) {
				var b beats
				l.opt.Beat = b.beat
				l.opt.Observers = []ledger.Receiver{{ID: "cluster/am-0", Name: "cluster"}, {ID: "cluster/am-1", Name: "cluster"}}
				l.start()
				l.pass(time.Hour + 123456789*time.Nanosecond)
				tc.ail(l)
				l.pass(time.Hour) // until it is noticed, and lasts
				n := b.count()
				l.pass(2 * time.Hour)
				signs := b.since(n)
				if len(signs) == 0 && tc.want != "" {
					t.Error("no sign of life")
				}
				for _, sign := range signs {
					if tc.want == "" || !strings.HasPrefix(sign, tc.want) {
						t.Errorf("the sign is %q", sign)
					}
				}
				tc.mended(l)
				l.pass(3 * time.Hour)
				n = b.count()
				l.pass(time.Hour)
				if signs = b.since(n); len(signs) < 3 || !slices.Equal(slices.Compact(signs), []string{string(watch.BeatSuccess)}) {
					t.Errorf("the signs after are %q", signs)
				}
			})
		})
	}
}
