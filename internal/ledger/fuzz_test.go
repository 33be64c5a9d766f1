package ledger_test

import (
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// handshakes are those of a kind with an instance whose certificate ends a time
// from birth.
func handshakes(kind int, expires time.Duration) []probe.Result {
	all := [][]probe.Result{
		{serves(v4, expires), serves(v6, expires)},
		{serves(v4, expires, reason.ProbeOtherName)},
		{serves(v4, expires), serves(v6, expires-100*day)},
		{fails(v4, reason.ConnectionRefused), fails(v6, reason.NoRoute)},
		{serves(v4, expires, reason.ProbeUntrusted, reason.ProbeExpired), fails(v6, reason.ConnectTimeout)},
		{clear(v4)},
	}
	return all[kind%len(all)]
}

// FuzzLife has bytes decide what happens, and checks after each what must
// hold always. At the end all becomes well, and nothing may stay open.
func FuzzLife(f *testing.F) {
	f.Add([]byte{0, 1, 1, 20, 0, 0, 30, 7, 30, 2, 2, 9, 30, 9})
	f.Add([]byte{3, 3, 3, 40, 3, 8, 0, 0, 31, 10, 31, 11, 31})
	f.Add([]byte{0, 14, 30, 14, 30, 46, 78, 78, 1, 1, 14, 0, 0, 62, 62, 9, 94, 94, 238, 9, 110})
	f.Add([]byte("certificates end, and nobody is told"))
	f.Fuzz(func(t *testing.T, story []byte) {
		if len(story) > 400 {
			return
		}
		l := newLife(t)
		acc := newAccount()
		expires := 40 * day
		ladders := [][]check.Duration{ladder("30d", "14d", "7d"), ladder("60d", "10d"), ladder("1d"), ladder("35d", "30d", "20d", "10d", "5d", "1d")}
		for i, b := range story {
			arg := int(b >> 4)
			switch b & 15 {
			case 0:
				l.record = check.Learn(l.record, on(expires), l.policy, l.now)
			case 1:
				l.record = check.Learn(l.record, off, l.policy, l.now)
			case 2:
				l.record = check.Learn(l.record, invalid(expires), l.policy, l.now)
			case 3:
				l.record = check.Learn(l.record, failed, l.policy, l.now)
			case 4:
				l.record = check.Learn(l.record, missing, l.policy, l.now)
			case 5:
				l.record = check.Learn(l.record, unable, l.policy, l.now)
			case 6:
				l.record = check.Learn(l.record, refused, l.policy, l.now)
			case 7: // renewed
				expires = l.now.Sub(birth) + time.Duration(arg*10+1)*day
				l.record = check.Learn(l.record, on(expires), l.policy, l.now)
			case 8: // another node, with an earlier date
				l.record = check.Learn(l.record, on(expires-time.Duration(arg)*day), l.policy, l.now)
			case 9:
				l.down = !l.down
			case 10:
				l.restarts()
			case 11:
				l.record.Terms.Expiry = ladders[arg%len(ladders)]
			case 12:
				l.record.Terms.RequireSSL = arg%2 == 0
			case 13:
				l.who.MinSeverity = []check.Severity{check.Warning, check.Critical}[arg%2]
			case 14:
				l.record.Terms.Probe = arg < 14
				l.record = check.LearnHandshake(l.record, handshakes(arg, expires), l.policy, l.now)
			default:
				l.now = l.now.Add(time.Duration(arg*arg)*3*time.Hour + time.Minute)
			}
			if err := l.step(acc); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
		l.down = false
		for range 3 {
			l.now = l.now.Add(time.Hour)
			l.record = check.Learn(l.record, on(l.now.Sub(birth)+3000*day), l.policy, l.now)
			l.record = check.LearnHandshake(l.record, []probe.Result{serves(v4, l.now.Sub(birth)+3000*day)}, l.policy, l.now)
			if err := l.step(acc); err != nil {
				t.Fatalf("at the end: %v", err)
			}
		}
		if len(acc.open) > 0 || len(l.lines) > 0 {
			t.Errorf("still open: %v, %v", acc.open, l.lines)
		}
	})
}
