package simslack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

func newSlack(t *testing.T, change func(*simslack.Options)) (*simslack.Server, *slack.Client) {
	t.Helper()
	o := simslack.Options{Token: "xoxb-1", Channels: []string{"#oncall", "other"}}
	if change != nil {
		change(&o)
	}
	s, err := simslack.New(o)
	simtest.Must(t, err)
	t.Cleanup(func() { s.Close() })
	simtest.Must(t, s.Listen(""))
	return s, slack.New("xoxb-1", slack.OptionAPIURL(s.APIURL()), slack.OptionHTTPClient(simtest.Client(nil)))
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, false), nil, nil)
}

func TestSlackConversation(t *testing.T) {
	var told []string
	s, c := newSlack(t, func(o *simslack.Options) {
		o.OnMessage = func(e simslack.Event) { told = append(told, fmt.Sprint(e.Edited, " ", e.Message.Plain())) }
	})
	ctx := t.Context()
	who, err := c.AuthTestContext(ctx)
	simtest.Must(t, err)
	if who.User != "sslwatch" || who.TeamID == "" {
		t.Errorf("auth.test: %+v", who)
	}
	id, ts, err := c.PostMessageContext(ctx, "#oncall", slack.MsgOptionText("fallback", false),
		slack.MsgOptionBlocks(section("*first*")),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "sslwatch_alert", EventPayload: map[string]any{"alerts": []any{}}}))
	simtest.Must(t, err)
	_, reply, err := c.PostMessageContext(ctx, id, slack.MsgOptionText("second", false), slack.MsgOptionTS(ts), slack.MsgOptionBroadcast())
	simtest.Must(t, err)
	_, again, _, err := c.UpdateMessageContext(ctx, id, ts, slack.MsgOptionText("over", false), slack.MsgOptionBlocks(section("first, *over*")))
	simtest.Must(t, err)
	if !strings.HasPrefix(id, "C") || ts == reply || again != ts {
		t.Errorf("id %s, ts %s, reply %s, update %s", id, ts, reply, again)
	}

	all := s.Messages("oncall")
	if len(all) != 2 || len(s.Messages("")) != 2 || len(s.Messages("#other")) != 0 || len(s.Messages(id)) != 2 {
		t.Fatalf("messages: %+v", all)
	}
	m := all[0]
	if m.Text != "over" || m.Plain() != "first, over" || m.Channel != "#oncall" || len(m.Edits) != 1 ||
		m.Edits[0].Plain() != "first" || m.Edits[0].Text != "fallback" {
		t.Errorf("first: %+v", m)
	}
	// Metadata stays when an update does not speak of it.
	var meta struct {
		Type string `json:"event_type"`
	}
	if err := json.Unmarshal(m.Metadata, &meta); err != nil || meta.Type != "sslwatch_alert" {
		t.Errorf("metadata: %s, %v", m.Metadata, err)
	}
	if r := all[1]; r.ThreadTS != ts || !r.Broadcast || r.Text != "second" || r.TS != reply {
		t.Errorf("reply: %+v", r)
	}
	if want := []string{"false first", "false second", "true first, over"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if n := s.Calls(); n["chat.postMessage"] != 2 || n["chat.update"] != 1 || n["auth.test"] != 1 {
		t.Errorf("calls: %v", n)
	}

	simtest.Must(t, s.Delete("#oncall", ts))
	_, _, _, err = c.UpdateMessageContext(ctx, id, ts, slack.MsgOptionText("x", false))
	wantSlackError(t, err, "message_not_found")
	_, _, err = c.PostMessageContext(ctx, id, slack.MsgOptionText("x", false), slack.MsgOptionTS(ts))
	wantSlackError(t, err, "thread_not_found")
	if err := s.Delete("#oncall", ts); err == nil {
		t.Error("deleted twice")
	}
}

