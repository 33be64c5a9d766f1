package email_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

// boundary is the one thing in a mail that is left to chance.
var boundary = regexp.MustCompile(`boundary=\w+`)

// Mails as they arrive. Read a difference as someone woken at three.
func TestMailsAsTheyArrive(t *testing.T) {
	for name, message := range map[string]notify.Message{
		"firing": notifytest.Firing(), "zone": notifytest.FiringIn(time.FixedZone("", 8*60*60)), "digest": notifytest.Digest(), "tighter": notifytest.Tighter(nil), "resolution": notifytest.Resolution(nil),
		"test": notify.Wording{}.Test("golden", notifytest.Now), "digest-of-many": many(60),
	} {
		t.Run(name, func(t *testing.T) {
			m := newSim(t, simmail.Plain)
			_, err := newReceiver(t, settings(t, m, simmail.Plain)).Deliver(t.Context(), message)
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

// many is a digest that names some in short.
func many(n int) notify.Message {
	m, _ := notifytest.NewCrowd(n, 6, false).Next(notify.Limits{Items: n, Bytes: 1 << 20}, notifytest.Now)
	return m
}

// A mail reader that shows the first 102 kB of a mail shows all of it.
func TestAThousandAlertsAreOneMailThatIsShownWhole(t *testing.T) {
	s := newSim(t, simmail.Plain)
	r := newReceiver(t, settings(t, s, simmail.Plain))
	owed := notifytest.NewCrowd(1200, 1, false).Owed(notifytest.Now)[:1000]
	batch := notify.Wording{}.Batch(owed, r.Limits(), notifytest.Now)
	_, err := r.Deliver(t.Context(), notify.Wording{}.Compose(batch, nil, notifytest.Now))
	must(t, err)
	got := s.Messages()[0]
	if len(batch) != len(owed) || len(got.HTML) > 102<<10 || got.Problem != "" {
		t.Errorf("%d alerts in %d bytes of HTML, %s", len(batch), len(got.HTML), got.Problem)
	}
	for _, n := range owed {
		line, short := ", instance "+n.InstanceID+")\n", "\n"+n.Instance+" "+n.InstanceID+"\n"
		if strings.Count(got.Text, line)+strings.Count(got.Text, short) != 1 || strings.Count(got.HTML, n.InstanceID) != 1 ||
			strings.Count(got.HTML, "<b>"+n.Instance+"</b>") != 1 {
			t.Errorf("%s (%s) is not named once", n.Instance, n.InstanceID)
		}
	}
	t.Logf("%d alerts: text %d bytes, HTML %d, mail %d", len(owed), len(got.Text), len(got.HTML), len(got.Raw))
}

func TestARepeatSaysSo(t *testing.T) {
	m := notifytest.Firing()
	m.Note = "This may be a repeat <b>."
	server := newSim(t, simmail.Plain)
	_, err := newReceiver(t, settings(t, server, simmail.Plain)).Deliver(t.Context(), m)
	must(t, err)
	got := server.Messages()[0]
	if !strings.Contains(got.Text, "\nThis may be a repeat <b>.\n") || !strings.Contains(got.HTML, ">This may be a repeat &lt;b&gt;.<") {
		t.Errorf("text %s\nHTML %s", got.Text, got.HTML)
	}
}
