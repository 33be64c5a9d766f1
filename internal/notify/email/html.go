package email

import (
	_ "embed"
	"html/template"
	"strings"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/text"
)

//go:embed mail.html
var mailHTML string

// mailPage is how a mail looks. Each style is with its element, for readers
// that drop the rest; the sheet at the top is for the dark alone.
var mailPage = template.Must(template.New("mail").Parse(mailHTML))

// page is what mailPage shows.
type page struct {
	Title, Note, Footer string
	Tone                tone
	Groups              []group
	Lists               []group // what is only named
}

type group struct {
	Heading string
	Tone    tone
	Items   []row
	Names   []name // of a list, instead of items
	Advice  []string
	Links   []notify.Link
}

type row struct {
	Name, What, Where, Severity string
	Tone                        tone
}

// name is an item in short. Its ID is empty where that is its name.
type name struct{ Name, ID string }

// tone is the colour of a severity or an outcome: a class, which the dark
// replaces, and the colour itself.
type tone struct {
	Class  string
	Colour template.CSS
}

func toneOf(firing, solved bool, s check.Severity) tone {
	switch {
	case s == "", !firing && !solved:
		return tone{"n", "#57606a"}
	case !firing:
		return tone{"g", "#1a7f37"}
	case s == check.Critical:
		return tone{"r", "#cf222e"}
	}
	return tone{"a", "#9a6700"}
}

// shown is a text of the page. Its dates and lengths of time keep together:
// a phone is narrow.
func shown(s string) string { return text.Unbroken(clip(s, maxLine)) }

// layHTML writes the mail for everybody else.
func layHTML(m notify.Message) (string, error) {
	p := page{Title: shown(m.Title), Note: shown(m.Note), Footer: shown(footer(m)), Tone: toneOf(m.Firing, m.Solved, m.Severity)}
	for _, g := range m.Groups {
		out := group{Heading: shown(g.Heading), Tone: toneOf(g.Firing, g.Solved, g.Severity)}
		for _, i := range g.Items {
			if g.Brief {
				out.Names = append(out.Names, shortly(i))
				continue
			}
			r := row{
				Name: shown(notify.Name(i.Notice.Subject)), What: shown(i.What), Where: shown(i.Where),
				Severity: string(i.Notice.Severity), Tone: toneOf(i.Notice.Fires(), i.Notice.Solved(), i.Notice.Severity),
			}
			if !i.Notice.Fires() {
				r.Severity = "resolved"
			}
			if !i.Notice.Fires() && !i.Notice.Solved() {
				r.Severity = "not solved"
			}
			out.Items = append(out.Items, r)
		}
		for _, a := range g.Advice {
			out.Advice = append(out.Advice, shown(a))
		}
		for _, l := range g.Links {
			// The template lets through no address that is a script.
			out.Links = append(out.Links, notify.Link{Text: shown(l.Text), URL: text.Clean(l.URL)})
		}
		if g.Brief {
			p.Lists = append(p.Lists, out)
			continue
		}
		p.Groups = append(p.Groups, out)
	}
	var b strings.Builder
	err := mailPage.Execute(&b, p)
	return b.String(), err
}

// shortly names an item. A name stays as it is, for those who look for it.
func shortly(i notify.Item) name {
	n := name{Name: clip(i.Name, maxLine), ID: clip(i.ID, maxLine)}
	if n.Name == n.ID {
		n.ID = ""
	}
	return n
}
