package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/notify/webhook"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// post is what a server got.
type post struct {
	path   string
	header http.Header
	body   []byte
}

// serve has a server answer so, and returns what it gets.
func serve(t *testing.T, answer http.HandlerFunc) (url string, posts *[]post) {
	t.Helper()
	posts = new([]post)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*posts = append(*posts, post{r.URL.Path, r.Header, body})
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hook/T0-very-secret-path", posts
}

func sender(t *testing.T, s webhook.Settings) notify.Sender {
	t.Helper()
	r, err := webhook.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// A zone is for people: what machines read stays UTC.
func TestAZoneIsInTheTextsAlone(t *testing.T) {
	url, posts := serve(t, ok)
	r := sender(t, webhook.Settings{Name: "pager", URL: secret.New(url)})
	for _, m := range []notify.Message{notifytest.Firing(), notifytest.FiringIn(time.FixedZone("", 8*60*60))} {
		if _, err := r.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	type body struct {
		Alerts []struct {
			StartsAt, EndsAt, Fingerprint string
			Labels, Annotations           map[string]string
		}
	}
	var alone, zoned body
	for i, into := range []*body{&alone, &zoned} {
		if err := json.Unmarshal((*posts)[i].body, into); err != nil {
			t.Fatal(err)
		}
	}
	a, z := alone.Alerts[0], zoned.Alerts[0]
	if !strings.Contains(z.Annotations["description"], "2026-11-28 02:07:13 UTC (10:07 UTC+8), in 5 days") {
		t.Errorf("no time of the zone in %s", z.Annotations["description"])
	}
	if !strings.Contains(z.Annotations["what_to_do"], "22:00 to 02:00 UTC (06:00 to 10:00 UTC+8)") {
		t.Errorf("no window of the zone in %s", z.Annotations["what_to_do"])
	}
	a.Annotations, z.Annotations = nil, nil
	if !reflect.DeepEqual(a, z) || !strings.HasSuffix(z.StartsAt, "Z") || !strings.HasSuffix(z.EndsAt, "Z") {
		t.Errorf("%+v\nwithout the zone %+v", z, a)
	}
}

func TestPostsAreThoseOfAlertmanager(t *testing.T) {
	url, posts := serve(t, ok)
	r := sender(t, webhook.Settings{Name: "pager", URL: secret.New(url)})
	for _, m := range []notify.Message{notifytest.Firing(), notifytest.Digest(), notifytest.Reminder(nil), notifytest.Resolution(nil)} {
		m.Footer = "sslwatch 1.0 on ops1"
		if receipt, err := r.Deliver(t.Context(), m); err != nil || receipt != nil {
			t.Fatalf("%s, %v", receipt, err)
		}
	}
	var b strings.Builder
	for _, p := range *posts {
		var v any
		if err := json.Unmarshal(p.body, &v); err != nil {
			t.Fatal(err)
		}
		indented, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", indented)
	}
	golden.Assert(t, b.String(), "posts.golden")
}

func TestAPostShowsWhoPosts(t *testing.T) {
	url, posts := serve(t, ok)
	key := secret.New("the-signing-key-of-tests")
	r := sender(t, webhook.Settings{URL: secret.New(url), Authorization: secret.New("Bearer the-token-of-tests"), SigningKey: key})
	m := notifytest.Firing()
	for range 2 {
		if _, err := r.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range *posts {
		h := p.header
		if h.Get("Authorization") != "Bearer the-token-of-tests" || h.Get(webhook.SignatureHeader) != webhook.Sign(key, p.body) ||
			h.Get("Idempotency-Key") != m.ID || h.Get("Content-Type") != "application/json" || p.path != "/hook/T0-very-secret-path" {
			t.Errorf("%s %v", p.path, h)
		}
	}
}

// The example of GitHub's documentation on validating deliveries.
func TestTheSignatureIsGitHubs(t *testing.T) {
	got := webhook.Sign(secret.New("It's a Secret to Everybody"), []byte("Hello, World!"))
	if want := "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What ends is told of the alert that began, whatever became of it meanwhile.
func TestAnEndFindsItsBeginning(t *testing.T) {
	url, posts := serve(t, ok)
	r := sender(t, webhook.Settings{URL: secret.New(url)})
	for _, m := range []notify.Message{notifytest.Firing(), notifytest.Tighter(nil), notifytest.Resolution(nil)} {
		if _, err := r.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	prints := map[string]map[string]bool{} // by instance
	for _, p := range *posts {
		var v struct {
			Alerts []struct {
				Status, Fingerprint string
				Labels              map[string]string
			}
		}
		if err := json.Unmarshal(p.body, &v); err != nil {
			t.Fatal(err)
		}
		for _, a := range v.Alerts {
			of := a.Labels["instance_id"] + " " + a.Labels["alertname"]
			if prints[of] == nil {
				prints[of] = map[string]bool{}
			}
			prints[of][a.Fingerprint] = true
		}
	}
	for of, all := range prints {
		if len(all) != 1 {
			t.Errorf("%s has the fingerprints %v", of, all)
		}
	}
}

func TestLabelsAreNamesThatPrometheusTakesAndOursCount(t *testing.T) {
	n := ledger.Notice{Alert: check.Alert{
		Subject:   check.Subject{ProjectID: "p", InstanceID: "i", Project: "prod", Instance: "订单", Labels: map[string]string{"cost center": "7", "1st": "x", "severity": "none", "team": "a", "": "y"}},
		Condition: check.SSLDisabled, Severity: check.Critical,
	}, Kind: ledger.Firing}
	got := notify.Labels(n.Alert)
	want := map[string]string{
		"alertname": "ssl_disabled", "severity": "critical", "project": "prod", "instance_id": "i", "instance": "订单",
		"cost_center": "7", "_1st": "x", "team": "a", "_": "y",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

func TestAnAnswerIsJudgedByWhatItMeans(t *testing.T) {
	answer := func(status int, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for rule, tt := range map[string]struct {
		answer           http.HandlerFunc
		well             bool
		refused, unknown bool
		wait             time.Duration
		says             string
	}{
		"200":                              {answer: answer(200, "ok"), well: true},
		"202 with JSON":                    {answer: answer(202, `{"status":"queued"}`), well: true},
		"204":                              {answer: ok, well: true},
		"a yes of the type of a page":      {answer: answer(200, "ok", "Content-Type", "text/html"), well: true},
		"a web page":                       {answer: answer(200, "\n<!DOCTYPE html><title>Login</title>"), says: "gave a web page for an answer"},
		"a redirect":                       {answer: answer(302, "", "Location", "https://example.com/T0-very-secret-path"), refused: true, says: "HTTP 302, a redirect"},
		"too often":                        {answer: answer(429, "", "Retry-After", "17"), wait: 17 * time.Second, says: "takes no alerts for now"},
		"not for now":                      {answer: answer(503, "busy"), says: "HTTP 503 (busy)"},
		"a failure":                        {answer: answer(500, "oops"), unknown: true, says: "HTTP 500 (oops); it is not known"},
		"a gateway's failure":              {answer: answer(502, ""), unknown: true, says: "HTTP 502; it is not known"},
		"who are you":                      {answer: answer(401, ""), refused: true, says: "check authorization"},
		"not you":                          {answer: answer(403, ""), refused: true, says: "check authorization"},
		"nothing there":                    {answer: answer(404, ""), refused: true, says: "check url"},
		"not that form":                    {answer: answer(422, "bad alerts"), refused: true, says: "HTTP 422 (bad alerts): it does not take"},
		"the URL is echoed":                {answer: answer(400, "no such hook: /hook/T0-very-secret-path"), refused: true, says: "no such hook"},
		"the token is echoed":              {answer: answer(400, "bad token Bearer the-token-of-tests"), refused: true, says: "bad token"},
		"a cut before the answer":          {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, unknown: true, says: "did not answer in full"},
		"an answer that does not go on":    {answer: answer(200, "ok", "Content-Length", "100"), well: true},
		"an answer that acts on terminals": {answer: answer(400, "\x1b[2J\r\nRESOLVED"), refused: true, says: "([2J RESOLVED)"},
	} {
		t.Run(rule, func(t *testing.T) {
			url, _ := serve(t, tt.answer)
			r := sender(t, webhook.Settings{URL: secret.New(url), Authorization: secret.New("Bearer the-token-of-tests")})
			_, err := r.Deliver(t.Context(), notifytest.Firing())
			if tt.well {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var f *notify.Failure
			if !errors.As(err, &f) {
				t.Fatalf("%v", err)
			}
			if f.Refused != tt.refused || f.Unknown != tt.unknown || f.RetryAfter != tt.wait || !strings.Contains(f.Reason, tt.says) {
				t.Errorf("%+v\nwant %+v", f, tt)
			}
			if !strings.HasPrefix(f.Reason, "the webhook at 127.0.0.1:") || strings.Contains(f.Reason, "very-secret") || strings.Contains(f.Reason, "the-token-of-tests") {
				t.Errorf("%s", f.Reason)
			}
		})
	}
}

func TestNobodyThereIsNotInDoubt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = sender(t, webhook.Settings{URL: secret.New("http://" + l.Addr().String() + "/very-secret")}).Deliver(t.Context(), notifytest.Firing())
	var f *notify.Failure
	if !errors.As(err, &f) || f.Unknown || !strings.Contains(f.Reason, "refused the connection") || strings.Contains(f.Reason, "very-secret") {
		t.Errorf("%v", err)
	}
}

func TestAnEndedContextEndsTheDelivery(t *testing.T) {
	url, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := sender(t, webhook.Settings{URL: secret.New(url)}).Deliver(ctx, notifytest.Firing()); err == nil {
		t.Error("delivered")
	}
}

func TestSettingsThatCantWork(t *testing.T) {
	for _, url := range []string{"", "hook", "ftp://example.com", "https://", "://very-secret"} {
		if _, err := webhook.New(webhook.Settings{URL: secret.New(url)}); err == nil || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// Each of a thousand alerts is in one post, whole.
func TestAStormIsFewPostsThatAreWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := sender(t, webhook.Settings{URL: secret.New("http://a.example/x")}).Limits()
		var all []ledger.Notice
		m, _ := notifytest.Storm(1000, nil)
		for _, g := range m.Groups {
			for _, i := range g.Items {
				all = append(all, i.Notice)
			}
		}
		posts, seen := 0, map[string]bool{}
		for len(all) > 0 {
			batch := notify.Wording{}.Batch(all, limits, time.Now())
			for _, g := range (notify.Wording{}).Compose(batch, nil, time.Now()).Groups {
				if g.Brief {
					t.Fatal("some are only named")
				}
			}
			posts++
			for _, n := range batch {
				seen[n.ID()] = true
			}
			var rest []ledger.Notice
			for _, n := range all {
				if !seen[n.ID()] {
					rest = append(rest, n)
				}
			}
			all = rest
		}
		if posts > 30 || len(seen) < 900 {
			t.Errorf("%d posts of %d alerts", posts, len(seen))
		}
	})
}
