package notify

import (
	"slices"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// kin is what the items of a group that is shown in full have in common.
type kin struct {
	condition      check.Condition
	firing, solved bool
	cause          check.Cause
	findings       string
}

// groups collects the items of a message.
type groups struct {
	shown []Group
	at    map[kin]int // of shown
	named lists
	// advised holds what there is advice for: what to do is said once.
	advised map[kin]bool
}

func kinOf(n ledger.Notice) kin { return kin{n.Condition, n.Fires(), n.Solved(), n.Cause, unlike(n)} }

// group is the group of a notice, with nothing in it yet but what to do.
func (g *groups) group(n ledger.Notice, t telling) Group {
	out := Group{Condition: n.Condition, Severity: n.Severity, Firing: n.Fires(), Solved: n.Solved()}
	if k := kinOf(n); out.Firing && !g.advised[k] {
		if g.advised == nil {
			g.advised = map[kin]bool{}
		}
		g.advised[k] = true
		out.Advice = advice(n, t)
	}
	return out
}

// show adds a notice that is shown in full.
func (g *groups) show(n ledger.Notice, t telling) {
	k := kinOf(n)
	at, known := g.at[k]
	if !known {
		if g.at == nil {
			g.at = map[kin]int{}
		}
		at = len(g.shown)
		g.at[k] = at
		g.shown = append(g.shown, g.group(n, t))
	}
	to := &g.shown[at]
	if len(to.Items) > 0 && len(to.Advice) > 0 && to.Items[0].Notice.About != n.About {
		anybody := to.Items[0].Notice // what is so of one kind is not so of all
		anybody.About = check.About{}
		to.Advice = advice(anybody, t)
	}
	one := item(n, t)
	if link, ok := console(n.Subject); ok && to.Firing {
		one.Link = link
		if !slices.Contains(to.Links, link) {
			to.Links = append(to.Links, link)
		}
	}
	if to.Firing {
		one.Advice = advice(n, t)
	}
	to.Items = append(to.Items, one)
	if n.Severity.Compare(to.Severity) > 0 {
		to.Severity = n.Severity
	}
}

// name adds a notice that is named in short. What to do has no command for
// one of those that are listed.
func (g *groups) name(n ledger.Notice, t telling) {
	anybody := n
	anybody.Endpoint, anybody.About = check.Endpoint{}, check.About{}
	heading := common(n, t)
	if _, known := g.named.at[heading]; known {
		g.named.add(heading, Group{}, item(n, t))
		return
	}
	list := g.group(anybody, t)
	if len(list.Advice) > 0 { // it is for more than this list
		list.Advice[0] = upper(inShort(n.Condition, true)) + ": " + list.Advice[0]
	}
	g.named.add(heading, list, item(n, t))
}

// done returns the groups: first what is shown in full, then what is only
// named. What an earlier group says is not said again.
func (g *groups) done() []Group {
	for i, s := range g.shown {
		g.shown[i].Heading = heading(s)
	}
	all := append(g.shown, g.named.counted()...)
	said := map[string]bool{}
	for i, g := range all {
		all[i].Advice = unsaid(g.Advice, said)
		all[i].Links = slices.DeleteFunc(g.Links, func(l Link) bool { return len(unsaid([]string{l.URL}, said)) == 0 })
	}
	return all
}

// unsaid returns the paragraphs that were not said before, and notes that
// they are now: what to do about several groups is said once.
func unsaid(paragraphs []string, said map[string]bool) []string {
	var out []string
	for _, p := range paragraphs {
		if !said[p] {
			said[p] = true
			out = append(out, p)
		}
	}
	return out
}
