package slack_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// first delivers a first message and returns its receipt.
func first(t *testing.T, b notify.Sender) json.RawMessage {
	t.Helper()
	receipt, err := b.Deliver(t.Context(), notifytest.Firing())
	must(t, err)
	return receipt
}

func TestWhatFollowsGoesIntoTheThreadOfTheFirstMessageAndIsSeenInTheChannelIfItMatters(t *testing.T) {
	for name, tt := range map[string]struct {
		next      func(json.RawMessage) notify.Message
		broadcast bool
	}{
		"an escalation":              {notifytest.Tighter, true},
		"an end":                     {notifytest.Resolution, true},
		"a reminder, critical":       {notifytest.Reminder, true},
		"a reminder that is no news": {notifytest.MildReminder, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			b := newBot(t, s.APIURL())
			receipt := first(t, b)
			var at struct{ Channel, TS string }
			must(t, json.Unmarshal(receipt, &at))
			if m := s.Messages("")[0]; at.TS != m.TS || at.Channel != m.ChannelID {
				t.Errorf("receipt %s, message %s in %s", receipt, m.TS, m.ChannelID)
			}
			m := tt.next(receipt)
			reply, err := b.Deliver(t.Context(), m)
			must(t, err)
			all := s.Messages("")
			if reply != nil || len(all) != 2 {
				t.Fatalf("receipt %s, %d messages", reply, len(all))
			}
			if r := all[1]; r.ThreadTS != at.TS || r.Broadcast != tt.broadcast || !strings.Contains(r.Text, "\n"+m.Groups[0].Items[0].Line) {
				t.Errorf("the reply: %+v", r)
			}
			if s.Calls()["chat.update"] != 0 {
				t.Error("the news waited for an edit")
			}
		})
	}
}

func TestFollowingAgainAfterACrashCanBeRecognised(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL())
	m := notifytest.Resolution(first(t, b))
	for range 2 {
		_, err := b.Deliver(t.Context(), m)
		must(t, err)
	}
	if all := s.Messages(""); len(all) != 3 || !bytes.Equal(all[1].Metadata, all[2].Metadata) {
		t.Errorf("the repetition can't be recognised: %+v", all)
	}
}

func TestAnEditSaysHowThingsStandAndDoingItTwiceIsDoingItOnce(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL())
	_, then := notifytest.ResolutionThen(first(t, b))
	for range 2 {
		must(t, b.Edit(t.Context(), then))
	}
	f := s.Messages("")[0]
	if len(f.Edits) != 2 || !bytes.Equal(f.Blocks, f.Edits[1].Blocks) || f.Text != f.Edits[1].Text || !bytes.Equal(f.Metadata, f.Edits[0].Metadata) {
		t.Errorf("the message: %+v", f)
	}
	if !strings.HasPrefix(f.Text, then.Title+"\n") || !strings.Contains(f.Plain(), "RESOLVED") {
		t.Errorf("it says %q", f.Text)
	}
}

