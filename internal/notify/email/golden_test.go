package email_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim"
)

// boundary is the one thing in a mail that is left to chance.
var boundary = regexp.MustCompile(`boundary=\w+`)

// Mails as they arrive. Read a difference as someone woken at three.
func TestMailsAsTheyArrive(t *testing.T) {
	for name, message := range map[string]notify.Message{
		"firing": notifytest.Firing(), "digest": notifytest.Digest(), "tighter": notifytest.Tighter(nil), "resolution": notifytest.Resolution(nil),
		"test": notify.Test("golden", notifytest.Now),
	} {
		t.Run(name, func(t *testing.T) {
			m := newSim(t, sim.MailPlain)
			_, err := newReceiver(t, settings(t, m, sim.MailPlain)).Deliver(t.Context(), message)
			must(t, err)
			got := m.Messages()[0]
			if got.Problem != "" {
				t.Fatal(got.Problem)
			}
			headers, _, _ := bytes.Cut(got.Raw, []byte("\r\n\r\n"))
			headers = boundary.ReplaceAll(bytes.ReplaceAll(headers, []byte("\r\n"), []byte("\n")), []byte("boundary=BOUNDARY"))
			golden.Assert(t, string(headers)+"\n\n"+got.Text, name+".txt.golden")
			golden.Assert(t, got.HTML, name+".html.golden")
		})
	}
}

func TestARepeatSaysSo(t *testing.T) {
	m := notifytest.Firing()
	m.Note = "This may be a repeat <b>."
	server := newSim(t, sim.MailPlain)
	_, err := newReceiver(t, settings(t, server, sim.MailPlain)).Deliver(t.Context(), m)
	must(t, err)
	got := server.Messages()[0]
	if !strings.Contains(got.Text, "\nThis may be a repeat <b>.\n") || !strings.Contains(got.HTML, ">This may be a repeat &lt;b&gt;.<") {
		t.Errorf("text %s\nHTML %s", got.Text, got.HTML)
	}
}
