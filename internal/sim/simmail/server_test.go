package simmail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/sim/simmail"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

func newMail(t *testing.T, change func(*simmail.Options)) *simmail.Server {
	t.Helper()
	o := simmail.Options{User: "sslwatch", Password: "secret"}
	if change != nil {
		change(&o)
	}
	m, err := simmail.New(o)
	simtest.Must(t, err)
	t.Cleanup(func() { m.Close() })
	simtest.Must(t, m.Listen(""))
	return m
}

func mailClient(t *testing.T, m *simmail.Server, more ...gomail.Option) *gomail.Client {
	t.Helper()
	c, err := gomail.NewClient(m.Host(), append([]gomail.Option{
		gomail.WithPort(m.Port()), gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(simtest.Trust(t, m)),
		gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername("sslwatch"), gomail.WithPassword("secret"),
		gomail.WithHELO("client.example"),
	}, more...)...)
	simtest.Must(t, err)
	return c
}

func TestMailTakesAMessage(t *testing.T) {
	for _, mode := range []simmail.TLS{simmail.StartTLS, simmail.Implicit, simmail.Plain} {
		for _, auth := range []gomail.SMTPAuthType{gomail.SMTPAuthPlain, gomail.SMTPAuthLogin} {
			var told []simmail.Message
			m := newMail(t, func(o *simmail.Options) {
				o.TLS = mode
				o.OnMessage = func(e simmail.Message) { told = append(told, e) }
			})
			more := []gomail.Option{gomail.WithSMTPAuth(auth)}
			switch mode {
			case simmail.Implicit:
				more = append(more, gomail.WithSSL())
			case simmail.Plain:
				noenc := gomail.SMTPAuthPlainNoEnc
				if auth == gomail.SMTPAuthLogin {
					noenc = gomail.SMTPAuthLoginNoEnc
				}
				more = []gomail.Option{gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithSMTPAuth(noenc)}
			}
			if err := mailClient(t, m, more...).DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com", "b@example.com")); err != nil {
				t.Errorf("%s, %s: %v", mode, auth, err)
				continue
			}
			all := m.Messages()
			if len(all) != 1 || len(told) != 1 || told[0].MessageID != "one@example.com" {
				t.Errorf("%s, %s: %d messages, told %+v", mode, auth, len(all), told)
				continue
			}
			got := all[0]
			if got.From != "sslwatch@example.com" || !slices.Equal(got.To, []string{"a@example.com", "b@example.com"}) ||
				got.Subject != "certificate of kätzchen expires" || got.MessageID != "one@example.com" ||
				got.Text != "FIRING ä\n.dot first\nQUIT\n250 not a reply\nend\n" || got.HTML != "<p>FIRING ä</p>" ||
				got.TLS != (mode != simmail.Plain) || got.User != "sslwatch" || got.Problem != "" ||
				got.Header.Get("Mime-Version") != "1.0" || !bytes.Contains(got.Raw, []byte("multipart/alternative")) {
				t.Errorf("%s, %s: %+v", mode, auth, got)
			}
			if m.Dials() != 1 {
				t.Errorf("%s, %s: %d dials", mode, auth, m.Dials())
			}
		}
	}
}

func TestMailFromAnybody(t *testing.T) {
	m := newMail(t, func(o *simmail.Options) { o.User = "" })
	c, err := gomail.NewClient(m.Host(), gomail.WithPort(m.Port()), gomail.WithTLSConfig(simtest.Trust(t, m)))
	simtest.Must(t, err)
	simtest.Must(t, c.DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com")))

	// With a user, nobody else may.
	m = newMail(t, nil)
	c, err = gomail.NewClient(m.Host(), gomail.WithPort(m.Port()), gomail.WithTLSConfig(simtest.Trust(t, m)))
	simtest.Must(t, err)
	var e *gomail.SendError
	if err := c.DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com")); !errors.As(err, &e) || e.ErrorCode() != 530 {
		t.Errorf("without AUTH: %v", err)
	}
	wrong := mailClient(t, m, gomail.WithPassword("terces"))
	var p *textproto.Error
	if err := wrong.DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com")); !errors.As(err, &p) || p.Code != 535 {
		t.Errorf("wrong password: %v", err)
	}
	wrong = mailClient(t, m, gomail.WithTLSConfig(&tls.Config{ServerName: "127.0.0.1", RootCAs: x509.NewCertPool()}))
	var unknown x509.UnknownAuthorityError
	if err := wrong.DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com")); !errors.As(err, &unknown) {
		t.Errorf("without the CA: %v", err)
	}
}

