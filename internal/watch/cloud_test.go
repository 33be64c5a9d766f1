package watch_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// Each answer of the cloud, through HTTPS: what it is taken for, how many of
// three instances that get it are asked, and what people read.
func TestWhatEachAnswerOfTheCloudMeans(t *testing.T) {
	const failed, missing, unsupported = "check_failing failed", "check_failing missing", "check_failing unsupported"
	for _, row := range []struct {
		answer   simcloud.Answer
		instance string // what stands of each instance
		project  string // and of the project
		asked    int
		reads    string
	}{
		{simcloud.AnswerOK, "", "", 3, ""},
		{simcloud.AnswerNumberPort, "", "", 3, ""},
		{simcloud.AnswerFarDate, failed, "", 3, "not a believable date"},
		{simcloud.AnswerOff, "ssl_disabled", "", 3, ""},
		{simcloud.AnswerOffEmpty, "ssl_disabled", "", 3, ""},
		{simcloud.AnswerOff204, "ssl_disabled", "", 3, ""},
		{simcloud.AnswerUnsupported, unsupported, "", 3, "can't have SSL"},
		{simcloud.AnswerMissing, missing, "", 3, "no such instance"},
		{simcloud.AnswerErrorObject, missing, "", 3, "no such instance"},
		{simcloud.AnswerInternal, failed, "", 3, "DCS.5010"},
		{simcloud.AnswerBusy, failed, "", 3, "DCS.4104"},
		{simcloud.AnswerNumericCode, failed, "", 3, "400"},
		{simcloud.AnswerProxy, failed, "", 3, "HTML"},
		{simcloud.AnswerRedirect, failed, "", 3, "redirect"},
		{simcloud.AnswerHang, failed, "", 2, "within"},
		{simcloud.AnswerReset, failed, "", 3, "connection"},
		{simcloud.AnswerCut, failed, "", 3, "cut"},
		{simcloud.AnswerEndless, failed, "", 3, "1 MiB"},
		{simcloud.AnswerEmpty, failed, "", 3, "empty"},
		{simcloud.AnswerNull, failed, "", 3, "null"},
		{simcloud.AnswerArray, failed, "", 3, "JSON"},
		{simcloud.AnswerBody.With("3"), failed, "", 3, "JSON"},
		{simcloud.AnswerNumberDate, failed, "", 3, "ssl_expired_at"},
		{simcloud.AnswerNoDate, failed, "", 3, "ssl_expired_at"},
		{simcloud.AnswerZeroDate, failed, "", 3, "ssl_expired_at"},
		{simcloud.AnswerGarbageDate, failed, "", 3, "ssl_expired_at"},
		{simcloud.AnswerForbidden, "check_failing forbidden", "check_failing forbidden", 3, "DCS.2007"},
		{simcloud.AnswerForbiddenIAM, "check_failing forbidden", "check_failing forbidden", 3, "APIGW.0302"},
		{simcloud.AnswerUnauthorized, "", "check_failing refused", 1, "APIGW.0301"},
		{simcloud.AnswerThrottled, failed, "", 1, "too often"},
	} {
		t.Run(strings.ReplaceAll(string(row.answer), ":", " "), func(t *testing.T) {
			t.Parallel()
			cloud, err := simcloud.New(simcloud.Options{Projects: []string{projectID}, Keys: []simcloud.Key{{Access: "AK", Secret: "secret"}}})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewTLSServer(cloud)
			defer server.Close()
			defer cloud.Close()
			timeout := time.Minute
			if row.answer == simcloud.AnswerHang {
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
			if n := cloud.Counts().Total; n != row.asked && (row.answer != simcloud.AnswerReset || n > 2*row.asked) {
				t.Errorf("%d requests, want %d", n, row.asked)
			}
		})
	}
}

func put(t *testing.T, cloud *simcloud.DCS, s check.Subject) {
	t.Helper()
	if err := cloud.Put(simcloud.Instance{
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
