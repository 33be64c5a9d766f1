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
	"github.com/sslwatch/sslwatch/internal/sim"
)

// first delivers a first message and returns its receipt.
func first(t *testing.T, b notify.Receiver) json.RawMessage {
	t.Helper()
	receipt, err := b.Deliver(t.Context(), notifytest.Firing())
	must(t, err)
	return receipt
}

func TestWhatFollowsGoesIntoTheThreadOfTheFirstMessage(t *testing.T) {
	for _, aside := range []bool{false, true} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		receipt := first(t, b)
		var at struct{ Channel, TS string }
		must(t, json.Unmarshal(receipt, &at))
		if m := s.Messages("")[0]; at.TS != m.TS || at.Channel != m.ChannelID {
			t.Errorf("receipt %s, message %s in %s", receipt, m.TS, m.ChannelID)
		}

		m := notifytest.Tighter(receipt)
		m.Aside = aside
		reply, err := b.Deliver(t.Context(), m)
		must(t, err)
		all := s.Messages("")
		if reply != nil || len(all) != 2 {
			t.Fatalf("receipt %s, %d messages", reply, len(all))
		}
		if r := all[1]; r.ThreadTS != at.TS || r.Broadcast == aside || !strings.Contains(r.Text, "\n"+m.Groups[0].Items[0].Line) {
			t.Errorf("aside %t, the reply: %+v", aside, r)
		}
		if f := all[0]; len(f.Edits) != 1 || !strings.HasPrefix(f.Text, "CRITICAL prod/orders-cache: certificate expires soon\n") || !bytes.Equal(f.Metadata, f.Edits[0].Metadata) {
			t.Errorf("the first message: %+v", f)
		}
	}
}

func TestFollowingAgainAfterACrashEditsToTheSame(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL())
	m := notifytest.Resolution(first(t, b))
	for range 2 {
		_, err := b.Deliver(t.Context(), m)
		must(t, err)
	}
	all := s.Messages("")
	f := all[0]
	if len(all) != 3 || !bytes.Equal(f.Blocks, f.Edits[1].Blocks) || f.Text != f.Edits[1].Text {
		t.Errorf("%d messages, the first: %+v", len(all), f)
	}
	if !bytes.Equal(all[1].Metadata, all[2].Metadata) {
		t.Errorf("the repetition can't be recognised: %s and %s", all[1].Metadata, all[2].Metadata)
	}
}

func TestWhatFollowsAMessageThatIsGoneIsPostedAnew(t *testing.T) {
	update := func(name string) func(*testing.T, *sim.Slack) {
		return func(t *testing.T, s *sim.Slack) { must(t, s.FailNext("chat.update", sim.SlackError.With(name))) }
	}
	post := func(name string) func(*testing.T, *sim.Slack) {
		return func(t *testing.T, s *sim.Slack) { must(t, s.FailNext("chat.postMessage", sim.SlackError.With(name))) }
	}
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *sim.Slack)
		receipt string // instead of the right one
	}{
		"it was deleted": {prepare: func(t *testing.T, s *sim.Slack) {
			m := s.Messages("")[0]
			must(t, s.Delete(m.Channel, m.TS))
		}},
		"deleted between edit and reply": {prepare: post("thread_not_found")},
		"not found":                      {prepare: update("message_not_found")},
		"its channel is gone":            {prepare: update("channel_not_found")},
		"its channel is archived":        {prepare: update("is_archived")},
		"its thread is locked":           {prepare: post("restricted_action_thread_locked")},
		"no threads there":               {prepare: post("restricted_action_non_threadable_channel")},
		"no receipt":                     {receipt: "null"},
		"a broken receipt":               {receipt: `"C0SIM00001"`},
		"a receipt without a timestamp":  {receipt: `{"channel":"C0SIM00001"}`},
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

func TestAnImpossibleEditDoesNotHoldUpTheReply(t *testing.T) {
	for _, name := range []string{
		"edit_window_closed", "cant_update_message", "update_failed", "not_in_channel", "missing_scope",
		"invalid_blocks", "msg_blocks_too_long", "msg_too_long", "restricted_action",
	} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		receipt := first(t, b)
		must(t, s.Fail("chat.update", sim.SlackError.With(name)))
		anew, err := b.Deliver(t.Context(), notifytest.Tighter(receipt))
		if err != nil || anew != nil || len(s.Messages("")) != 2 || s.Messages("")[1].ThreadTS == "" {
			t.Errorf("%s: receipt %s, %v, messages %+v", name, anew, err, s.Messages(""))
		}
	}
}

