package secret

import (
	"slices"
	"strings"
)

// redacted stands where a secret was.
const redacted = "[redacted]"

const (
	// window is how many bytes of a secret in a row give it away.
	window = 8
	// wordWindow is the same for a stretch of lower-case letters, which may be
	// a word that has nothing to do with the secret.
	wordWindow = 16
	// shortest is the length from which on a secret is looked for.
	shortest = 4
)

// Redactor takes secrets out of texts. What it has to know of them is worked out
// once, for as many texts as there may be. It is never changed. Nil knows the
// passwords of the proxies that the environment names, as each does.
type Redactor struct{ secrets []*known }

// known is a secret in the forms in which it is looked for.
type known struct {
	of    Text
	long  []form   // of which any piece counts
	short []string // which are looked for as whole words
}

// form is a secret in one encoding, and that with its letters in lower case.
type form struct{ text, folded string }

// NewRedactor returns a redactor that knows secrets.
func NewRedactor(secrets ...Text) *Redactor { return (*Redactor)(nil).With(secrets...) }

// With returns a redactor that knows more secrets.
func (r *Redactor) With(secrets ...Text) *Redactor {
	more := &Redactor{}
	for _, t := range secrets {
		if value := t.Reveal(); len(value) >= shortest {
			more.secrets = append(more.secrets, know(t, value))
		}
	}
	return r.And(more)
}

// And returns a redactor that knows what both do.
func (r *Redactor) And(other *Redactor) *Redactor {
	both := &Redactor{}
	for _, one := range []*Redactor{r, other} {
		if one == nil {
			continue
		}
		for _, k := range one.secrets {
			if !slices.ContainsFunc(both.secrets, func(has *known) bool { return has.of == k.of }) {
				both.secrets = append(both.secrets, k)
			}
		}
	}
	return both
}

func know(t Text, value string) *known {
	k := &known{of: t}
	switch {
	case len(value) >= window:
		for _, s := range forms(value) {
			k.long = append(k.long, form{s, fold(s)})
		}
	case !plainWord(value):
		k.short = shortForms(value)
	}
	return k
}

// Redact returns s with every stretch replaced that is made of pieces of
// secrets, or of one of their usual encodings, in whatever case; see forms.
// It looks for pieces and not for the whole, because what echoes a secret may
// cut it short, wrap it or escape a part of it. The passwords of the proxies
// that the environment names are secrets as well.
//
// A secret of fewer than 8 bytes is looked for as a whole word. One of fewer
// than four, or a short one that is a word in lower case or a number, is left
// alone: it would be found where it is none, and say thereby what it is.
//
// The work grows with the length of s and with that of the secrets, not with
// the product of both.
func (r *Redactor) Redact(s string) string {
	if len(s) < shortest {
		return s
	}
	if proxies := proxyPasswords(); len(proxies) > 0 {
		r = r.With(proxies...)
	}
	if r == nil || len(r.secrets) == 0 {
		return s
	}
	m := marks{text: s, folded: fold(s)}
	m.look()
	for _, k := range r.secrets {
		m.collect(k.long)
		m.short(k.short)
	}
	m.find()
	return m.redacted()
}

// Redact is that of a redactor that is made for one text.
func Redact(s string, secrets ...Text) string { return NewRedactor(secrets...).Redact(s) }

// marks are the places of a text that must not be shown.
type marks struct {
	text, folded string
	hide         []bool // nil if there are none
	// seen says which pieces of the text there may be, as a filter: a piece
	// that is not in it is not in the text.
	seen [1 << 16 / 64]uint64
	// pieces are those of the secrets that may be in the text, by length.
	pieces map[int]map[string]bool
	// words are pieces that may be words of our own: they count where they
	// go on with what is hidden already.
	words map[string]bool
}

// look notes which pieces the text has.
func (m *marks) look() {
	for i := 0; i+window <= len(m.folded); i++ {
		h := hash(m.folded[i:])
		m.seen[h/64] |= 1 << (h % 64)
	}
}

// collect takes in the pieces of a secret that may be in the text.
func (m *marks) collect(forms []form) {
	for _, f := range forms {
		for i := 0; i+window <= len(f.text); i++ {
			if h := hash(f.folded[i:]); m.seen[h/64]&(1<<(h%64)) == 0 {
				continue
			}
			if m.pieces == nil {
				m.pieces, m.words = map[int]map[string]bool{}, map[string]bool{}
			}
			start, n := i, window
			if plainLetters(f.text[i : i+window]) {
				m.words[f.folded[i:i+window]] = true
				n = min(wordWindow, len(f.text))
				start = min(i, len(f.text)-n)
			}
			if m.pieces[n] == nil {
				m.pieces[n] = map[string]bool{}
			}
			m.pieces[n][f.folded[start:start+n]] = true
		}
	}
}

// find marks every piece that was collected.
func (m *marks) find() {
	for n, pieces := range m.pieces {
		for i := 0; i+n <= len(m.folded); i++ {
			if pieces[m.folded[i:i+n]] {
				m.mark(i, i+n)
			}
		}
	}
	if m.hide == nil || len(m.words) == 0 {
		return
	}
	last := len(m.folded) - window
	for i := 1; i <= last; i++ {
		if (m.hide[i-1] || m.hide[i]) && m.words[m.folded[i:i+window]] {
			m.mark(i, i+window)
		}
	}
	for i := last - 1; i >= 0; i-- {
		if (m.hide[i+window-1] || m.hide[i+window]) && m.words[m.folded[i:i+window]] {
			m.mark(i, i+window)
		}
	}
}

// short marks a short secret, and its encodings, where they stand alone.
func (m *marks) short(forms []string) {
	for _, form := range forms {
		for from := 0; ; {
			i := strings.Index(m.text[from:], form)
			if i < 0 {
				break
			}
			start, end := from+i, from+i+len(form)
			if (start == 0 || !inWord(m.text[start-1])) && (end == len(m.text) || !inWord(m.text[end])) {
				m.mark(start, end)
			}
			from = start + 1
		}
	}
}

func (m *marks) mark(start, end int) {
	if m.hide == nil {
		m.hide = make([]bool, len(m.text))
	}
	for i := start; i < end; i++ {
		m.hide[i] = true
	}
}

// redacted returns the text without what is marked.
func (m *marks) redacted() string {
	if m.hide == nil {
		return m.text
	}
	var b strings.Builder
	for i := range len(m.text) {
		switch {
		case !m.hide[i]:
			b.WriteByte(m.text[i])
		case i == 0 || !m.hide[i-1]:
			b.WriteString(redacted)
		}
	}
	return strings.ToValidUTF8(b.String(), "")
}

// hash returns a number of 16 bits for the first bytes of s.
func hash(s string) uint64 {
	_ = s[window-1]
	n := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return n * 0x9E3779B97F4A7C15 >> 48
}

// fold returns s with its ASCII letters in lower case, each byte in its place.
func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func inWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// plainLetters reports whether s consists of lower-case letters.
func plainLetters(s string) bool { return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == "" }

// plainWord reports whether s may well be a word or a number.
func plainWord(s string) bool {
	return plainLetters(fold(s[:1])+s[1:]) || strings.Trim(s, "0123456789") == ""
}
