package slack

import (
	"strings"

	slackgo "github.com/slack-go/slack"
)

// What a digest names in short goes into attachments, which people unfold.
//
// Slack takes 100 of them in a message and shows 20 well (documented), folds
// a text of more than 700 characters or 5 lines (documented), and cuts a text
// off after 8,000 characters without a word (its staff, in
// integrations/slack#812). How much it takes of all of them together is not
// documented (attachment_payload_limit_exceeded): a digest that is refused for
// it is sent as plain text.
const (
	maxLists = 20
	maxList  = 7_500 // bytes, as escaped
)

// colours are those of the marks.
var colours = map[string]string{
	markCritical: "#cf222e", markWarning: "#d4a72c", markOver: "#1a7f37", markClosed: "#57606a",
}

// chunk is a piece of a list that fits into an attachment.
type chunk struct{ mark, text string }

// lists lays out what is only named, each list apart from the others as long
// as there are not too many. No name is left out.
func (d draft) lists() []slackgo.Attachment {
	var all []string
	for _, p := range d.parts {
		all = append(all, p.names...)
	}
	names := fit(all, maxNames)
	var chunks []chunk
	for _, p := range d.parts {
		if len(p.names) > 0 {
			chunks = append(chunks, p.chunks(names[:len(p.names)])...)
			names = names[len(p.names):]
		}
	}
	if len(chunks) > maxLists {
		chunks = merge(chunks)
	}
	var out []slackgo.Attachment
	for _, c := range chunks {
		out = append(out, slackgo.Attachment{Color: colours[c.mark], Text: c.text, MarkdownIn: []string{"text"}})
	}
	return out
}

// chunks breaks a list between names.
func (p part) chunks(names []string) []chunk {
	head := p.mark + " *" + strings.ReplaceAll(literalBytes(p.heading, maxSection), "*", "∗")
	var chunks []chunk
	var b strings.Builder
	b.WriteString(head + "*")
	for _, n := range names {
		if b.Len()+1+len(n) > maxList {
			chunks = append(chunks, chunk{p.mark, b.String()})
			b.Reset()
			b.WriteString(head + ", continued*")
		}
		b.WriteString("\n" + n)
	}
	return append(chunks, chunk{p.mark, b.String()})
}

// merge puts neighbours together as far as they fit.
func merge(chunks []chunk) []chunk {
	merged := chunks[:1:1]
	for _, c := range chunks[1:] {
		last := &merged[len(merged)-1]
		if len(last.text)+2+len(c.text) <= maxList {
			last.text += "\n\n" + c.text
			continue
		}
		merged = append(merged, c)
	}
	return merged
}
