package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/text"
)

// InFull is the most that a message shows in full. A message of more is a
// digest: it shows the worst in full, and names all others in short.
const InFull = 40

// worst is how many a digest shows in full.
const worst = 20

// perName and perHeading are what a name and a heading cost beside their
// bytes: blanks, line feeds, a mark, a count.
const (
	perName    = 2
	perHeading = 16
)

// whole returns as much of what is sorted as a message shows in full, at
// least the first.
func whole(sorted []*ledger.Notice, limits Limits, t telling) []*ledger.Notice {
	most := min(len(sorted), limits.Items, InFull)
	size := 0
	for i, n := range sorted[:max(most, 1)] {
		if size += len(item(*n, t).Line); i > 0 && size > limits.Bytes {
			return sorted[:i]
		}
	}
	return sorted[:max(most, 1)]
}

// digest returns as much of what is sorted as a digest holds. The worst are
// counted by their names as well, so that what it holds does not depend on
// which they are.
func digest(sorted []*ledger.Notice, limits Limits, t telling) []*ledger.Notice {
	room := cmp.Or(limits.Names, limits.Bytes)
	headings := map[string]bool{}
	for i, n := range sorted {
		if h := common(*n, t); !headings[h] {
			headings[h] = true
			room -= len(h) + perHeading
		}
		room -= len(Name(n.Subject)) + len(idOf(n.Subject)) + perName
		if room < 0 || i == limits.Items {
			return sorted[:i]
		}
	}
	return sorted
}

// idOf is the cloud's ID of a subject.
func idOf(s check.Subject) string { return cmp.Or(s.InstanceID, s.ProjectID) }

// Short names an item and its ID, on one line.
func (i Item) Short() string {
	if i.Name == i.ID {
		return i.ID
	}
	return i.Name + " " + i.ID
}

// leftAlone is what is over only in that nobody looks any more.
const leftAlone = "no longer watched and not solved"

// common says what a notice has in common with those that are listed with
// it: it begins as their lines would. Those of one list have the same.
func common(n ledger.Notice, t telling) string {
	kind := ""
	if n.Kind == ledger.Reminder {
		kind = "reminder"
	}
	return list(n.Fires(), n.Severity, n.Condition, kind, shared(n, t), "project "+project(n.Subject))
}

// shared says in a few words what is so of all notices of a list: the
// threshold, the cause or the ending.
func shared(n ledger.Notice, t telling) string {
	switch {
	case !n.Fires() && n.Ending == check.Renewed:
		return "certificate renewed"
	case !n.Fires() && !n.Solved():
		return leftAlone
	case n.Fires() && n.Condition == check.CertificateExpiring:
		return text.Span(time.Duration(n.Threshold)) + " left or less"
	case !n.Fires() || n.Condition == check.CheckFailing:
		return short(n, t)
	}
	return "" // the condition's name says it
}

// list is the heading of a list, without the count.
func list(fires bool, s check.Severity, c check.Condition, more ...string) string {
	parts := []string{fmt.Sprintf("%s %s %s", status(fires), s, c)}
	for _, p := range more {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return text.Clean(strings.Join(parts, ", "))
}

// lists collects what is named in short, the first named first.
type lists struct {
	groups []Group
	at     map[string]int // by heading
}

// add puts an item into its list.
func (l *lists) add(heading string, g Group, i Item) {
	at, known := l.at[heading]
	if !known {
		if l.at == nil {
			l.at = map[string]int{}
		}
		at = len(l.groups)
		l.at[heading] = at
		g.Brief, g.Heading = true, heading
		l.groups = append(l.groups, g)
	}
	l.groups[at].Items = append(l.groups[at].Items, i)
}

// counted returns the lists, each with its count in its heading.
func (l *lists) counted() []Group {
	for i, g := range l.groups {
		l.groups[i].Heading = fmt.Sprintf("%s: %d", g.Heading, len(g.Items))
	}
	return l.groups
}

// Digest returns which entries an edited message shows in full, and lists
// that name the others in short, if they are too many: what stands first.
func (r Revision) Digest() (shown []ledger.Entry, others []Group) {
	if len(r.Entries) <= InFull {
		return r.Entries, nil
	}
	sorted := slices.SortedStableFunc(slices.Values(r.Entries), func(a, b ledger.Entry) int {
		return cmp.Or(cmp.Compare(standingRank(b), standingRank(a)), b.Severity.Compare(a.Severity))
	})
	var l lists
	for _, e := range sorted[worst:] {
		in, name, isInstance := strings.Cut(e.Name, "/")
		if !isInstance { // a whole project, or told by an early version
			in, name = "", cmp.Or(e.Name, e.Key.String())
		} else {
			in = "project " + in
		}
		ending := ""
		if e.Unsolved {
			ending = leftAlone
		}
		l.add(list(!e.Over, e.Severity, e.Condition, ending, in),
			Group{Condition: e.Condition, Severity: e.Severity, Firing: !e.Over, Solved: e.Over && !e.Unsolved},
			Item{Line: e.Line, Name: name, ID: cmp.Or(e.Key.InstanceID, e.Key.ProjectID)})
	}
	return sorted[:worst], l.counted()
}
