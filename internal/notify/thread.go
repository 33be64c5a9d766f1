package notify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/text"
)

// threads works out which earlier messages a batch changes: the one that it
// follows, and the others whose alerts it brings news of.
func threads(batch []check.Notice, sent map[string]check.Sent, now time.Time) (*Thread, []Thread) {
	changed := news(batch, sent, now)
	var follows *Thread
	var edits []Thread
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		t := Thread{ID: id, Receipt: sent[id].Receipt, Title: standing(changed[id]), Entries: changed[id]}
		if id == thread(batch[0]) {
			follows = &t
			continue
		}
		edits = append(edits, t)
	}
	return follows, edits
}

// news returns the entries of the earlier messages that a batch changes, as
// they are after it.
func news(batch []check.Notice, sent map[string]check.Sent, now time.Time) map[string][]check.Entry {
	changed := map[string][]check.Entry{}
	for id, s := range sent {
		entries := slices.Clone(s.Entries)
		touched := false
		for i, e := range entries {
			for _, n := range batch {
				if e.Over || n.Key() != e.Key || !concerns(n, e, id) {
					continue
				}
				entries[i], touched = entry(n, e.Condition, now), true
			}
		}
		if touched {
			changed[id] = entries
		}
	}
	return changed
}

// concerns tells whether a notice changes how an entry of a message stands:
// news of the same alert, or an end that closes it.
func concerns(n check.Notice, e check.Entry, id string) bool {
	if n.Fires() {
		return n.Condition == e.Condition && thread(n) == id
	}
	return slices.Contains(n.Closes, e.Condition)
}

// entry is how an alert of an earlier message stands after a notice.
func entry(n check.Notice, c check.Condition, now time.Time) check.Entry {
	return check.Entry{
		Key: n.Key(), Condition: c, Severity: n.Severity, Name: called(n.Subject), Line: item(n, now).Line,
		Over: !n.Fires(), Unsolved: !n.Fires() && !n.Solved(),
	}
}

// standing sums up how the alerts of a message stand, in a title: the worst
// that stands, or else that all is over.
func standing(entries []check.Entry) string {
	if len(entries) == 0 {
		return head(false, true, "")
	}
	rank := func(e check.Entry) int {
		switch {
		case !e.Over:
			return 2
		case e.Unsolved:
			return 1
		}
		return 0
	}
	worst := slices.MaxFunc(entries, func(a, b check.Entry) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Severity.Compare(b.Severity))
	})
	over := 0
	for _, e := range entries {
		if e.Over {
			over++
		}
	}
	name := cmp.Or(worst.Name, worst.Key)
	s := fmt.Sprintf("%s %s: %s", head(!worst.Over, !worst.Unsolved, worst.Severity), name, inShort(worst.Condition, !worst.Over))
	if worst.Unsolved {
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

// Keep returns the receiver's earlier messages after one more was delivered,
// and the ID of the message that each notice of the batch belongs to from
// now on. What nothing can follow any more is dropped.
func Keep(sent map[string]check.Sent, m Message, batch []check.Notice, receipt json.RawMessage, now time.Time) (map[string]check.Sent, []string) {
	out := maps.Clone(sent)
	if out == nil {
		out = map[string]check.Sent{}
	}
	for id, entries := range news(batch, sent, now) {
		out[id] = check.Sent{Receipt: sent[id].Receipt, Entries: entries}
		if !slices.ContainsFunc(entries, func(e check.Entry) bool { return !e.Over }) {
			delete(out, id)
		}
	}
	ids := make([]string, len(batch))
	var entries []check.Entry
	for i, n := range batch {
		ids[i] = m.ID
		if receipt == nil && thread(n) != "" {
			ids[i] = thread(n)
		}
		if n.Fires() {
			entries = append(entries, entry(n, n.Condition, now))
		}
	}
	if receipt != nil && len(entries) > 0 {
		if m.Thread != nil {
			delete(out, m.Thread.ID) // it was gone, and this one stands in for it
		}
		out[m.ID] = check.Sent{Receipt: receipt, Entries: entries}
	}
	return out, ids
}
