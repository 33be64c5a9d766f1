package sim_test

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

	"github.com/sslwatch/sslwatch/internal/sim"
)

func newMail(t *testing.T, change func(*sim.MailOptions)) *sim.Mail {
	t.Helper()
	o := sim.MailOptions{User: "sslwatch", Password: "secret"}
	if change != nil {
		change(&o)
	}
	m, err := sim.NewMail(o)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	must(t, m.Listen(""))
	return m
}

func trust(t *testing.T, m *sim.Mail) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(m.CA()) {
		t.Fatal("the CA is not PEM")
	}
	return &tls.Config{RootCAs: pool, ServerName: m.Host(), MinVersion: tls.VersionTLS12}
}

func mailClient(t *testing.T, m *sim.Mail, more ...gomail.Option) *gomail.Client {
	t.Helper()
	c, err := gomail.NewClient(m.Host(), append([]gomail.Option{
		gomail.WithPort(m.Port()), gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(trust(t, m)),
		gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername("sslwatch"), gomail.WithPassword("secret"),
		gomail.WithHELO("client.example"),
	}, more...)...)
	must(t, err)
	return c
}

func newMessage(t *testing.T, to ...string) *gomail.Msg {
	t.Helper()
	m := gomail.NewMsg()
	must(t, m.From("sslwatch@example.com"))
	must(t, m.To(to...))
	m.Subject("certificate of kätzchen expires")
	m.SetMessageIDWithValue("one@example.com")
	m.SetBodyString(gomail.TypeTextPlain, "FIRING ä\n.dot first\nQUIT\n250 not a reply\nend\n")
	m.AddAlternativeString(gomail.TypeTextHTML, "<p>FIRING ä</p>")
	return m
}

func TestMailTakesAMessage(t *testing.T) {
	for _, mode := range []sim.MailTLS{sim.MailStartTLS, sim.MailImplicit, sim.MailPlain} {
		for _, auth := range []gomail.SMTPAuthType{gomail.SMTPAuthPlain, gomail.SMTPAuthLogin} {
			var told []sim.Event
			m := newMail(t, func(o *sim.MailOptions) {
				o.TLS = mode
				o.OnEvent = func(e sim.Event) { told = append(told, e) }
			})
			more := []gomail.Option{gomail.WithSMTPAuth(auth)}
			switch mode {
			case sim.MailImplicit:
				more = append(more, gomail.WithSSL())
			case sim.MailPlain:
				noenc := gomail.SMTPAuthPlainNoEnc
				if auth == gomail.SMTPAuthLogin {
					noenc = gomail.SMTPAuthLoginNoEnc
				}
				more = []gomail.Option{gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithSMTPAuth(noenc)}
			}
			if err := mailClient(t, m, more...).DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com", "b@example.com")); err != nil {
				t.Errorf("%s, %s: %v", mode, auth, err)
				continue
			}
			all := m.Messages()
			if len(all) != 1 || len(told) != 1 || told[0].Mail.MessageID != "one@example.com" {
				t.Errorf("%s, %s: %d messages, told %+v", mode, auth, len(all), told)
				continue
			}
			got := all[0]
			if got.From != "sslwatch@example.com" || !slices.Equal(got.To, []string{"a@example.com", "b@example.com"}) ||
				got.Subject != "certificate of kätzchen expires" || got.MessageID != "one@example.com" ||
				got.Text != "FIRING ä\n.dot first\nQUIT\n250 not a reply\nend\n" || got.HTML != "<p>FIRING ä</p>" ||
				got.TLS != (mode != sim.MailPlain) || got.User != "sslwatch" || got.Problem != "" ||
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
	m := newMail(t, func(o *sim.MailOptions) { o.User = "" })
	c, err := gomail.NewClient(m.Host(), gomail.WithPort(m.Port()), gomail.WithTLSConfig(trust(t, m)))
	must(t, err)
	must(t, c.DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com")))

	// With a user, nobody else may.
	m = newMail(t, nil)
	c, err = gomail.NewClient(m.Host(), gomail.WithPort(m.Port()), gomail.WithTLSConfig(trust(t, m)))
	must(t, err)
	var e *gomail.SendError
	if err := c.DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com")); !errors.As(err, &e) || e.ErrorCode() != 530 {
		t.Errorf("without AUTH: %v", err)
	}
	wrong := mailClient(t, m, gomail.WithPassword("terces"))
	var p *textproto.Error
	if err := wrong.DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com")); !errors.As(err, &p) || p.Code != 535 {
		t.Errorf("wrong password: %v", err)
	}
	wrong = mailClient(t, m, gomail.WithTLSConfig(&tls.Config{ServerName: "127.0.0.1", RootCAs: x509.NewCertPool()}))
	var unknown x509.UnknownAuthorityError
	if err := wrong.DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com")); !errors.As(err, &unknown) {
		t.Errorf("without the CA: %v", err)
	}
}

