package email

import (
	"cmp"
	"strings"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/text"
)

// maxLine bounds one line, in runes. No line of ours comes near that.
const maxLine = 20_000

// layText writes the mail for those who read plain text: every alert is one
// line, or one of a list's, and what to do stands under its group.
func layText(m notify.Message) string {
	var b strings.Builder
	row := func(s string) { b.WriteString(clip(s, maxLine) + "\n") }
	row(m.Title)
	if m.Note != "" {
		row(m.Note)
	}
	for _, g := range m.Groups {
		b.WriteString("\n")
		row(g.Heading)
		for _, i := range g.Items {
			if g.Brief {
				row(i.Short())
				continue
			}
			row(i.Line)
		}
		for _, a := range g.Advice {
			b.WriteString("\n  ")
			row(a)
		}
		if len(g.Links) > 0 {
			b.WriteString("\n")
		}
		for _, l := range g.Links {
			b.WriteString("  ")
			row(l.Text + ": " + l.URL)
		}
	}
	b.WriteString("\n-- \n")
	row(footer(m))
	return b.String()
}

// footer says who sent a message, and when.
func footer(m notify.Message) string { return cmp.Or(m.Footer, "sslwatch") + ", " + m.Stamp }

// clip returns a text on one line, shortened to at most so many characters.
func clip(s string, most int) string { return text.Cut(text.Clean(s), most) }