// Else the first message would say for ever what is no longer so.
func TestAnEditThatMaySucceedLaterIsTriedAgainWithItsReply(t *testing.T) {
	for _, fault := range []sim.SlackFault{
		sim.SlackServerError, sim.SlackThrottled.With("7"), sim.SlackReset, sim.SlackHTML, sim.SlackEmpty, sim.SlackTakenCut,
		sim.SlackError.With("internal_error"), sim.SlackError.With("ratelimited"), sim.SlackError.With("invalid_auth"),
	} {
		s := newSim(t)
		b := newBot(t, s.APIURL())
		receipt := first(t, b)
		must(t, s.FailNext("chat.update", fault))
		_, err := b.Deliver(t.Context(), notifytest.Tighter(receipt))
		failure(t, err)
		if n := len(s.Messages("")); n != 1 {
			t.Errorf("%s: %d messages", fault, n)
		}
		_, err = b.Deliver(t.Context(), notifytest.Tighter(receipt))
		if must(t, err); len(s.Messages("")) != 2 || !strings.HasPrefix(s.Messages("")[0].Text, "CRITICAL prod/orders-cache: certificate expires soon\n") {
			t.Errorf("%s: then %+v", fault, s.Messages(""))
		}
	}
}

func TestOtherMessagesAreEditedAndNotRepliedTo(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL())
	one, two := first(t, b), first(t, b)
	m := notifytest.Resolution(one)
	m.Edits = []notify.Thread{*notifytest.Resolution(two).Thread, *notifytest.Resolution(json.RawMessage(`{}`)).Thread}
	_, err := b.Deliver(t.Context(), m)
	must(t, err)
	all := s.Messages("")
	if len(all) != 3 || len(all[0].Edits) != 1 || len(all[1].Edits) != 1 || all[0].Text != all[1].Text {
		t.Errorf("messages: %+v", all)
	}

	// The news has been told: what does not succeed now must not tell it twice.
	must(t, s.FailNext("chat.update", "", sim.SlackServerError))
	_, err = b.Deliver(t.Context(), m)
	must(t, err)
	if n := len(s.Messages("")); n != 4 {
		t.Errorf("%d messages", n)
	}
}

func TestAnotherChannelInTheConfigurationGetsWhatFollows(t *testing.T) {
	s := newSim(t)
	receipt := first(t, newBot(t, s.APIURL()))
	b, err := slack.New(slack.Settings{Token: secret.New(token), Channel: "#moved-here", APIURL: s.APIURL()})
	must(t, err)
	anew, err := b.Deliver(t.Context(), notifytest.Tighter(receipt))
	must(t, err)
	moved := s.Messages("#moved-here")
	if len(moved) != 1 || !strings.Contains(string(anew), moved[0].TS) || moved[0].ThreadTS != "" {
		t.Errorf("receipt %s, messages %+v", anew, moved)
	}
	if old := s.Messages(channel); len(old) != 1 || len(old[0].Edits) != 1 {
		t.Errorf("in the old channel: %+v", old)
	}
}

func TestALayoutThatSlackRefusesCostsTheLooksAndNotTheAlert(t *testing.T) {
	for _, name := range []string{"invalid_blocks", "msg_blocks_too_long", "metadata_too_large", "invalid_metadata_format", "block_mismatch"} {
		s := newSim(t)
		must(t, s.FailNext("chat.postMessage", sim.SlackError.With(name)))
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
	must(t, s.FailNext("webhook", sim.SlackError.With("invalid_blocks")))
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
	} {
		_, err := slack.New(s)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
