package fleet_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// birth is when everything begins: odd nanoseconds, so that nothing falls on
// an edge by chance.
var birth = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

func watched(project string, n int) []check.Watched {
	var out []check.Watched
	for i := range n {
		out = append(out, check.Watched{
			Subject: check.Subject{ProjectID: project, Project: project, InstanceID: fmt.Sprint(i), Labels: map[string]string{"team": fmt.Sprint(i % 2)}},
			Terms:   check.Terms{Expiry: []check.Duration{check.Duration(30 * check.Day)}, Critical: check.Duration(check.Week), RequireSSL: i%3 != 0},
		})
	}
	return out
}

var policy = check.Policy{Confirm: 2, FailingAfter: time.Hour, Awake: birth}

// The totals that are kept as records change are what a walk over all of them
// adds up to, whatever happens: answers of every kind, time, clocks, pauses,
// other configurations, and a process that slept.
func TestTheTotalsAreThoseOfAWalk(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			f := fleet.New(nil, nil, nil)
			now := birth
			f.DoubtClocks([]string{"p", "q"})
			want := append(watched("p", 12), watched("q", 5)...)
			f.Configure(want, nil, nil, policy, now)
			for range 400 {
				now = now.Add(time.Duration(r.IntN(int(20 * time.Minute))))
				f.PassTime(now)
				one := want[r.IntN(len(want))]
				switch r.IntN(12) {
				case 0:
					r.Shuffle(len(want), func(i, j int) { want[i], want[j] = want[j], want[i] })
					f.Configure(want[:1+r.IntN(len(want))], nil, nil, policy, now)
				case 1:
					f.HearClock(one.ProjectID, dcs.Clock{Known: true, Ahead: time.Duration(r.IntN(3)) * 10 * time.Minute}, now)
				case 2:
					f.Slept(time.Minute, now)
					f.Awake(now, now)
				case 3:
					f.Due(one.Key(), now.Add(time.Duration(r.IntN(int(time.Hour)))), now)
				case 4:
					f.Refuse(one.ProjectID, reason.Text("no"), now)
				case 5:
					f.Accept(one.ProjectID, now)
				case 6:
					f.Forget(one.Key(), func(check.Key) bool { return r.IntN(2) == 0 })
				case 7:
					f.Pass(now)
				default:
					f.Learn(one.Key(), anything(r, now), now)
				}
				compare(t, f, now)
			}
		})
	}
}

func anything(r *rand.Rand, now time.Time) check.Observation {
	causes := []check.Cause{"", "", "", check.CauseFailed, check.CauseMissing, check.CauseForbidden, check.CauseForbidden}
	return check.Observation{
		Cause: causes[r.IntN(len(causes))],
		SSL:   dcs.SSL{Enabled: r.IntN(4) > 0, Validated: r.IntN(4) > 0, ExpiresAt: now.Add(time.Duration(r.IntN(40*24)-24) * time.Hour)},
	}
}

