package email_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// post is a mail server in a bubble, and a way to its receivers.
type post struct {
	*simmail.Server
	t       *testing.T
	mode    simmail.TLS
	servers *email.Servers
	ca      string
}

// newPost makes a server whose clock is the bubble's. The simulated world was
// never slow before: it could not show what a slow server is.
func newPost(t *testing.T, o simmail.Options) *post {
	t.Helper()
	m, err := simmail.New(o)
	must(t, err)
	pipe := simserver.NewPipe(simmail.Host + ":25")
	must(t, m.Serve(pipe))
	p := &post{Server: m, t: t, mode: o.TLS, servers: &email.Servers{Dial: pipe.DialContext}}
	if o.TLS != simmail.Plain {
		p.ca = t.TempDir() + "/ca.pem"
		must(t, m.WriteCA(p.ca))
	}
	return p
}

// to returns a receiver.
func (p *post) to(address string) notify.Sender {
	p.t.Helper()
	s := email.Settings{
		Host: simmail.Host, Port: 25, Security: email.Security(p.mode), CAFile: p.ca,
		From: "sslwatch@example.com", To: address, HELO: "mon.example.com",
	}
	if p.mode != simmail.Plain {
		s.Username, s.Password = user, secret.New(password)
	}
	r, err := p.servers.Receiver(s)
	must(p.t, err)
	return r
}

// bubble runs a test in which time is free, and closes the server at its end.
func bubble(t *testing.T, o simmail.Options, f func(*post)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t, o)
		f(p)
		must(t, p.Close())
	})
}

var secured = simmail.Options{TLS: simmail.StartTLS, User: user, Password: password}

// A server may take minutes for each answer (RFC 5321, 4.5.3.2): it looks up
// names, delays strangers, has the mail examined.
func TestASlowServerGetsItsTime(t *testing.T) {
	for name, slow := range map[string]map[simmail.Stage]string{
		"35 s for its greeting":      {simmail.Connect: "35s"},
		"4 minutes for its greeting": {simmail.Connect: "4m"},
		"6 s for each answer": {
			simmail.Connect: "6s", simmail.Hello: "6s", simmail.TLSStage: "6s", simmail.Auth: "6s",
			simmail.From: "6s", simmail.Recipient: "6s", simmail.Data: "6s",
		},
		"4 minutes for each answer": {
			simmail.Connect: "4m", simmail.Hello: "4m", simmail.TLSStage: "4m", simmail.Auth: "4m",
			simmail.From: "4m", simmail.Recipient: "4m", simmail.Data: "4m",
		},
		"a minute for its last yes":  {simmail.Taken: "1m"},
		"6 minutes for its last yes": {simmail.Taken: "6m"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, secured, func(p *post) {
				for stage, d := range slow {
					must(t, p.Fail(stage, simmail.Slow.With(d)))
				}
				_, err := p.to("ops@example.com").Deliver(p.t.Context(), notifytest.Firing())
				if must(t, err); len(p.Messages()) != 1 {
					t.Errorf("%d mails", len(p.Messages()))
				}
			})
		})
	}
}

