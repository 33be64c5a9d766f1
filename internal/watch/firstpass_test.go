package watch_test

import (
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// It was eleven messages, because the first pass takes a minute.
func TestWhatTheFirstPassBringsIsOneMessage(t *testing.T) {
	for name, tc := range map[string]struct {
		of     func(*life)
		within time.Duration
		most   int
	}{
		"all are asked within a minute":       {func(*life) {}, 100 * time.Second, 1},
		"others hang, and are not waited for": {func(l *life) { l.beside(hanging{15 * time.Second}, "other", 600) }, 2*time.Minute + 30*time.Second, 1},
		"after a reload": {func(l *life) {
			all := l.opt.Watched
			l.opt.Watched = nil
			l.start()
			l.pass(time.Hour)
			l.opt.Watched = all
			l.reload()
		}, 100 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 300, func(l *life) {
				l.pager.limits.Items, l.disk.slow = 1000, 2*time.Second
				for i := range 300 {
					l.expires(i, time.Now().Add(time.Duration(8+i%20)*check.Day))
				}
				tc.of(l)
				if l.watch == nil {
					l.start()
				}
				l.pass(tc.within)
				if n, told := l.pager.count(), len(l.pager.lines()); n != tc.most || told != 300 {
					t.Errorf("%d messages with %d alerts", n, told)
				}
			})
		})
	}
}
