package statetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/state"
)

// Opened is a store that was opened.
type Opened struct {
	Store state.Store
	// Again closes the store, opens what it wrote, and returns that.
	Again func(*testing.T) (Opened, state.State)
}

// now is when the suite begins: odd nanoseconds, so that none get lost.
var now = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

// Run checks that stores keep what state.Store promises. open returns an
// empty one.
func Run(t *testing.T, open func(*testing.T) Opened) {
	t.Run("what was committed is there after a restart", func(t *testing.T) {
		o := open(t)
		want := state.State{}
		for i := range 3 {
			c := full(i)
			commit(t, o, c)
			want.Apply(c)
		}
		_, got := o.Again(t)
		same(t, want, got)
	})
	t.Run("what is gone is gone after a restart, and nothing else", func(t *testing.T) {
		o := open(t)
		want := state.State{}
		gone := full(1)
		for _, c := range []state.Changes{full(0), full(1), nothing(gone)} {
			commit(t, o, c)
			want.Apply(c)
		}
		_, got := o.Again(t)
		same(t, want, got)
	})
	t.Run("a commit of nothing forgets nothing", func(t *testing.T) {
		o := open(t)
		commit(t, o, full(0))
		commit(t, o, state.Changes{At: now.Add(time.Hour)})
		want := state.State{}
		want.Apply(full(0))
		want.Written = now.Add(time.Hour)
		_, got := o.Again(t)
		same(t, want, got)
	})
	t.Run("changes that are handed over again change nothing", func(t *testing.T) {
		o := open(t)
		want := state.State{}
		for range 2 {
			commit(t, o, full(0))
			want.Apply(full(0))
		}
		_, got := o.Again(t)
		same(t, want, got)
	})
	t.Run("what is gone and was never there is no error", func(t *testing.T) {
		o := open(t)
		commit(t, o, nothing(full(0)))
		_, got := o.Again(t)
		same(t, state.State{Version: state.Version, Written: now}, got)
	})
	t.Run("changes add up, whatever they are, over restarts", func(t *testing.T) {
		for seed := range uint64(5) {
			r := rand.New(rand.NewPCG(seed, 3))
			o := open(t)
			want := state.State{}
			for i := range 60 {
				c := some(r, full(r.IntN(6)))
				c.At = now.Add(time.Duration(i) * time.Second)
				commit(t, o, c)
				want.Apply(c)
				if r.IntN(10) == 0 {
					var got state.State
					o, got = o.Again(t)
					same(t, want, got)
				}
			}
			_, got := o.Again(t)
			same(t, want, got)
		}
	})
}

func commit(t *testing.T, o Opened, c state.Changes) {
	t.Helper()
	if err := o.Store.Commit(c); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, want, got state.State) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the state is another (-committed +read):\n%s", diff)
	}
}

// full returns changes of each kind, about some subject.
func full(i int) state.Changes {
	key := check.Key{ProjectID: fmt.Sprintf("project-%d", i%2), InstanceID: fmt.Sprintf("instance \"%d\"\n", i)}
	receiver, at := fmt.Sprintf("mail/日本@%d.example", i%3), now.Add(-time.Duration(i)*time.Hour)
	return state.Changes{
		At: now,
		Records: map[check.Key]*check.Record{key: {
			Subject: check.Subject{ProjectID: key.ProjectID, InstanceID: key.InstanceID, Instance: "orders <cache> & co", Labels: map[string]string{"team": "a"}},
			Terms:   check.Terms{Expiry: []check.Duration{check.Duration(check.Week)}, RequireSSL: true},
			Due:     at, Checked: at, Verified: at, NotAfter: at.AddDate(0, 0, 30),
		}},
		Projects: map[string]*check.ProjectRecord{key.ProjectID: {Credential: "0a", Seen: at, Reason: reason.New(reason.APIFailed, reason.Args{"status": 500, "said": reason.New(reason.SaidStatus, reason.Args{"status": 500})})}},
		Clocks:   map[string]*check.Clock{key.ProjectID: {Off: true, Since: at, Ahead: check.Offset(time.Hour)}},
		Lines: map[ledger.Place]ledger.Lines{{Receiver: receiver, Subject: key}: {
			check.SSLDisabled:  {Told: &ledger.Told{Severity: check.Critical, First: at, LastNews: at, Last: at, Message: "0a"}},
			check.CheckFailing: {Tried: ledger.Firing, Pending: &ledger.Pending{Since: at, Severity: check.Warning, InDoubt: &ledger.Doubt{Message: "0b", Notice: "0c", Tries: 2, Last: at}}},
		}},
		Messages: map[state.MessageKey]*ledger.Sent{{Receiver: receiver, Message: fmt.Sprintf("%024x", i)}: {
			Receipt: json.RawMessage(`{"ts":"1.2"}`), Stale: true,
			Entries: []ledger.Entry{{Key: key, Condition: check.SSLDisabled, Severity: check.Critical}},
		}},
		Receivers: map[string]*state.ReceiverState{receiver: {Owed: i, OwedSince: at, Failure: "no <answer>", FailingSince: at, Succeeded: at}},
	}
}

// nothing returns that all of it is gone.
func nothing(c state.Changes) state.Changes {
	none(c.Records)
	none(c.Projects)
	none(c.Clocks)
	none(c.Messages)
	none(c.Receivers)
	for at := range c.Lines {
		c.Lines[at] = nil
	}
	return c
}

func none[K comparable, V any](m map[K]*V) {
	for key := range m {
		m[key] = nil
	}
}

// some leaves some of it as it is, makes some of it gone, and leaves the rest
// out.
func some(r *rand.Rand, c state.Changes) state.Changes {
	thin(r, c.Records)
	thin(r, c.Projects)
	thin(r, c.Clocks)
	thin(r, c.Messages)
	thin(r, c.Receivers)
	for at := range c.Lines {
		switch r.IntN(4) {
		case 0:
			c.Lines[at] = nil
		case 1:
			delete(c.Lines, at)
		}
	}
	return c
}

func thin[K comparable, V any](r *rand.Rand, m map[K]*V) {
	for key := range m {
		switch r.IntN(4) {
		case 0:
			m[key] = nil
		case 1:
			delete(m, key)
		}
	}
}