// The patience ends, and the reason says for what it was.
func TestASilentServerIsGivenUpStepByStep(t *testing.T) {
	for _, tt := range []struct {
		stage   simmail.Stage
		after   time.Duration
		unknown bool
		says    string
	}{
		{simmail.Connect, 5 * time.Minute, false, "gave no answer to greeting within 5m"},
		{simmail.Hello, 5 * time.Minute, false, "gave no answer to EHLO within 5m"},
		{simmail.TLSStage, 5 * time.Minute, false, "gave no answer to STARTTLS within 5m"},
		{simmail.Auth, 5 * time.Minute, false, "gave no answer to AUTH within 5m"},
		{simmail.From, 5 * time.Minute, false, "gave no answer to MAIL FROM within 5m"},
		{simmail.Recipient, 5 * time.Minute, false, "gave no answer to RCPT TO within 5m"},
		{simmail.Taken, 10 * time.Minute, true, "gave no answer to end of DATA within 10m; it is not known whether it took the mail"},
	} {
		t.Run(string(tt.stage), func(t *testing.T) {
			bubble(t, secured, func(p *post) {
				must(t, p.Fail(tt.stage, simmail.Hang))
				start := time.Now()
				_, err := p.to("ops@example.com").Deliver(p.t.Context(), notifytest.Firing())
				f := failure(t, err)
				// The silent port is also asked whether it waits for TLS.
				if took := time.Since(start); took < tt.after || took > tt.after+time.Minute {
					t.Errorf("given up after %s", took)
				}
				if f.Unknown != tt.unknown || f.Refused || !strings.Contains(f.Reason, tt.says) || strings.Contains(f.Reason, "tls =") {
					t.Errorf("%+v", f)
				}
			})
		})
	}
}

// Both wait for the other to begin. That it is so is found out, not guessed.
func TestAPortForTLSFromTheFirstByteIsRecognized(t *testing.T) {
	bubble(t, simmail.Options{TLS: simmail.Implicit, User: user, Password: password}, func(p *post) {
		p.mode = simmail.StartTLS
		_, err := p.to("ops@example.com").Deliver(p.t.Context(), notifytest.Firing())
		if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, `set tls = "implicit"`) {
			t.Errorf("%+v", f)
		}
	})
}

// deliverAll delivers to many at once, and returns how long each took.
func (p *post) deliverAll(to ...string) []time.Duration {
	took := make([]time.Duration, len(to))
	var all sync.WaitGroup
	start := time.Now()
	for i, address := range to {
		r := p.to(address)
		all.Go(func() {
			if _, err := r.Deliver(p.t.Context(), notifytest.Firing()); err != nil {
				p.t.Errorf("%s: %v", address, err)
			}
			took[i] = time.Since(start)
		})
	}
	all.Wait()
	return took
}

func addresses(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("ops%02d@example.com", i))
	}
	return all
}

// A refusal by the server is how its limit is learnt: there are fewer than mails.
func TestAServerGetsFewConnections(t *testing.T) {
	for _, most := range []int{0, 3, 2, 1} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			o := secured
			o.MaxConnections = most
			bubble(t, o, func(p *post) {
				must(t, p.Fail(simmail.Data, simmail.Slow.With("2s")))
				took := p.deliverAll(addresses(20)...)
				if n := len(p.Messages()); n != 20 || p.MostOpen() > 3 || p.Dials() > 24 || slices.Max(took) > time.Minute {
					t.Errorf("%d mails, %d connections at once, %d in all, in %s", n, p.MostOpen(), p.Dials(), slices.Max(took))
				}
			})
		})
	}
}

// Those who hang keep the others waiting for a moment only.
func TestEachRecipientWaitsAlone(t *testing.T) {
	bubble(t, secured, func(p *post) {
		for _, a := range addresses(8) {
			must(t, p.FailRecipient(a, simmail.Slow.With("4m")))
		}
		took := p.deliverAll(append(addresses(8), "quick@example.com")...)
		if quick := took[8]; quick > 90*time.Second || slices.Max(took) > 8*time.Minute {
			t.Errorf("the quick one took %s, all %s", quick, slices.Max(took))
		}
	})
}

func TestAWrongPasswordIsTriedOnceForAll(t *testing.T) {
	o := secured
	o.Password = "another"
	bubble(t, o, func(p *post) {
		var all sync.WaitGroup
		for _, a := range addresses(20) {
			r := p.to(a)
			all.Go(func() {
				_, err := r.Deliver(p.t.Context(), notifytest.Firing())
				if f := failure(t, err); !f.Refused {
					t.Errorf("%s: %+v", a, f)
				}
			})
		}
		all.Wait()
		if p.Dials() != 1 {
			t.Errorf("%d logins", p.Dials())
		}
	})
}
