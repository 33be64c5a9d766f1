// Package tomlfile reads values out of a TOML file, and notes with its line
// what is wrong with each. It knows nothing of what the values mean: a schema
// asks for one after the other.
package tomlfile

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Document is a file that is being read, and what was found in it so far.
//
// The values come from the parser as they are, and are taken out one by one
// by tables, which know what each key may be. Nothing is decoded into Go
// types by the library: it would stop at the first mistake, match keys
// whatever their case, and take a bare 60 for 60 nanoseconds.
type Document struct {
	// File is what the file is called in problems.
	File string
	// Quote shows a value in a problem, as far as that may be shown.
	Quote func(string) string
	// Nested names the tables that may be in a table with a name, by the path
	// of that, with * for names.
	Nested map[string][]string

	Problems []Problem
	Warnings []Problem

	text   string // without a byte order mark, as the parser counts
	meta   toml.MetaData
	parsed map[string]toml.Primitive
	opened map[string]map[string]toml.Primitive // by table; a memo of inside
	tables []*Table                             // in the order of reading
	// known are the keys that were asked for, with * for names.
	known map[string]bool
}

// Parse takes the text of the file in. If it is not TOML, that is the only
// problem.
func (d *Document) Parse(text string) (root *Table, ok bool) {
	values, err := d.decode(text)
	if err != nil {
		d.Problems = append(d.Problems, d.syntax(err))
		return nil, false
	}
	return newTable(d, nil, "", values), true
}

// decode calls the parser, which panics where its own assumptions fail.
func (d *Document) decode(text string) (values map[string]any, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the parser gave up")
		}
	}()
	d.opened, d.known = map[string]map[string]toml.Primitive{}, map[string]bool{}
	d.text = strings.TrimPrefix(text, "\ufeff")
	if d.meta, err = toml.Decode(d.text, &d.parsed); err != nil {
		return nil, err
	}
	values = make(map[string]any, len(d.parsed))
	for name, p := range d.parsed {
		var v any
		if err := d.meta.PrimitiveDecode(p, &v); err != nil {
			return nil, err
		}
		values[name] = v
	}
	return values, nil
}

// Problem notes what is wrong with a key.
func (d *Document) Problem(path toml.Key, format string, args ...any) {
	d.Problems = append(d.Problems, d.at(path, fmt.Sprintf(format, args...)))
}

// Passing notes what is wrong with a file that a key refers to.
func (d *Document) Passing(path toml.Key, format string, args ...any) {
	p := d.at(path, fmt.Sprintf(format, args...))
	p.Passing = true
	d.Problems = append(d.Problems, p)
}

// Warn notes what is odd about a key.
func (d *Document) Warn(path toml.Key, format string, args ...any) {
	d.Warnings = append(d.Warnings, d.at(path, fmt.Sprintf(format, args...)))
}

func (d *Document) at(path toml.Key, text string) Problem {
	return Problem{File: d.File, Line: d.lineOf(path), Key: path.String(), Text: text}
}

// Line returns where a key is. For one that is missing it is where its table
// begins, and 0 if that is missing too. In an array of tables, which the
// format has no use for, it is the last of them.
func (d *Document) lineOf(path toml.Key) int {
	if len(path) == 0 {
		return 0
	}
	if line := d.position(path); line > 0 {
		return line
	}
	// A table without a heading of its own begins with its first key.
	for _, key := range d.meta.Keys() {
		if len(key) > len(path) && slices.Equal(key[:len(path)], path) {
			if line := d.position(key); line > 0 {
				return line
			}
		}
	}
	return d.lineOf(path[:len(path)-1])
}

// Known returns the keys that were asked for, with * for names.
func (d *Document) Known() []string { return slices.Sorted(maps.Keys(d.known)) }

// marker makes the parser tell where a value is: it refuses every value, and
// the error has the position.
type marker struct{}

var _ toml.Unmarshaler = (*marker)(nil)

var errMarker = errors.New("here")

// UnmarshalTOML refuses.
func (*marker) UnmarshalTOML(any) error { return errMarker }

// position returns the line of a key that is in the file, 0 if the parser
// knows none.
func (d *Document) position(path toml.Key) int {
	p, ok := d.inside(path[:len(path)-1])[path[len(path)-1]]
	if !ok {
		return 0
	}
	var m marker
	pe, ok := errors.AsType[toml.ParseError](d.meta.PrimitiveDecode(p, &m))
	if !ok {
		return 0
	}
	// For a text of several lines the parser's own line is that of its end.
	start := min(pe.Position.Start, len(d.text))
	return min(pe.Position.Line, 1+strings.Count(d.text[:start], "\n"))
}

