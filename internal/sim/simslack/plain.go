package simslack

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Plain is the message as a person reads it in the channel: what the blocks
// show, or the text if there are none, with the markup gone, and the
// attachments under it.
func (m Message) Plain() string {
	return plain(m.Text, m.Blocks, m.Attachments)
}

// Plain is the message as a person read it before the edit.
func (e Edit) Plain() string {
	return plain(e.Text, e.Blocks, e.Attachments)
}

func plain(text string, rawBlocks, attachments json.RawMessage) string {
	var lines []string
	blocks, err := parseBlocks(rawBlocks)
	if err != nil || len(blocks) == 0 {
		lines = append(lines, plainMrkdwn(text))
	}
	for _, b := range blocks {
		if line := b.plain(); line != "" {
			lines = append(lines, line)
		}
	}
	if s := plainAttachments(attachments); s != "" {
		lines = append(lines, s)
	}
	return strings.Join(lines, "\n")
}

func (b block) plain() string {
	switch b.Type {
	case "divider":
		return "───"
	case "image":
		return "[" + b.AltText + "]"
	case "actions":
		return b.join(" ", func(e block) string {
			t, _ := e.textObject()
			return "[" + t.Text + "]"
		})
	case "context":
		return b.join(" ", func(e block) string {
			t := textObject{Type: e.Type}
			json.Unmarshal(e.Text, &t.Text) // an image has none
			return t.plain() + e.AltText
		})
	case "rich_text":
		return b.join("\n", block.plainRich)
	case "markdown":
		var s string
		json.Unmarshal(b.Text, &s) // checked when it came
		return s
	}
	var parts []string
	if t, ok := b.textObject(); ok {
		parts = append(parts, t.plain())
	}
	for _, f := range b.Fields {
		parts = append(parts, f.plain())
	}
	return strings.Join(parts, "\n")
}

func (b block) join(with string, f func(block) string) string {
	var parts []string
	for _, e := range b.Elements {
		parts = append(parts, f(e))
	}
	return strings.Join(parts, with)
}

// plainRich reads a part of a rich text, in which text is a bare string.
func (b block) plainRich() string {
	var s string
	if b.Text != nil {
		json.Unmarshal(b.Text, &s) // checked when it came
	}
	switch b.Type {
	case "link":
		if s == "" {
			s = b.URL
		}
	case "emoji":
		s = ":" + b.Name + ":"
	case "rich_text_list":
		return b.join("\n", func(e block) string { return "• " + e.plainRich() })
	}
	return s + b.join("", block.plainRich)
}

func (t textObject) plain() string {
	if t.Type == "mrkdwn" {
		return plainMrkdwn(t.Text)
	}
	return t.Text
}

var (
	angles = regexp.MustCompile(`<([^<>\n]+)>`)
	ticks  = regexp.MustCompile("`([^`\n]+)`")
	// Emphasis stands between a boundary and a boundary: a_b_c is a name.
	bold   = emphasis(`\*`)
	italic = emphasis(`_`)
	struck = emphasis(`~`)
)

func emphasis(mark string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[\s(\[*_~>])` + mark +
		`([^\s` + mark + `](?:[^\n` + mark + `]*[^\s` + mark + `])?)` + mark + `($|[\s)\].,:;!?*_~])`)
}

// plainMrkdwn turns Slack's markup into what it looks like.
func plainMrkdwn(s string) string {
	s = angles.ReplaceAllStringFunc(s, func(m string) string { return plainAngle(m[1 : len(m)-1]) })
	s = strings.ReplaceAll(s, "```", "")
	s = ticks.ReplaceAllString(s, "$1")
	for _, mark := range []*regexp.Regexp{bold, italic, struck} {
		// A match takes the boundary with it, which the next one may need: the
		// second round finds those.
		for range 2 {
			s = mark.ReplaceAllString(s, "$1$2$3")
		}
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// plainAngle reads what stands between angle brackets: a link, a mention, or a
// date.
func plainAngle(inner string) string {
	target, label, labelled := strings.Cut(inner, "|")
	switch target[0] {
	case '!':
		if labelled {
			return label
		}
		return "@" + target[1:]
	case '@', '#':
		if labelled {
			return target[:1] + label
		}
		return target
	}
	if labelled {
		return label
	}
	return strings.TrimPrefix(target, "mailto:")
}
