package tomlfile

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Table takes values out of one table of the file. Each of its methods
// returns what is there, or else the default; what is there and wrong is
// noted as a problem, and reading goes on.
type Table struct {
	doc    *Document
	path   toml.Key
	schema string // the path, with * for names
	values map[string]any
	asked  map[string]bool // the keys that were asked for
}

func newTable(d *Document, path toml.Key, schema string, values map[string]any) *Table {
	t := &Table{doc: d, path: path, schema: schema, values: values, asked: map[string]bool{}}
	d.tables = append(d.tables, t)
	return t
}

// Name is the last part of the table's path.
func (t *Table) Name() string { return t.path[len(t.path)-1] }

// Key returns the path of a key in the table.
func (t *Table) Key(name string) toml.Key { return append(slices.Clone(t.path), name) }

// Problem notes what is wrong with a key.
func (t *Table) Problem(name, format string, args ...any) {
	t.doc.Problem(t.Key(name), format, args...)
}

// Passing notes what is wrong with a file that a key refers to.
func (t *Table) Passing(name, format string, args ...any) {
	t.doc.Passing(t.Key(name), format, args...)
}

// Warn notes what is odd about a key.
func (t *Table) Warn(name, format string, args ...any) {
	t.doc.Warn(t.Key(name), format, args...)
}

// Path returns the table's own path.
func (t *Table) Path() toml.Key { return slices.Clone(t.path) }

// Value returns a value as the parser gave it, nil if there is none.
func (t *Table) Value(name string) any { return t.values[name] }

// Inside returns a table in this one, to note problems of what is in it.
func (t *Table) Inside(name string) *Table { return &Table{doc: t.doc, path: t.Key(name)} }

// inner returns what a table in this one is called in the schema.
func (t *Table) inner(name string) string {
	if t.schema == "" {
		return name
	}
	return t.schema + "." + name
}

// Ask returns a value, and makes its key a known one.
func (t *Table) Ask(name string) (any, bool) {
	t.asked[name] = true
	t.doc.known[t.inner(name)] = true
	v, ok := t.values[name]
	return v, ok
}

// A key can be absent, empty or given. Absent is the default. Empty, "", is
// off where off is possible, and a problem where it is not; it is never the
// default of a setting that can be off.

// Present reports whether a key is in the file, empty or not.
func (t *Table) Present(name string) bool {
	_, ok := t.values[name]
	return ok
}

// Given reports whether a key is in the file and not "".
func (t *Table) Given(name string) bool { return t.Present(name) && t.values[name] != "" }

// Holds reports whether a key is a table in which something is.
func (t *Table) Holds(name string) bool {
	m, ok := t.values[name].(map[string]any)
	return ok && len(m) > 0
}

// WrongType notes a value of another type. The value is not shown: it may be
// a secret under the wrong key.
func (t *Table) WrongType(name string, v any, want string) {
	t.Problem(name, "must be %s, not %s", want, typeName(v))
}

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case int64:
		return "a whole number"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	}
	return "a list"
}

// OrNone returns a text, which is empty where the file has "".
func (t *Table) OrNone(name, def string) string {
	v, ok := t.Ask(name)
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		t.WrongType(name, v, "text in double quotes")
		return def
	}
	return s
}

// Line returns a text that is fit to be shown on one line, empty where there
// is none.
func (t *Table) Line(name string) string {
	s := t.OrNone(name, "")
	if why := Unfit(s); why != "" {
		t.Problem(name, "%s", why)
		return ""
	}
	return s
}

// Choice returns one of some texts, the first by default.
func (t *Table) Choice(name string, choices ...string) string {
	s := t.OrNone(name, choices[0])
	if slices.Contains(choices, s) {
		return s
	}
	t.Problem(name, "%s is not one of %s%s", t.doc.Quote(s), OrList(choices), DidYouMean(s, choices))
	return choices[0]
}

// Texts returns a list of texts.
func (t *Table) Texts(name string, example string) []string {
	v, ok := t.Ask(name)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		t.WrongType(name, v, "a list, such as "+example)
		return nil
	}
	out := make([]string, 0, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			t.Problem(name, "must be a list of texts in double quotes, such as %s; its %s is %s", example, ordinal(i+1), typeName(v))
			continue
		}
		out = append(out, s)
	}
	return out
}

// Boolean returns true or false.
func (t *Table) Boolean(name string, def bool) bool {
	v, ok := t.Ask(name)
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		t.WrongType(name, v, "true or false, without quotes")
		return def
	}
	return b
}

// Whole returns a whole number between bounds.
func (t *Table) Whole(name string, def, lowest, highest int) int {
	v, ok := t.Ask(name)
	if !ok {
		return def
	}
	n, ok := v.(int64)
	if !ok {
		t.WrongType(name, v, "a whole number, without quotes")
		return def
	}
	if n < int64(lowest) || n > int64(highest) {
		t.Problem(name, "%d is out of bounds: at least %d, at most %d", n, lowest, highest)
		return def
	}
	return int(n)
}

