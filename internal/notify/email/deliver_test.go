package email_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

var modes = []simmail.TLS{simmail.StartTLS, simmail.Implicit, simmail.Plain}

func TestAMailArrives(t *testing.T) {
	for _, mode := range modes {
		m := newSim(t, mode)
		receipt, err := newReceiver(t, settings(t, m, mode)).Deliver(t.Context(), notifytest.Digest())
		must(t, err)
		all := m.Messages()
		if receipt != nil || len(all) != 1 || m.Dials() != 1 {
			t.Fatalf("%s: receipt %s, %d mails, %d dials", mode, receipt, len(all), m.Dials())
		}
		got := all[0]
		if got.TLS != (mode != simmail.Plain) || got.From != "sslwatch@Mon.Example.com" || fmt.Sprint(got.To) != "[ops@example.com]" ||
			got.Subject != "[sslwatch] "+notifytest.Digest().Title || got.MessageID != notifytest.Digest().ID+"@mon.example.com" || got.Problem != "" {
			t.Errorf("%s: %+v", mode, got)
		}
		for _, g := range notifytest.Digest().Groups {
			for _, i := range g.Items {
				if !strings.Contains(got.Text, "\n"+i.Line+"\n") || !strings.Contains(got.HTML, i.Where) {
					t.Errorf("%s: %q is not on a line of its own, or not in the HTML", mode, i.Line)
				}
			}
		}
	}
}

func TestARepetitionHasTheSameID(t *testing.T) {
	m := newSim(t, simmail.Plain)
	r := newReceiver(t, settings(t, m, simmail.Plain))
	for range 2 {
		_, err := r.Deliver(t.Context(), notifytest.Firing())
		must(t, err)
	}
	if all := m.Messages(); all[0].MessageID != all[1].MessageID || all[0].Header.Get("Date") != all[1].Header.Get("Date") {
		t.Errorf("%q and %q", all[0].MessageID, all[1].MessageID)
	}
}

func TestAMailThatMayBeARepeatSaysSo(t *testing.T) {
	m := newSim(t, simmail.Plain)
	message := notifytest.Firing()
	message.Note = "This may be a repeat."
	_, err := newReceiver(t, settings(t, m, simmail.Plain)).Deliver(t.Context(), message)
	must(t, err)
	got := m.Messages()[0]
	if !strings.Contains(got.Text, "\nThis may be a repeat.\n") || !strings.Contains(got.HTML, ">This may be a repeat.</p>") || got.Header.Get("X-Sslwatch-Repeat") != "maybe" {
		t.Errorf("%v\n%s\n%s", got.Header, got.Text, got.HTML)
	}
}

// Mail readers make one thread of what refers to the same first mail.
func TestACertificateIsOneThreadToItsEnd(t *testing.T) {
	m := newSim(t, simmail.Plain)
	r := newReceiver(t, settings(t, m, simmail.Plain))
	life := notifytest.Life()
	for _, message := range life {
		_, err := r.Deliver(t.Context(), message)
		must(t, err)
	}
	all := m.Messages()
	for i, word := range []string{"expires in", "expires in", "expired", "expired", "renewed", "expires in"} {
		got := all[i]
		refs := strings.Fields(got.Header.Get("References"))
		if !strings.Contains(got.Subject, word) {
			t.Errorf("mail %d is %q, want %q", i, got.Subject, word)
		}
		if begins := i == 0 || i == 5; begins != (len(refs) == 0) || !begins && refs[0] != "<"+all[0].MessageID+">" {
			t.Errorf("mail %d, %q, follows %v", i, got.Subject, refs)
		}
	}
}

func TestReferencesStayWithinAHeader(t *testing.T) {
	m := newSim(t, simmail.Plain)
	message := notifytest.Tighter(nil)
	for i := range 3000 {
		message.References = append(message.References, fmt.Sprintf("%024x", i))
	}
	_, err := newReceiver(t, settings(t, m, simmail.Plain)).Deliver(t.Context(), message)
	must(t, err)
	got := m.Messages()[0]
	refs := strings.Fields(got.Header.Get("References"))
	if len(refs) != 50 || refs[0] != "<"+notifytest.Firing().ID+"@mon.example.com>" || got.Header.Get("In-Reply-To") != refs[49] {
		t.Errorf("%d references from %s, in reply to %s", len(refs), refs[0], got.Header.Get("In-Reply-To"))
	}
	for _, l := range strings.Split(string(got.Raw), "\r\n") {
		if len(l) > 998 {
			t.Errorf("a line of %d bytes", len(l))
		}
	}
}

