package notify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/text"
)

// follows returns the earlier message that a batch belongs to, nil if none.
func follows(batch []ledger.Notice, sent map[string]ledger.Sent) *Thread {
	id := thread(batch[0])
	s, kept := sent[id]
	if id == "" || !kept {
		return nil
	}
	return &Thread{ID: id, Receipt: s.Receipt}
}

// news returns the entries of the earlier messages that a batch changes, as
// they are after it.
func news(batch []ledger.Notice, sent map[string]ledger.Sent, t telling) map[string][]ledger.Entry {
	of := map[check.Key][]ledger.Notice{} // by subject
	for _, n := range batch {
		of[n.Key()] = append(of[n.Key()], n)
	}
	changed := map[string][]ledger.Entry{}
	for id, s := range sent {
		for i, e := range s.Entries {
			for _, n := range of[e.Key] {
				if e.Over || !concerns(n, e, id) {
					continue
				}
				if changed[id] == nil {
					changed[id] = slices.Clone(s.Entries)
				}
				changed[id][i] = entry(n, e.Condition, t)
			}
		}
	}
	return changed
}

// concerns reports whether a notice changes how an entry of a message stands:
// news of the same alert, or an end that closes it.
func concerns(n ledger.Notice, e ledger.Entry, id string) bool {
	if n.Fires() {
		return n.Condition == e.Condition && thread(n) == id
	}
	return slices.Contains(n.Closes, e.Condition)
}

// entry is how an alert of an earlier message stands after a notice.
func entry(n ledger.Notice, c check.Condition, t telling) ledger.Entry {
	return ledger.Entry{
		Key: n.Key(), Condition: c, Severity: n.Severity, Name: called(n.Subject), Line: item(n, t).Line,
		Over: !n.Fires(), Unsolved: !n.Fires() && !n.Solved(),
	}
}

// Stale returns the IDs of the messages that do not say how their alerts
// stand.
func Stale(sent map[string]ledger.Sent) []string {
	var ids []string
	for id, s := range sent {
		if s.Stale {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Revise returns what an earlier message is to say now.
func (w Wording) Revise(id string, s ledger.Sent, now time.Time) Revision {
	t := w.at(now)
	return Revision{ID: id, Receipt: s.Receipt, Time: t.now, Stamp: t.stamp(now), Title: standing(s.Entries), Entries: s.Entries}
}

// standing sums up how the alerts of a message stand, in a title: the worst
// that stands, or else that all is over.
func standing(entries []ledger.Entry) string {
	if len(entries) == 0 {
		return head(false, true, "")
	}
	first := slices.MaxFunc(entries, func(a, b ledger.Entry) int {
		return cmp.Or(cmp.Compare(standingRank(a), standingRank(b)), a.Severity.Compare(b.Severity))
	})
	over := 0
	for _, e := range entries {
		if e.Over {
			over++
		}
	}
	name := cmp.Or(first.Name, first.Key.String())
	s := fmt.Sprintf("%s %s: %s", head(!first.Over, !first.Unsolved, first.Severity), name, inShort(first.Condition, !first.Over))
	if first.Unsolved {
		s = fmt.Sprintf("%s %s: no longer watched, and not solved", head(false, false, ""), name)
	}
	if len(entries) > 1 {
		s += fmt.Sprintf(", and %d more", len(entries)-1)
	}
	if over > 0 && over < len(entries) {
		s += fmt.Sprintf(" (%d of %d resolved)", over, len(entries))
	}
	return text.Clean(s)
}

// standingRank orders how entries stand: what stands is above what is over.
func standingRank(e ledger.Entry) int {
	switch {
	case !e.Over:
		return 2
	case e.Unsolved:
		return 1
	}
	return 0
}

// Revised returns the receiver's earlier messages after one of them was
// revised, or after that was given up. It is stale still where news came
// meanwhile. What nothing can follow any more is dropped.
func Revised(sent map[string]ledger.Sent, r Revision) map[string]ledger.Sent {
	s, kept := sent[r.ID]
	if !kept || !slices.Equal(s.Entries, r.Entries) {
		return sent
	}
	s.Stale = false
	out := maps.Clone(sent)
	out[r.ID] = s
	if !slices.ContainsFunc(s.Entries, func(e ledger.Entry) bool { return !e.Over }) {
		delete(out, r.ID)
	}
	return out
}

// Gone returns the receiver's earlier messages without one that is gone:
// what follows about its alerts is a message of its own.
func Gone(sent map[string]ledger.Sent, id string) map[string]ledger.Sent {
	out := maps.Clone(sent)
	delete(out, id)
	return out
}

// Keep returns the receiver's earlier messages after one more was delivered,
// and the ID of the message that each notice of the batch belongs to from
// now on. What it changed in earlier ones makes them stale.
func (w Wording) Keep(sent map[string]ledger.Sent, m Message, batch []ledger.Notice, receipt json.RawMessage, now time.Time) (map[string]ledger.Sent, []string) {
	t, out := w.at(now), maps.Clone(sent)
	if out == nil {
		out = map[string]ledger.Sent{}
	}
	for id, entries := range news(batch, sent, t) {
		out[id] = ledger.Sent{Receipt: sent[id].Receipt, Entries: entries, Stale: true}
	}
	ids := make([]string, len(batch))
	var entries []ledger.Entry
	for i, n := range batch {
		ids[i] = m.ID
		if receipt == nil && len(n.Earlier) > 0 {
			ids[i] = n.Earlier[0]
		}
		if n.Fires() {
			entries = append(entries, entry(n, n.Condition, t))
		}
	}
	if receipt != nil && len(entries) > 0 {
		out[m.ID] = ledger.Sent{Receipt: receipt, Entries: entries}
	}
	return out, ids
}
