package config

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"

	"github.com/sslwatch/sslwatch/internal/check"
)

// table takes values out of one table of the file. Each of its methods
// returns what is there, or else the default; what is there and wrong is
// noted as a problem, and reading goes on.
type table struct {
	doc    *document
	path   toml.Key
	schema string // the path, with * for names
	values map[string]any
	asked  map[string]bool // the keys that were asked for
	// refused are the keys that a later version will know.
	refused map[string]bool
}

func newTable(d *document, path toml.Key, schema string, values map[string]any) *table {
	t := &table{doc: d, path: path, schema: schema, values: values, asked: map[string]bool{}, refused: map[string]bool{}}
	d.tables = append(d.tables, t)
	return t
}

// name is the last part of the table's path.
func (t *table) name() string { return t.path[len(t.path)-1] }

// key returns the path of a key in the table.
func (t *table) key(name string) toml.Key { return append(slices.Clone(t.path), name) }

func (t *table) problem(name, format string, args ...any) {
	t.doc.problem(t.key(name), format, args...)
}

func (t *table) passing(name, format string, args ...any) {
	t.doc.passing(t.key(name), format, args...)
}

func (t *table) warn(name, format string, args ...any) {
	t.doc.warn(t.key(name), format, args...)
}

// inner returns what a table in this one is called in the schema.
func (t *table) inner(name string) string {
	if t.schema == "" {
		return name
	}
	return t.schema + "." + name
}

// ask returns a value, and makes its key a known one.
func (t *table) ask(name string) (any, bool) {
	t.asked[name] = true
	t.doc.known[t.inner(name)] = true
	v, ok := t.values[name]
	return v, ok
}

// A key can be absent, empty or given. Absent is the default. Empty, "", is
// off where off is possible, and a problem where it is not; it is never the
// default of a setting that can be off.

// present reports whether a key is in the file, empty or not.
func (t *table) present(name string) bool {
	_, ok := t.values[name]
	return ok
}

// given reports whether a key is in the file and not "".
func (t *table) given(name string) bool { return t.present(name) && t.values[name] != "" }

// holds reports whether a key is a table in which something is.
func (t *table) holds(name string) bool {
	m, ok := t.values[name].(map[string]any)
	return ok && len(m) > 0
}

// wrongType notes a value of another type. The value is not shown: it may be
// a secret under the wrong key.
func (t *table) wrongType(name string, v any, want string) {
	t.problem(name, "must be %s, not %s", want, typeName(v))
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

// orNone returns a text, which is empty where the file has "".
func (t *table) orNone(name, def string) string {
	v, ok := t.ask(name)
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		t.wrongType(name, v, "text in double quotes")
		return def
	}
	return s
}

// line returns a text that is fit to be shown on one line, empty where there
// is none.
func (t *table) line(name string) string {
	s := t.orNone(name, "")
	if why := unfit(s); why != "" {
		t.problem(name, "%s", why)
		return ""
	}
	return s
}

// file returns a path, empty where there is none. What is relative is
// relative to the configuration.
func (t *table) file(name string) string {
	s := t.orNone(name, "")
	switch {
	case s == "":
		return ""
	case strings.ContainsFunc(s, unicode.IsControl):
		t.problem(name, "holds a line break or another control character")
		return ""
	case strings.HasSuffix(s, "/"):
		t.problem(name, "names a directory: write the path of a file")
		return ""
	}
	return t.doc.resolvePath(s)
}

// choice returns one of some texts, the first by default.
func (t *table) choice(name string, choices ...string) string {
	s := t.orNone(name, choices[0])
	if slices.Contains(choices, s) {
		return s
	}
	t.problem(name, "%s is not one of %s%s", quote(s), orList(choices), didYouMean(s, choices))
	return choices[0]
}

// texts returns a list of texts.
func (t *table) texts(name string, example string) []string {
	v, ok := t.ask(name)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		t.wrongType(name, v, "a list, such as "+example)
		return nil
	}
	out := make([]string, 0, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			t.problem(name, "must be a list of texts in double quotes, such as %s; its %s is %s", example, ordinal(i+1), typeName(v))
			continue
		}
		out = append(out, s)
	}
	return out
}

