package email

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
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
	headerListID        = gomail.Header("List-Id")
	headerStatus        = gomail.Header("X-Sslwatch-Status")
	headerSeverity      = gomail.Header("X-Sslwatch-Severity")
	headerCondition     = gomail.Header("X-Sslwatch-Condition")
	headerProject       = gomail.Header("X-Sslwatch-Project")
	headerInstance      = gomail.Header("X-Sslwatch-Instance")
	headerInstanceID    = gomail.Header("X-Sslwatch-Instance-Id")
	headerRepeat        = gomail.Header("X-Sslwatch-Repeat")
)

// maxFilterValues bounds the headers that filters read: a digest of thousands
// is filtered by what it says first.
const maxFilterValues = 50

// compose writes a mail. The same message makes a mail of the same ID.
func (r *receiver) compose(m notify.Message) ([]byte, error) {
	mail := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	var out bytes.Buffer
	// What may hold anything is written here, see encoded.
	write := func(name gomail.Header, value string) { fmt.Fprintf(&out, "%s: %s\r\n", name, value) }
	write("From", address("From", r.from))
	write("To", address("To", r.to))
	write("Subject", encoded("Subject", clip("[sslwatch] "+m.Title, maxSubject)))
	mail.SetDateWithValue(m.Time)
	mail.SetMessageIDWithValue(r.messageID(m.ID))
	if ids := r.references(m.References); ids != "" {
		mail.SetGenHeader(gomail.HeaderReferences, ids)
		mail.SetGenHeader(gomail.HeaderInReplyTo, ids[strings.LastIndexByte(ids, ' ')+1:])
	}
	mail.SetGenHeader(headerAutoSubmitted, "auto-generated")
	mail.SetGenHeader(headerNoAutoReply, "DR, RN, NRN, OOF, AutoReply") // not NDR: whether a mail was lost is to be known
	mail.SetGenHeader(headerListID, "sslwatch <sslwatch."+r.domain+">")
	if m.Note != "" {
		mail.SetGenHeader(headerRepeat, "maybe")
	}
	for _, f := range []struct {
		header gomail.Header
		value  func(notify.Item) string
	}{
		{headerCondition, func(i notify.Item) string { return string(i.Notice.Condition) }},
		{headerProject, func(i notify.Item) string { return i.Notice.Project }},
		{headerInstance, func(i notify.Item) string { return i.Notice.Instance }},
		{headerInstanceID, func(i notify.Item) string { return i.Notice.InstanceID }},
	} {
		if list := values(m, f.value); list != "" {
			write(f.header, encoded(string(f.header), list))
		}
	}
	if status, severity := standing(m); status != "" {
		mail.SetGenHeader(headerStatus, status)
		mail.SetGenHeader(headerSeverity, severity)
		if m.Firing && m.Severity == check.Critical && !m.RemindersOnly {
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
	_, err = mail.WriteTo(&out)
	return out.Bytes(), err
}

// values lists what the items of a message have, each once, the worst first.
func values(m notify.Message, of func(notify.Item) string) string {
	var all []string
	for _, g := range m.Groups {
		for _, i := range g.Items {
			v := strings.ReplaceAll(clip(of(i), maxSubject), ",", " ")
			if v != "" && len(all) < maxFilterValues && !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return strings.Join(all, ", ")
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
