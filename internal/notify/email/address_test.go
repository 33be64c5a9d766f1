package email_test

import (
	"mime"
	"net"
	"net/mail"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

func TestAddressesAreWhatEveryServerTakes(t *testing.T) {
	for text, want := range map[string]string{
		"a@example.com":                    "a@example.com",
		"sslwatch <A.b+c@Mon.Example.com>": "A.b+c@Mon.Example.com",
		"a@kätzchen.example":               "a@xn--ktzchen-5wa.example",
		"a@KÄTZCHEN.Example":               "a@xn--ktzchen-5wa.example",
		"a@例子.example":                     "a@xn--fsqu00a.example",
		"kätzchen@example.com":             "kätzchen@example.com",
		"a@[192.0.2.1]":                    "a@[192.0.2.1]",
		"a@mail_1.example.com":             "a@mail_1.example.com",
		"a@localhost":                      "a@localhost",
	} {
		if got, err := email.ParseAddress(text); err != nil || got.Address != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "a", "a@", "@example.com", "a@b@c", "a@example.com, b@example.com", "a@exa mple.com", "a@-example.com", "a@[not an address]",
		`"s> SIZE=99 AUTH=<>"@example.com`, `"a b"@example.com`, `"a@b"@example.com`, `"a\"b"@example.com`, `"<a>"@example.com`,
		`".a"@example.com`, `"a..b"@example.com`, `""@example.com`, "\"a\x00b\"@example.com", "\"a\u00a0b\"@example.com", "\"a\u202eb\"@example.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a", 64) + ".example", "a@" + strings.Repeat("a.", 130) + "example", "a@xn--a.example",
	} {
		if got, err := email.ParseAddress(text); err == nil {
			t.Errorf("%q is taken for %q", text, got.Address)
		}
	}
}

// A configuration is no mail: a name in it that looks like an encoded word is
// that name.
func TestANameIsMeantAsItIsWritten(t *testing.T) {
	for text, want := range map[string]mail.Address{
		"=?utf-8?q?Ops?= <a@example.com>":         {Name: "=?utf-8?q?Ops?=", Address: "a@example.com"},
		`"=?utf-8?b?T3Bz?= team" <a@example.com>`: {Name: "=?utf-8?b?T3Bz?= team", Address: "a@example.com"},
		"a=?b@example.com":                        {Address: "a=?b@example.com"},
		"Ops 运维 <a@example.com>":                  {Name: "Ops 运维", Address: "a@example.com"},
	} {
		if got, err := email.ParseAddress(text); err != nil || *got != want {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
}

// Whatever is taken for an address can't become more than one in a command.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@example.com", `"s> SIZE=99"@example.com`, "Ops <a@kätzchen.example>", "a@[192.0.2.1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := email.ParseAddress(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.Address, " <>\"\\,;\r\n\t\x00") || strings.Count(a.Address, "@") != 1 {
			t.Errorf("%q became %q", s, a.Address)
		}
	})
}

func TestWeGreetByTheNameOfThisMachine(t *testing.T) {
	local := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4711}
	for _, tt := range []struct{ configured, hostname, want string }{
		{"", "ops1.example.com", "ops1.example.com"},
		{"", "Ops1.Example.COM.", "ops1.example.com"},
		{"", "ops1", "[10.1.2.3]"},
		{"", "localhost", "[10.1.2.3]"},
		{"", "localhost.localdomain", "[10.1.2.3]"},
		{"", "3f1c9a5be0d2", "[10.1.2.3]"},
		{"", "my_host.example.com", "[10.1.2.3]"},
		{"", "", "[10.1.2.3]"},
		{"", "bad\r\nname.example.com", "[10.1.2.3]"},
		{"mon.example.com", "ops1.example.com", "mon.example.com"},
		{"kätzchen.example", "ops1", "xn--ktzchen-5wa.example"},
		{"[192.0.2.7]", "ops1", "[192.0.2.7]"},
	} {
		if got := email.Greeting(tt.configured, tt.hostname, local); got != tt.want {
			t.Errorf("%q on %q: %q, want %q", tt.configured, tt.hostname, got, tt.want)
		}
	}
	six := &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 4711}
	if got := email.Greeting("", "ops1", six); got != "[IPv6:2001:db8::1]" {
		t.Error(got)
	}
	m := newSim(t, simmail.Plain)
	s := settings(t, m, simmail.Plain)
	s.HELO = "mon.example.com"
	_, err := newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
	if must(t, err); m.Messages()[0].Hello != "mon.example.com" {
		t.Error(m.Messages()[0].Hello)
	}
}

