package watch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// timed is a pager that notes when it was told.
type timed struct {
	*pager
	at []time.Time
}

func (p *timed) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	p.at = append(p.at, time.Now())
	return p.pager.Deliver(ctx, m)
}

// like returns a pager with the limits of a receiver.
func like(t *testing.T, r notify.Sender, err error) *timed {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	p := newPager()
	p.limits = r.Limits()
	p.limits.Threads = false // it gives no receipts
	return &timed{pager: p}
}

// A thousand certificates cross a line in the same moment.
func TestAStormIsFewMessagesTheWorstFirst(t *testing.T) {
	bot, err := slack.New(slack.Settings{Token: secret.New("xoxb-1"), Channel: "#redis"})
	chat := like(t, bot, err)
	box, err := email.New(email.Settings{Host: "127.0.0.1", Port: 25, Security: email.None, From: "a@example.com", To: "b@example.com"})
	mail := like(t, box, err)
	bubble(t, 1000, func(l *life) {
		l.opt.Projects[0].Rate, l.opt.Concurrency = 200, 64
		l.opt.Receivers = []watch.Receiver{{Receiver: ledger.Receiver{ID: "chat", Name: "chat"}, Sender: chat}, {Receiver: ledger.Receiver{ID: "mail", Name: "mail"}, Sender: mail}}
		l.opt.Interval = 3 * time.Hour
		line := time.Now().Add(30*time.Minute + 123456789)
		for i := range 1000 {
			left := 30 * check.Day
			if i%10 == 3 {
				left = 7 * check.Day
			}
			l.expires(i, line.Add(left))
		}
		l.start()
		l.pass(20 * time.Minute)
		before := len(mail.got)
		chat.at, chat.got, mail.got = nil, nil, nil // those under 14 days were told of that
		l.pass(20 * time.Minute)
		for name, p := range map[string]*timed{"chat": chat, "mail": mail} {
			told, milder := map[string]int{}, false
			for _, m := range p.got {
				for _, g := range m.Groups {
					for _, item := range g.Items {
						told[item.Notice.Instance]++
						if milder && item.Notice.Severity == check.Critical {
							t.Errorf("%s: %s after milder ones", name, item.Line)
						}
						milder = milder || item.Notice.Severity == check.Warning
					}
				}
			}
			for i := range 1000 {
				if n := told[instance(i).Instance]; n != 1 {
					t.Errorf("%s: %s is told %d times", name, instance(i).Instance, n)
				}
			}
		}
		if len(chat.got) > 5 || len(mail.got) != 1 || before != 1 {
			t.Errorf("%d messages on Slack, %d mails, %d before", len(chat.got), len(mail.got), before)
		}
		for i := 1; i < len(chat.at); i++ {
			if gap := chat.at[i].Sub(chat.at[i-1]); gap < time.Second {
				t.Errorf("Slack gets a message %v after another", gap)
			}
		}
		t.Logf("1,000 alerts: %d messages on Slack within %v, %d mail", len(chat.got), chat.at[len(chat.at)-1].Sub(chat.at[0]), len(mail.got))
	})
}

// A healthy fleet costs next to nothing, and always the same.
func TestALargeHealthyFleetSaysNothingAndDoesNotGrow(t *testing.T) {
	n := 1000
	if *long {
		n = 10_000
	}
	bubble(t, n, func(l *life) {
		l.opt.Interval, l.opt.Concurrency, l.opt.Projects[0].Rate = time.Hour, 64, 1000
		l.disk.slow = time.Second
		for i := range n {
			l.expires(i, time.Now().Add(300*check.Day))
		}
		l.start()
		var sizes, routines []int
		writes := 0
		for range 3 {
			l.pass(time.Hour + 123456789)
			sizes, writes = append(sizes, l.disk.size(t)), l.disk.Commits()
			routines = append(routines, runtime.NumGoroutine())
		}
		l.want()
		if sizes[2] > sizes[1]+sizes[1]/100 || routines[2] > routines[0]+2 {
			t.Errorf("it grows: %d bytes, %d goroutines", sizes, routines)
		}
		if asked := l.cloud.count(); asked < 3*n || asked > 4*n {
			t.Errorf("%d requests in three hours", asked)
		}
		t.Logf("%d instances: %d requests, no message, %d writes, %d bytes of state", n, l.cloud.count(), writes, sizes[2])
	})
}

// BenchmarkPass is one pass over a healthy fleet: real time for the loop's
// own work, with an API that answers at once.
func BenchmarkPass(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var fleet []check.Watched
			for i := range n {
				fleet = append(fleet, check.Watched{Subject: instance(i), Terms: terms()})
			}
			api := healthy{time.Now().Add(200 * check.Day)}
			o := watch.Options{
				Policy: check.Policy{Confirm: 2, FailingAfter: time.Hour}, Interval: time.Hour, Concurrency: 8,
				Backoff:  watch.Backoff{Initial: time.Second, Max: time.Minute, Multiplier: 2},
				Projects: []watch.Project{{ID: projectID, API: api, Rate: 1e9, Credential: "ak"}}, Watched: fleet,
			}
			for b.Loop() {
				learnt, err := watch.Pass(b.Context(), o, func(int, int) {})
				records := learnt.Records
				if err != nil || len(records) != n {
					b.Fatalf("%d of %d: %v", len(records), n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/instance")
		})
	}
}

// healthy is an API of healthy instances.
type healthy struct{ until time.Time }

func (h healthy) SSL(context.Context, string) (dcs.SSL, error) {
	return dcs.SSL{Enabled: true, Validated: true, ExpiresAt: h.until}, nil
}