func TestSettingsThatCantWork(t *testing.T) {
	good := email.Settings{Host: "mail.example.com", Port: 587, Security: email.STARTTLS, From: "a@example.com", To: "b@example.com"}
	if _, err := email.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*email.Settings){
		"no host":         func(s *email.Settings) { s.Host = "" },
		"no port":         func(s *email.Settings) { s.Port = 0 },
		"no sender":       func(s *email.Settings) { s.From = "" },
		"no recipient":    func(s *email.Settings) { s.To = "" },
		"two recipients":  func(s *email.Settings) { s.To = "a@example.com, b@example.com" },
		"a line too many": func(s *email.Settings) { s.To = "a@example.com\r\nBcc: evil@example.com" },
		"what security":   func(s *email.Settings) { s.Security = "ssl" },
		"clear password": func(s *email.Settings) {
			s.Security, s.Username, s.Password = email.None, user, secret.New(password)
		},
	} {
		s := good
		change(&s)
		if _, err := email.New(s); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What each refusal means: 5xx needs a person, 4xx and all that is no answer
// needs another try.
func TestWhatIsMadeOfEachFailure(t *testing.T) {
	type verdict struct {
		stage   simmail.Stage
		fault   simmail.Fault
		refused bool
		says    string
	}
	table := []verdict{
		{simmail.TLSStage, simmail.NotOffered, true, "does not offer STARTTLS"},
		{simmail.TLSStage, simmail.WrongName, true, "shows a certificate for another host (elsewhere.invalid): set host to a name in the certificate"},
		{simmail.Auth, simmail.Reply.With("535 5.7.8 you are " + password), true, "answered AUTH PLAIN with 535 5.7.8 you are [redacted], answered AUTH LOGIN with 535 5.7.8 you are [redacted]: check username and password"},
		{simmail.Auth, simmail.Reply.With("454 4.7.0 later"), false, "answered AUTH PLAIN with 454 4.7.0 later"},
		{simmail.Auth, simmail.Reply.With("421 4.7.0 bye"), false, "421"},
		{simmail.From, simmail.Reply.With("550 5.7.1 not as this address"), true, "in from"},
		{simmail.Recipient, simmail.Reply.With("550 5.1.1 no such user"), true, "answered RCPT TO with 550 5.1.1 no such user: check the address in to"},
		{simmail.Recipient, simmail.Reply.With("450 4.2.0 greylisted"), false, "greylisted"},
		{simmail.Data, simmail.Reply.With("554 5.7.1 spam"), true, "end of DATA"},
		{simmail.Data, simmail.Reply.With("550 a\x1b[31mb " + strings.Repeat("long ", 300)), true, "…: ask"},
		{simmail.Taken, simmail.Reply, false, "end of DATA"},
	}
	for _, stage := range []simmail.Stage{simmail.Connect, simmail.Hello, simmail.From, simmail.Recipient, simmail.Data} {
		table = append(table,
			verdict{stage, simmail.Reply.With("451 4.3.0 not now"), false, "451"},
			verdict{stage, simmail.Reply.With("421 4.3.0 not now"), false, "421"},
			verdict{stage, simmail.Reply.With("554 5.3.0 never"), true, "554"},
		)
	}
	for _, stage := range []simmail.Stage{
		simmail.Connect, simmail.Hello, simmail.TLSStage, simmail.Auth, simmail.From, simmail.Recipient, simmail.Data, simmail.Taken,
	} {
		table = append(table, verdict{stage, simmail.Drop, false, "connection"})
	}
	for _, mode := range modes {
		for _, tt := range table {
			if mode != simmail.StartTLS && tt.fault == simmail.NotOffered ||
				mode == simmail.Plain && (tt.stage == simmail.TLSStage || tt.stage == simmail.Auth) {
				continue
			}
			m := newSim(t, mode)
			r := newReceiver(t, settings(t, m, mode))
			must(t, m.Fail(tt.stage, tt.fault))
			_, err := r.Deliver(t.Context(), notifytest.Firing())
			if err == nil {
				t.Errorf("%s, %s %.40s: delivered", mode, tt.stage, tt.fault)
				continue
			}
			f := failure(t, err)
			if f.Refused != tt.refused || f.RetryAfter != 0 || !strings.Contains(f.Reason, tt.says) {
				t.Errorf("%s, %s %.40s: refused %t, %q", mode, tt.stage, tt.fault, f.Refused, f.Reason)
			}
			m.Heal()
			if f.Unknown != (tt.stage == simmail.Taken && tt.fault == simmail.Drop || tt.stage == simmail.Data && tt.fault == simmail.Drop) {
				t.Errorf("%s, %s %.40s: unknown %t", mode, tt.stage, tt.fault, f.Unknown)
			}
			if _, err := newReceiver(t, settings(t, m, mode)).Deliver(t.Context(), notifytest.Firing()); err != nil {
				t.Errorf("%s, %s %.40s, healed: %v", mode, tt.stage, tt.fault, err)
			}
		}
	}
}

func TestAnEndedContextEndsTheDeliveryAtEveryStage(t *testing.T) {
	for _, mode := range modes {
		for _, stage := range []simmail.Stage{
			simmail.Connect, simmail.Hello, simmail.TLSStage, simmail.Auth, simmail.From, simmail.Recipient, simmail.Data, simmail.Taken,
		} {
			if mode == simmail.Plain && (stage == simmail.TLSStage || stage == simmail.Auth) {
				continue
			}
			m := newSim(t, mode)
			r := newReceiver(t, settings(t, m, mode))
			must(t, m.Fail(stage, simmail.Hang))
			_, err := r.Deliver(soon(t), notifytest.Firing())
			f := failure(t, err)
			if !errors.Is(err, context.DeadlineExceeded) || f.Refused || !strings.Contains(f.Reason, "time for one mail was over") {
				t.Errorf("%s, %s: %+v", mode, stage, f)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = r.Deliver(ctx, notifytest.Firing())
			if f := failure(t, err); !errors.Is(err, context.Canceled) || f.Refused {
				t.Errorf("%s, %s, cancelled: %+v", mode, stage, f)
			}
		}
	}
}

func TestNobodyThere(t *testing.T) {
	m := newSim(t, simmail.StartTLS)
	r := newReceiver(t, settings(t, m, simmail.StartTLS))
	must(t, m.Close())
	_, err := r.Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); f.Refused || !strings.Contains(f.Reason, "refused the connection") {
		t.Errorf("%+v", f)
	}
	m = newSim(t, simmail.Plain)
	r = newReceiver(t, settings(t, m, simmail.Plain))
	m.Down()
	_, err = r.Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); f.Refused {
		t.Errorf("%+v", f)
	}
}