// Nothing is asked of a server that a mail in ASCII does not need.
func TestNoExtensionIsAskedForWithoutNeed(t *testing.T) {
	for _, utf8 := range []bool{false, true} {
		m, err := simmail.New(simmail.Options{TLS: simmail.Plain, UTF8: utf8})
		must(t, err)
		t.Cleanup(func() { m.Close() })
		must(t, m.Listen(""))
		s := settings(t, m, simmail.Plain)
		s.From, s.To = "Kätzchen <a@kätzchen.example>", "Ops ж <b@例子.example>"
		_, err = newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
		must(t, err)
		got := m.Messages()[0]
		if got.From != "a@xn--ktzchen-5wa.example" || got.To[0] != "b@xn--fsqu00a.example" || len(got.Extensions) != 0 {
			t.Errorf("from %s to %s with %v", got.From, got.To, got.Extensions)
		}
		for _, c := range got.Raw {
			if c >= 0x80 {
				t.Fatalf("not of ASCII:\n%s", got.Raw)
			}
		}
		for header, want := range map[string]string{"From": "Kätzchen <a@xn--ktzchen-5wa.example>", "To": "Ops ж <b@xn--fsqu00a.example>"} {
			if read, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get(header)); err != nil || read != want {
				t.Errorf("%s: %q, %v", header, read, err)
			}
		}

		s.To = "kätzchen@example.com"
		_, err = newReceiver(t, s).Deliver(t.Context(), notifytest.Firing())
		if utf8 {
			must(t, err)
			if got := m.Messages()[1]; strings.Join(got.Extensions, " ") != "SMTPUTF8" {
				t.Errorf("asked for %v", got.Extensions)
			}
		} else if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, "SMTPUTF8") {
			t.Errorf("%+v", f)
		}
	}
}

func TestHeadersHoldWhatTheyAreGiven(t *testing.T) {
	for _, text := range []string{
		"CRITICAL orders-cache: certificate expires in 5 days", "=?utf-8?q?evil?=", "a =?utf-8?b?ZXZpbA==?= b", "kätzchen", "订单缓存 证书将在五天后到期",
		strings.Repeat("kätzchen ", 19), strings.Repeat("long", 40), strings.Repeat("word ", 40) + "end", "x", strings.Repeat("😀", 60), "a  b",
	} {
		raw := email.Encoded("Subject", text)
		for i, line := range strings.Split("Subject: "+raw, "\r\n") {
			if strings.TrimSpace(line) == "" || i == 0 && strings.TrimSpace(strings.TrimPrefix(line, "Subject:")) == "" {
				t.Errorf("%.30q: line %d is empty:\n%s", text, i, raw)
			}
			if i > 0 && !strings.HasPrefix(line, " ") {
				t.Errorf("%.30q: line %d does not continue the header", text, i)
			}
			if len(line) > 76 && strings.Contains(line, "=?utf-8?q?") || len(line) > 998 {
				t.Errorf("%.30q: line %d has %d bytes", text, i, len(line))
			}
		}
		unfolded := strings.ReplaceAll(raw, "\r\n", "")
		if got, err := new(mime.WordDecoder).DecodeHeader(unfolded); err != nil || got != text {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
}

func FuzzEncoded(f *testing.F) {
	f.Add("=?utf-8?q?evil?= kätzchen")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			return // cleaned before
		}
		raw := email.Encoded("Subject", text)
		if got, err := new(mime.WordDecoder).DecodeHeader(strings.ReplaceAll(raw, "\r\n", "")); err != nil || got != text {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	})
}
