package slack

import (
	"cmp"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/text"
)

// What a message may hold. Slack allows 50 blocks, 150 characters in a
// header, 3,000 in a section and 40,000 in the fallback text, and refuses, by
// a rule that it does not document, blocks of about 13,000 in all.
const (
	maxBlocks  = 45
	maxHeader  = 150
	maxHeading = 80
	maxSection = 2_900
	maxContext = 1_900
	maxShown   = 10_000 // all blocks together
	maxLines   = 7_500  // of which the lines; the rest is left for what to do
	maxText    = 38_000
	// maxShort is for where Slack takes less text than it says: 4,000 bytes of
	// it, as escaped, in an edit.
	maxShort = 3_900
)

// The marks of severities and outcomes. They are characters and not Slack's
// emoji codes, so that nothing that looks like a code has to be one.
const (
	markCritical = "🔴"
	markWarning  = "🟠"
	markOver     = "✅"
	markClosed   = "⚪" // over in that nobody looks any more
	markNeutral  = "🔔"
)

func mark(firing, solved bool, s check.Severity) string {
	switch {
	case !firing && !solved:
		return markClosed
	case !firing:
		return markOver
	case s == check.Critical:
		return markCritical
	}
	return markWarning
}

// page is a message laid out: blocks to be shown, and what the text is made
// of that stands where blocks are not: in notifications, screen readers and
// searches.
type page struct {
	blocks  []slackgo.Block
	title   string   // escaped
	mention string   // markup
	rows    []string // not escaped, the title first
}

// draft is what a page is made of.
type draft struct {
	mark, title, note, footer string
	mention                   string // markup, empty for nobody
	parts                     []part
}

// part is a group of a message.
type part struct {
	heading string
	lines   []line
	advice  []string
	links   []notify.Link
}

// line is one alert. name is what stands out in it.
type line struct{ mark, text, name string }

// layMessage lays out a message. What is critical mentions those who are to
// be woken.
func layMessage(m notify.Message, mention []string) page {
	d := draft{mark: markNeutral, title: m.Title, note: m.Note, footer: footer(m.Footer) + " · " + text.Stamp(m.Time)}
	if critical(m) {
		d.mention = mentions(mention)
	}
	for _, g := range m.Groups {
		p := part{heading: g.Heading, advice: g.Advice, links: g.Links}
		for _, i := range g.Items {
			d.mark = mark(m.Firing, m.Solved, m.Severity)
			p.lines = append(p.lines, line{mark(i.Notice.Fires(), i.Notice.Solved(), i.Notice.Severity), i.Line, notify.Name(i.Notice.Subject)})
		}
		d.parts = append(d.parts, p)
	}
	return d.lay()
}

// footer says who sent a message.
func footer(s string) string { return literal(cmp.Or(s, "sslwatch"), maxHeader) }

// critical reports whether a message tells of something critical that stands.
func critical(m notify.Message) bool {
	for _, g := range m.Groups {
		for _, i := range g.Items {
			if i.Notice.Fires() && i.Notice.Severity == check.Critical {
				return true
			}
		}
	}
	return false
}

// layRevision lays out an earlier message anew, as things stand at a time.
func layRevision(r notify.Revision) page {
	worst, firing, solved := check.Severity(""), false, true
	var p part
	for _, e := range r.Entries {
		if !e.Over {
			firing = true
			if e.Severity.Compare(worst) > 0 {
				worst = e.Severity
			}
		}
		solved = solved && !e.Unsolved
		_, instance, _ := strings.Cut(e.Name, "/")
		p.lines = append(p.lines, line{mark(!e.Over, !e.Unsolved, e.Severity), e.Line, instance})
	}
	d := draft{mark: mark(firing, solved, worst), title: r.Title, footer: footer(r.Footer) + " · as of " + text.Stamp(r.Time), parts: []part{p}}
	return d.lay()
}

// lay makes a page. Every line is shown; what to do is, as far as there is
// room, the worst first, and nothing of it twice.
func (d draft) lay() page {
	header := d.mark + " " + plain(d.title, maxHeader-size(d.mark)-1)
	note := literal(d.note, maxHeading*2)
	used := size(header) + size(d.mention) + size(note) + size(d.footer)
	sections := make([][]string, len(d.parts))
	count := 4
	lines := d.lines()
	for i, p := range d.parts {
		sections[i] = pack(literal(p.heading, maxHeading), lines[i])
		for _, s := range sections[i] {
			used += size(s)
		}
		count += len(sections[i])
	}

	blocks := []slackgo.Block{slackgo.NewHeaderBlock(slackgo.NewTextBlockObject(slackgo.PlainTextType, header, false, false))}
	if d.mention != "" {
		blocks = append(blocks, section(d.mention))
	}
	if note != "" {
		blocks = append(blocks, aside(note))
	}
	said := map[string]bool{}
	for i, p := range d.parts {
		for _, s := range sections[i] {
			blocks = append(blocks, section(s))
		}
		if count >= maxBlocks {
			continue
		}
		todo := p.todo(said, min(maxContext, maxShown-used))
		if todo == "" {
			continue
		}
		used += size(todo)
		count++
		blocks = append(blocks, aside(todo))
	}
	blocks = append(blocks, aside(d.footer))
	return page{blocks: blocks, title: literalBytes(d.title, maxShort), mention: d.mention, rows: d.rows()}
}

