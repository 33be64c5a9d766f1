package email_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

// What go-mail would have us believe, or does if one lets it. Most of its
// traps are among the failures too; here each stands by its name.

func TestTrapTheOthersGetTheirsWhenOneIsRefused(t *testing.T) {
	m := newSim(t, simmail.StartTLS)
	must(t, m.FailRecipient("ops@example.com", simmail.Reply.With("550 5.1.1 no such user")))
	s := settings(t, m, simmail.StartTLS)
	_, err := newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
	failure(t, err)
	s.To = "other@example.com"
	_, err = newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
	if must(t, err); len(m.Messages()) != 1 {
		t.Errorf("%d mails", len(m.Messages()))
	}
}

// To report a failure here would be to send it twice.
func TestTrapADropAfterTheYesIsNoFailure(t *testing.T) {
	for _, fault := range []simmail.Fault{simmail.Drop, simmail.Hang} {
		for _, stage := range []simmail.Stage{simmail.Reset, simmail.Quit} {
			m := newSim(t, simmail.StartTLS)
			must(t, m.Fail(stage, fault))
			_, err := newReceiver(t, settings(t, m, simmail.StartTLS)).Deliver(t.Context(), notifytest.Firing())
			if err != nil || len(m.Messages()) != 1 {
				t.Errorf("%s at %s: %v, %d mails", fault, stage, err, len(m.Messages()))
			}
		}
	}
}

func TestTrapALostConnectionIsNotPermanent(t *testing.T) {
	for _, stage := range []simmail.Stage{simmail.From, simmail.Recipient, simmail.Data, simmail.Taken} {
		m := newSim(t, simmail.StartTLS)
		must(t, m.Fail(stage, simmail.Drop))
		_, err := newReceiver(t, settings(t, m, simmail.StartTLS)).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); f.Refused {
			t.Errorf("%s: %+v", stage, f)
		}
	}
}

// script is a server that speaks line by line, over TLS or not, and tells
// when the client has left.
type script struct {
	settings email.Settings
	left     chan struct{}
}

// serve starts a script. speak gets each line of the client, and returns
// what to answer; nothing to fall silent.
func serve(t *testing.T, security email.Security, banner string, speak func(line string) string) script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	s := script{left: make(chan struct{}), settings: email.Settings{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: security, From: "a@example.com", To: "b@example.com",
	}}
	var config *tls.Config
	if security != email.None {
		// The only certificate for 127.0.0.1 that the standard library has.
		h := httptest.NewTLSServer(nil)
		t.Cleanup(h.Close)
		config = &tls.Config{Certificates: h.TLS.Certificates}
		s.settings.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		must(t, os.WriteFile(s.settings.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600))
	}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer close(s.left)
		defer conn.Close()
		if security == email.Implicit {
			conn = tls.Server(conn, config)
		}
		fmt.Fprint(conn, banner)
		in := bufio.NewScanner(conn)
		for in.Scan() {
			answer := speak(in.Text())
			fmt.Fprint(conn, answer)
			if in.Text() == "QUIT" {
				return
			}
			if in.Text() == "STARTTLS" && strings.HasPrefix(answer, "220") {
				conn = tls.Server(conn, config)
				in = bufio.NewScanner(conn)
			}
		}
	}()
	return s
}

// gone waits until the client has left.
func (s script) gone(t *testing.T, name string) {
	t.Helper()
	select {
	case <-s.left:
	case <-time.After(10 * time.Second):
		t.Errorf("%s: the connection is still open", name)
	}
}