// Number returns a number between bounds.
func (t *Table) Number(name string, def, lowest, highest float64) float64 {
	v, ok := t.Ask(name)
	if !ok {
		return def
	}
	var n float64
	switch v := v.(type) {
	case float64:
		n = v
	case int64:
		n = float64(v)
	default:
		t.WrongType(name, v, "a number, without quotes")
		return def
	}
	if math.IsNaN(n) || n < lowest || n > highest {
		t.Problem(name, "%g is out of bounds: at least %g, at most %g", n, lowest, highest)
		return def
	}
	return n
}

// Sub returns a table in this one, an empty one if there is none.
func (t *Table) Sub(name string) *Table {
	v, ok := t.Ask(name)
	values, isTable := v.(map[string]any)
	if ok && !isTable {
		t.WrongType(name, v, fmt.Sprintf("a table, [%s]", t.Key(name)))
	}
	return newTable(t.doc, t.Key(name), t.inner(name), values)
}

// Named returns the tables in a table of tables, by name.
func (t *Table) Named(name, example string) []*Table {
	v, ok := t.Ask(name)
	if !ok {
		return nil
	}
	all, ok := v.(map[string]any)
	if !ok {
		t.WrongType(name, v, fmt.Sprintf("tables with names, such as [%s]", append(t.Key(name), example)))
		return nil
	}
	holder := &Table{doc: t.doc, path: t.Key(name), schema: t.inner(name)}
	var out []*Table
	for _, n := range slices.Sorted(maps.Keys(all)) {
		values, ok := all[n].(map[string]any)
		if _, isList := all[n].([]map[string]any); isList {
			holder.Problem(n, "is a list of tables: write [%s] with single brackets, and give each table a name of its own", holder.Key(n))
			continue
		}
		if !ok {
			holder.Problem(n, "belongs in a table with a name, such as [%s]", append(t.Key(name), example))
			continue
		}
		if inner := t.doc.dotted(holder.inner("*"), values); inner != "" {
			holder.Problem(n, "[%s.%s] is a table in a table, because of the dot: a name with a dot stands in quotes, [%s.%q]",
				holder.Key(n), inner, t.Key(name), n+"."+inner)
			continue
		}
		if why := Unfit(n); n == "" || why != "" {
			holder.Problem(n, "is not a valid name: it %s", cmp.Or(why, "is empty"))
		}
		out = append(out, newTable(t.doc, holder.Key(n), holder.inner("*"), values))
	}
	return out
}

// dotted returns what comes after the dot when a table with a name is only
// there because of an unquoted dot in that name: nothing is in it but a table
// that has no place there.
func (d *Document) dotted(schema string, values map[string]any) string {
	if len(values) == 0 {
		return ""
	}
	name := slices.Min(slices.Collect(maps.Keys(values)))
	inner, ok := values[name].(map[string]any)
	if !ok || slices.Contains(d.Nested[schema], name) {
		return ""
	}
	if more := d.dotted(schema, inner); more != "" {
		return name + "." + more
	}
	return name
}

// strangers notes the keys that nobody asked for.
func (t *Table) strangers() {
	for _, name := range slices.Sorted(maps.Keys(t.values)) {
		if t.asked[name] {
			continue
		}
		candidates := slices.Sorted(maps.Keys(t.asked))
		hint := DidYouMean(name, candidates)
		if hint == "" {
			hint = t.doc.belongs(name)
		}
		if hint == "" {
			hint = ": the keys here are " + strings.Join(candidates, ", ")
		}
		kind := "key"
		if _, ok := t.values[name].(map[string]any); ok {
			kind = "table"
		}
		t.Problem(name, "is not a %s that sslwatch knows%s", kind, hint)
	}
}

// belongs tells in which table a key would be known.
func (d *Document) belongs(name string) string {
	var where []string
	for known := range d.known {
		if in, ok := strings.CutSuffix(known, "."+name); ok {
			where = append(where, "["+strings.ReplaceAll(in, "*", "NAME")+"]")
		}
	}
	if len(where) == 0 {
		return ""
	}
	slices.SortFunc(where, func(a, b string) int {
		if n := len(a) - len(b); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	return ": it belongs in " + where[0]
}

// AnyGiven reports whether any of some keys is given.
func (t *Table) AnyGiven(names ...string) bool {
	for _, name := range names {
		if t.Given(name) {
			return true
		}
	}
	return false
}

// Need notes that a key is missing or empty, if it is.
func (t *Table) Need(name, example string) {
	switch {
	case t.Given(name):
	case t.Present(name):
		t.Problem(name, "is empty: write %s = %s", name, example)
	default:
		t.Problem(name, "is missing: write %s = %s", name, example)
	}
}

// Exclude notes that a key stands beside one that makes it useless.
func (t *Table) Exclude(name, by string) {
	if t.Given(name) {
		t.Problem(name, "can't be used together with %s: remove one of the two", by)
	}
}

// ExcludeAll is Exclude for several keys.
func (t *Table) ExcludeAll(names []string, by string) {
	for _, name := range names {
		t.Exclude(name, by)
	}
}
