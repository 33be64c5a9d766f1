package watch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// mailServer is a mail server in a bubble, whose last yes takes so long.
func mailServer(t *testing.T, yes string) (*simmail.Server, *email.Servers) {
	t.Helper()
	m, err := simmail.New(simmail.Options{TLS: simmail.Plain})
	if err != nil {
		t.Fatal(err)
	}
	pipe := simserver.NewPipe(simmail.Host + ":25")
	if err := m.Serve(pipe); err != nil {
		t.Fatal(err)
	}
	if yes != "" {
		if err := m.Fail(simmail.Taken, simmail.Slow.With(yes)); err != nil {
			t.Fatal(err)
		}
	}
	return m, &email.Servers{Dial: pipe.DialContext}
}

// A mail server that takes minutes for its last yes, since it has the mail
// examined, beside one that is quick, two recipients each: one copy each, the
// quick one at once, and all are healthy at every moment.
func TestAMailServerThatIsSlowHoldsUpNobodyAndGetsOneCopyForEach(t *testing.T) {
	for _, yes := range []string{"1m", "6m", "9m30s"} {
		t.Run(yes, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLife(t, 2)
				l.opt.Receivers = nil
				slow, slowly := mailServer(t, yes)
				quick, quickly := mailServer(t, "")
				for id, servers := range map[string]*email.Servers{
					"slow/a@example.com": slowly, "slow/b@example.com": slowly, "quick/c@example.com": quickly, "quick/d@example.com": quickly,
				} {
					name, to := id[:len(id)-len("/a@example.com")], id[len(id)-len("a@example.com"):]
					carrier, err := servers.Receiver(email.Settings{Host: simmail.Host, Port: 25, Security: email.None, From: "sslwatch@example.com", To: to, HELO: "mon.example.com"})
					if err != nil {
						t.Fatal(err)
					}
					l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: id, Name: name}, Sender: carrier})
				}
				l.enabled(1, false)
				l.start()
				l.pass(time.Minute)
				if n := len(quick.Messages()); n != 2 {
					t.Errorf("after a minute the quick server has %d mails, want 2", n)
				}
				for range 40 {
					l.pass(time.Minute)
					s, err := l.watch.Snapshot(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range s.Receivers {
						if !r.Healthy() {
							t.Fatalf("%s is not healthy: %s", r.ID, r.Failure)
						}
					}
				}
				for name, m := range map[string]*simmail.Server{"slow": slow, "quick": quick} {
					to := map[string]int{}
					for _, mail := range m.Messages() {
						for _, r := range mail.To {
							to[r]++
						}
					}
					if len(to) != 2 || len(m.Messages()) != 2 {
						t.Errorf("the %s server has %v, want one copy for each of two", name, to)
					}
				}
				if err := l.stop(); err != nil {
					t.Error(err)
				}
				for _, m := range []*simmail.Server{slow, quick} {
					if err := m.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}