func wantSlackError(t *testing.T, err error, want string) {
	t.Helper()
	var e slack.SlackErrorResponse
	if !errors.As(err, &e) || e.Err != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestSlackRefuses(t *testing.T) {
	s, c := newSlack(t, nil)
	ctx := t.Context()
	post := func(channel string, o ...slack.MsgOption) error {
		_, _, err := c.PostMessageContext(ctx, channel, o...)
		return err
	}
	text := slack.MsgOptionText("text", false)
	many := func(n int, b slack.Block) slack.MsgOption {
		return slack.MsgOptionBlocks(slices.Repeat([]slack.Block{b}, n)...)
	}
	header := func(n int) slack.Block {
		return slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, strings.Repeat("é", n), false, false))
	}
	fields := func(n, length int) slack.Block {
		f := slack.NewTextBlockObject(slack.MarkdownType, strings.Repeat("x", length), false, false)
		return slack.NewSectionBlock(nil, slices.Repeat([]*slack.TextBlockObject{f}, n), nil)
	}
	for name, tt := range map[string]struct {
		err  error
		want string // "" for accepted
	}{
		"50 blocks":           {post("#oncall", text, many(50, slack.NewDividerBlock())), ""},
		"51 blocks":           {post("#oncall", text, many(51, slack.NewDividerBlock())), "invalid_blocks"},
		"3000 in a section":   {post("#oncall", text, many(1, section(strings.Repeat("é", 3000)))), ""},
		"3001 in a section":   {post("#oncall", text, many(1, section(strings.Repeat("é", 3001)))), "invalid_blocks"},
		"150 in a header":     {post("#oncall", text, many(1, header(150))), ""},
		"151 in a header":     {post("#oncall", text, many(1, header(151))), "invalid_blocks"},
		"10 fields":           {post("#oncall", text, many(1, fields(10, 100))), ""},
		"11 fields":           {post("#oncall", text, many(1, fields(11, 100))), "invalid_blocks"},
		"2001 in a field":     {post("#oncall", text, many(1, fields(1, 2001))), "invalid_blocks"},
		"empty section":       {post("#oncall", text, many(1, section(""))), "invalid_blocks"},
		"13000 in all":        {post("#oncall", text, many(5, section(strings.Repeat("x", 2600)))), ""},
		"13005 in all":        {post("#oncall", text, many(5, section(strings.Repeat("x", 2601)))), "msg_blocks_too_long"},
		"40000 of text":       {post("#oncall", slack.MsgOptionText(strings.Repeat("é", 40000), false)), ""},
		"40001 of text":       {post("#oncall", slack.MsgOptionText(strings.Repeat("é", 40001), false)), "msg_too_long"},
		"nothing":             {post("#oncall"), "no_text"},
		"unknown channel":     {post("#nowhere", text), "channel_not_found"},
		"no channel":          {post("", text), "channel_not_found"},
		"blocks without text": {post("other", many(1, section("x"))), ""},
		"100 attachments":     {post("other", text, slack.MsgOptionAttachments(slices.Repeat([]slack.Attachment{{Text: "x"}}, 100)...)), ""},
		"101 attachments":     {post("other", text, slack.MsgOptionAttachments(slices.Repeat([]slack.Attachment{{Text: "x"}}, 101)...)), "too_many_attachments"},
		"metadata of no type": {post("other", text, slack.MsgOptionMetadata(slack.SlackMetadata{EventPayload: map[string]any{}})), "invalid_metadata_format"},
		"unknown kind of block": {post("other", text, slack.MsgOptionBlocks(
			slack.NewInputBlock("", slack.NewTextBlockObject(slack.PlainTextType, "l", false, false), nil, nil))), "invalid_blocks"},
	} {
		if tt.want == "" {
			if tt.err != nil {
				t.Errorf("%s: %v", name, tt.err)
			}
			continue
		}
		var e slack.SlackErrorResponse
		if !errors.As(tt.err, &e) || e.Err != tt.want {
			t.Errorf("%s: %v, want %s", name, tt.err, tt.want)
		}
		if tt.want == "invalid_blocks" && len(e.ResponseMetadata.Messages) == 0 {
			t.Errorf("%s: no reason given", name)
		}
	}

	// An update needs the channel's ID.
	id, ts, err := c.PostMessageContext(ctx, "#oncall", text)
	simtest.Must(t, err)
	_, _, _, err = c.UpdateMessageContext(ctx, "#oncall", ts, text)
	wantSlackError(t, err, "channel_not_found")
	_, _, _, err = c.UpdateMessageContext(ctx, id, "1.2", text)
	wantSlackError(t, err, "message_not_found")
	other := s.Messages("#other")[0].ChannelID
	_, _, _, err = c.UpdateMessageContext(ctx, other, ts, text)
	wantSlackError(t, err, "message_not_found")

	_, err = slack.New("xoxb-2", slack.OptionAPIURL(s.APIURL())).AuthTestContext(ctx)
	wantSlackError(t, err, "invalid_auth")
	_, err = slack.New("", slack.OptionAPIURL(s.URL()+"/")).AuthTestContext(ctx)
	wantSlackError(t, err, "not_authed")
}

