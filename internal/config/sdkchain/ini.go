package sdkchain

import "strings"

// readSection returns the values in a section of a file in the form in which
// the SDK reads profiles, and whether there is such a section. line is that of
// a line which can't be read, or 0. Nothing of the file is in it: what can't be
// read may be a secret.
func readSection(text, name string) (values map[string]string, ok bool, line int) {
	values = map[string]string{}
	in := false
	n := 0
	for l := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		l = strings.TrimSpace(l)
		switch {
		case l == "" || l[0] == '#' || l[0] == ';':
			continue
		case l[0] == '[':
			title, rest, closed := strings.Cut(l[1:], "]")
			if rest = strings.TrimSpace(rest); !closed || rest != "" && rest[0] != '#' && rest[0] != ';' {
				return nil, false, n
			}
			in = strings.TrimSpace(title) == name
			ok = ok || in
			continue
		}
		at := strings.IndexAny(l, "=:")
		if at < 1 {
			return nil, false, n
		}
		if in {
			values[strings.TrimSpace(l[:at])] = bare(l[at+1:])
		}
	}
	return values, ok, 0
}

// bare returns a value without the quotes around it, or without the comment
// behind it.
func bare(value string) string {
	value = strings.TrimSpace(value)
	if value != "" && strings.ContainsRune("\"'`", rune(value[0])) {
		if inner, _, closed := strings.Cut(value[1:], value[:1]); closed {
			return strings.TrimSpace(inner)
		}
	}
	if at := strings.IndexAny(value, "#;"); at >= 0 {
		value = strings.TrimSpace(value[:at])
	}
	return value
}