// What a client sees of each fault at each stage: the code of a reply, or that
// the line died; and whether the message was taken.
func TestMailFaults(t *testing.T) {
	m := newMail(t, nil)
	for _, tt := range []struct {
		stage simmail.Stage
		fault simmail.Fault
		code  int // 0: no code reached the client
		taken bool
	}{
		{simmail.Connect, simmail.Reply.With("421 too busy"), 421, false},
		{simmail.Connect, simmail.Drop, 0, false},
		{simmail.Hello, simmail.Reply.With("550 5.7.1 not you"), 550, false},
		{simmail.Hello, simmail.Drop, 0, false},
		{simmail.TLSStage, simmail.NotOffered, 0, false},
		{simmail.TLSStage, simmail.WrongName, 0, false},
		{simmail.TLSStage, simmail.Drop, 0, false},
		{simmail.Auth, simmail.Reply.With("535 5.7.8 no"), 535, false},
		{simmail.Auth, simmail.Reply.With("454 4.7.0 later"), 454, false},
		{simmail.Auth, simmail.Drop, 0, false},
		{simmail.From, simmail.Reply, 451, false},
		{simmail.From, simmail.Reply.With("553 5.1.8 bad sender"), 553, false},
		{simmail.From, simmail.Drop, 0, false},
		{simmail.Recipient, simmail.Reply.With("452 4.2.2 full"), 452, false},
		{simmail.Recipient, simmail.Reply.With("550 5.1.1 who"), 550, false},
		{simmail.Recipient, simmail.Drop, 0, false},
		{simmail.Data, simmail.Reply.With("452 4.3.1 disk full"), 452, false},
		{simmail.Data, simmail.Reply.With("554 5.7.1 spam"), 554, false},
		{simmail.Data, simmail.Drop, 0, false},
		{simmail.Taken, simmail.Reply.With("451 4.3.0 after all"), 451, true},
		{simmail.Taken, simmail.Drop, 0, true},
		{simmail.Reset, simmail.Drop, 0, true},
		{simmail.Quit, simmail.Drop, 0, true},
	} {
		name := string(tt.stage) + " " + string(tt.fault)
		before := len(m.Messages())
		simtest.Must(t, m.Fail(tt.stage, tt.fault)) // not once: after a refused EHLO comes a HELO
		message := simtest.Mail(t, "a@example.com")
		err := mailClient(t, m).DialAndSendWithContext(t.Context(), message)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		var p *textproto.Error
		var e *gomail.SendError
		code := 0
		switch {
		case errors.As(err, &p):
			code = p.Code
		case errors.As(err, &e):
			code = e.ErrorCode()
		}
		if code != tt.code {
			t.Errorf("%s: code %d of %v, want %d", name, code, err, tt.code)
		}
		if taken := len(m.Messages()) > before; taken != tt.taken {
			t.Errorf("%s: taken is %t", name, taken)
		}
		if told := message.IsDelivered(); told != (tt.stage == simmail.Reset || tt.stage == simmail.Quit) {
			t.Errorf("%s: the client believes that delivered is %t", name, told)
		}
		m.Heal()
	}
	simtest.Must(t, m.FailNext(simmail.Data, simmail.Reply, "", simmail.Reply))
	for n, want := range []bool{false, true, false, true} {
		err := mailClient(t, m).DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com"))
		if well := err == nil; well != want {
			t.Errorf("message %d after all that: %v", n, err)
		}
	}
}

func TestMailWrongNameIsThat(t *testing.T) {
	m := newMail(t, func(o *simmail.Options) { o.TLS = simmail.Implicit })
	simtest.Must(t, m.Fail(simmail.TLSStage, simmail.WrongName))
	_, err := tls.Dial("tcp", m.Addr().String(), simtest.Trust(t, m))
	var e x509.HostnameError
	if !errors.As(err, &e) {
		t.Errorf("dial: %v", err)
	}
	m.Heal()
	c, err := tls.Dial("tcp", m.Addr().String(), simtest.Trust(t, m))
	simtest.Must(t, err)
	c.Close()
}