// inside returns what is in a table, nothing for what is none.
func (d *Document) inside(path toml.Key) map[string]toml.Primitive {
	if len(path) == 0 {
		return d.parsed
	}
	name := path.String()
	if known, ok := d.opened[name]; ok {
		return known
	}
	out := map[string]toml.Primitive{}
	if p, ok := d.inside(path[:len(path)-1])[path[len(path)-1]]; !ok || d.meta.PrimitiveDecode(p, &out) != nil {
		out = nil
	}
	d.opened[name] = out
	return out
}

// Finish notes the keys that nobody asked for. It comes last, so that where
// a key would belong is known.
func (d *Document) Finish() {
	for _, t := range d.tables {
		t.strangers()
	}
	d.Sort()
}

// Sort brings problems and warnings into the order of the file.
func (d *Document) Sort() {
	for _, list := range [][]Problem{d.Problems, d.Warnings} {
		slices.SortStableFunc(list, func(a, b Problem) int { return a.Line - b.Line })
	}
}

// unquoted reports whether the line of a mistake has a table's name, or a
// key, that needs quotes and has none.
func (d *Document) unquoted(line int) bool {
	lines := strings.Split(d.text, "\n")
	if line < 1 || line > len(lines) {
		return false
	}
	name := strings.TrimSpace(lines[line-1])
	if strings.HasPrefix(name, "[") {
		name, _, _ = strings.Cut(name, "#")
		end := strings.LastIndexByte(name, ']')
		if end < 0 {
			return false
		}
		name = strings.Trim(name[:end], "[]")
	} else if before, _, found := strings.Cut(name, "="); found {
		name = before
	} else {
		return false
	}
	for _, part := range strings.Split(quotedPart.ReplaceAllString(name, "q"), ".") {
		part = strings.TrimSpace(part)
		if Unfit(part) == "" && strings.Trim(part, bare) != "" {
			return true
		}
	}
	return false
}

// bare are the characters of names that need no quotes.
const bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

var quotedPart = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// syntax words what the parser could not read. Its own words often quote the
// text, which may be a secret that lacks its quotes; so only those that say
// what kind of mistake it is are looked at, and none is passed on but the
// Name of a key that is there twice.
func (d *Document) syntax(err error) Problem {
	p := Problem{File: d.File, Text: "this is not TOML: each line is a [table], a key = value, or a # comment, and text must be in double quotes"}
	pe, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return p
	}
	p.Line, p.Key = pe.Position.Line, pe.LastKey
	if d.unquoted(p.Line) {
		p.Key, p.Text = "", `a name with anything but A-Z, a-z, 0-9, - and _ in it stands in double quotes, as in [project.prod.instance."订单 1"] or "名" = 1`
		return p
	}
	for _, known := range []struct{ in, out string }{
		{"has already been defined", "is defined already: remove one of the two"},
		{"was already created", "is defined already, as something else: remove one of the two"},
		{"strings cannot contain newlines", `the text has no closing quote on its line`},
		{"unexpected EOF; expected '", "the text has no closing quote"},
		{"expected value", `this is not a value of TOML: put text in double quotes, as in key = "text", and write true and false in lower case`},
		{"invalid escape", `a backslash in double quotes must be doubled; or use single quotes, in which it is only itself`},
		{"Escaped character", "the escape names no character"},
		{"hexadecimal digits after", "the escape has too few digits; a backslash that is only itself must be doubled"},
		{"control characters", "there is a control character: remove it, or write it as an escape"},
		{"invalid UTF-8", "there is a byte that is not UTF-8: save the file as UTF-8"},
		{"NULL bytes", "the file seems to be UTF-16: save it as UTF-8"},
		{"expected '.' or '='", "the = after the key is missing"},
		{"end table name", "the table's name has no closing bracket"},
		{"end of table array name", "the table's name has no closing brackets"},
		{"top-level item to end", "there is something after the end of the value: text with a quote in it must be in the other kind of quotes"},
		{"array terminator", "the list lacks a comma, or its closing bracket"},
		{"inline table terminator", "the table lacks a comma, or its closing brace"},
		{"out of range", "the number is too large"},
		{"invalid datetime", "this is not a valid date, and no key takes one: put text in double quotes"},
		{"Invalid integer", `the number can't be read: put a number with a unit in double quotes, as in "15m"`},
		{"nvalid float", `the number can't be read: put a number with a unit in double quotes, as in "15m"`},
	} {
		if strings.Contains(pe.Message, known.in) {
			p.Text = known.out
			break
		}
	}
	// The last key is the one before the mistake. It is the right one only
	// for a value.
	if name, ok := strings.CutPrefix(pe.Message, "Key '"); ok {
		p.Key, _, _ = strings.Cut(name, "' ")
	} else if strings.Contains(p.Text, "table's name") {
		p.Key = ""
	}
	return p
}

// Twice notes that two keys must differ and don't, at the later one.
func (d *Document) Twice(a, b toml.Key, format string) {
	if d.lineOf(a) > d.lineOf(b) {
		a, b = b, a
	}
	d.Problem(b, format, a.String())
}
