package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/view"
	"github.com/sslwatch/sslwatch/internal/watch"
	"github.com/sslwatch/sslwatch/internal/web"
)

// source is a loop that knows something, or hangs.
type source struct {
	snapshot view.Snapshot
	hangs    bool
}

func (s *source) Snapshot(ctx context.Context) (view.Snapshot, error) {
	if s.hangs {
		return view.Snapshot{}, errors.New("hangs")
	}
	return s.snapshot, nil
}

func (s *source) Alive(context.Context) error {
	if s.hangs {
		return errors.New("hangs")
	}
	return nil
}

var now = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

func known() view.Snapshot {
	subject := func(id, name string) check.Subject {
		return check.Subject{ProjectID: "p", InstanceID: id, Project: "prod", Instance: name}
	}
	terms := check.Terms{Expiry: []check.Duration{check.Duration(7 * check.Day)}, Critical: check.Duration(check.Day), RequireSSL: true}
	records := map[check.Key]check.Record{
		{ProjectID: "p", InstanceID: "1"}: {Subject: subject("1", "well"), Terms: terms, Checked: now, Verified: now, NotAfter: now.Add(100 * check.Day)},
		{ProjectID: "p", InstanceID: "2"}: {Subject: subject("2", "soon"), Terms: terms, Checked: now, Verified: now, NotAfter: now.Add(3 * check.Day)},
		{ProjectID: "p", InstanceID: "3"}: {Subject: subject("3", "off"), Terms: terms, Checked: now, Verified: now, Off: check.Flag{Set: true, Since: now}},
		{ProjectID: "p", InstanceID: "4"}: {Subject: subject("4", "never"), Terms: terms, Checked: now},
		{ProjectID: "p", InstanceID: "6"}: {
			Subject: subject("6", "optional"), Terms: check.Terms{Expiry: terms.Expiry, Critical: terms.Critical},
			Checked: now, Verified: now, Off: check.Flag{Set: true, Since: now}, NotAfter: now.Add(-time.Hour),
		},
		{ProjectID: "p", InstanceID: "8"}: {
			Subject: subject("8", "probed"), Terms: check.Terms{Expiry: terms.Expiry, Critical: terms.Critical, RequireSSL: true, Probe: true},
			Checked: now, Verified: now, NotAfter: now.Add(100 * check.Day),
			Probed: &check.Probed{At: now, Reached: now.Add(-time.Minute), NotAfter: now.Add(100 * check.Day)},
		},
		{ProjectID: "q", InstanceID: "7"}: {
			Subject: check.Subject{ProjectID: "q", InstanceID: "7", Project: "dark", Instance: "unseen"}, Terms: terms, Checked: now,
			Failing: check.Failing{Since: now, Last: now, Count: 2, Cause: check.CauseRefused},
		},
		{ProjectID: "p", InstanceID: "5"}: {Subject: subject("5", "gone"), Terms: terms, Checked: now, Verified: now, Left: check.Unwatched},
	}
	var watched []check.Watched
	for _, r := range records {
		if r.Left == "" {
			watched = append(watched, check.Watched{Subject: r.Subject, Terms: r.Terms})
		}
	}
	f := fleet.New(records, map[string]check.ProjectRecord{
		"p": {Listing: check.Listing{Due: now.Add(time.Hour), Read: now, Coverage: &check.Coverage{Instances: 9, Watched: 6}}},
		"q": {Refused: check.Flag{Set: true, Since: now}},
	}, nil)
	f.Configure(watched, nil, nil, check.Policy{Confirm: 2, FailingAfter: time.Hour, Awake: now.Add(-time.Hour)}, now)
	return view.Snapshot{
		Snapshot:  f.Snapshot(now),
		Interval:  15 * time.Minute,
		Receivers: []state.ReceiverState{{ID: "oncall", Owed: 2, OwedSince: now.Add(-time.Hour), Failure: "HTTP 503"}, {ID: "mail/ops", Succeeded: now}},
	}
}