func TestSlackFaults(t *testing.T) {
	s, c := newSlack(t, nil)
	date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	for _, tt := range []struct {
		fault simslack.Fault
		taken bool
		check func(ts string, err error) bool
	}{
		{simslack.Error.With("is_archived"), false, func(_ string, err error) bool {
			var e slack.SlackErrorResponse
			return errors.As(err, &e) && e.Err == "is_archived"
		}},
		// What slack-go makes of these two is a success without a ts.
		{simslack.Empty, false, func(ts string, err error) bool { return ts == "" && err == nil }},
		{simslack.NotOK, false, func(ts string, err error) bool { return ts == "" && err == nil }},
		{simslack.HTML, false, func(_ string, err error) bool { return err != nil }},
		{simslack.Redirect, false, isStatus(302)},
		{simslack.Throttled, false, isStatus(429)},
		{simslack.Throttled.With("30"), false, func(_ string, err error) bool {
			var e *slack.RateLimitedError
			return errors.As(err, &e) && e.RetryAfter == 30*time.Second
		}},
		{simslack.Throttled.With(date), false, func(_ string, err error) bool {
			var e *strconv.NumError
			return errors.As(err, &e)
		}},
		{simslack.ServerError, false, isStatus(500)},
		{simslack.ServerError.With("503"), false, isStatus(503)},
		{simslack.Reset, false, func(_ string, err error) bool { return err != nil }},
		{simslack.TakenReset, true, func(_ string, err error) bool { return err != nil }},
		{simslack.TakenCut, true, func(_ string, err error) bool { return err != nil }},
		{simslack.TakenError, true, isStatus(500)},
	} {
		before := len(s.Messages(""))
		simtest.Must(t, s.FailNext("#oncall", tt.fault))
		_, ts, err := c.PostMessageContext(t.Context(), "#oncall", slack.MsgOptionText(string(tt.fault), false))
		if !tt.check(ts, err) {
			t.Errorf("%s: ts %q, error %v", tt.fault, ts, err)
		}
		if taken := len(s.Messages("")) > before; taken != tt.taken {
			t.Errorf("%s: taken is %t", tt.fault, taken)
		}
		if _, _, err = c.PostMessageContext(t.Context(), "#oncall", slack.MsgOptionText("well", false)); err != nil {
			t.Errorf("after %s: %v", tt.fault, err)
		}
	}
}

func isStatus(code int) func(string, error) bool {
	return func(_ string, err error) bool {
		var e slack.StatusCodeError
		return errors.As(err, &e) && e.Code == code
	}
}