// Whatever the CA file has become since the configuration was read.
func TestACAFileThatCantBeReadFailsTheDeliveryAtOnce(t *testing.T) {
	dir := t.TempDir()
	empty, fifo, huge := filepath.Join(dir, "empty"), filepath.Join(dir, "fifo"), filepath.Join(dir, "huge")
	must(t, os.WriteFile(empty, nil, 0o600))
	must(t, os.WriteFile(huge, nil, 0o600))
	must(t, os.Truncate(huge, 300<<20))
	must(t, syscall.Mkfifo(fifo, 0o600))
	for file, says := range map[string]string{empty + "x": "no such file", empty: "no certificate", fifo: "a pipe", huge: "too large", dir: "is a directory"} {
		s := settings(t, newSim(t, simmail.StartTLS), simmail.StartTLS)
		s.CAFile = file
		_, err := newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, "ca_file") || !strings.Contains(f.Reason, says) {
			t.Errorf("%s: %+v", file, f)
		}
	}
}

func TestAnUnknownAuthority(t *testing.T) {
	for _, mode := range []simmail.TLS{simmail.StartTLS, simmail.Implicit} {
		m, other := newSim(t, mode), newSim(t, mode)
		s := settings(t, m, mode)
		must(t, other.WriteCA(s.CAFile))
		r := newReceiver(t, s)
		_, err := r.Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, "unknown authority (sslwatch sim CA)") || !strings.Contains(f.Reason, "ca_file") {
			t.Errorf("%s: %+v", mode, f)
		}
		// The file is read each time, so that it can be mended.
		must(t, m.WriteCA(s.CAFile))
		_, err = r.Deliver(t.Context(), notifytest.Firing())
		must(t, err)
		must(t, os.Remove(s.CAFile))
		_, err = r.Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, "no such file") {
			t.Errorf("%s: %+v", mode, f)
		}
		s.CAFile = ""
		_, err = newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); !f.Refused {
			t.Errorf("%s, the system's: %+v", mode, f)
		}
	}
}

func TestTLSWhereThereIsNone(t *testing.T) {
	m := newSim(t, simmail.Plain)
	s := settings(t, m, simmail.Plain)
	s.Security = email.Implicit
	_, err := newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, `tls = "starttls"`) {
		t.Errorf("%+v", f)
	}
	s.Security, s.Username, s.Password = email.STARTTLS, user, secret.New(password)
	_, err = newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, `tls = "implicit"`) {
		t.Errorf("%+v", f)
	}
}