// boolean returns true or false.
func (t *table) boolean(name string, def bool) bool {
	v, ok := t.ask(name)
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		t.wrongType(name, v, "true or false, without quotes")
		return def
	}
	return b
}

// whole returns a whole number between bounds.
func (t *table) whole(name string, def, lowest, highest int) int {
	v, ok := t.ask(name)
	if !ok {
		return def
	}
	n, ok := v.(int64)
	if !ok {
		t.wrongType(name, v, "a whole number, without quotes")
		return def
	}
	if n < int64(lowest) || n > int64(highest) {
		t.problem(name, "%d is out of bounds: at least %d, at most %d", n, lowest, highest)
		return def
	}
	return int(n)
}

// number returns a number between bounds.
func (t *table) number(name string, def, lowest, highest float64) float64 {
	v, ok := t.ask(name)
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
		t.wrongType(name, v, "a number, without quotes")
		return def
	}
	if math.IsNaN(n) || n < lowest || n > highest {
		t.problem(name, "%g is out of bounds: at least %g, at most %g", n, lowest, highest)
		return def
	}
	return n
}

// duration returns a duration between bounds.
func (t *table) duration(name string, def, lowest, highest time.Duration) time.Duration {
	v, ok := t.ask(name)
	if !ok {
		return def
	}
	d, ok := t.parseDuration(name, v, lowest, highest)
	if !ok {
		return def
	}
	return d
}

func (t *table) parseDuration(name string, v any, lowest, highest time.Duration) (time.Duration, bool) {
	switch v := v.(type) {
	case string:
		d, err := check.ParseDuration(v)
		switch {
		case err != nil && len(v) > 40:
			t.problem(name, "is not a duration: write a number and a unit, such as \"30d\", \"2w\", \"12h\", \"90s\"")
		case err != nil:
			t.problem(name, "%v", err)
		case time.Duration(d) < lowest:
			t.problem(name, "%q is too short: at least %q", v, check.Duration(lowest).String())
		case time.Duration(d) > highest:
			t.problem(name, "%q is too long: at most %q", v, check.Duration(highest).String())
		default:
			return time.Duration(d), true
		}
	case int64:
		t.problem(name, "%d has no unit: write it in double quotes with one, such as \"%ds\", \"%dm\" or \"%dd\"", v, v, v, v)
	default:
		t.wrongType(name, v, `a duration in double quotes, such as "15m"`)
	}
	return 0, false
}

