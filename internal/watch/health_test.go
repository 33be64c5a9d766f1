package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
)

// A receiver that fails is seen by whoever looks at the state, and in the log
// as long as it lasts, also by those who did not see the first line.
func TestHowAReceiverDoesIsOnDiskAndALastingFailureIsLoggedOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		revoked := &notify.Failure{Refused: true, Reason: "answered token_revoked"}
		l.pager.set(func(p *pager) { p.err = revoked })
		l.expires(0, time.Now().Add(5*check.Day))
		log := l.startLogged()
		began := time.Now()
		l.pass(20 * time.Second)
		h := l.disk.load(t).Receivers["oncall"]
		if h.Healthy() || h.Failure != revoked.Reason || h.Owed != 1 || h.OwedSince.Sub(began) > 5*time.Second || h.FailingSince.Before(h.OwedSince) || !h.Succeeded.IsZero() {
			t.Errorf("on disk: %+v", h)
		}
		l.pass(3*time.Hour + time.Minute)
		if n := bytes.Count(log.Bytes(), []byte(`msg="delivery failed"`)); n != 4 {
			t.Errorf("logged %d times in 3 hours: %s", n, log)
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}

		// After a restart it is known still since when, and logged again.
		log = l.startLogged()
		l.pass(20 * time.Second)
		if again := l.disk.load(t).Receivers["oncall"]; !again.FailingSince.Equal(h.FailingSince) || !bytes.Contains(log.Bytes(), []byte("token_revoked")) {
			t.Errorf("after a restart: %+v, log %s", again, log)
		}
		l.pager.set(func(p *pager) { p.err = nil })
		l.pass(10 * time.Minute)
		h = l.disk.load(t).Receivers["oncall"]
		if !h.Healthy() || h.Owed != 0 || !h.OwedSince.IsZero() || !h.FailingSince.IsZero() || time.Since(h.Succeeded) > 10*time.Minute {
			t.Errorf("mended: %+v", h)
		}
		// What was taken once is known when it fails again.
		l.pager.set(func(p *pager) { p.err = errors.New("broke") })
		l.expires(0, time.Now().Add(300*check.Day))
		l.pass(time.Hour)
		if again := l.disk.load(t).Receivers["oncall"]; again.Healthy() || !again.Succeeded.Equal(h.Succeeded) || again.Owed != 1 {
			t.Errorf("failing again: %+v", again)
		}
		l.opt.Receivers[0].ID, l.opt.Receivers[0].Name = "other", "other"
		l.reload()
		l.pass(10 * time.Second)
		if all := l.disk.load(t).Receivers; len(all) != 1 || all["other"].Owed != 0 {
			t.Errorf("taken out of the configuration: %+v", all)
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// countdown is a receiver that says for how long it takes nothing.
type countdown struct{ *pager }

func (c countdown) Deliver(context.Context, notify.Message) (json.RawMessage, error) {
	return nil, &notify.Failure{Reason: fmt.Sprintf("try again in %d seconds", time.Now().Second())}
}

// A failure that only counts down is logged once an hour like any other.
func TestAFailureThatCountsDownIsLoggedOnce(t *testing.T) {
	bubble(t, 1, func(l *life) {
		l.enabled(0, false)
		l.opt.Receivers[0].Sender = countdown{newPager()}
		log := l.startLogged()
		l.pass(50 * time.Minute)
		if n := strings.Count(log.String(), "delivery failed"); n != 1 {
			t.Errorf("it is logged %d times in less than an hour", n)
		}
	})
}
