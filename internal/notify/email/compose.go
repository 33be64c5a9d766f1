package email

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
)

//go:embed mail.html
var page string

// maxSubject is the longest subject, in runes: more is cut off by readers.
const maxSubject = 150

// compose makes a mail of a message.
func (r *Receiver) compose(m notify.Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(r.from.Name, r.from.Address); err != nil {
		return nil, err
	}
	if err := msg.To(r.to.Address); err != nil {
		return nil, err
	}
	msg.Subject(clip("[sslwatch] "+m.Title, maxSubject))
	msg.SetDateWithValue(m.Time)
	msg.SetMessageIDWithValue(r.id(m.ID))
	if len(m.References) > 0 {
		ids := make([]string, len(m.References))
		for i, id := range m.References {
			ids[i] = "<" + r.id(id) + ">"
		}
		msg.SetGenHeader(gomail.HeaderInReplyTo, ids[0])
		msg.SetGenHeader(gomail.HeaderReferences, strings.Join(ids, " "))
	}
	// RFC 3834: no out-of-office answers to a machine.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Severity == check.Critical && m.Firing {
		msg.SetImportance(gomail.ImportanceHigh)
	}
	msg.SetBodyString(gomail.TypeTextPlain, plain(m))
	html, err := rich(m)
	if err != nil {
		return nil, err
	}
	msg.AddAlternativeString(gomail.TypeTextHTML, html)
	return msg, nil
}

// id is a message's ID as mail has it.
func (r *Receiver) id(messageID string) string { return messageID + "@" + r.domain }

// plain is the text part: each alert on one line, what to do below.
func plain(m notify.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", m.Title)
	for _, g := range m.Groups {
		fmt.Fprintf(&b, "\n%s\n\n", g.Heading)
		for _, i := range g.Items {
			fmt.Fprintf(&b, "%s\n", i.Line)
		}
		if len(g.Items) > 0 && len(g.Advice) > 0 {
			b.WriteString("\n")
		}
		for _, a := range g.Advice {
			fmt.Fprintf(&b, "  %s\n", a)
		}
		for _, l := range g.Links {
			fmt.Fprintf(&b, "  %s: %s\n", l.Text, l.URL)
		}
	}
	fmt.Fprintf(&b, "\n-- \nsslwatch, %s\n", m.Time.Format("2006-01-02 15:04:05 UTC"))
	return b.String()
}

// rich is the HTML part.
func rich(m notify.Message) (string, error) {
	t, err := template.New("mail").Funcs(template.FuncMap{
		"name": func(i notify.Item) string { return notify.Name(i.Notice.Subject) },
		"tone": tone,
		"tag":  tag,
	}).Parse(page)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, m); err != nil {
		return "", err
	}
	return b.String(), nil
}

// tone is the colour of a group.
func tone(g notify.Group) string {
	switch {
	case len(g.Items) == 0:
		return "#3b6ea8"
	case !g.Firing:
		return "#2e7d32"
	case g.Severity == check.Critical:
		return "#c62828"
	}
	return "#b26a00"
}

// tag says in a word how an item stands.
func tag(i notify.Item) string {
	if !i.Notice.Fires() {
		return "RESOLVED"
	}
	return strings.ToUpper(string(i.Notice.Severity))
}
