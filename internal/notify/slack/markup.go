package slack

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/slack-go/slack/slackutilsx"

	"github.com/sslwatch/sslwatch/internal/text"
)

// maxLink is the longest address that is made a link.
const maxLink = 500

// inert replaces the characters that would act as markup with others that
// look like them, since Slack has no way to escape them. One within a word
// does not act, so an ordinary name such as orders_cache stays as it is.
func inert(s string) string {
	runes := []rune(s)
	word := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	out := slices.Clone(runes)
	for i, r := range runes {
		within := word(i-1) && word(i+1)
		switch {
		case r == '`':
			out[i] = 'ˋ'
		case r == '*' && !within:
			out[i] = '∗'
		case r == '_' && !within:
			out[i] = 'ˍ'
		case r == '~' && !within:
			out[i] = '∼'
		case r == ':' && !word(i-1) && emojiAt(runes[i:]):
			out[i] = '∶'
		}
	}
	return string(out)
}

// emojiAt reports whether runes begin with an emoji's name between colons.
func emojiAt(runes []rune) bool {
	end := slices.Index(runes[1:], ':')
	return end > 0 && !slices.ContainsFunc(runes[1:1+end], func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("_+-'", r))
	})
}

// literal returns a text as Slack's markup that shows it and nothing else, of
// at most the given size.
func literal(s string, most int) string {
	return cut(inert(text.Clean(s)), most, slackutilsx.EscapeMessage)
}

// literalBytes is literal for a limit in bytes.
func literalBytes(s string, most int) string {
	return cutBy(func(s string) int { return len(s) }, inert(text.Clean(s)), most, slackutilsx.EscapeMessage)
}

// plain returns a text for where Slack knows no markup.
func plain(s string, most int) string {
	return cut(text.Clean(s), most, func(s string) string { return s })
}

// size is the length of a text as Slack might count it: in UTF-16, the
// larger of the counts in use.
func size(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// cut escapes a text, shortened at the end of a rune if it is larger than
// most once it is escaped. What is cut ends with an ellipsis.
func cut(s string, most int, escape func(string) string) string {
	return cutBy(size, s, most, escape)
}

// cutBy is cut for a place that counts in its own way.
func cutBy(count func(string) int, s string, most int, escape func(string) string) string {
	if whole := escape(s); count(whole) <= most {
		return whole
	}
	return escape(text.CutTo(s, most, func(r rune) int { return count(escape(string(r))) }))
}

// level returns to what size each part must be held for all of them together
// to be within budget: the longest give, the short ones stay whole.
func level(sizes []int, budget int) int {
	sorted := slices.Sorted(slices.Values(sizes))
	for i, n := range sorted {
		if share := budget / (len(sorted) - i); n > share {
			return share
		}
		budget -= n
	}
	if len(sorted) == 0 {
		return budget
	}
	return sorted[len(sorted)-1]
}

// link writes a link, or nothing for what is not an address of the web.
func link(label, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	target := strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", " ", "%20").Replace(u.String())
	if size(target) > maxLink {
		return ""
	}
	label = strings.ReplaceAll(literal(label, 80), "|", "∣")
	return "<" + slackutilsx.EscapeMessage(target) + "|" + label + ">"
}
