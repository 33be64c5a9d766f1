package email

import (
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify"
)

// maxLine bounds one line, in runes. No sane one comes near.
const maxLine = 20_000

// layText writes the mail for those who read plain text: every alert is one
// line, and what to do stands under its group.
func layText(m notify.Message) string {
	var b strings.Builder
	row := func(s string) { b.WriteString(clip(s, maxLine) + "\n") }
	row(m.Title)
	for _, g := range m.Groups {
		b.WriteString("\n")
		row(g.Heading)
		for _, i := range g.Items {
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
	b.WriteString("\n-- \nsslwatch, " + stamp(m.Time) + "\n")
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