func TestSlackFaultsHaveTargets(t *testing.T) {
	s, c := newSlack(t, nil)
	text := slack.MsgOptionText("text", false)
	simtest.Must(t, s.Fail("#other", simslack.Error.With("is_archived")))
	simtest.Must(t, s.Fail("chat.update", simslack.Error.With("cant_update_message")))
	id, ts, err := c.PostMessageContext(t.Context(), "#oncall", text)
	simtest.Must(t, err)
	_, _, err = c.PostMessageContext(t.Context(), "#other", text)
	wantSlackError(t, err, "is_archived")
	_, _, _, err = c.UpdateMessageContext(t.Context(), id, ts, text)
	wantSlackError(t, err, "cant_update_message")
	simtest.Must(t, s.Fail("chat.update", ""))
	_, _, _, err = c.UpdateMessageContext(t.Context(), id, ts, text)
	simtest.Must(t, err)
	s.Heal()
	_, _, err = c.PostMessageContext(t.Context(), "#other", text)
	simtest.Must(t, err)

	s.Down()
	if _, _, err := c.PostMessageContext(t.Context(), "#oncall", text); err == nil {
		t.Error("posted to a Slack that is down")
	}
	s.Up()
	_, _, err = c.PostMessageContext(t.Context(), "#oncall", text)
	simtest.Must(t, err)

	for _, err := range []error{
		s.Fail("chat.delete", simslack.Hang), s.Fail("#nowhere", simslack.Hang), s.Fail("", "nonsense"),
		s.FailNext("", simslack.ServerError.With("404")),
	} {
		if err == nil {
			t.Error("an impossible fault was ordered")
		}
	}
	for _, f := range simslack.Faults() {
		simtest.Must(t, s.Fail("", f))
	}
}

func TestSlackWebhook(t *testing.T) {
	s, _ := newSlack(t, nil)
	post := func(url, body string) string {
		t.Helper()
		resp, err := simtest.Client(nil).Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			return "broken"
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		simtest.Must(t, err)
		return fmt.Sprint(resp.StatusCode, " ", string(raw))
	}
	simtest.Must(t, slack.PostWebhookCustomHTTPContext(t.Context(), s.WebhookURL(), simtest.Client(nil), &slack.WebhookMessage{
		Text: "fallback", Blocks: &slack.Blocks{BlockSet: []slack.Block{section("by *webhook*")}},
	}))
	m := s.Messages("#oncall")
	if len(m) != 1 || !m[0].Webhook || m[0].Plain() != "by webhook" {
		t.Fatalf("messages: %+v", m)
	}
	for _, tt := range []struct{ url, body, want string }{
		{s.WebhookURL(), `{"text":"x"}`, "200 ok"},
		{s.WebhookURL(), `{"text":""}`, "400 no_text"},
		{s.WebhookURL(), `{"text"`, "400 invalid_payload"},
		{s.WebhookURL(), `{"blocks":[{"type":"alert"}]}`, "400 invalid_blocks"},
		{s.WebhookURL() + "x", `{"text":"x"}`, "404 no_service"},
	} {
		if got := post(tt.url, tt.body); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.body, got, tt.want)
		}
	}
	for f, want := range map[simslack.Fault]string{
		simslack.Error.With("no_service"):          "404 no_service",
		simslack.Error.With("channel_is_archived"): "410 channel_is_archived",
		simslack.Error.With("action_prohibited"):   "403 action_prohibited",
		simslack.Throttled.With("1"):               `429 {"error":"ratelimited","ok":false}`,
		simslack.TakenReset:                        "broken",
		"":                                         "200 ok",
	} {
		simtest.Must(t, s.Fail("webhook", f))
		if got := post(s.WebhookURL(), `{"text":"x"}`); got != want {
			t.Errorf("%s: %s, want %s", f, got, want)
		}
	}
}

func TestSlackHoldsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := simslack.New(simslack.Options{Token: "xoxb-1", Channels: []string{"a", "b"}, OnePerSecond: true})
		simtest.Must(t, err)
		p := simserver.NewPipe("slack.sim:80")
		simtest.Must(t, s.Serve(p))
		defer s.Close()
		c := slack.New("xoxb-1", slack.OptionAPIURL(s.APIURL()), slack.OptionHTTPClient(simtest.Client(p.DialContext)))
		post := func(channel string) error {
			_, _, err := c.PostMessageContext(t.Context(), channel, slack.MsgOptionText("x", false))
			return err
		}
		simtest.Must(t, post("#a"))
		simtest.Must(t, post("#b"))
		var e *slack.RateLimitedError
		if err := post("#a"); !errors.As(err, &e) || e.RetryAfter != time.Second {
			t.Errorf("the second within a second: %v", err)
		}
		time.Sleep(time.Second)
		simtest.Must(t, post("#a"))

		// A client that gives up in the bubble's time, and a server that closes.
		simtest.Must(t, s.Fail("", simslack.TakenHang))
		impatient := simtest.Client(p.DialContext)
		impatient.Timeout = time.Hour
		c = slack.New("xoxb-1", slack.OptionAPIURL(s.APIURL()), slack.OptionHTTPClient(impatient))
		if err := post("#b"); err == nil {
			t.Error("a hanging call returned well")
		}
		if n := len(s.Messages("#b")); n != 2 {
			t.Errorf("%d messages in #b, want 2", n)
		}
	})
}

func TestSlackDropsWithoutAWordWhatIsTooLarge(t *testing.T) {
	s, c := newSlack(t, nil)
	for _, n := range []int{3900, 4000} {
		_, _, err := c.PostMessageContext(t.Context(), "#oncall", slack.MsgOptionText("text", false),
			slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "x", EventPayload: map[string]any{"a": strings.Repeat("x", n)}}),
			slack.MsgOptionAttachments(slack.Attachment{Text: "*a* " + strings.Repeat("é", n*2)}))
		simtest.Must(t, err)
		all := s.Messages("#oncall")
		m := all[len(all)-1]
		if kept := m.Metadata != nil; kept != (n < 4000) {
			t.Errorf("metadata of %d: kept %v", n, kept)
		}
		if got, want := strings.Count(m.Plain(), "é"), min(2*n, 8000-4); got != want || !strings.HasPrefix(m.Plain(), "text\na") {
			t.Errorf("an attachment of %d shows %d", 2*n, got)
		}
	}
}

func TestSlackPlain(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                    "plain",
		"*bold* and *more*, _it_ ~gone~":           "bold and more, it gone",
		"*a* *b* *c*":                              "a b c",
		"*_both_*":                                 "both",
		"my_cache_1 2*3*4 a ~ b":                   "my_cache_1 2*3*4 a ~ b",
		"`certificate_expiring`":                   "certificate_expiring",
		"```\nblock\n```":                          "\nblock\n",
		"&lt;!channel&gt; &amp;amp;":               "<!channel> &amp;",
		"<https://x.example/a_b_c|the console>":    "the console",
		"<https://x.example/>":                     "https://x.example/",
		"<!channel> <@U1> <#C1|ops>":               "@channel @U1 #ops",
		"<!date^1^{date}|2026-01-02>":              "2026-01-02",
		"<mailto:ops@example.com|ops@example.com>": "ops@example.com",
		":red_circle: *FIRING*":                    ":red_circle: FIRING",
	} {
		if got := (simslack.Message{Text: in}).Plain(); got != want {
			t.Errorf("%q reads %q, want %q", in, got, want)
		}
	}
	blocks := `[
		{"type":"header","text":{"type":"plain_text","text":"2 *alerts*"}},
		{"type":"section","text":{"type":"mrkdwn","text":"*cache* ends"},"fields":[{"type":"mrkdwn","text":"*A*"},{"type":"plain_text","text":"_b_"}]},
		{"type":"divider"},
		{"type":"context","elements":[{"type":"mrkdwn","text":"_prod_"},{"type":"image","image_url":"http://x/","alt_text":"logo"}]},
		{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Console"}}]},
		{"type":"image","image_url":"http://x/","alt_text":"chart"},
		{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"see "},{"type":"link","url":"http://y/"}]}]},
		{"type":"markdown","text":"as it is"}
	]`
	const want = "2 *alerts*\ncache ends\nA\n_b_\n───\nprod logo\n[Console]\n[chart]\nsee http://y/\nas it is"
	if got := (simslack.Message{Text: "fallback", Blocks: json.RawMessage(blocks)}).Plain(); got != want {
		t.Errorf("blocks read\n%s\nwant\n%s", got, want)
	}
}
