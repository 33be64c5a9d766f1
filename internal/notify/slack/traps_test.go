package slack_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// What slack-go would have us believe. Most of its traps are among the
// failures too; here each stands by its name.

// serve is a server that is not Slack.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// say answers everything alike.
func say(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// slack-go takes any 200 for a yes, a web page too. Slack's own yes is "ok";
// what stands for it may word it in another way, or lose the words.
func TestAWebhooksAnswerIsJudgedByWhatItMeans(t *testing.T) {
	for _, yes := range []struct {
		status     int
		kind, body string
	}{
		{200, "text/html", "ok"}, {200, "text/plain", "ok\n"}, {200, "text/html", "OK"}, {200, "application/json", `{"ok":true}`},
		{200, "application/json", ` {"ok": true, "error": "", "errors": [], "warning": "x"}`}, {200, "application/json", `{}`},
		{200, "", ""}, {201, "text/plain", "created"}, {202, "text/plain", ""}, {204, "", ""}, {200, "text/plain", "okay"}, {200, "text/plain", "1"},
	} {
		_, err := newWebhook(t, serve(t, say(yes.status, yes.kind, yes.body))).Deliver(t.Context(), notifytest.Firing())
		if err != nil {
			t.Errorf("%d %q: %v", yes.status, yes.body, err)
		}
	}
	for _, no := range []struct {
		status int
		body   string
	}{
		{200, "<html>captive portal</html>"}, {200, "ok\n<html>"}, {200, "\ufeff\n <!DOCTYPE html><title>Login</title>"}, {200, "<?xml version='1.0'?><a/>"},
		{200, `{"ok":false}`}, {200, `{"ok":false,"error":"no_service"}`}, {200, `{"error":"channel_is_archived"}`}, {200, `{"success":false}`},
		{200, `{"errors":[{"x":1}]}`}, {200, "no_service"}, {302, "ok"}, {304, ""}, {503, "ok"}, {404, `{"ok":true}`},
	} {
		_, err := newWebhook(t, serve(t, say(no.status, "text/html", no.body))).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); f.Unknown {
			t.Errorf("%d %q: %+v", no.status, no.body, f)
		}
	}
}

func TestTrapARedirectIsNotFollowed(t *testing.T) {
	var asked atomic.Int32
	login := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, "ok")
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, login, status) })
		for _, r := range []notify.Sender{newBot(t, base), newWebhook(t, base)} {
			_, err := r.Deliver(t.Context(), notifytest.Firing())
			failure(t, err)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("a redirect was followed %d times", asked.Load())
	}
}

// Closed, refused, too large, not HTTP, not TLS: whatever goes wrong with a
// request, its URL is in the error that net/http makes.
func TestTrapAWebhooksErrorsShowItsURL(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	tls := httptest.NewUnstartedServer(say(200, "text/plain", "ok"))
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	for name, base := range map[string]string{
		"refused":       gone.URL,
		"no such host":  "http://sslwatch.invalid",
		"no TLS":        strings.Replace(serve(t, say(200, "text/plain", "ok")), "http:", "https:", 1),
		"too large":     serve(t, say(200, "text/plain", strings.Repeat("x", 2<<20))),
		"echoes it":     serve(t, say(404, "text/plain", "nothing at "+webhookPath)),
		"no such thing": "gopher://127.0.0.1",
	} {
		_, err := newWebhook(t, base).Deliver(t.Context(), notifytest.Firing())
		f := failure(t, err)
		if f.Err != nil && strings.Contains(f.Err.Error(), "webhooksecret") {
			t.Errorf("%s: the cause shows it: %v", name, f.Err)
		}
	}
	_, err := newWebhook(t, tls.URL).Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, "a certificate that it signed itself") {
		t.Errorf("an unknown authority: %+v", f)
	}
}

func TestTrapAWebhooksErrorIsInTheBody(t *testing.T) {
	_, err := newWebhook(t, serve(t, say(410, "text/plain", "channel_is_archived\n"))).Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, "bring it back") {
		t.Errorf("%+v", f)
	}
	// A proxy's page is not an error's name.
	_, err = newWebhook(t, serve(t, say(403, "text/html", "<html>blocked</html>"))).Deliver(t.Context(), notifytest.Firing())
	if f := failure(t, err); !f.Refused || !strings.Contains(f.Reason, "proxy") || strings.Contains(f.Reason, "html") {
		t.Errorf("%+v", f)
	}
}

func TestTrapNoErrorIsNotAYes(t *testing.T) {
	for body, unknown := range map[string]bool{
		`{}`: true, `null`: true, `[]`: true, `{"ts":"1.2"}`: true, ``: true, `{"ok":"yes"}`: true, `ok`: true,
		`{"ok":false}`: false, `{"ok":false,"channel":"C1","ts":"1.2"}`: false, `{"error":"fine"}`: false, `<html>`: false,
	} {
		_, err := newBot(t, serve(t, say(200, "application/json", body))).Deliver(t.Context(), notifytest.Firing())
		if f := failure(t, err); f.Refused || f.Unknown != unknown {
			t.Errorf("%s: %+v", body, f)
		}
	}
}