func TestWhatFollowsAMessageThatIsGoneIsPostedAnew(t *testing.T) {
	post := func(name string) func(*testing.T, *simslack.Server) {
		return func(t *testing.T, s *simslack.Server) {
			must(t, s.FailNext("chat.postMessage", simslack.Error.With(name)))
		}
	}
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *simslack.Server)
		receipt string // instead of the right one
	}{
		"it was deleted": {prepare: func(t *testing.T, s *simslack.Server) {
			m := s.Messages("")[0]
			must(t, s.Delete(m.Channel, m.TS))
		}},
		"its channel is archived":       {prepare: post("is_archived")},
		"its thread is locked":          {prepare: post("restricted_action_thread_locked")},
		"no threads there":              {prepare: post("restricted_action_non_threadable_channel")},
		"no receipt":                    {receipt: "null"},
		"a broken receipt":              {receipt: `"C0SIM00001"`},
		"a receipt without a timestamp": {receipt: `{"channel":"C0SIM00001"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			b := newBot(t, s.APIURL())
			receipt := first(t, b)
			if tt.prepare != nil {
				tt.prepare(t, s)
			}
			if tt.receipt != "" {
				receipt = json.RawMessage(tt.receipt)
			}
			anew, err := b.Deliver(t.Context(), notifytest.Tighter(receipt))
			must(t, err)
			all := s.Messages("")
			last := all[len(all)-1]
			if last.ThreadTS != "" || !strings.Contains(string(anew), last.TS) || !strings.Contains(last.Text, "threshold 3d") {
				t.Errorf("receipt %s, last message: %+v", anew, last)
			}
			// The new one can be followed.
			next, err := b.Deliver(t.Context(), notifytest.Tighter(anew))
			must(t, err)
			all = s.Messages("")
			if next != nil || all[len(all)-1].ThreadTS != last.TS {
				t.Errorf("receipt %s, last message: %+v", next, all[len(all)-1])
			}
		})
	}
}

func TestAnEditIsGivenUpWhereItCantWorkAndTriedAgainWhereItMay(t *testing.T) {
	bad := simslack.Error.With
	for fault, want := range map[simslack.Fault]string{
		bad("message_not_found"): "gone", bad("channel_not_found"): "gone", bad("is_archived"): "gone",
		bad("edit_window_closed"): "refused", bad("cant_update_message"): "refused", bad("not_in_channel"): "refused",
		bad("invalid_blocks"): "refused", bad("msg_too_long"): "refused", bad("restricted_action"): "refused",
		bad("an_error_of_tomorrow"): "refused",
		simslack.ServerError:        "again", simslack.Throttled.With("7"): "again", simslack.Reset: "again", simslack.HTML: "again",
		simslack.Empty: "again", bad("internal_error"): "again", bad("update_failed"): "again", bad("invalid_auth"): "again",
		bad("ratelimited"): "again",
	} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		_, then := notifytest.TighterThen(first(t, b))
		must(t, s.Fail("chat.update", fault))
		f := failure(t, b.Edit(t.Context(), then))
		got := map[bool]string{true: "again"}[!f.Gone && !f.Refused] + map[bool]string{true: "gone"}[f.Gone] +
			map[bool]string{true: "refused"}[!f.Gone && f.Refused]
		if got != want || fault == simslack.Throttled.With("7") && f.RetryAfter.Seconds() != 7 {
			t.Errorf("%s: %+v, want %s", fault, f, want)
		}
	}
	f := failure(t, newBot(t, newSim(t).APIURL()).Edit(t.Context(), notify.Revision{Receipt: json.RawMessage(`{}`)}))
	if !f.Gone {
		t.Errorf("no receipt: %+v", f)
	}
}

// Slack takes 4,000 bytes of text in an edit, and ten times that in a message.
func TestAnEditOfManyAlertsIsNotTooLong(t *testing.T) {
	for _, n := range []int{5, 12, 40} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		m, _ := notifytest.Storm(n, nil)
		receipt, err := b.Deliver(t.Context(), m)
		must(t, err)
		_, then := notifytest.Storm(n, receipt)
		must(t, b.Edit(t.Context(), then))
		f := s.Messages("")[0]
		if s.Calls()["chat.update"] != 1 || len(f.Text) > 4000 || !strings.HasPrefix(f.Text, then.Title) {
			t.Errorf("%d alerts: %d calls, %d bytes: %s", n, s.Calls()["chat.update"], len(f.Text), f.Text)
		}
		if got := strings.Count(f.Plain(), "FIRING"); got != n-1 {
			t.Errorf("%d of %d alerts in the blocks: %s", got, n-1, f.Plain())
		}
	}
}

// Whatever the limit is, and whatever it is that Slack objects to.
func TestAnEditIsTriedPlainerBeforeItIsGivenUp(t *testing.T) {
	for name, fault := range map[string]simslack.Fault{
		"500 bytes": simslack.TooLong.With("500"), "1,000 bytes": simslack.TooLong.With("1000"),
		"blocks": simslack.Error.With("invalid_blocks"), "something": simslack.Error.With("an_error_of_tomorrow"),
	} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		m, _ := notifytest.Storm(12, nil)
		receipt, err := b.Deliver(t.Context(), m)
		must(t, err)
		_, then := notifytest.Storm(12, receipt)
		if name == "blocks" || name == "something" {
			must(t, s.FailNext("chat.update", fault))
		} else {
			must(t, s.Fail("chat.update", fault))
		}
		must(t, b.Edit(t.Context(), then))
		if f := s.Messages("")[0]; !strings.HasPrefix(f.Text, then.Title) || len(f.Edits) != 1 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestAnotherChannelInTheConfigurationGetsWhatFollows(t *testing.T) {
	s := newSim(t)
	receipt := first(t, newBot(t, s.APIURL()))
	b, err := slack.New(slack.Settings{Token: secret.New(token), Channel: "#moved-here", APIURL: s.APIURL()})
	must(t, err)
	m, then := notifytest.TighterThen(receipt)
	anew, err := b.Deliver(t.Context(), m)
	must(t, err)
	must(t, b.(notify.Editor).Edit(t.Context(), then)) // a courtesy to those who are still there
	moved := s.Messages("#moved-here")
	if len(moved) != 1 || !strings.Contains(string(anew), moved[0].TS) || moved[0].ThreadTS != "" {
		t.Errorf("receipt %s, messages %+v", anew, moved)
	}
	if old := s.Messages(channel); len(old) != 1 || len(old[0].Edits) != 1 {
		t.Errorf("in the old channel: %+v", old)
	}
}

// Nor is a text that is too long: there are servers that take less of it.
func TestNoLookOfAMessageIsWorthAnAlert(t *testing.T) {
	bad := simslack.Error.With
	for _, faults := range [][]simslack.Fault{
		{bad("invalid_blocks")}, {bad("msg_too_long")}, {bad("invalid_arguments")}, {bad("an_error_of_tomorrow")},
	} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		receipt := first(t, b)
		for _, m := range []notify.Message{notifytest.Digest(), notifytest.Tighter(receipt)} {
			before := len(s.Messages(""))
			must(t, s.FailNext("chat.postMessage", faults...))
			_, err := b.Deliver(t.Context(), m)
			must(t, err)
			all := s.Messages("")
			last := all[len(all)-1]
			if len(all) != before+1 || (m.Thread != nil) != (last.ThreadTS != "") {
				t.Errorf("%s: %+v", faults, all)
			}
			for _, g := range m.Groups {
				for _, i := range g.Items {
					if !strings.Contains(last.Text, i.Line[:80]) {
						t.Errorf("%s: %q lacks %q", faults, last.Text, i.Line)
					}
				}
			}
		}
	}
	s := newSim(t)
	m, _ := notifytest.Storm(40, nil)
	must(t, s.Fail("chat.postMessage", simslack.TooLong))
	_, err := newBot(t, s.APIURL()).Deliver(t.Context(), m)
	must(t, err)
	if got := s.Messages("")[0]; strings.Count(got.Plain(), "FIRING") != 40 || strings.Count(got.Text, "FIRING") != 40 {
		t.Errorf("of 40: %s", got.Text)
	}
	must(t, s.FailNext("chat.postMessage", bad("invalid_blocks"), bad("invalid_blocks"))) // and then the text is too long
	_, err = newBot(t, s.APIURL()).Deliver(t.Context(), m)
	must(t, err)
	if got := s.Messages("")[1]; got.Blocks != nil || strings.Count(got.Text, "FIRING critical certificate_expiring") != 40 {
		t.Errorf("without blocks, of 40: %s", got.Text)
	}
}

func TestALayoutThatSlackRefusesCostsTheLooksAndNotTheAlert(t *testing.T) {
	for _, name := range []string{"invalid_blocks", "msg_blocks_too_long", "metadata_too_large", "invalid_metadata_format", "block_mismatch"} {
		s := newSim(t)
		must(t, s.FailNext("chat.postMessage", simslack.Error.With(name)))
		receipt, err := newBot(t, s.APIURL()).Deliver(t.Context(), notifytest.Digest())
		must(t, err)
		all := s.Messages("")
		if len(all) != 1 || receipt == nil || all[0].Blocks != nil {
			t.Fatalf("%s: receipt %s, messages %+v", name, receipt, all)
		}
		for _, g := range notifytest.Digest().Groups {
			for _, i := range g.Items {
				if !strings.Contains(all[0].Text, i.Line) {
					t.Errorf("%s: %q lacks %q", name, all[0].Text, i.Line)
				}
			}
		}
	}
	s := newSim(t)
	must(t, s.FailNext("webhook", simslack.Error.With("invalid_blocks")))
	_, err := newWebhook(t, s.URL()).Deliver(t.Context(), notifytest.Digest())
	must(t, err)
	if all := s.Messages(""); len(all) != 1 || all[0].Blocks != nil {
		t.Errorf("webhook: %+v", all)
	}
}

func TestAWebhookGetsPlainMessages(t *testing.T) {
	s := newSim(t)
	w := newWebhook(t, s.URL())
	receipt, err := w.Deliver(t.Context(), notifytest.Digest())
	must(t, err)
	all := s.Messages("")
	if receipt != nil || len(all) != 1 || !all[0].Webhook || all[0].Blocks == nil || w.Limits().Threads {
		t.Errorf("receipt %s, messages %+v", receipt, all)
	}
	if !strings.Contains(all[0].Text, "\n"+notifytest.Digest().Groups[0].Items[0].Line+"\n") {
		t.Errorf("text: %q", all[0].Text)
	}
}

func TestSettingsThatCantWork(t *testing.T) {
	for _, s := range []slack.Settings{
		{},
		{Token: secret.New(token)},
		{Channel: channel},
		{WebhookURL: secret.New("://" + webhookPath)},
		{WebhookURL: secret.New("webhooksecret")},
		{Token: secret.New(token), Channel: channel, Mention: []string{"here"}},
	} {
		_, err := slack.New(s)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