// section is a block of text, and aside one in small print. Both are
// verbatim: Slack makes no links, channels or mentions of words.
func section(markup string) slackgo.Block {
	return slackgo.NewSectionBlock(slackgo.NewTextBlockObject(slackgo.MarkdownType, markup, false, true), nil, nil)
}

func aside(markup string) slackgo.Block {
	return slackgo.NewContextBlock("", slackgo.NewTextBlockObject(slackgo.MarkdownType, markup, false, true))
}

// lines writes the lines of each part, held to what all blocks can show.
func (d draft) lines() [][]string {
	const frame = 8 // of a line: mark, blanks, line feed, the stars around its name
	left := maxShown - maxHeader - size(d.mention) - 2*maxHeading - size(d.footer)
	var sizes []int
	for _, p := range d.parts {
		left -= size(literal(p.heading, maxHeading)) + 3
		for _, l := range p.lines {
			left -= frame
			sizes = append(sizes, size(literal(l.text, maxSection)))
		}
	}
	// A planner that keeps to the limits leaves far more than the least.
	most := min(max(level(sizes, min(left, maxLines)), 80), maxSection-maxHeading-2*frame)
	out := make([][]string, len(d.parts))
	for i, p := range d.parts {
		for _, l := range p.lines {
			out[i] = append(out[i], l.mark+" "+text.Unbroken(l.write(most))) // a phone is narrow
		}
	}
	return out
}

// write writes a line of at most a size, with its name in bold.
func (l line) write(most int) string {
	whole, name := literal(l.text, most), literal(l.name, most)
	before, after, found := strings.Cut(whole, " "+name+": ")
	if !found || name == "" || strings.ContainsAny(name, "*") {
		return whole
	}
	return before + " *" + name + "*: " + after
}

// pack puts a heading and lines into as few sections as hold them.
func pack(heading string, lines []string) []string {
	if heading != "" {
		lines = slices.Insert(slices.Clone(lines), 0, "*"+strings.ReplaceAll(heading, "*", "∗")+"*")
	}
	var sections []string
	for _, l := range lines {
		last := len(sections) - 1
		if last >= 0 && size(sections[last])+1+size(l) <= maxSection {
			sections[last] += "\n" + l
			continue
		}
		sections = append(sections, l)
	}
	return sections
}

// todo writes what to do about a part within a size: what was said already
// is left out, and so is what does not fit.
func (p part) todo(said map[string]bool, most int) string {
	var paragraphs []string
	add := func(s string) {
		if s == "" || said[s] || size(s)+1 > most {
			return
		}
		said[s] = true
		most -= size(s) + 1
		paragraphs = append(paragraphs, s)
	}
	for _, a := range p.advice {
		add(literal(a, maxContext))
	}
	for _, l := range p.links {
		add(link(l.Text, l.URL))
	}
	return strings.Join(paragraphs, "\n")
}

// rows are what the text consists of: the title, and every line on its own
// line; where there are none, what is said instead.
func (d draft) rows() []string {
	rows := []string{d.title}
	if d.note != "" {
		rows = append(rows, d.note)
	}
	for _, p := range d.parts {
		for _, l := range p.lines {
			rows = append(rows, l.text)
		}
		if len(p.lines) == 0 {
			rows = append(rows, p.advice...)
		}
	}
	return rows
}

// fallback writes the text, of at most so many bytes: the longest rows are
// shortened first, and none is left out.
func (p page) fallback(most int) string {
	sizes := make([]int, len(p.rows))
	rows := make([]string, len(p.rows))
	for i, r := range p.rows {
		rows[i] = literalBytes(r, most)
		sizes[i] = len(rows[i])
	}
	longest := level(sizes, most-len(rows)-len(p.mention))
	for i, r := range p.rows {
		if sizes[i] > longest {
			rows[i] = literalBytes(r, longest)
		}
	}
	if p.mention != "" {
		rows[0] += " " + p.mention
	}
	return strings.Join(rows, "\n")
}
