package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// Batch returns those of the notices that belong into the next message, the
// worst first. What is left is for the messages after it, worked out anew
// once this one has been told.
func (w Wording) Batch(notices []ledger.Notice, limits Limits, now time.Time) []ledger.Notice {
	t, sorted := w.at(now), order(notices)
	if len(sorted) == 0 {
		return nil
	}
	if limits.Threads {
		first := thread(*sorted[0])
		sorted = slices.DeleteFunc(sorted, func(n *ledger.Notice) bool { return thread(*n) != first })
	}
	next := whole(sorted, limits, t)
	if len(next) < len(sorted) {
		if more := digest(sorted, limits, t); len(more) > InFull {
			next = more
		}
	}
	batch := make([]ledger.Notice, len(next))
	for i, n := range next {
		batch[i] = *n
	}
	return batch
}

// thread is the ID of the message that a notice follows, if any.
func thread(n ledger.Notice) string {
	if n.Told == nil || n.Kind == ledger.Firing {
		return ""
	}
	return n.Told.Message
}

// order sorts notices, what fires and the worst first. The end of what hid an
// alert, or of an old certificate, comes right before that alert: told the
// other way round, it would seem to be the end of that one. There may be very
// many of them: they stay where they are.
func order(notices []ledger.Notice) []*ledger.Notice {
	fires := map[check.Key][]int{} // where alerts fire of subjects of which something ends
	for i := range notices {
		if n := &notices[i]; !n.Fires() {
			fires[n.Key()] = nil
		}
	}
	for i := range notices {
		n := &notices[i]
		if of, ends := fires[n.Key()]; ends && n.Fires() {
			fires[n.Key()] = append(of, i)
		}
	}
	first := map[int][]*ledger.Notice{} // by the place of the one that they come before
	var sorted []int                    // places
	for i := range notices {
		n := &notices[i]
		of := fires[n.Key()]
		uncovered := slices.IndexFunc(of, func(alert int) bool { return n.Uncovers(notices[alert]) })
		if uncovered >= 0 {
			first[of[uncovered]] = append(first[of[uncovered]], n)
			continue
		}
		sorted = append(sorted, i)
	}
	slices.SortFunc(sorted, func(a, b int) int { return cmp.Or(compare(&notices[a], &notices[b]), a-b) })
	out := make([]*ledger.Notice, 0, len(notices))
	for _, i := range sorted {
		out = append(append(out, first[i]...), &notices[i])
	}
	return out
}

// compare orders notices, the worst first and what is over last.
func compare(a, b *ledger.Notice) int {
	if a.Fires() != b.Fires() {
		if a.Fires() {
			return -1
		}
		return 1
	}
	return check.CompareAlerts(a.Alert, b.Alert)
}

// Compose puts a batch into words, in its order: one of more than InFull as a
// digest. sent holds the receiver's earlier messages, for those that keep
// threads.
func (w Wording) Compose(batch []ledger.Notice, sent map[string]ledger.Sent, now time.Time) Message {
	t := w.at(now)
	m := Message{ID: ledger.MessageID(batch), Time: t.now, Stamp: t.stamp(now), Title: title(batch, t), Solved: true, RemindersOnly: true}
	full := len(batch)
	if full > InFull {
		full = worst
	}
	var told groups
	earlier := map[string]bool{}
	for i, n := range batch {
		if n.Severity.Compare(m.Severity) > 0 {
			m.Severity = n.Severity
		}
		m.Firing = m.Firing || n.Fires()
		m.Solved = m.Solved && n.Solved()
		m.RemindersOnly = m.RemindersOnly && n.Kind == ledger.Reminder
		if i < full {
			told.show(n, t)
		} else {
			told.name(n, t)
		}
		for _, id := range n.Earlier {
			if !earlier[id] {
				earlier[id] = true
				m.References = append(m.References, id)
			}
		}
	}
	m.Groups = told.done()
	m.Thread = follows(batch, sent)
	if m.Note = note(batch); batch[0].InDoubt != nil {
		m.ID = batch[0].InDoubt.Message // also where part of it is no longer owed
	}
	return m
}

// note says whether a message may be a repeat.
func note(batch []ledger.Notice) string {
	inDoubt := 0
	for _, n := range batch {
		if n.InDoubt != nil {
			inDoubt++
		}
	}
	switch inDoubt {
	case 0:
		return ""
	case len(batch):
		return "This may be a repeat: it was sent before, and it is not known whether it arrived."
	}
	return "Some of this may be a repeat: it was sent before, and it is not known whether it arrived."
}

// console links to the cloud's console, where the configuration knows it.
func console(s check.Subject) (Link, bool) {
	if s.Console == "" {
		return Link{}, false
	}
	return Link{Text: "DCS console, " + s.Region, URL: s.Console}, true
}

// title says the whole in one line: the worst, and how much else.
func title(batch []ledger.Notice, t telling) string {
	worst := slices.MinFunc(batch, func(a, b ledger.Notice) int { return compare(&a, &b) })
	reminder := ""
	if worst.Kind == ledger.Reminder {
		reminder = "reminder, "
	}
	s := fmt.Sprintf("%s %s: %s%s", head(worst.Fires(), worst.Solved(), worst.Severity), called(worst.Subject), reminder, short(worst, t))
	if len(batch) == 1 {
		return s
	}
	return s + fmt.Sprintf(", and %d more (%s)", len(batch)-1, tally(batch))
}

// head is the word that a title begins with.
func head(fires, solved bool, s check.Severity) string {
	switch {
	case fires:
		return strings.ToUpper(string(s))
	case solved:
		return "RESOLVED"
	}
	return "CLOSED"
}

// tally counts notices by severity and outcome.
func tally(notices []ledger.Notice) string {
	var critical, warning, over, unsolved int
	for _, n := range notices {
		switch {
		case n.Solved():
			over++
		case !n.Fires():
			unsolved++
		case n.Severity == check.Critical:
			critical++
		default:
			warning++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		noun string
	}{{critical, "critical"}, {warning, "warning"}, {over, "resolved"}, {unsolved, "closed unsolved"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.noun))
		}
	}
	return strings.Join(parts, ", ")
}
