package email

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/text"
)

const (
	maxSubject = 180
	// maxReferences keeps the header, which names every earlier message, at
	// a size that servers take. Mail readers need one of them.
	maxReferences = 50
)

// The headers that go-mail has no names for. A name is not checked by
// go-mail: it must never come from outside.
const (
	headerAutoSubmitted = gomail.Header("Auto-Submitted")
	headerNoAutoReply   = gomail.Header("X-Auto-Response-Suppress")
	headerSeverity      = gomail.Header("X-Sslwatch-Severity")
	headerStatus        = gomail.Header("X-Sslwatch-Status")
)

// compose writes a mail. The same message makes a mail of the same ID.
func (r *receiver) compose(m notify.Message) ([]byte, error) {
	mail := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	// These have been parsed, which the ways by text would do again.
	mail.FromMailAddress(named(r.from))
	mail.ToMailAddress(named(r.to))
	mail.Subject(clip("[sslwatch] "+m.Title, maxSubject))
	mail.SetDateWithValue(m.Time)
	mail.SetMessageIDWithValue(r.messageID(m.ID))
	if ids := r.references(m.References); ids != "" {
		mail.SetGenHeader(gomail.HeaderReferences, ids)
		mail.SetGenHeader(gomail.HeaderInReplyTo, ids[strings.LastIndexByte(ids, ' ')+1:])
	}
	mail.SetGenHeader(headerAutoSubmitted, "auto-generated")
	mail.SetGenHeader(headerNoAutoReply, "All")
	if status, severity := standing(m); status != "" {
		mail.SetGenHeader(headerStatus, status)
		mail.SetGenHeader(headerSeverity, severity)
		if m.Firing && m.Severity == check.Critical && !m.Aside {
			// Not SetImportance: its Priority is not one that RFC 2156 knows.
			mail.SetGenHeader(gomail.HeaderImportance, "high")
			mail.SetGenHeader(gomail.HeaderXPriority, "1")
		}
	}
	html, err := layHTML(m)
	if err != nil {
		return nil, fmt.Errorf("write HTML: %w", err)
	}
	mail.SetBodyString(gomail.TypeTextPlain, layText(m))
	mail.AddAlternativeString(gomail.TypeTextHTML, html)
	var out bytes.Buffer
	_, err = mail.WriteTo(&out)
	return out.Bytes(), err
}

// named returns an address whose name stays on its line.
func named(a *mail.Address) *mail.Address {
	return &mail.Address{Name: text.Clean(a.Name), Address: a.Address}
}

// messageID makes the ID of a mail from that of a message.
func (r *receiver) messageID(id string) string { return id + "@" + r.domain }

// references names the mails that this one follows, the first ones first.
func (r *receiver) references(ids []string) string {
	var all []string
	for _, id := range ids[:min(len(ids), maxReferences)] {
		all = append(all, "<"+r.messageID(id)+">")
	}
	return strings.Join(all, " ")
}

// standing says for machines what a message is about; nothing if it tells of
// no alert.
func standing(m notify.Message) (status, severity string) {
	switch {
	case m.Severity == "":
		return "", ""
	case m.Firing:
		return "firing", string(m.Severity)
	}
	return "resolved", string(m.Severity)
}
