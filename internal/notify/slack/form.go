package slack

import (
	slackgo "github.com/slack-go/slack"
)

// form is one way to send a page. Slack judges looks by rules that are partly
// undocumented and differ from method to method; looks are not worth an
// alert, so a page has plainer forms for when they are refused.
type form struct {
	text   string
	blocks []slackgo.Block // nil for none, empty to take those away that are there
}

// forms returns the forms of a new message, the best first. Each of them
// tells every line.
func (p page) forms() []form {
	whole, short := p.fallback(maxText), p.fallback(maxShort)
	if whole == short {
		return []form{{whole, p.blocks}, {whole, nil}}
	}
	return []form{{whole, p.blocks}, {short, p.blocks}, {whole, nil}, {short, nil}}
}

// edits returns the forms of an edit, the best first. Slack takes less text
// in an edit than in a message, so a long one says in its text how things
// stand, and has the lines in its blocks.
func (p page) edits() []form {
	forms := []form{{p.title, p.blocks}, {p.title, []slackgo.Block{}}}
	if whole := p.fallback(maxText); len(whole) <= maxShort {
		forms = append([]form{{whole, p.blocks}}, forms...)
	}
	return forms
}

// options are a form for slack-go. Slack is to read nothing into the text.
func (f form) options() []slackgo.MsgOption {
	options := []slackgo.MsgOption{
		slackgo.MsgOptionText(f.text, false), // it is escaped
		slackgo.MsgOptionParse(false),
		slackgo.MsgOptionDisableLinkUnfurl(),
		slackgo.MsgOptionDisableMediaUnfurl(),
	}
	if f.blocks != nil {
		options = append(options, slackgo.MsgOptionBlocks(f.blocks...))
	}
	return options
}
