package slack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
)

// long is an item of about so many bytes that begins with its number.
func long(n, bytes int, of string) notify.Item {
	it := notifytest.Item(fmt.Sprintf("c%04d", n))
	it.Line = fmt.Sprintf("FIRING warning certificate_expiring c%04d: ", n)
	it.Line += strings.Repeat(of, max(0, bytes-len(it.Line))/len(of))
	return it
}

// The sim refuses what Slack would: too many blocks, a section or a header
// too long, or all of them together.
func TestWhatTheLimitsPromiseFits(t *testing.T) {
	for _, of := range []string{"x", "&", "_", "😀", "\xff", " ", "`&😀<ж"} {
		for _, apart := range []bool{false, true} {
			all := 50
			if apart && len(of) > 8 {
				all = 1000
			}
			s := newSim(t)
			for name, r := range map[string]notify.Sender{"bot": newBot(t, s.APIURL()), "webhook": newWebhook(t, s.URL())} {
				for next := 0; next < all; {
					m := hostile(&next, all, r.Limits(), of, apart)
					_, err := r.Deliver(t.Context(), m)
					must(t, err)
					sent := s.Messages("")[0]
					shownWhole(t, name+" "+of, sent.Blocks, m)
					must(t, s.Delete(sent.Channel, sent.TS))
				}
			}
		}
	}
}

// hostile is as large a message as the limits allow, of items that are not
// told yet, each in a group of its own or all in one.
func hostile(next *int, all int, limits notify.Limits, of string, apart bool) notify.Message {
	m := notifytest.Firing()
	m.Title, m.Groups = strings.Repeat(of, 400), nil
	for range notify.InFull {
		if *next == all {
			break
		}
		if apart || len(m.Groups) == 0 {
			m.Groups = append(m.Groups, notify.Group{
				Heading: strings.Repeat(of, 300), Firing: true,
				Advice: []string{fmt.Sprint(*next) + strings.Repeat(of, 300), strings.Repeat(of, 300)},
				Links:  []notify.Link{{Text: of, URL: fmt.Sprintf("https://example.com/%d/%s", *next, strings.Repeat("a", 300))}},
			})
		}
		g := &m.Groups[len(m.Groups)-1]
		g.Items = append(g.Items, long(*next, limits.Bytes/notify.InFull, of))
		*next++
	}
	return m
}

// The planner always takes the first item, whatever its length.
func TestALineTooLongIsShortenedAndNotDropped(t *testing.T) {
	s := newSim(t)
	for _, of := range []string{"x", "&", "😀"} {
		m := notifytest.Firing()
		m.Groups[0].Items = []notify.Item{long(1, 300_000, of), long(2, 100, of)}
		_, err := newBot(t, s.APIURL()).Deliver(t.Context(), m)
		must(t, err)
		got := s.Messages("")[len(s.Messages(""))-1]
		shownWhole(t, of, got.Blocks, m)
		if n := utf8.RuneCountInString(got.Text); n > 40_000 || !utf8.ValidString(got.Text) || strings.Count(got.Text, "\n") != 2 {
			t.Errorf("%s: the text has %d characters", of, n)
		}
	}
	if s.Calls()["chat.postMessage"] != 3 {
		t.Errorf("calls: %v", s.Calls())
	}
}

// An earlier message may stand for many alerts when it is edited.
func TestAnEditFits(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL())
	_, then := notifytest.TighterThen(first(t, b))
	then.Title, then.Entries = strings.Repeat("&", 500), nil
	for i := range notify.InFull {
		then.Entries = append(then.Entries, ledger.Entry{Line: long(i, 2000, "&").Line, Severity: check.Warning, Over: i%2 == 0})
	}
	must(t, b.Edit(t.Context(), then))
	if f := s.Messages("")[0]; len(f.Edits) != 1 || strings.Count(f.Plain(), "✅ FIRING") != notify.InFull/2 {
		t.Errorf("the first message: %d edits, %s", len(f.Edits), f.Plain())
	}
}

// shownWhole checks that every item is in the blocks.
func shownWhole(t *testing.T, name string, blocks json.RawMessage, m notify.Message) {
	t.Helper()
	var all []struct{ Text struct{ Text string } }
	_ = json.Unmarshal(blocks, &all)
	for _, g := range m.Groups {
		for _, it := range g.Items {
			found := false
			for _, b := range all {
				found = found || strings.Contains(b.Text.Text, it.Notice.Instance)
			}
			if !found { // without blocks too: Slack did not take them
				t.Fatalf("%s: %s is not in %s", name, it.Notice.Instance, blocks)
			}
		}
	}
	if len(all) > 45 {
		t.Errorf("%s: %d blocks", name, len(all))
	}
}
