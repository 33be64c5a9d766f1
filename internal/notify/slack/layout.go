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
// header, 3,000 in a section and 40,000 in the fallback text (documented). All
// blocks together it refuses from 13,202 characters on, and each block counts
// beside its text (msg_blocks_too_long: measured by others, metabase#79908 and
// bolt-js#2867, where 50 blocks with 9,597 characters passed and 45 with 11,341
// did not).
const (
	maxBlocks  = 45
	maxHeader  = 150
	maxHeading = 80
	maxSection = 2_900
	maxContext = 1_900
	maxShown   = 12_500 // all blocks together,
	perBlock   = 60     // with this for each
	maxLines   = 9_500  // of which the lines; the rest is left for what to do
	maxText    = 39_000
	// maxNames is for what a digest names in short, in bytes.
	maxNames = 36_000
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
	lists   []slackgo.Attachment // what a digest names in short
	title   string               // escaped
	mention string               // markup
	rows    []string             // not escaped, the title first
	brief   []string             // rows without what is only named
}

// draft is what a page is made of.
type draft struct {
	mark, title, note, footer string
	mention                   string // markup, empty for nobody
	parts                     []part
}

// part is a group of a message: lines, or names of those that are told in
// short.
type part struct {
	heading string
	lines   []line
	names   []string
	mark    string // of names
	advice  []string
	links   []notify.Link
}

// line is one alert. name is what stands out in it.
type line struct{ mark, text, name string }

// layMessage lays out a message. What is critical mentions those who are to
// be woken.
func layMessage(m notify.Message, mention []string) page {
	d := draft{mark: markNeutral, title: m.Title, note: m.Note, footer: footer(m.Footer) + " · " + m.Stamp}
	if critical(m) {
		d.mention = mentions(mention)
	}
	for _, g := range m.Groups {
		p := part{heading: g.Heading, advice: g.Advice, links: g.Links}
		if g.Brief {
			p.list(g)
		}
		for _, i := range g.Items {
			d.mark = mark(m.Firing, m.Solved, m.Severity)
			if g.Brief {
				break
			}
			p.lines = append(p.lines, line{mark(i.Notice.Fires(), i.Notice.Solved(), i.Notice.Severity), i.Line, notify.Name(i.Notice.Subject)})
		}
		d.parts = append(d.parts, p)
	}
	return d.lay()
}

// list takes in what is named in short.
func (p *part) list(g notify.Group) {
	p.heading, p.mark = g.Heading, mark(g.Firing, g.Solved, g.Severity)
	for _, i := range g.Items {
		p.names = append(p.names, i.Short())
	}
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
	for _, e := range r.Entries {
		if !e.Over {
			firing = true
			if e.Severity.Compare(worst) > 0 {
				worst = e.Severity
			}
		}
		solved = solved && !e.Unsolved
	}
	shown, others := r.Digest()
	parts := make([]part, 1+len(others))
	for _, e := range shown {
		_, instance, _ := strings.Cut(e.Name, "/")
		parts[0].lines = append(parts[0].lines, line{mark(!e.Over, !e.Unsolved, e.Severity), e.Line, instance})
	}
	for i, g := range others {
		parts[1+i].list(g)
	}
	d := draft{mark: mark(firing, solved, worst), title: r.Title, footer: footer(r.Footer) + " · as of " + r.Stamp, parts: parts}
	return d.lay()
}

// lay makes a page. Every line is shown; what to do is, as far as there is
// room, the worst first, and nothing of it twice.
func (d draft) lay() page {
	header := d.mark + " " + plain(d.title, maxHeader-size(d.mark)-1)
	note := literal(d.note, maxHeading*2)
	used := size(header) + size(d.mention) + size(note) + size(d.footer)
	count := 4
	sections := make([][]string, len(d.parts))
	lines := d.lines()
	for i, p := range d.parts {
		if len(p.names) > 0 {
			continue // they are in the lists
		}
		sections[i] = pack(literal(p.heading, maxHeading), lines[i])
		for _, s := range sections[i] {
			used += size(s)
		}
		count += len(sections[i])
	}
	used += count * perBlock

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
		todo := p.todo(said, min(maxContext, maxShown-used-perBlock))
		if todo == "" {
			continue
		}
		used += size(todo) + perBlock
		count++
		blocks = append(blocks, aside(todo))
	}
	blocks = append(blocks, aside(d.footer))
	rows, brief := d.rows()
	return page{blocks: blocks, lists: d.lists(), title: literalBytes(d.title, maxShort), mention: d.mention, rows: rows, brief: brief}
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
	left -= perBlock * (4 + maxShown/maxSection) // as many blocks as there may be
	most := left
	var sizes []int
	for _, p := range d.parts {
		if len(p.advice) > 0 {
			most = maxLines
		}
		if len(p.names) > 0 {
			continue
		}
		left -= perBlock + size(literal(p.heading, maxHeading)) + 3
		for _, l := range p.lines {
			left -= frame
			sizes = append(sizes, size(literal(l.text, maxSection)))
		}
	}
	// A planner that keeps to the limits leaves far more than the least.
	most = min(max(level(sizes, min(left, most)), 80), maxSection-maxHeading-2*frame)
	out := make([][]string, len(d.parts))
	for i, p := range d.parts {
		for _, l := range p.lines {
			out[i] = append(out[i], l.mark+" "+text.Unbroken(l.write(most))) // a phone is narrow
		}
	}
	return out
}

// maxEnd is the most that a shortened line keeps of its end: the ID.
const maxEnd = 60

// write writes a line of at most a size, with its name in bold. What is cut
// out of it is not its ID.
func (l line) write(most int) string {
	whole, name := literal(l.text, most), literal(l.name, most)
	if comma := strings.LastIndex(l.text, ", "); comma >= 0 && strings.HasSuffix(whole, "…") {
		if end := literal(l.text[comma:], most); size(end) <= min(maxEnd, most/2) {
			whole = literal(l.text, most-size(end)) + end
		}
	}
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

// rows are what the text consists of: the title, and every line or name on
// its own line; where there are none, what is said instead. In brief, they
// have the headings of what is only named.
func (d draft) rows() (rows, brief []string) {
	rows = []string{d.title}
	if d.note != "" {
		rows = append(rows, d.note)
	}
	brief = slices.Clone(rows)
	add := func(s string) { rows, brief = append(rows, s), append(brief, s) }
	for _, p := range d.parts {
		for _, l := range p.lines {
			add(l.text)
		}
		switch {
		case len(p.names) > 0:
			add(p.heading)
			rows = append(rows, p.names...)
		case len(p.lines) == 0:
			for _, a := range p.advice {
				add(a)
			}
		}
	}
	return rows, brief
}

// fallback writes rows as the text, of at most so many bytes: the longest are
// shortened first, and none is left out.
func (p page) fallback(rows []string, most int) string {
	out := fit(rows, most-len(rows)-len(p.mention))
	if p.mention != "" {
		out[0] += " " + p.mention
	}
	return strings.Join(out, "\n")
}

// fit escapes rows so that all of them together have at most so many bytes.
func fit(rows []string, most int) []string {
	sizes := make([]int, len(rows))
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = literalBytes(r, most)
		sizes[i] = len(out[i])
	}
	longest := level(sizes, most)
	for i, r := range rows {
		if sizes[i] > longest {
			out[i] = literalBytes(r, longest)
		}
	}
	return out
}
