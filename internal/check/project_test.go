package check_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// birth is when every record begins: odd nanoseconds, so that nothing falls
// on an edge by chance.
var birth = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

const (
	day  = check.Day
	hour = time.Hour
)

// newborn is an instance that was never asked about, and how it is judged.
func newborn() (check.Record, check.Policy) {
	return check.Record{
			Subject: check.Subject{ProjectID: "p", InstanceID: "i", Project: "prod", Region: "r", Instance: "cache"},
			Terms:   check.Terms{Expiry: ladder(30*day, 14*day, 7*day), Critical: check.Duration(7 * day), RequireSSL: true},
		},
		check.Policy{Confirm: 2, FailingAfter: hour, Awake: birth}
}

func ladder(thresholds ...time.Duration) []check.Duration {
	var l []check.Duration
	for _, d := range thresholds {
		l = append(l, check.Duration(d))
	}
	return l
}

// on is SSL on and valid until a time left from birth.
func on(left time.Duration) check.Observation {
	return check.Observation{SSL: dcs.SSL{Enabled: true, Validated: true, ExpiresAt: birth.Add(left)}}
}

var (
	failed  = check.Observation{Cause: check.CauseFailed, Reason: reason.Text("HTTP 500")}
	missing = check.Observation{Cause: check.CauseMissing, Reason: reason.Text("DCS.3022")}
	refused = check.Observation{Cause: check.CauseRefused, Reason: reason.Text("APIGW.0301")}
)

// heard is what a project is that a record was last asked of.
func heard(p check.ProjectRecord, r check.Record, policy check.Policy) check.ProjectRecord {
	if r.Failing.Cause == check.CauseRefused {
		for range r.Failing.Count {
			p = p.Refuse(r.Failing.Reason, policy, r.Checked)
		}
		return p
	}
	if !r.Checked.IsZero() {
		p = p.Learn(check.Observation{Cause: r.Failing.Cause}, r.Checked)
	}
	return p
}

func TestAProjectSpeaksForWhatConcernsIt(t *testing.T) {
	base, policy := newborn()
	record := func(id string, o ...check.Observation) check.Record {
		r := base
		r.InstanceID, r.Due = id, birth.Add(time.Minute)
		for _, o := range o {
			r = check.Learn(r, o, policy, birth)
		}
		return r
	}
	late := func(r check.Record) check.Record { r.Due = birth.Add(-2 * hour); return r }
	p := policy
	p.Awake = birth.Add(-3 * hour)
	asleep := policy
	for name, tc := range map[string]struct {
		records []check.Record
		policy  check.Policy
		want    string
	}{
		"all is well":               {[]check.Record{record("1", on(300*day)), record("2", on(300*day))}, p, "over checked"},
		"refused once is unknown":   {[]check.Record{record("1", on(300*day), refused), record("2", on(300*day))}, p, "nothing"},
		"refused twice":             {[]check.Record{record("1", refused, refused), record("2")}, p, "stands warning refused 2"},
		"refused, one near its end": {[]check.Record{record("1", refused, refused), record("2", on(day))}, p, "stands critical refused 2"},
		"overdue":                   {[]check.Record{late(record("1", on(300*day))), record("2", on(300*day))}, p, "stands warning overdue 1"},
		"overdue behind a refusal":  {[]check.Record{late(record("1", on(300*day))), record("2", refused)}, p, "stands warning refused 2"},
		"overdue while away":        {[]check.Record{late(record("1", on(300*day))), record("2", on(300*day))}, asleep, "nothing"},
		"only failures were seen":   {[]check.Record{record("1", failed)}, p, "nothing"},
		"asked, and there is none":  {[]check.Record{record("1", refused, refused, missing), record("2", missing)}, p, "over checked"},
		"nothing was ever seen":     {[]check.Record{record("1")}, p, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			got := "nothing"
			var p check.ProjectRecord
			for _, refusals := range []bool{false, true} {
				for _, r := range tc.records {
					if (r.Failing.Cause == check.CauseRefused) == refusals {
						p = heard(p, r, tc.policy)
					}
				}
			}
			f := check.Sum(tc.records, tc.policy, birth)
			for _, a := range check.Project(p.Judge(f, birth), f, tc.policy, birth) {
				got = fmt.Sprintf("%s %s", a.State, a.Ending)
				if a.State == check.Stands {
					got = fmt.Sprintf("%s %s %s %d", a.State, a.Severity, a.Cause, a.Affected)
				}
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestReconcileKeepsWhatIsKnown(t *testing.T) {
	r, policy := newborn()
	r = check.Learn(r, on(10*day), policy, birth)
	records := map[check.Key]check.Record{r.Key(): r}
	renamed := r.Subject
	renamed.Instance = "renamed"
	fresh := check.Subject{ProjectID: "p", InstanceID: "new"}
	terms := check.Terms{Expiry: ladder(7 * day)}
	out := check.Reconcile(records, []check.Key{{ProjectID: "q", InstanceID: "orphan"}}, []check.Watched{{Subject: renamed, Terms: terms}, {Subject: fresh, Terms: terms}}, nil, birth)
	if r := out[check.Key{ProjectID: "p", InstanceID: "i"}]; r.Instance != "renamed" || !r.NotAfter.Equal(birth.Add(10*day)) || len(r.Terms.Expiry) != 1 {
		t.Errorf("known: %+v", r)
	}
	if r := out[check.Key{ProjectID: "p", InstanceID: "new"}]; !r.Due.Equal(birth) {
		t.Errorf("new: due %v", r.Due)
	}
	if r := out[check.Key{ProjectID: "q", InstanceID: "orphan"}]; r.Left != check.Unwatched {
		t.Errorf("orphan: %+v", r)
	}
	out = check.Reconcile(out, nil, nil, nil, birth)
	if r := out[check.Key{ProjectID: "p", InstanceID: "i"}]; r.Left != check.Unwatched {
		t.Errorf("taken out: %+v", r)
	}
	out = check.Reconcile(out, nil, []check.Watched{{Subject: renamed, Terms: terms}}, nil, birth)
	if r := out[check.Key{ProjectID: "p", InstanceID: "i"}]; r.Left != "" || r.NotAfter.IsZero() {
		t.Errorf("back again: %+v", r)
	}
}
