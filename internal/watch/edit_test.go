package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// newSlack returns a Slack to which a life in a bubble can post, over the
// loopback. It is made outside the bubble: a listener in it would hold its
// time up.
func newSlack(t *testing.T, o simslack.Options) (*simslack.Server, notify.Sender) {
	t.Helper()
	s, err := simslack.New(o)
	if err == nil {
		err = s.Listen("")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	r, err := slack.New(slack.Settings{Token: secret.New(s.Token()), Channel: s.Channels()[0], APIURL: s.APIURL()})
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// startLogged starts the daemon with a log that can be read.
func (l *life) startLogged() *bytes.Buffer {
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(l.t.Context())
	w := watch.New(l.opt, l.disk.load(l.t), l.disk, slog.New(slog.NewTextHandler(&log, nil)))
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	l.watch = w
	l.stop = func() error { cancel(); return <-done }
	return &log
}

// told lists what the channel of a Slack sees, the name of the first message
// first: what went into a thread alone is not seen.
func seenIn(s *simslack.Server) []string {
	var out []string
	for _, m := range s.Messages("") {
		if m.ThreadTS == "" || m.Broadcast {
			title, _, _ := strings.Cut(m.Text, "\n")
			if len(m.Edits) > 0 {
				title, _, _ = strings.Cut(m.Edits[0].Text, "\n")
			}
			out = append(out, title)
		}
	}
	return out
}

// Whatever keeps Slack from editing, the news goes out at once, and once.
func TestAnEditThatNeverWorksNeitherHoldsUpNorRepeatsNews(t *testing.T) {
	for name, fault := range map[string]simslack.Fault{
		"a server error": simslack.ServerError, "throttled": simslack.Throttled.With("3600"), "the window": simslack.Error.With("edit_window_closed"),
		"a text too long": simslack.TooLong.With("10"), "nothing but 200": simslack.Empty, "a page": simslack.HTML,
		"another app's message": simslack.Error.With("cant_update_message"), "cut off": simslack.Reset, "an error of tomorrow": simslack.Error.With("an_error_of_tomorrow"),
	} {
		t.Run(name, func(t *testing.T) {
			s, carrier := newSlack(t, simslack.Options{})
			if err := s.Fail("chat.update", fault); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				l := newLife(t, 1)
				l.opt.Receivers = []watch.Receiver{{Receiver: ledger.Receiver{ID: "oncall", Name: "oncall"}, Sender: carrier}}
				end := time.Now().Add(7*check.Day + time.Hour + 123456789)
				l.expires(0, end)
				log := l.startLogged()
				l.pass(time.Minute) // warning
				steps := []string{"WARNING"}
				arrived := func(head string) {
					t.Helper()
					steps = append(steps, head)
					got := seenIn(s)
					if len(got) != len(steps) {
						t.Fatalf("after %s the channel sees %q", head, got)
					}
					for i, h := range steps {
						if !strings.HasPrefix(got[i], h+" ") {
							t.Errorf("message %d is %q, want %s", i, got[i], h)
						}
					}
				}
				time.Sleep(time.Until(end.Add(-7 * check.Day)))
				l.pass(12 * time.Second) // critical, with group_wait
				arrived("CRITICAL")
				l.opt.Repeat = nil // reminders would be news too
				l.reload()
				time.Sleep(time.Until(end))
				l.pass(12 * time.Second) // expired
				arrived("CRITICAL")
				l.expires(0, time.Now().Add(300*check.Day))
				l.pass(15*time.Minute + 12*time.Second) // renewed
				arrived("RESOLVED")
				l.pass(3 * 24 * time.Hour)
				if n := len(seenIn(s)); n != len(steps) {
					t.Errorf("%d messages in the end", n)
				}
				said := log.String()
				if !strings.Contains(said, "level=WARN") || !strings.Contains(said, "given up") || !strings.Contains(said, "RESOLVED") {
					t.Errorf("that the first message still says what was so is not logged: %s", said)
				}
				if sent := l.disk.load(t).Messages; len(sent) != 0 {
					t.Errorf("remembered for ever: %v", sent)
				}
				if err := l.stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// The daemon stops after the news and before the edit, or Slack edits nothing
// for a while: then the message is mended later.
func TestAnEditIsMadeUpForAfterARestartAndAfterATrouble(t *testing.T) {
	s, carrier := newSlack(t, simslack.Options{})
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		l.opt.Receivers = []watch.Receiver{{Receiver: ledger.Receiver{ID: "oncall", Name: "oncall"}, Sender: carrier}}
		l.expires(0, time.Now().Add(5*check.Day))
		l.start()
		l.pass(time.Minute)
		if err := s.Fail("chat.update", simslack.ServerError.With("503")); err != nil {
			t.Fatal(err)
		}
		l.expires(0, time.Now().Add(300*check.Day))
		l.pass(16 * time.Minute)
		first := func() simslack.Message { return s.Messages("")[0] }
		if got := seenIn(s); len(got) != 2 || len(first().Edits) != 0 {
			t.Fatalf("the channel sees %q, the first message %+v", got, first())
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		s.Heal()
		l.start()
		l.pass(5 * time.Second)
		if m := first(); len(m.Edits) != 1 || !strings.HasPrefix(m.Text, "RESOLVED ") || len(seenIn(s)) != 2 {
			t.Errorf("after the restart the first message says %q, the channel sees %q", m.Text, seenIn(s))
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// editable is a pager whose messages can be edited, slowly.
type editable struct {
	*pager
	edits chan notify.Revision
}

func (e *editable) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	receipt, err := e.pager.Deliver(ctx, m)
	if err == nil && m.Thread == nil {
		receipt = json.RawMessage(fmt.Sprintf("%q", m.ID))
	}
	return receipt, err
}

func (e *editable) Edit(ctx context.Context, r notify.Revision) error {
	e.edits <- r
	<-ctx.Done()
	return ctx.Err()
}

// An edit that hangs has nothing wait for it.
func TestNewsGoesOutWhileAnEditHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1)
		l.pager.limits.Threads = true
		e := &editable{l.pager, make(chan notify.Revision, 1000)}
		l.opt.Receivers[0].Sender = e
		l.expires(0, time.Now().Add(7*check.Day+100*time.Minute)) // an edit is given up after a good hour
		l.start()
		l.pass(2 * time.Hour) // warning, critical; the edit hangs from now on
		l.expires(0, time.Now().Add(300*check.Day))
		l.pass(15*time.Minute + 12*time.Second)
		l.want("firing certificate_expiring cache-0 14d", "tighter certificate_expiring cache-0 7d", "resolved certificate_expiring cache-0")
		before := time.Now()
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("the stop took %s", took)
		}
		if len(l.disk.load(t).Messages["oncall"]) != 1 {
			t.Error("it is forgotten that the message is to be edited")
		}
	})
}
