package slack

import (
	slackgo "github.com/slack-go/slack"
)

// form is one way to send a page. Slack judges looks by rules that are partly
// undocumented and differ from method to method; looks are not worth an
// alert, so a page has plainer forms for when they are refused.
type form struct {
	text   string
	blocks []slackgo.Block      // nil for none, empty to take those away that are there
	lists  []slackgo.Attachment // likewise
}

// forms returns the forms of a new message, the best first. Each of them
// tells every line, and names every name.
func (p page) forms() []form {
	whole, short := p.fallback(p.rows, maxText), p.fallback(p.brief, maxShort)
	switch {
	case p.lists != nil:
		return []form{{whole, p.blocks, p.lists}, {short, p.blocks, p.lists}, {whole, nil, nil}}
	case whole == short:
		return []form{{whole, p.blocks, nil}, {whole, nil, nil}}
	}
	return []form{{whole, p.blocks, nil}, {short, p.blocks, nil}, {whole, nil, nil}, {short, nil, nil}}
}

// edits returns the forms of an edit, the best first. Slack takes less text
// in an edit than in a message, so a long one says in its text how things
// stand, and has the lines in its blocks. What was listed before goes in each.
func (p page) edits() []form {
	none, noBlocks := []slackgo.Attachment{}, []slackgo.Block{}
	if p.lists != nil {
		return []form{{p.title, p.blocks, p.lists}, {p.title, p.blocks, none}, {p.title, noBlocks, none}}
	}
	forms := []form{{p.title, p.blocks, none}, {p.title, noBlocks, none}}
	if whole := p.fallback(p.rows, maxText); len(whole) <= maxShort {
		forms = append([]form{{whole, p.blocks, none}}, forms...)
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
	if f.lists != nil {
		options = append(options, slackgo.MsgOptionAttachments(f.lists...))
	}
	return options
}
