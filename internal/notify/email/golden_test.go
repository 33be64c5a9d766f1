package email_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim"
)

var update = flag.Bool("update", false, "rewrite the golden files")

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
			golden(t, name+".txt", []byte(string(headers)+"\n\n"+got.Text))
			golden(t, name+".html", []byte(got.HTML))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		must(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
