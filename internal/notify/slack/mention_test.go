package slack_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
)

func TestOnlyWhatIsCriticalAndStandsWakesAnybody(t *testing.T) {
	const markup = "<!here> <@U0123456789> <!subteam^S0123456789>"
	only := func(m notify.Message, err error) notify.Message { return m }
	for name, tt := range map[string]struct {
		message func(receipt json.RawMessage) notify.Message
		wakes   bool
	}{
		"critical":                  {func(json.RawMessage) notify.Message { return notifytest.Firing() }, true},
		"critical among others":     {func(json.RawMessage) notify.Message { return notifytest.Digest() }, true},
		"tighter":                   {notifytest.Tighter, true},
		"a critical reminder":       {notifytest.Reminder, true},
		"a reminder of a warning":   {notifytest.MildReminder, false},
		"the end of a critical one": {notifytest.Resolution, false},
		"a test":                    {func(json.RawMessage) notify.Message { return only(utc.Test("x", notifytest.Now), nil) }, false},
		"a warning and a critical that ended": {func(json.RawMessage) notify.Message {
			m := notifytest.Resolution(nil)
			warning := notifytest.Item("search-cache")
			warning.Notice.Severity = check.Warning
			m.Groups = append(m.Groups, notify.Group{Items: []notify.Item{warning}})
			m.Firing = true
			return m
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			b := newBot(t, s.APIURL(), "@here", "U0123456789", "S0123456789")
			receipt := first(t, b)
			_, err := b.Deliver(t.Context(), tt.message(receipt))
			must(t, err)
			got := s.Messages("")[1]
			blocks := unescape(got.Blocks)
			title, _, _ := strings.Cut(got.Text, "\n")
			if strings.Contains(blocks, `"`+markup+`"`) != tt.wakes || strings.HasSuffix(title, " "+markup) != tt.wakes || strings.Contains(got.Text, "<") != tt.wakes {
				t.Errorf("text %q, blocks %s", got.Text, blocks)
			}
		})
	}
}

// An edit wakes nobody, whatever it says.
func TestAnEditMentionsNobody(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL(), "@here")
	_, then := notifytest.TighterThen(first(t, b))
	must(t, b.Edit(t.Context(), then))
	if m := s.Messages("")[0]; strings.Contains(m.Text+unescape(m.Blocks), "<!here>") {
		t.Errorf("%s\n%s", m.Text, m.Blocks)
	}
}

// What others write never wakes anybody.
func TestANameThatLooksLikeAMentionIsNone(t *testing.T) {
	s := newSim(t)
	for _, name := range []string{"<!here>", "@here", "<@U0123456789>", "<!subteam^S0123456789>"} {
		m := notifytest.Firing()
		m.Title += " " + name
		m.Groups[0].Items[0].Line += " " + name
		m.Note = name
		_, err := newBot(t, s.APIURL(), "S0123456789").Deliver(t.Context(), m)
		must(t, err)
		all := s.Messages("")
		got := all[len(all)-1]
		_, blocks, _ := strings.Cut(unescape(got.Blocks), `"type":"section"`) // the header has no markup
		if n := strings.Count(got.Text+blocks, "<!"); n != 2 {                // ours, in text and blocks
			t.Errorf("%s: %s\n%s", name, got.Text, got.Blocks)
		}
		if strings.Contains(got.Text+blocks, "<@") {
			t.Errorf("%s: %s\n%s", name, got.Text, got.Blocks)
		}
	}
}

func TestWhoCanBeMentioned(t *testing.T) {
	for who, want := range map[string]string{
		"@here": "<!here>", "@channel": "<!channel>", "@everyone": "<!everyone>", "U0123456789": "<@U0123456789>", "W012A3CDE": "<@W012A3CDE>",
		"S0123456789": "<!subteam^S0123456789>",
		"here":        "", "@oncall": "", "U1": "", "u0123456789": "", "C0123456789": "", "<!here>": "", "U0123456789>": "", "": "", "U0123456789\n": "",
	} {
		if got, valid := slack.Mention(who); got != want || valid != (want != "") {
			t.Errorf("%q: %q %t", who, got, valid)
		}
	}
}

func unescape(blocks json.RawMessage) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(blocks))
}
