package email_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// What servers really say, and where. The advice goes by what they say.
func TestTheAdviceGoesByTheAnswer(t *testing.T) {
	for _, tt := range []struct {
		at, answer string
		login      bool
		refused    bool
		says       string // empty: no advice
	}{
		{"RCPT", "504 5.5.2 <ops1>: Helo command rejected: need fully-qualified hostname", false, true, "sslwatch greeted it as mon.example.com: set helo to"},
		{"RCPT", "450 4.7.1 <ops1.example.com>: Helo command rejected: Host not found", false, false, "set helo to"},
		{"MAIL", "554 5.7.1 <ops1>: Helo command rejected: go away", true, true, "set helo to"},
		{"EHLO", "550 Access denied - Invalid HELO name (See RFC2821 4.1.3)", false, true, "set helo to"},
		{"EHLO", "501 5.5.4 Invalid domain name", false, true, "set helo to"},
		{"EHLO", "554 5.7.1 your address is blocked", false, true, "let this machine send"},
		{"MAIL", "530 5.7.0 Authentication required", false, true, "set username and password"},
		{"RCPT", "530 5.7.1 Client was not authenticated", false, true, "set username and password"},
		{"MAIL", "550 5.7.1 Authentication Required", false, true, "set username and password"},
		{"MAIL", "530 5.7.0 Authentication required", true, true, "another login"},
		{"MAIL", "530 5.7.0 Must issue a STARTTLS command first", false, true, `set tls = "starttls"`},
		{"RCPT", "554 5.7.1 <b@example.com>: Relay access denied", false, true, "set username and password"},
		{"RCPT", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", true, true, "check the address in to"},
		{"RCPT", "553 5.7.1 <a@example.com>: Sender address rejected: not owned by user sslwatch", true, true, "the account in username may send as the address in from"},
		{"end", "554 5.2.252 SendAsDenied; sslwatch@example.com not allowed to send as a@example.com", true, true, "may send as the address in from"},
		{"end", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", true, true, "may send as the address in from"},
		{"MAIL", "550 5.1.8 Bad sender's domain", false, true, "address in from"},
		{"RCPT", "550 5.1.1 <b@example.com>: Recipient address rejected: User unknown", false, true, "check the address in to"},
		{"end", "550 5.1.1 no such user", false, true, "check the address in to"},
		{"RCPT", "452 4.2.2 The mailbox is full", false, false, "make room in the mailbox"},
		{"end", "552 5.3.4 message too large", false, true, "take larger mails"},
		{"end", "554 5.7.1 looks like spam", false, true, "why it does not take the mail"},
		{"RCPT", "451 4.7.1 Greylisting in action, please come back in 00:05:00", false, false, ""},
		{"MAIL", "421 4.3.2 not now", false, false, ""},
		{"AUTH", "534 5.7.9 Application-specific secret required", true, true, "app password"},
		{"AUTH", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant", true, true, "SMTP AUTH"},
		{"AUTH", "535 5.7.8 Username and Password not accepted", true, true, "check username and password"},
		{"AUTH", "454 4.7.0 Temporary authentication failure: Connection lost", true, false, ""},
	} {
		security := email.None
		if tt.login {
			security = email.Implicit
		}
		data := false
		s := serve(t, security, "220 hi\r\n", func(line string) string {
			verb, _, _ := strings.Cut(line, " ")
			if data {
				if line != "." {
					return ""
				}
				data, verb = false, "end"
			}
			switch {
			case verb == tt.at:
				return tt.answer + "\r\n"
			case verb == "EHLO":
				return "250-hi\r\n250 AUTH PLAIN\r\n"
			case verb == "AUTH":
				return "235 welcome\r\n"
			case verb == "DATA":
				data = true
				return "354 go\r\n"
			}
			return "250 ok\r\n"
		})
		s.settings.HELO = "mon.example.com"
		if tt.login {
			s.settings.Username, s.settings.Password = user, secret.New(password)
		}
		_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
		f := failure(t, err)
		s.gone(t, tt.answer)
		_, advice, _ := strings.Cut(f.Reason, tt.answer)
		if f.Refused != tt.refused || !strings.Contains(f.Reason, tt.answer) || (tt.says == "") != (advice == "") || !strings.Contains(advice, tt.says) {
			t.Errorf("%s: refused %t, %s", tt.answer, f.Refused, f.Reason)
		}
	}
}

// A server may refuse EHLO for what we call ourselves, and take HELO.
func TestARefusedEHLOIsNotHiddenByHELO(t *testing.T) {
	for answer, says := range map[string]string{
		"554 5.7.1 helo rejected": "answered EHLO with 554",
		"502 5.5.1 what?":         "does not offer STARTTLS",
	} {
		s := serve(t, email.STARTTLS, "220 hi\r\n", func(line string) string {
			if strings.HasPrefix(line, "EHLO") {
				return answer + "\r\n"
			}
			return "250 ok\r\n"
		})
		_, err := newReceiver(t, s.settings).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, says) {
			t.Errorf("%s: %+v", answer, f)
		}
		s.gone(t, answer)
	}
}

// tlsServer shakes hands as told, and no more.
func tlsServer(t *testing.T, config *tls.Config) email.Settings {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	return email.Settings{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: email.Implicit, From: "a@example.com", To: "b@example.com",
	}
}

func TestTheTrueReasonWhyTLSFails(t *testing.T) {
	now := time.Now()
	good := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), BasicConstraintsValid: true,
	}
	for name, tt := range map[string]struct {
		change  func(*x509.Certificate)
		most    uint16 // version of TLS
		unknown bool   // the authority
		says    []string
	}{
		"no names": {change: func(c *x509.Certificate) { c.IPAddresses = nil },
			says: []string{"without subject alternative names", "common name mail.example.com", "issued anew"}},
		"other names": {change: func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = nil, []string{"a.example", "b.example", "c.example", "d.example"}
		},
			says: []string{"for another host (a.example, b.example, c.example and others)", "set host to a name in the certificate"}},
		"expired": {change: func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) },
			says: []string{"expired on " + now.Add(-time.Minute).UTC().Format("2006-01-02 15:04 UTC"), "clock"}},
		"not yet valid": {change: func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) },
			says: []string{"not valid before " + now.Add(time.Minute).UTC().Format("2006-01-02 15:04 UTC"), "clock"}},
		"signed by itself": {unknown: true, says: []string{"signed itself", "ca_file"}},
		"old TLS":          {most: tls.VersionTLS11, says: []string{"versions of TLS that are too old"}},
	} {
		c := good
		if tt.change != nil {
			tt.change(&c)
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		der, err := x509.CreateCertificate(rand.Reader, &c, &c, &key.PublicKey, key)
		must(t, err)
		s := tlsServer(t, &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			MinVersion:   tls.VersionTLS10, MaxVersion: tt.most,
		})
		if !tt.unknown {
			s.CAFile = filepath.Join(t.TempDir(), "ca.pem")
			must(t, os.WriteFile(s.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
		}
		_, err = newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
		f := failure(t, err)
		for _, says := range tt.says {
			if !f.Refused || !strings.Contains(f.Reason, says) {
				t.Errorf("%s: refused %t, %s", name, f.Refused, f.Reason)
			}
		}
	}
}