func TestTrapNoConnectionIsLeftOpen(t *testing.T) {
	ehlo := func(rest string) func(string) string {
		return func(line string) string {
			if strings.HasPrefix(line, "EHLO") {
				return rest
			}
			return "500 what?\r\n"
		}
	}
	for name, tt := range map[string]struct {
		security email.Security
		banner   string
		speak    func(string) string
		login    bool
	}{
		"STARTTLS missing": {email.STARTTLS, "220 hi\r\n", ehlo("250 hi\r\n"), false},
		"STARTTLS refused": {email.STARTTLS, "220 hi\r\n", ehlo("250-hi\r\n250 STARTTLS\r\n"), false},
		"AUTH missing":     {email.Implicit, "220 hi\r\n", ehlo("250 hi\r\n"), true},
		"AUTH unknown":     {email.Implicit, "220 hi\r\n", ehlo("250-hi\r\n250 AUTH GSSAPI XOAUTH2\r\n"), true},
		"EHLO refused":     {email.None, "220 hi\r\n", ehlo("421 no\r\n"), false},
		"greeting refused": {email.None, "554 no\r\n", ehlo(""), false},
		"no SMTP":          {email.None, "HTTP/1.1 400 Bad Request\r\n", ehlo(""), false},
	} {
		s := serve(t, tt.security, tt.banner, tt.speak)
		if tt.login {
			s.settings.Username, s.settings.Password = user, secret.New(password)
		}
		_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
		f := failure(t, err)
		if strings.HasPrefix(name, "AUTH") && (!f.Refused || !strings.Contains(f.Reason, "it offers ")) {
			t.Errorf("%s: %+v", name, f)
		}
		s.gone(t, name)
	}
}

// Where a server of go-smtp never refuses: at STARTTLS, and at DATA before
// the mail.
func TestARefusalBetweenTheStagesOfTheSim(t *testing.T) {
	for _, tt := range []struct {
		verb, answer string
		refused      bool
		says         string
	}{
		{"STARTTLS", "454 4.7.0 not now", false, "answered STARTTLS with 454 4.7.0 not now"},
		{"STARTTLS", "502 5.5.1 never", true, "answered STARTTLS with 502 5.5.1 never: ask whoever runs the server why TLS"},
		{"DATA", "451 4.3.0 not now", false, "answered DATA with 451 4.3.0 not now"},
		{"DATA", "554 5.5.1 no valid recipients", true, "answered DATA with 554 5.5.1 no valid recipients: ask"},
	} {
		s := serve(t, email.STARTTLS, "220 hi\r\n", func(line string) string {
			verb, _, _ := strings.Cut(line, " ")
			switch verb {
			case tt.verb:
				return tt.answer + "\r\n"
			case "EHLO":
				return "250-hi\r\n250 STARTTLS\r\n"
			case "STARTTLS":
				return "220 go\r\n"
			}
			return "250 ok\r\n"
		})
		_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); f.Refused != tt.refused || !strings.Contains(f.Reason, tt.says) {
			t.Errorf("%s %s: %+v", tt.verb, tt.answer, f)
		}
		s.gone(t, tt.verb)
	}
}

func TestAServerThatNeverStopsTalking(t *testing.T) {
	for name, banner := range map[string]string{
		"one line":   strings.Repeat("x", 4<<20),
		"many lines": strings.Repeat("220-x\r\n", 1<<19),
	} {
		s := serve(t, email.None, banner, func(string) string { return "" })
		_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); f.Refused || !strings.Contains(f.Reason, "no end") {
			t.Errorf("%s: %+v", name, f)
		}
		s.gone(t, name)
	}
}

// AUTODISCOVER of go-mail fails over implicit TLS with a dialer of our own.
func TestTrapTheBestWayToLogInIsFoundOverEitherTLS(t *testing.T) {
	for offered, want := range map[string]string{
		"GSSAPI LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS": "SCRAM-SHA-256-PLUS",
		"PLAIN SCRAM-SHA-256 SCRAM-SHA-1":                                          "SCRAM-SHA-256",
		"PLAIN SCRAM-SHA-1":                                                        "SCRAM-SHA-1",
		"login plain":                                                              "PLAIN",
		"CRAM-MD5 LOGIN":                                                           "LOGIN",
		"NTLM CRAM-MD5":                                                            "CRAM-MD5",
		"PLAINTEXT XLOGIN":                                                         "",
	} {
		for _, security := range []email.Security{email.STARTTLS, email.Implicit} {
			got := ""
			s := serve(t, security, "220 hi\r\n", func(line string) string {
				verb, rest, _ := strings.Cut(line, " ")
				switch verb {
				case "EHLO":
					return "250-hi\r\n250-STARTTLS\r\n250 AUTH " + offered + "\r\n"
				case "STARTTLS":
					return "220 go\r\n"
				case "AUTH":
					if way, _, _ := strings.Cut(rest, " "); got == "" {
						got = way // the first of several
					}
					return "535 5.7.8 no\r\n"
				}
				return "500 what?\r\n"
			})
			s.settings.Username, s.settings.Password = user, secret.New(password)
			_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
			f := failure(t, err)
			s.gone(t, offered)
			if got != want || !f.Refused {
				t.Errorf("%s offers %q: %q, want %q; %+v", security, offered, got, want, f)
			}
		}
	}
}

