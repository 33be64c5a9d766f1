package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

var now = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

// What Alertmanager gets, as it gets it.
func TestWhatIsPosted(t *testing.T) {
	expiring := check.Alert{
		Subject: check.Subject{
			ProjectID: "p", Project: "prod", Region: "eu-west-101", InstanceID: "553a2516-b865-4159-b774-204dc0a36e37", Instance: "订单",
			Labels: map[string]string{"cost center": "7", "team": "payments"}, Console: "https://console.example.com/dcs",
		},
		Condition: check.CertificateExpiring, State: check.Stands, Severity: check.Critical, Threshold: check.Duration(7 * check.Day),
		NotAfter: now.Add(6*check.Day + 5*time.Hour), Since: now.Add(-19 * time.Hour), Verified: now.Add(-4 * time.Minute),
	}
	milder := expiring
	milder.Severity, milder.Threshold = check.Warning, check.Duration(30*check.Day)
	q := picture{
		standing: map[identity]standing{{expiring.Key(), expiring.Condition}: standingOf(expiring)},
		replaced: []replaced{{standingOf(milder), now}},
	}
	body, err := json.Marshal(append(q.alerts(notify.Wording{}, now, now.Add(-time.Minute), 15*time.Second), sample(check.Warning, now)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden.Assert(t, out.String()+"\n", "posted.golden")
	if n := len(q.alerts(notify.Wording{}, now, now, 0)); n != 1 {
		t.Errorf("an end that was taken is posted again: %d alerts", n)
	}
}

func TestHowItLogsInAndWhere(t *testing.T) {
	for _, tc := range []struct {
		path string
		s    Settings
		want string
	}{
		{"", Settings{}, "POST /api/v2/alerts application/json sslwatch "},
		{"/prefix/", Settings{}, "POST /prefix/api/v2/alerts application/json sslwatch "},
		{"", Settings{Username: "u", Password: secret.New("hunter2")}, "POST /api/v2/alerts application/json sslwatch Basic dTpodW50ZXIy"},
		{"", Settings{Token: secret.New("hunter2")}, "POST /api/v2/alerts application/json sslwatch Bearer hunter2"},
	} {
		var got string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = fmt.Sprintf("%s %s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header.Get("Authorization"))
			if string(body) != "[]" {
				t.Errorf("nothing stands, and it posts %s", body)
			}
		}))
		tc.s.URL = server.URL + tc.path
		if _, err := tc.s.post(t.Context(), tc.s.transport(), []alert{}); err != nil {
			t.Error(err)
		}
		if server.Close(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

// What each answer means, as people read it; and no secret in it.
func TestWhatAnAnswerMeans(t *testing.T) {
	var out strings.Builder
	for _, tc := range []struct {
		status int
		body   string
	}{
		{200, ""},
		{200, "<!DOCTYPE html><html>Log in</html>"},
		{302, ""},
		{400, `"invalid label set: invalid name \"a-b\""`},
		{401, "Unauthorized hunter2"},
		{403, ""},
		{404, "404 page not found\n"},
		{405, ""},
		{407, ""},
		{415, `{"code":415,"message":"unsupported media type"}`},
		{422, `{"code":601,"message":"generatorURL must be a uri"}`},
		{429, ""},
		{500, "oops"},
		{503, "<html>" + strings.Repeat("Service Unavailable ", 40) + "</html>"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example.com/")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		}))
		s := Settings{URL: server.URL, Username: "u", Password: secret.New("hunter2")}
		wait, err := s.post(t.Context(), s.transport(), nil)
		server.Close()
		fmt.Fprintf(&out, "%d: %v\n", tc.status, err)
		if want := map[bool]time.Duration{true: 7 * time.Second}[err != nil]; wait != want {
			t.Errorf("%d: waits %v, want %v", tc.status, wait, want)
		}
	}
	golden.Assert(t, out.String(), "answers.golden")
}

func TestWhatIsSaidWhereNoAnswerComes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := listener.Addr().String()
	listener.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	for _, tc := range []struct {
		url  string
		want []string
	}{
		{"http://" + gone, []string{"the Alertmanager at " + gone, "refused", "urls"}},
		{secure.URL, []string{"the Alertmanager at ", "certificate", "ca_file"}},
	} {
		s := Settings{URL: tc.url}
		_, err := s.post(t.Context(), s.transport(), nil)
		for _, part := range tc.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", tc.url, err, part)
			}
		}
	}
}

func TestItTrustsTheAuthoritiesOfTheCAFileAndNoOthers(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	s := Settings{URL: server.URL, Roots: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))}
	if err := Test(t.Context(), s, check.Warning, now); err != nil {
		t.Error(err)
	}
	s.Roots = "none"
	if err := Test(t.Context(), s, check.Warning, now); err == nil {
		t.Error("a CA file without a certificate has it trust the machine's")
	}
}

func TestAnAddressThatHangsIsGivenUp(t *testing.T) {
	stuck := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer server.Close()
	defer close(stuck)
	s := Settings{URL: server.URL}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.post(ctx, s.transport(), nil); err == nil {
		t.Error("no error")
	}
}

func BenchmarkPicture(b *testing.B) {
	r := newReplica()
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprint("cache-", i)
	}
	r.watch(nil, names...)
	for i, name := range names {
		r.see(name, map[bool]time.Duration{true: 20 * check.Day, false: 300 * check.Day}[i%100 == 0])
	}
	s, _ := r.Snapshot(b.Context())
	var p picture
	b.ReportAllocs()
	for b.Loop() {
		p = p.next(s, "cluster", ledger.Audience{})
	}
	if len(p.standing) != 100 {
		b.Fatal(len(p.standing))
	}
}
