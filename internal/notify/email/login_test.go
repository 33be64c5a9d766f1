package email_test

import (
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

func TestTheNextWayToLogInIsTried(t *testing.T) {
	for _, no := range []string{"535 5.7.8 no", "502 5.5.1 never", "504 5.5.4 what?", "534 5.7.9 weak", "454 4.7.0 later", "500 what?", "503 5.5.1 no"} {
		for _, security := range []email.Security{email.STARTTLS, email.Implicit} {
			var tried []string
			s := serve(t, security, "220 hi\r\n", loginScript("PLAIN LOGIN CRAM-MD5", func(way string) string {
				tried = append(tried, way)
				if way == "LOGIN" {
					return ""
				}
				return no
			}))
			s.settings.Username, s.settings.Password = user, secret.New(password)
			r := newReceiver(t, s.settings)
			_, err := r.Deliver(t.Context(), notifytest.Firing())
			must(t, err)
			s.gone(t, no)
			if got := strings.Join(tried, " "); got != "PLAIN LOGIN" {
				t.Errorf("%s, %s: tried %s", security, no, got)
			}
		}
	}
}

// loginScript takes any mail, and offers ways to log in. refuse says how each
// is refused; nothing to have it succeed.
func loginScript(offers string, refuse func(way string) string) func(string) string {
	in, data := 0, false
	return func(line string) string {
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case data && line != ".":
			return ""
		case data:
			data = false
			return "250 taken\r\n"
		case in > 0:
			if in--; in == 0 {
				return "235 welcome\r\n"
			}
			return "334 UGFzc3dvcmQ6\r\n"
		case verb == "EHLO":
			return "250-hi\r\n250-STARTTLS\r\n250 AUTH " + offers + "\r\n"
		case verb == "STARTTLS":
			return "220 go\r\n"
		case verb == "AUTH":
			way, initial, _ := strings.Cut(rest, " ")
			if no := refuse(way); no != "" {
				return no + "\r\n"
			}
			if initial != "" {
				return "235 welcome\r\n"
			}
			in = 2
			return "334 VXNlcm5hbWU6\r\n"
		case verb == "DATA":
			data = true
			return "354 go\r\n"
		}
		return "250 ok\r\n"
	}
}

func TestFewWaysToLogInAreTriedAndAllAreReported(t *testing.T) {
	var tried []string
	s := serve(t, email.Implicit, "220 hi\r\n", loginScript("SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS PLAIN LOGIN CRAM-MD5 NTLM", func(way string) string {
		tried = append(tried, way)
		return "535 5.7.8 not by " + way
	}))
	s.settings.Username, s.settings.Password = user, secret.New(password)
	_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
	f := failure(t, err)
	s.gone(t, "login")
	want := []string{"SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN", "CRAM-MD5"}
	if strings.Join(tried, " ") != strings.Join(want, " ") || !f.Refused || !strings.HasSuffix(f.Reason, ": check username and password") {
		t.Errorf("tried %v: %+v", tried, f)
	}
	for _, way := range want {
		if !strings.Contains(f.Reason, "AUTH "+way+" with 535 5.7.8 not by "+way) {
			t.Errorf("%s is not told of: %s", way, f.Reason)
		}
	}
}

// Some servers hang up on a refused login.
func TestAHangUpAfterARefusedLoginIsCalledAgain(t *testing.T) {
	for _, fault := range []simmail.Fault{simmail.Reply.With("421 4.7.0 bye"), simmail.Reply.With("535 5.7.8 no")} {
		m := newSim(t, simmail.StartTLS)
		must(t, m.FailLogin("PLAIN", fault))
		r := newReceiver(t, settings(t, m, simmail.StartTLS))
		for range 2 {
			_, err := r.Deliver(t.Context(), notifytest.Firing())
			must(t, err)
		}
		// The way that was accepted is the first the next time.
		if m.Dials() > 3 || len(m.Messages()) != 2 {
			t.Errorf("%s: %d dials, %d mails", fault, m.Dials(), len(m.Messages()))
		}
	}
}

func TestOfferedWaysThatAreNotKnownAreNamed(t *testing.T) {
	for offered, want := range map[string]string{
		"NTLM":           "it offers only NTLM, and",
		"XOAUTH2 GSSAPI": "it offers only GSSAPI, XOAUTH2, and",
	} {
		s := serve(t, email.Implicit, "220 hi\r\n", loginScript(offered, nil))
		s.settings.Username, s.settings.Password = user, secret.New(password)
		_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, want) || strings.Contains(f.Reason, "remove username") {
			t.Errorf("%s: %+v", offered, f)
		}
		s.gone(t, offered)
	}
}

// A server could keep a processor busy for hours.
func TestNoServerHasUsComputeWithoutEnd(t *testing.T) {
	s := serve(t, email.Implicit, "220 hi\r\n", func(line string) string {
		switch {
		case strings.HasPrefix(line, "EHLO"):
			return "250-hi\r\n250 AUTH SCRAM-SHA-256\r\n"
		case strings.HasPrefix(line, "AUTH"):
			return "334 \r\n"
		case line == "*":
			return "501 cancelled\r\n"
		}
		said, _ := b64.DecodeString(line)
		_, nonce, _ := strings.Cut(string(said), ",r=")
		return "334 " + b64.EncodeToString([]byte("r="+nonce+"x,s=c2FsdA==,i=2000000000")) + "\r\n"
	})
	s.settings.Username, s.settings.Password = user, secret.New(password)
	_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); !strings.Contains(f.Reason, "rounds of SCRAM") {
		t.Errorf("%+v", f)
	}
	s.gone(t, "SCRAM")
}