// A server that offers to take a password in the clear does not get one, not
// even on this machine, where go-mail would give it.
func TestTrapNoPasswordInTheClear(t *testing.T) {
	heard := ""
	s := serve(t, email.STARTTLS, "220 hi\r\n", func(line string) string {
		heard += line + "\n"
		if strings.HasPrefix(line, "EHLO") {
			return "250-hi\r\n250 AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2\r\n"
		}
		return "250 ok\r\n"
	})
	s.settings.Username, s.settings.Password = user, secret.New(password)
	_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
	s.gone(t, "clear")
	if f := failure(t, err); !f.Refused || strings.Contains(heard, "AUTH") {
		t.Errorf("%+v, after\n%s", f, heard)
	}
}

// transaction takes any mail, after a login by way of auth, which gets each
// line from AUTH on and returns an empty answer once it has had enough.
func transaction(offer string, auth func(line string) string) func(string) string {
	in, data := false, false
	return func(line string) string {
		verb, _, _ := strings.Cut(line, " ")
		switch {
		case data:
			if line != "." {
				return ""
			}
			data = false
			return "250 taken\r\n"
		case verb == "EHLO":
			return "250-hi\r\n250 AUTH " + offer + "\r\n"
		case verb == "AUTH", in:
			answer := auth(line)
			in = strings.HasPrefix(answer, "334")
			return answer
		case verb == "DATA":
			data = true
			return "354 go\r\n"
		case verb == "QUIT":
			return "221 bye\r\n"
		}
		return "250 ok\r\n"
	}
}

var b64 = base64.StdEncoding

func TestLogInByCRAMMD5(t *testing.T) {
	const challenge = "<1896.697170952@mail.example.com>"
	s := serve(t, email.Implicit, "220 hi\r\n", transaction("CRAM-MD5", func(line string) string {
		if line == "AUTH CRAM-MD5" {
			return "334 " + b64.EncodeToString([]byte(challenge)) + "\r\n"
		}
		h := hmac.New(md5.New, []byte(password))
		io.WriteString(h, challenge)
		if got, _ := b64.DecodeString(line); string(got) == user+" "+hex.EncodeToString(h.Sum(nil)) {
			return "235 welcome\r\n"
		}
		return "535 no\r\n"
	}))
	s.settings.Username, s.settings.Password = user, secret.New(password)
	_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
	must(t, err)
}

func TestLogInBySCRAM(t *testing.T) {
	const salt, rounds = "saltsalt", 4096
	salted, err := pbkdf2.Key(sha256.New, password, []byte(salt), rounds, 32)
	must(t, err)
	mac := func(key []byte, s string) []byte {
		h := hmac.New(sha256.New, key)
		io.WriteString(h, s)
		return h.Sum(nil)
	}
	first, server := "", ""
	s := serve(t, email.Implicit, "220 hi\r\n", transaction("SCRAM-SHA-256", func(line string) string {
		raw, _ := b64.DecodeString(line)
		said := string(raw)
		switch {
		case strings.HasPrefix(line, "AUTH"):
			return "334 \r\n"
		case strings.HasPrefix(said, "n,,"):
			first = said[3:]
			_, nonce, _ := strings.Cut(first, ",r=")
			server = fmt.Sprintf("r=%sserver,s=%s,i=%d", nonce, b64.EncodeToString([]byte(salt)), rounds)
			return "334 " + b64.EncodeToString([]byte(server)) + "\r\n"
		case strings.HasPrefix(said, "c=biws,"):
			final, proof, _ := strings.Cut(said, ",p=")
			all := first + "," + server + "," + final
			key := mac(salted, "Client Key")
			stored := sha256.Sum256(key)
			for i, b := range mac(stored[:], all) {
				key[i] ^= b
			}
			if proof != b64.EncodeToString(key) {
				return "535 no\r\n"
			}
			return "334 " + b64.EncodeToString([]byte("v="+b64.EncodeToString(mac(mac(salted, "Server Key"), all)))) + "\r\n"
		}
		return "235 welcome\r\n"
	}))
	s.settings.Username, s.settings.Password = user, secret.New(password)
	_, err = newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
	must(t, err)
}