func get(t *testing.T, h http.Handler, method, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestMetricsSayWhatIsKnown(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	watch.NewMetrics(r)
	code, body := get(t, web.Handler(&source{snapshot: known()}, r), "GET", "/metrics")
	if code != http.StatusOK {
		t.Fatalf("%d: %s", code, body)
	}
	for _, line := range []string{
		`sslwatch_instance_ssl_enabled{instance="well",instance_id="1",project="prod"} 1`,
		`sslwatch_instance_ssl_enabled{instance="off",instance_id="3",project="prod"} 0`,
		`sslwatch_instance_certificate_not_after_timestamp_seconds{instance="soon",instance_id="2",project="prod"} 1.795658833123e+09`,
		`sslwatch_instance_last_success_timestamp_seconds{instance="never",instance_id="4",project="prod"} 0`,
		`sslwatch_instance_ssl_required{instance="off",instance_id="3",project="prod"} 1`,
		`sslwatch_instance_ssl_required{instance="optional",instance_id="6",project="prod"} 0`,
		`sslwatch_instance_alert{condition="certificate_expiring",instance="soon",instance_id="2",project="prod",severity="warning"} 1`,
		`sslwatch_instance_alert{condition="ssl_disabled",instance="off",instance_id="3",project="prod",severity="critical"} 1`,
		`sslwatch_project_alert{condition="check_failing",project="dark",severity="warning"} 1`,
		`sslwatch_instance_endpoint_not_after_timestamp_seconds{instance="probed",instance_id="8",project="prod"} 1.804039633123e+09`,
		`sslwatch_instance_last_handshake_timestamp_seconds{instance="probed",instance_id="8",project="prod"} 1.795399573123e+09`,
		`sslwatch_instance_ssl_validated{instance="well",instance_id="1",project="prod"} 1`,
		`sslwatch_project_instances{project="prod",watched="true"} 6`,
		`sslwatch_project_instances{project="prod",watched="false"} 3`,
		`sslwatch_project_last_list_timestamp_seconds{project="prod"} 1.795399633123e+09`,
		`sslwatch_check_interval_seconds 900`,
		`sslwatch_alerts_firing{condition="certificate_expiring",severity="warning"} 1`,
		`sslwatch_alerts_firing{condition="ssl_disabled",severity="critical"} 1`,
		`sslwatch_alerts_firing{condition="check_failing",severity="critical"} 0`,
		`sslwatch_notifications_pending{receiver="oncall",recipient=""} 2`,
		`sslwatch_receiver_healthy{receiver="oncall",recipient=""} 0`,
		`sslwatch_receiver_healthy{receiver="mail",recipient="ops"} 1`,
		`sslwatch_receiver_owed_since_timestamp_seconds{receiver="mail",recipient="ops"} 0`,
		`sslwatch_receiver_last_success_timestamp_seconds{receiver="oncall",recipient=""} 0`,
		`sslwatch_state_writes_failed_total 0`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("lacks %s", line)
		}
	}
	for _, absent := range []string{
		`instance="gone"`, `sslwatch_instance_alert{condition="ssl_disabled",instance="optional"`, `sslwatch_instance_alert{condition="certificate_expired"`,
		`sslwatch_instance_ssl_enabled{instance="never"`,
	} {
		if strings.Contains(body, absent) {
			t.Errorf("has %s", absent)
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(body) {
		name, _, _ := strings.Cut(line, " ")
		if seen[name] && !strings.HasPrefix(line, "#") {
			t.Errorf("twice: %s", name)
		}
		seen[name] = true
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

// Whoever reads another form gets the same.
func TestMetricsAreTheSameInEachForm(t *testing.T) {
	h := web.Handler(&source{snapshot: known()}, prometheus.NewRegistry())
	_, want := get(t, h, "GET", "/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	h.ServeHTTP(w, r)
	dec, series := expfmt.NewDecoder(w.Body, expfmt.ResponseFormat(w.Header())), 0
	for {
		var f dto.MetricFamily
		if err := dec.Decode(&f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if got, want := sorted(&f), sorted(families[f.GetName()]); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		delete(families, f.GetName())
		series += len(f.Metric)
	}
	if len(families) > 0 || series < 30 {
		t.Errorf("%d families are missing, %d series", len(families), series)
	}
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if body := w.Body.String(); !strings.HasSuffix(body, "\n# EOF\n") || strings.Count(body, "\n") != strings.Count(want, "\n")+1 {
		t.Errorf("%d lines of %d:\n%s", strings.Count(body, "\n"), strings.Count(want, "\n"), body)
	}
}

// sorted writes a family with its series in order.
func sorted(f *dto.MetricFamily) string {
	slices.SortFunc(f.GetMetric(), func(a, b *dto.Metric) int { return strings.Compare(a.String(), b.String()) })
	return f.String()
}

func TestALoopThatHangsIsNotHealthy(t *testing.T) {
	h := web.Handler(&source{hangs: true}, prometheus.NewRegistry())
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if code, _ := get(t, h, "GET", path); code < 500 {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func TestReadyOnceAllWereAskedAndWhatIsSaidCanBeKept(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view.Snapshot)
		code   int
		says   string
	}{
		"ready": {func(*view.Snapshot) {}, 200, "ok"},
		"one was not asked": {func(s *view.Snapshot) {
			s.Counts.Unasked = 1
		}, 503, "1 of 7"},
		"the disk is full": {func(s *view.Snapshot) { s.Unwritten = "no space left" }, 503, "no space left"},
	} {
		t.Run(name, func(t *testing.T) {
			s := known()
			tc.change(&s)
			h := web.Handler(&source{snapshot: s}, prometheus.NewRegistry())
			if code, body := get(t, h, "GET", "/readyz"); code != tc.code || !strings.Contains(body, tc.says) {
				t.Errorf("%d: %s", code, body)
			}
			if code, _ := get(t, h, "GET", "/healthz"); code != 200 {
				t.Errorf("healthz: %d", code)
			}
		})
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	h := web.Handler(&source{snapshot: known()}, prometheus.NewRegistry())
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/-/reload"} {
			if code, _ := get(t, h, method, path); code != http.StatusMethodNotAllowed && code != http.StatusNotFound {
				t.Errorf("%s %s: %d", method, path, code)
			}
		}
	}
}
