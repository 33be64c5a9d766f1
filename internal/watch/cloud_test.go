package watch_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// Each answer of the cloud, through HTTPS: what it is taken for, how many of
// three instances that get it are asked, and what people read.
func TestWhatEachAnswerOfTheCloudMeans(t *testing.T) {
	const failed, missing, unsupported = "check_failing failed", "check_failing missing", "check_failing unsupported"
	for _, row := range []struct {
		answer   sim.Answer
		instance string // what stands of each instance
		project  string // and of the project
		asked    int
		reads    string
	}{
		{sim.AnswerOK, "", "", 3, ""},
		{sim.AnswerNumberPort, "", "", 3, ""},
		{sim.AnswerFarDate, failed, "", 3, "not a believable date"},
		{sim.AnswerOff, "ssl_disabled", "", 3, ""},
		{sim.AnswerOffEmpty, "ssl_disabled", "", 3, ""},
		{sim.AnswerOff204, "ssl_disabled", "", 3, ""},
		{sim.AnswerUnsupported, unsupported, "", 3, "can't have SSL"},
		{sim.AnswerMissing, missing, "", 3, "no such instance"},
		{sim.AnswerErrorObject, missing, "", 3, "no such instance"},
		{sim.AnswerInternal, failed, "", 3, "DCS.5010"},
		{sim.AnswerBusy, failed, "", 3, "DCS.4104"},
		{sim.AnswerNumericCode, failed, "", 3, "400"},
		{sim.AnswerProxy, failed, "", 3, "HTML"},
		{sim.AnswerRedirect, failed, "", 3, "redirect"},
		{sim.AnswerHang, failed, "", 2, "within"},
		{sim.AnswerReset, failed, "", 3, "connection"},
		{sim.AnswerCut, failed, "", 3, "cut"},
		{sim.AnswerEndless, failed, "", 3, "1 MiB"},
		{sim.AnswerEmpty, failed, "", 3, "empty"},
		{sim.AnswerNull, failed, "", 3, "null"},
		{sim.AnswerArray, failed, "", 3, "JSON"},
		{sim.AnswerBody.With("3"), failed, "", 3, "JSON"},
		{sim.AnswerNumberDate, failed, "", 3, "ssl_expired_at"},
		{sim.AnswerNoDate, failed, "", 3, "ssl_expired_at"},
		{sim.AnswerZeroDate, failed, "", 3, "ssl_expired_at"},
		{sim.AnswerGarbageDate, failed, "", 3, "ssl_expired_at"},
		{sim.AnswerForbidden, "check_failing forbidden", "check_failing forbidden", 3, "DCS.2007"},
		{sim.AnswerForbiddenIAM, "check_failing forbidden", "check_failing forbidden", 3, "APIGW.0302"},
		{sim.AnswerUnauthorized, "", "check_failing refused", 1, "APIGW.0301"},
		{sim.AnswerThrottled, failed, "", 1, "too often"},
	} {
		t.Run(strings.ReplaceAll(string(row.answer), ":", " "), func(t *testing.T) {
			t.Parallel()
			cloud, err := sim.NewDCS(sim.DCSOptions{Projects: []string{projectID}, Keys: []sim.Key{{Access: "AK", Secret: "secret"}}})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewTLSServer(cloud)
			defer server.Close()
			defer cloud.Close()
			timeout := time.Minute
			if row.answer == sim.AnswerHang {
				timeout = 2 * time.Second
			}
			client, err := dcs.New(dcs.Options{
				Endpoint: server.URL, ProjectID: projectID, Credentials: dcs.Keys("AK", "secret", ""),
				Timeout: timeout, Transport: server.Client().Transport,
			})
			if err != nil {
				t.Fatal(err)
			}
			o := watch.Options{
				Policy: check.Policy{Confirm: 1}, Interval: time.Hour, Concurrency: 1,
				Backoff:  watch.Backoff{Initial: time.Second, Max: time.Minute, Multiplier: 2},
				Projects: []watch.Project{{ID: projectID, API: client, Rate: 1000, Credential: "ak"}},
			}
			for i := range 3 {
				s := instance(i)
				o.Watched = append(o.Watched, check.Watched{Subject: s, Terms: terms()})
				put(t, cloud, s)
			}
			if err := cloud.AnswerAll(row.answer); err != nil {
				t.Fatal(err)
			}
			learnt, err := watch.Pass(t.Context(), o, func(int, int) {})
			records := learnt.Records
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			for _, r := range records {
				if got := stands(check.Standing(r, o.Policy, now)); got != row.instance {
					t.Errorf("of %s stands %q, want %q", r.Instance, got, row.instance)
				}
				if reads := r.Failing.Reason.String(); !strings.Contains(reads, row.reads) || (reads == "") != (row.reads == "") {
					t.Errorf("people read %q, want something with %q", reads, row.reads)
				}
			}
			var p check.ProjectRecord
			if records[0].Failing.Cause == check.CauseRefused {
				p = p.Refuse(records[0].Failing.Reason, o.Policy, now)
			}
			f := check.Sum(records, o.Policy, now)
			if got := stands(check.Project(p.Judge(f, now), f, o.Policy, now)); got != row.project {
				t.Errorf("of the project stands %q, want %q", got, row.project)
			}
			// A connection that breaks may be tried once more by net/http.
			if n := cloud.Counts().Total; n != row.asked && (row.answer != sim.AnswerReset || n > 2*row.asked) {
				t.Errorf("%d requests, want %d", n, row.asked)
			}
		})
	}
}

func put(t *testing.T, cloud *sim.DCS, s check.Subject) {
	t.Helper()
	if err := cloud.Put(sim.Instance{
		ProjectID: projectID, ID: s.InstanceID, Name: s.Instance, Enabled: true, Validated: true, ExpiresAt: time.Now().Add(300 * check.Day),
	}); err != nil {
		t.Fatal(err)
	}
}

// stands writes the alerts that stand.
func stands(alerts []check.Alert) string {
	var all []string
	for _, a := range alerts {
		if a.State == check.Stands {
			all = append(all, strings.TrimSpace(string(a.Condition)+" "+string(a.Cause)))
		}
	}
	return strings.Join(slices.Compact(all), ", ")
}