// What a client sees of each fault at each stage: the code of a reply, or that
// the line died; and whether the message was taken.
func TestMailFaults(t *testing.T) {
	m := newMail(t, nil)
	for _, tt := range []struct {
		stage sim.MailStage
		fault sim.MailFault
		code  int // 0: no code reached the client
		taken bool
	}{
		{sim.MailConnect, sim.MailReply.With("421 too busy"), 421, false},
		{sim.MailConnect, sim.MailDrop, 0, false},
		{sim.MailHello, sim.MailReply.With("550 5.7.1 not you"), 550, false},
		{sim.MailHello, sim.MailDrop, 0, false},
		{sim.MailTLSStage, sim.MailNotOffered, 0, false},
		{sim.MailTLSStage, sim.MailWrongName, 0, false},
		{sim.MailTLSStage, sim.MailDrop, 0, false},
		{sim.MailAuth, sim.MailReply.With("535 5.7.8 no"), 535, false},
		{sim.MailAuth, sim.MailReply.With("454 4.7.0 later"), 454, false},
		{sim.MailAuth, sim.MailDrop, 0, false},
		{sim.MailFrom, sim.MailReply, 451, false},
		{sim.MailFrom, sim.MailReply.With("553 5.1.8 bad sender"), 553, false},
		{sim.MailFrom, sim.MailDrop, 0, false},
		{sim.MailRecipient, sim.MailReply.With("452 4.2.2 full"), 452, false},
		{sim.MailRecipient, sim.MailReply.With("550 5.1.1 who"), 550, false},
		{sim.MailRecipient, sim.MailDrop, 0, false},
		{sim.MailData, sim.MailReply.With("452 4.3.1 disk full"), 452, false},
		{sim.MailData, sim.MailReply.With("554 5.7.1 spam"), 554, false},
		{sim.MailData, sim.MailDrop, 0, false},
		{sim.MailTaken, sim.MailReply.With("451 4.3.0 after all"), 451, true},
		{sim.MailTaken, sim.MailDrop, 0, true},
		{sim.MailReset, sim.MailDrop, 0, true},
		{sim.MailQuit, sim.MailDrop, 0, true},
	} {
		name := string(tt.stage) + " " + string(tt.fault)
		before := len(m.Messages())
		must(t, m.Fail(tt.stage, tt.fault)) // not once: after a refused EHLO comes a HELO
		message := newMessage(t, "a@example.com")
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
		if told := message.IsDelivered(); told != (tt.stage == sim.MailReset || tt.stage == sim.MailQuit) {
			t.Errorf("%s: the client believes that delivered is %t", name, told)
		}
		m.Heal()
	}
	must(t, m.FailNext(sim.MailData, sim.MailReply, "", sim.MailReply))
	for n, want := range []bool{false, true, false, true} {
		err := mailClient(t, m).DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com"))
		if well := err == nil; well != want {
			t.Errorf("message %d after all that: %v", n, err)
		}
	}
}