func TestMailRefusesARecipient(t *testing.T) {
	m := newMail(t, nil)
	simtest.Must(t, m.FailRecipient("Gone@example.com", simmail.Reply.With("550 5.1.1 no such user")))
	good, bad := simtest.Mail(t, "a@example.com"), simtest.Mail(t, "gone@example.com")
	if err := mailClient(t, m).DialAndSendWithContext(t.Context(), bad, good); err == nil {
		t.Error("no error")
	}
	if bad.IsDelivered() || !good.IsDelivered() || len(m.Messages()) != 1 {
		t.Errorf("bad %t, good %t, %d messages", bad.IsDelivered(), good.IsDelivered(), len(m.Messages()))
	}
	simtest.Must(t, m.FailRecipient("gone@example.com", ""))
	simtest.Must(t, mailClient(t, m).DialAndSendWithContext(t.Context(), simtest.Mail(t, "gone@example.com")))
}

func TestMailDownAndUp(t *testing.T) {
	m := newMail(t, nil)
	m.Down()
	if err := mailClient(t, m).DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com")); err == nil {
		t.Error("sent to a server that is down")
	}
	m.Up()
	simtest.Must(t, mailClient(t, m).DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com")))
}

func TestMailOrdersThatCannotBe(t *testing.T) {
	m := newMail(t, nil)
	for _, err := range []error{
		m.Fail("dinner", simmail.Hang), m.Fail(simmail.Quit, simmail.Reply), m.Fail(simmail.Auth, simmail.WrongName),
		m.Fail(simmail.Auth, simmail.Reply.With("250 fine")), m.FailNext(simmail.Data, simmail.Drop, "nonsense"),
	} {
		if err == nil {
			t.Error("an impossible fault was ordered")
		}
	}
	if _, err := simmail.New(simmail.Options{TLS: "perhaps"}); err == nil {
		t.Error("TLS of an unknown kind")
	}
}

// A server that hangs, at each stage, until the client loses patience or the
// server closes: in the bubble's time, and with nothing left behind.
func TestMailHangsAtEachStage(t *testing.T) {
	for _, stage := range []simmail.Stage{
		simmail.Connect, simmail.Hello, simmail.TLSStage, simmail.Auth, simmail.From, simmail.Recipient,
		simmail.Data, simmail.Taken, simmail.Reset, simmail.Quit,
	} {
		for _, serverCloses := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				m, err := simmail.New(simmail.Options{User: "sslwatch", Password: "secret"})
				simtest.Must(t, err)
				p := simserver.NewPipe(simmail.Host + ":25")
				simtest.Must(t, m.Serve(p))
				simtest.Must(t, m.Fail(stage, simmail.Hang))
				var conn net.Conn
				c := mailClient(t, m, gomail.WithTimeout(time.Hour), gomail.WithDialContextFunc(
					func(ctx context.Context, network, addr string) (net.Conn, error) {
						var err error
						conn, err = p.DialContext(ctx, network, addr)
						return conn, err
					}))
				start := time.Now()
				if serverCloses {
					time.AfterFunc(time.Minute, func() { m.Close() })
				}
				err = c.DialAndSendWithContext(t.Context(), simtest.Mail(t, "a@example.com"))
				took := time.Since(start)
				if err == nil || took < time.Minute || serverCloses != (took < time.Hour) {
					t.Errorf("%s, server closes %t: %v after %v", stage, serverCloses, err, took)
				}
				if taken := len(m.Messages()) == 1; taken != slices.Contains([]simmail.Stage{simmail.Taken, simmail.Reset, simmail.Quit}, stage) {
					t.Errorf("%s: taken is %t", stage, taken)
				}
				conn.Close() // go-mail keeps it in some of these cases
				simtest.Must(t, m.Close())
			})
		}
	}
}

func TestMailWait(t *testing.T) {
	m := newMail(t, nil)
	message, c := simtest.Mail(t, "a@example.com"), mailClient(t, m)
	done := make(chan error)
	go func() { done <- c.DialAndSendWithContext(t.Context(), message) }()
	simtest.Must(t, m.Wait(t.Context(), func(all []simmail.Message) bool {
		return len(all) == 1 && strings.HasPrefix(all[0].Text, "FIRING")
	}))
	simtest.Must(t, <-done)
}