// A proxy may have dropped the rest, or changed how the answer calls itself.
func TestAYesIsAYesInWhateverForm(t *testing.T) {
	for _, tt := range []struct {
		status              int
		kind, body, receipt string
	}{
		{200, "text/html", `{"ok":true,"channel":"C1","ts":"1.2"}`, `{"channel":"C1","ts":"1.2","to":"#redis-oncall"}`},
		{202, "", "\n" + `{"ts":"1.2","channel":"C1","ok":true,"new":[{"a":1}]}`, `{"channel":"C1","ts":"1.2","to":"#redis-oncall"}`},
		{200, "text/plain", `{"ok":true}`, ""},
		{200, "application/json", `{"ok":true,"channel":"C1"}`, ""},
		{200, "application/json", `{"ok":true,"channel":7,"ts":1.2}`, ""},
		{200, "application/json", `{"ok":true,"channel":"C1","ts":"1.2","message":"no object"}`, `{"channel":"C1","ts":"1.2","to":"#redis-oncall"}`},
	} {
		receipt, err := newBot(t, serve(t, say(tt.status, tt.kind, tt.body))).Deliver(t.Context(), notifytest.Firing())
		if err != nil || string(receipt) != tt.receipt {
			t.Errorf("%s: receipt %s, error %v", tt.body, receipt, err)
		}
	}
}

// What came of an answer may be enough: that the message was taken, and where
// it is.
func TestAnAnswerThatIsCutOffCountsAsFarAsItCame(t *testing.T) {
	whole := `{"ok":true,"channel":"C1","ts":"1.2","message":{"ts":"1.2","text":"much more"}}`
	for name, tt := range map[string]struct {
		came    int
		receipt string
		taken   bool
	}{
		"nothing":          {0, "", false},
		"not the yes":      {len(`{"ok":tr`), "", false},
		"the yes":          {len(`{"ok":true,`), "", true},
		"half a timestamp": {len(`{"ok":true,"channel":"C1","ts":"1.`), "", true},
		"all that matters": {len(`{"ok":true,"channel":"C1","ts":"1.2","message":{"ts`), `{"channel":"C1","ts":"1.2","to":"#redis-oncall"}`, true},
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
			fmt.Fprint(w, whole[:tt.came])
		})
		receipt, err := newBot(t, base).Deliver(t.Context(), notifytest.Firing())
		if !tt.taken {
			if f := failure(t, err); !f.Unknown || !strings.Contains(f.Reason, "not known") {
				t.Errorf("%s: %+v", name, f)
			}
			continue
		}
		if err != nil || string(receipt) != tt.receipt {
			t.Errorf("%s: receipt %s, error %v", name, receipt, err)
		}
	}
	// In the world too.
	s := newSim(t)
	must(t, s.FailNext("chat.postMessage", simslack.TakenCut))
	receipt, err := newBot(t, s.APIURL()).Deliver(t.Context(), notifytest.Firing())
	if must(t, err); !strings.Contains(string(receipt), s.Messages("")[0].TS) {
		t.Errorf("receipt %s", receipt)
	}
}

// Only what was handed over may have arrived.
func TestWhatWasNeverSentIsNotInDoubt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() { // a connection, and no TLS
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	for _, base := range []string{"https://" + listener.Addr().String(), "http://127.0.0.1:1"} {
		for _, r := range []notify.Sender{newBot(t, base), newWebhook(t, base)} {
			_, err := r.Deliver(t.Context(), notifytest.Firing())
			if f := failure(t, err); f.Unknown {
				t.Errorf("%s: %+v", base, f)
			}
		}
	}
}

// The message that Slack sends back may hold what slack-go can't read. To
// take that for a failure would post it again, and again.
func TestAYesThatSlackGoCantReadIsAYes(t *testing.T) {
	body := `{"ok":true,"channel":"C1","ts":"1.2","errors":[{"new":1}],"message":{"ts":"1.2","blocks":[{"type":"section","text":7}]}}`
	receipt, err := newBot(t, serve(t, say(200, "application/json", body))).Deliver(t.Context(), notifytest.Firing())
	if err != nil || string(receipt) != `{"channel":"C1","ts":"1.2","to":"#redis-oncall"}` {
		t.Errorf("receipt %s, error %v", receipt, err)
	}
}

// Slack may post a reply to a message that is gone as one of its own.
func TestAReplyThatSlackPostsOutsideTheThreadCanBeFollowed(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "chat.update") {
			fmt.Fprint(w, `{"ok":false,"error":"cant_update_message"}`)
			return
		}
		fmt.Fprint(w, `{"ok":true,"channel":"C1","ts":"9.9","message":{"ts":"9.9"}}`)
	})
	receipt, err := newBot(t, base).Deliver(t.Context(), notifytest.Tighter([]byte(`{"channel":"C1","ts":"1.2"}`)))
	if err != nil || !strings.Contains(string(receipt), "9.9") {
		t.Errorf("receipt %s, error %v", receipt, err)
	}
}