// ladder returns a list of durations, the longest first and each once.
func (t *table) ladder(name string, def []check.Duration) []check.Duration {
	v, ok := t.ask(name)
	if !ok {
		return def
	}
	list, ok := v.([]any)
	if !ok {
		t.wrongType(name, v, `a list of durations, such as ["30d", "7d", "1d"]`)
		return def
	}
	if len(list) == 0 {
		t.problem(name, `must name at least one duration, such as ["30d", "7d", "1d"]: without one nobody hears before a certificate ends`)
		return def
	}
	var out []check.Duration
	for _, v := range list {
		if d, ok := t.parseDuration(name, v, shortest, century); ok {
			out = append(out, check.Duration(d))
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	slices.Reverse(out)
	return out
}

// labels returns a table of texts whose keys are chosen by people.
func (t *table) labels(name string) map[string]string {
	out := map[string]string{}
	v, ok := t.ask(name)
	if !ok {
		return out
	}
	m, ok := v.(map[string]any)
	if !ok {
		t.wrongType(name, v, `a table, such as { team = "payments" }`)
		return out
	}
	inside := &table{doc: t.doc, path: t.key(name)}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s, ok := m[k].(string)
		switch {
		case !isLabel(k):
			inside.problem(k, "a label's name has letters, digits and _ only, and does not begin with a digit")
		case !ok:
			inside.wrongType(k, m[k], "text in double quotes")
		case unfit(s) != "":
			inside.problem(k, "%s", unfit(s))
		default:
			out[k] = s
		}
	}
	return out
}

// sub returns a table in this one, an empty one if there is none.
func (t *table) sub(name string) *table {
	v, ok := t.ask(name)
	values, isTable := v.(map[string]any)
	if ok && !isTable {
		t.wrongType(name, v, fmt.Sprintf("a table, [%s]", t.key(name)))
	}
	return newTable(t.doc, t.key(name), t.inner(name), values)
}

// named returns the tables in a table of tables, by name.
func (t *table) named(name, example string) []*table {
	v, ok := t.ask(name)
	if !ok {
		return nil
	}
	all, ok := v.(map[string]any)
	if !ok {
		t.wrongType(name, v, fmt.Sprintf("tables with names, such as [%s]", append(t.key(name), example)))
		return nil
	}
	holder := &table{doc: t.doc, path: t.key(name), schema: t.inner(name)}
	var out []*table
	for _, n := range slices.Sorted(maps.Keys(all)) {
		values, ok := all[n].(map[string]any)
		if _, isList := all[n].([]map[string]any); isList {
			holder.problem(n, "is a list of tables: write [%s] with single brackets, and give each table a name of its own", holder.key(n))
			continue
		}
		if !ok {
			holder.problem(n, "belongs in a table with a name, such as [%s]", append(t.key(name), example))
			continue
		}
		if inner := t.doc.dotted(holder.inner("*"), values); inner != "" {
			holder.problem(n, "[%s.%s] is a table in a table, because of the dot: a name with a dot stands in quotes, [%s.%q]",
				holder.key(n), inner, t.key(name), n+"."+inner)
			continue
		}
		if why := unfit(n); n == "" || why != "" {
			holder.problem(n, "is not a valid name: it %s", cmp.Or(why, "is empty"))
		}
		out = append(out, newTable(t.doc, holder.key(n), holder.inner("*"), values))
	}
	return out
}

// tablesOfNamed are the tables in a table with a name, by the schema of that.
var tablesOfNamed = map[string][]string{
	"project.*":            {"instance", "labels", "discover_tags"},
	"project.*.instance.*": {"labels"},
	"slack.*":              {"match"},
	"email.*":              {"match"},
}

// dotted returns what comes after the dot when a table with a name is only
// there because of an unquoted dot in that name: nothing is in it but a table
// that has no place there.
func (d *document) dotted(schema string, values map[string]any) string {
	if len(values) == 0 {
		return ""
	}
	name := slices.Min(slices.Collect(maps.Keys(values)))
	inner, ok := values[name].(map[string]any)
	if !ok || slices.Contains(tablesOfNamed[schema], name) {
		return ""
	}
	if more := d.dotted(schema, inner); more != "" {
		return name + "." + more
	}
	return name
}

// later refuses keys that this version can't obey yet, unless their values
// ask for nothing. A table asks for what is in it.
func (t *table) later(names ...string) {
	for _, name := range names {
		t.refused[name] = true
		switch v := t.values[name].(type) {
		case nil:
		case map[string]any:
			inside := &table{doc: t.doc, path: t.key(name), values: v, refused: map[string]bool{}}
			inside.later(slices.Sorted(maps.Keys(v))...)
		default:
			if v != false && v != "" {
				t.unsupported(name)
			}
		}
	}
}

// laterNamed refuses tables with names that this version can't obey yet,
// whatever is in them.
func (t *table) laterNamed(names ...string) {
	for _, name := range names {
		t.refused[name] = true
		inside := &table{doc: t.doc, path: t.key(name)}
		switch v := t.values[name].(type) {
		case nil:
		case map[string]any:
			for _, n := range slices.Sorted(maps.Keys(v)) {
				inside.unsupported(n)
			}
		default:
			t.unsupported(name)
		}
	}
}

func (t *table) unsupported(name string) {
	t.problem(name, "is not supported yet by this version: remove it, so that nobody relies on it")
}

// strangers notes the keys that nobody asked for.
func (t *table) strangers() {
	for _, name := range slices.Sorted(maps.Keys(t.values)) {
		if t.asked[name] || t.refused[name] {
			continue
		}
		candidates := slices.Sorted(maps.Keys(t.asked))
		hint := didYouMean(name, candidates)
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
		t.problem(name, "is not a %s that sslwatch knows%s", kind, hint)
	}
}

// belongs tells in which table a key would be known.
func (d *document) belongs(name string) string {
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