func TestMailWrongNameIsThat(t *testing.T) {
	m := newMail(t, func(o *sim.MailOptions) { o.TLS = sim.MailImplicit })
	must(t, m.Fail(sim.MailTLSStage, sim.MailWrongName))
	_, err := tls.Dial("tcp", m.Addr().String(), trust(t, m))
	var e x509.HostnameError
	if !errors.As(err, &e) {
		t.Errorf("dial: %v", err)
	}
	m.Heal()
	c, err := tls.Dial("tcp", m.Addr().String(), trust(t, m))
	must(t, err)
	c.Close()
}

func TestMailRefusesARecipient(t *testing.T) {
	m := newMail(t, nil)
	must(t, m.FailRecipient("Gone@example.com", sim.MailReply.With("550 5.1.1 no such user")))
	good, bad := newMessage(t, "a@example.com"), newMessage(t, "gone@example.com")
	if err := mailClient(t, m).DialAndSendWithContext(t.Context(), bad, good); err == nil {
		t.Error("no error")
	}
	if bad.IsDelivered() || !good.IsDelivered() || len(m.Messages()) != 1 {
		t.Errorf("bad %t, good %t, %d messages", bad.IsDelivered(), good.IsDelivered(), len(m.Messages()))
	}
	must(t, m.FailRecipient("gone@example.com", ""))
	must(t, mailClient(t, m).DialAndSendWithContext(t.Context(), newMessage(t, "gone@example.com")))
}

func TestMailDownAndUp(t *testing.T) {
	m := newMail(t, nil)
	m.Down()
	if err := mailClient(t, m).DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com")); err == nil {
		t.Error("sent to a server that is down")
	}
	m.Up()
	must(t, mailClient(t, m).DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com")))
}

func TestMailOrdersThatCannotBe(t *testing.T) {
	m := newMail(t, nil)
	for _, err := range []error{
		m.Fail("dinner", sim.MailHang), m.Fail(sim.MailQuit, sim.MailReply), m.Fail(sim.MailAuth, sim.MailWrongName),
		m.Fail(sim.MailAuth, sim.MailReply.With("250 fine")), m.FailNext(sim.MailData, sim.MailDrop, "nonsense"),
	} {
		if err == nil {
			t.Error("an impossible fault was ordered")
		}
	}
	if _, err := sim.NewMail(sim.MailOptions{TLS: "perhaps"}); err == nil {
		t.Error("TLS of an unknown kind")
	}
}

// A server that hangs, at each stage, until the client loses patience or the
// server closes: in the bubble's time, and with nothing left behind.
func TestMailHangsAtEachStage(t *testing.T) {
	for _, stage := range []sim.MailStage{
		sim.MailConnect, sim.MailHello, sim.MailTLSStage, sim.MailAuth, sim.MailFrom, sim.MailRecipient,
		sim.MailData, sim.MailTaken, sim.MailReset, sim.MailQuit,
	} {
		for _, serverCloses := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				m, err := sim.NewMail(sim.MailOptions{User: "sslwatch", Password: "secret"})
				must(t, err)
				p := sim.NewPipe(sim.MailHost + ":25")
				must(t, m.Serve(p))
				must(t, m.Fail(stage, sim.MailHang))
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
				err = c.DialAndSendWithContext(t.Context(), newMessage(t, "a@example.com"))
				took := time.Since(start)
				if err == nil || took < time.Minute || serverCloses != (took < time.Hour) {
					t.Errorf("%s, server closes %t: %v after %v", stage, serverCloses, err, took)
				}
				if taken := len(m.Messages()) == 1; taken != slices.Contains([]sim.MailStage{sim.MailTaken, sim.MailReset, sim.MailQuit}, stage) {
					t.Errorf("%s: taken is %t", stage, taken)
				}
				conn.Close() // go-mail keeps it in some of these cases
				must(t, m.Close())
			})
		}
	}
}

func TestMailWait(t *testing.T) {
	m := newMail(t, nil)
	message, c := newMessage(t, "a@example.com"), mailClient(t, m)
	done := make(chan error)
	go func() { done <- c.DialAndSendWithContext(t.Context(), message) }()
	must(t, m.Wait(t.Context(), func(all []sim.MailMessage) bool {
		return len(all) == 1 && strings.HasPrefix(all[0].Text, "FIRING")
	}))
	must(t, <-done)
}