// Slack says for some what slack-go takes for an error of its own.
func TestTrapTooManyComesInManyForms(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"200":      say(200, "application/json", `{"ok":false,"error":"ratelimited"}`),
		"200, new": say(200, "application/json", `{"ok":false,"error":"rate_limited"}`),
		"no header, HTML": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(429)
			fmt.Fprint(w, "<html>")
		},
		"no number": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "in a while")
			w.WriteHeader(429)
		},
	} {
		for _, r := range []notify.Sender{newBot(t, serve(t, h)), newWebhook(t, serve(t, h))} {
			_, err := r.Deliver(t.Context(), notifytest.Firing())
			f := failure(t, err)
			if f.Refused || f.RetryAfter == 0 {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// Only the fallback is escaped by slack-go.
func TestTrapNothingInBlocksIsMarkup(t *testing.T) {
	s := newSim(t)
	hostile := []string{
		"<!channel>", "<!here|x>", "<@U123>", "<https://evil.example|console>", "@here", "*bold*", "_it_", "~gone~", "`code`",
		"```", ":white_check_mark:", "> quote", "&lt;!channel&gt;", "a\nRESOLVED critical b", "a\u2028b", "\u202eevil", "a\r\nb", "\x1b[2J", "\xff",
	}
	for _, h := range hostile {
		m := notifytest.Firing()
		m.Title = "CRITICAL " + h
		it := &m.Groups[0].Items[0]
		it.Notice.Instance, it.Notice.Labels = h, map[string]string{h: h}
		it.Line = "FIRING critical certificate_expiring " + h + ": " + h + " (" + h + ")"
		m.Groups[0].Heading, m.Groups[0].Advice = h, []string{h}
		m.Groups[0].Links = []notify.Link{
			{Text: h, URL: "https://example.com/" + h}, {Text: h, URL: h}, {Text: h, URL: "javascript:alert(1)"},
		}
		m.Thread = nil
		_, err := newBot(t, s.APIURL()).Deliver(t.Context(), m)
		must(t, err)
		_, err = newWebhook(t, s.URL()).Deliver(t.Context(), m)
		must(t, err)
	}
	all := s.Messages("")
	if len(all) != 2*len(hostile) {
		t.Fatalf("%d messages", len(all))
	}
	for i, m := range all {
		h := hostile[i/2]
		for _, bad := range []string{
			"<!", "<@", "<https://evil", "*bold*", "_it_", "~gone~", "`", ":white", "javascript:", "\\n> ", "\u202e", "\\u202e", "\u2028", "\\r", "\x1b", "\\u001b", "\\nRESOLVED",
		} {
			blocks := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(m.Blocks))
			blocks = target.ReplaceAllString(blocks, "") // an address is no markup
			if strings.Contains(blocks, bad) && !inHeader(blocks, bad) || strings.Contains(m.Text, strings.ReplaceAll(bad, `\n`, "\n")) {
				t.Errorf("%q gives %q in\n%s\n%s", h, bad, blocks, m.Text)
			}
		}
		if lines := strings.Count(m.Text, "\n"); lines != 1 {
			t.Errorf("%q makes %d lines of the text: %q", h, lines+1, m.Text)
		}
	}
}

var target = regexp.MustCompile(`<https://example\.com/[^|>]*\|`)

// inHeader reports whether all of it is in the header, which has no markup.
func inHeader(blocks, s string) bool {
	_, rest, _ := strings.Cut(blocks, `"type":"section"`)
	return !strings.Contains(rest, s)
}

func TestOrdinaryNamesStayAsTheyAre(t *testing.T) {
	s := newSim(t)
	m := notifytest.Firing()
	line := "FIRING critical certificate_expiring orders_cache-1.prod: dcs:ssl:get at 02:07:13 (10 * 2, a~b, me@example.com)"
	m.Groups[0].Items[0].Line = line
	_, err := newBot(t, s.APIURL()).Deliver(t.Context(), m)
	must(t, err)
	want := strings.Replace(line, "10 * 2", "10 ∗ 2", 1)
	if got := s.Messages("")[0]; !strings.Contains(got.Text, want) || !strings.Contains(got.Plain(), want) {
		t.Errorf("text %q, shown %q", got.Text, got.Plain())
	}
}

func TestAnAPIURLNeedsNoSlash(t *testing.T) {
	s := newSim(t)
	r, err := slack.New(slack.Settings{Token: secret.New(token), Channel: channel, APIURL: strings.TrimRight(s.APIURL(), "/")})
	must(t, err)
	_, err = r.Deliver(t.Context(), notifytest.Firing())
	if must(t, err); s.Calls()["chat.postMessage"] != 1 {
		t.Errorf("calls: %v", s.Calls())
	}
}