// compare adds up what the fleet knows by a walk over all of it.
func compare(t *testing.T, f *fleet.Fleet, now time.Time) {
	t.Helper()
	s := f.Snapshot(now)
	byProject := map[string][]check.Record{}
	counts := fleet.Counts{Verdicts: map[check.Verdict]int{}, Firing: map[fleet.Firing]int{}}
	for _, r := range s.Records {
		byProject[r.ProjectID] = append(byProject[r.ProjectID], *r)
		if r.Left != "" {
			continue
		}
		counts.Watched++
		if r.Checked.IsZero() {
			counts.Unasked++
		}
		counts.Verdicts[check.VerdictOf(*r, check.Standing(*r, s.Policy, now))]++
		for _, a := range s.Of(r) {
			counts.Firing[fleet.Firing{Condition: a.Condition, Severity: a.Severity}]++
		}
		if slices.Contains(s.Firing, r) != (len(s.Of(r)) > 0) {
			t.Fatalf("%s fires: %v", r.Key(), s.Of(r))
		}
	}
	for _, a := range s.OfProjects() {
		counts.Firing[fleet.Firing{Condition: a.Condition, Severity: a.Severity}]++
	}
	if diff := cmp.Diff(counts, s.Counts); diff != "" {
		t.Fatalf("the counts, by a walk - as kept +:\n%s", diff)
	}
	if len(byProject) != len(s.Totals) {
		t.Fatalf("there are totals of %v", slices.Sorted(maps.Keys(s.Totals)))
	}
	for id, records := range byProject {
		want, got := check.Sum(records, s.Policy, now), s.Totals[id]
		for _, totals := range []*check.Totals{&want, &got} {
			// These are what was noted last, whichever that was.
			totals.Concerned, totals.Reason, totals.Left, totals.Verified = nil, reason.Reason{}, "", time.Time{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the totals of %s, by a walk - as kept +:\n%s", id, diff)
		}
	}
}

// What is new is said once, and what is gone is said to be.
func TestChangesAreSaidOnce(t *testing.T) {
	f := fleet.New(nil, nil, nil)
	key := watched("p", 1)[0].Key()
	f.Configure(watched("p", 1), nil, nil, policy, birth)
	f.Credential("p", "ak")
	f.Learn(key, check.Observation{SSL: dcs.SSL{Enabled: true, Validated: true, ExpiresAt: birth.Add(check.Week)}}, birth)
	c := f.Changes()
	if r := c.Records[key]; r == nil || r.Verified.IsZero() || c.Projects["p"] == nil || c.Projects["p"].Credential != "ak" {
		t.Errorf("the changes are %v", c)
	}
	if c := f.Changes(); len(c.Records)+len(c.Projects)+len(c.Clocks) > 0 {
		t.Errorf("nothing happened, and these changed: %v", c)
	}
	f.HearClock("p", dcs.Clock{Known: true, Ahead: -time.Hour, Refused: true}, birth)
	if c := f.Changes(); c.Clocks["p"] == nil || time.Duration(c.Clocks["p"].Ahead) != -time.Hour {
		t.Errorf("the clock is off, and these changed: %v", c)
	}
	f.HearClock("p", dcs.Clock{Known: true}, birth)
	f.Configure(nil, nil, nil, policy, birth)
	f.Forget(key, func(check.Key) bool { return false })
	c = f.Changes()
	for _, nothing := range []bool{c.Records[key] == nil, c.Projects["p"] == nil, c.Clocks["p"] == nil} {
		if !nothing {
			t.Errorf("what is gone is not said to be: %v", c)
		}
	}
	if len(c.Records)+len(c.Projects)+len(c.Clocks) != 3 {
		t.Errorf("the changes are %v", c)
	}
}

// One answer about one instance makes it and its project stale, and nothing
// else, however large the fleet is.
func TestAnAnswerMakesItsSubjectsStale(t *testing.T) {
	f := fleet.New(nil, nil, nil)
	f.Configure(watched("p", 100), nil, nil, policy, birth)
	if n := len(f.Stale()); n != 101 {
		t.Errorf("after a configuration %d are stale", n)
	}
	key := check.Key{ProjectID: "p", InstanceID: "7"}
	f.Learn(key, check.Observation{Cause: check.CauseFailed}, birth)
	stale := slices.SortedFunc(slices.Values(f.Stale()), check.Key.Compare)
	if !slices.Equal(stale, []check.Key{{ProjectID: "p"}, key}) {
		t.Errorf("after an answer these are stale: %v", stale)
	}
}

func TestAPassIsOverWhenAllWereAsked(t *testing.T) {
	f := fleet.New(nil, nil, nil)
	f.Configure(watched("p", 2), nil, nil, policy, birth)
	f.Pass(birth)
	for i := range 2 {
		if f.Passed() {
			t.Fatalf("the pass is over after %d of 2", i)
		}
		f.Learn(check.Key{ProjectID: "p", InstanceID: fmt.Sprint(i)}, check.Observation{Cause: check.CauseFailed}, birth.Add(time.Second))
	}
	if !f.Passed() {
		t.Error("all were asked, and the pass is not over")
	}
	f.Pass(birth.Add(time.Minute))
	if f.Passed() {
		t.Error("the next pass is over before it began")
	}
	f.Configure(nil, nil, nil, policy, birth.Add(time.Minute))
	if !f.Passed() {
		t.Error("what left holds a pass up")
	}
}
