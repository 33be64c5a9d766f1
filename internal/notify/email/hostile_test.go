package email_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

// Whatever a name, a label or a reason holds, it stays where it was put.
func TestNothingGetsOutOfItsPlace(t *testing.T) {
	m := newSim(t, simmail.Plain)
	s := settings(t, m, simmail.Plain)
	send := func(h string) simmail.Message {
		message := notifytest.Firing()
		message.Title = "CRITICAL " + h
		g := &message.Groups[0]
		g.Heading, g.Advice = h, []string{h}
		g.Links = []notify.Link{{Text: h, URL: h}, {Text: "x", URL: "javascript:alert(1)"}, {Text: "x", URL: "https://example.com/" + h}}
		it := &g.Items[0]
		it.Notice.Instance, it.What, it.Where = h, h, h
		it.Line = "FIRING critical certificate_expiring " + h + ": " + h
		short := notifytest.Item("x")
		short.Name = h
		message.Groups = append(message.Groups, notify.Group{Brief: true, Firing: true, Heading: h, Advice: []string{h}, Items: []notify.Item{short}})
		message.Severity = check.Critical
		_, err := newReceiver(t, s).Deliver(t.Context(), message)
		must(t, err)
		all := m.Messages()
		return all[len(all)-1]
	}
	want := send("harmless")
	for _, h := range []string{
		"a\r\nBcc: evil@example.com", "a\nb", "a\rb", "a\x00b", "a\u2028RESOLVED b", "\u202eevil", "\x1b[2J", "\xff\xfe",
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</td></table>", "{{.Title}}", "&lt;", "'onmouseover='x",
		"\r\n.\r\nMAIL FROM:<evil@example.com>", ".", "=?utf-8?q?evil?=", "--boundary", "kätzchen 😀", strings.Repeat("long", 5000),
	} {
		got := send(h)
		if got.Problem != "" || len(got.Header) != len(want.Header) || len(got.To) != 1 || got.Header.Get("Bcc") != "" {
			t.Errorf("%.40q: %s, headers %v", h, got.Problem, got.Header)
		}
		if strings.ContainsAny(got.Subject, "\r\n\x00\x1b\u2028\u202e") || len([]rune(got.Subject)) > 180 {
			t.Errorf("%.40q: subject %q", h, got.Subject)
		}
		if strings.Count(got.Text, "\n") != strings.Count(want.Text, "\n") || strings.ContainsAny(got.Text, "\x00\x1b\u2028\u202e") {
			t.Errorf("%.40q: text\n%s", h, got.Text)
		}
		for _, bad := range []string{"<script", "<img", "javascript:", "\x00", "\u202e"} {
			if strings.Contains(got.HTML, bad) {
				t.Errorf("%.40q: %q in the HTML", h, bad)
			}
		}
		if strings.Count(got.HTML, "<t") != strings.Count(want.HTML, "<t") || strings.Count(got.HTML, `"`) != strings.Count(want.HTML, `"`) {
			t.Errorf("%.40q: the HTML is not the same:\n%s", h, got.HTML)
		}
		for _, l := range strings.Split(string(got.Raw), "\r\n") {
			if len(l) > 998 || strings.ContainsAny(l, "\r\n") {
				t.Errorf("%.40q: a line of %d bytes", h, len(l))
			}
		}
	}
}

func TestWhatTheLimitsPromiseFits(t *testing.T) {
	for _, of := range []string{"<", "ж", "="} {
		m := newSim(t, simmail.Plain)
		r := newReceiver(t, settings(t, m, simmail.Plain))
		limits := r.Limits()
		message := notifytest.Firing()
		g := &message.Groups[0]
		g.Items = nil
		for i := range notify.InFull {
			it := notifytest.Item(fmt.Sprintf("cache-%04d", i))
			it.What = strings.Repeat(of, (limits.Bytes/notify.InFull-len(it.Line))/len(of))
			it.Line = "FIRING critical certificate_expiring " + it.Notice.Instance + ": " + it.What + " (" + it.Where + ")"
			g.Items = append(g.Items, it)
		}
		short := notify.Group{Brief: true, Firing: true, Heading: "FIRING critical certificate_expiring: 10000"}
		it := notifytest.Item("x")
		for i := range limits.Items {
			it.Name = fmt.Sprintf("named-%05d", i)
			it.Name += strings.Repeat(of, (limits.Names/limits.Items-len(it.Short()))/len(of))
			short.Items = append(short.Items, it)
		}
		message.Groups = append(message.Groups, short)
		_, err := r.Deliver(t.Context(), message)
		must(t, err)
		got := m.Messages()[0]
		if n := len(got.Raw); n > 9<<20 || got.Problem != "" {
			t.Errorf("%q: %d bytes, %s", of, n, got.Problem)
		}
		for _, it := range g.Items {
			if !strings.Contains(got.Text, "\n"+it.Line+"\n") || !strings.Contains(got.HTML, "<b>"+it.Notice.Instance+"</b>") {
				t.Fatalf("%q: %s is missing", of, it.Notice.Instance)
			}
		}
		for i, l := range []string{got.Text, got.HTML} {
			if n := strings.Count(l, "named-"); n != limits.Items {
				t.Errorf("%q: %d of %d names in part %d", of, n, limits.Items, i)
			}
		}
	}
}
