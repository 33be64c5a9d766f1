package config

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
)

// table is a table of the file, with values as the schema of sslwatch has them.
type table struct {
	*tomlfile.Table
	doc *document
}

// Sub returns a table in this one, an empty one if there is none.
func (t *table) Sub(name string) *table { return &table{t.Table.Sub(name), t.doc} }

// Named returns the tables in a table of tables, by name.
func (t *table) Named(name, example string) []*table {
	var out []*table
	for _, one := range t.Table.Named(name, example) {
		out = append(out, &table{one, t.doc})
	}
	return out
}

// tablesOfNamed are the tables in a table with a name, by the schema of that.
var tablesOfNamed = map[string][]string{
	"project.*":            {"instance", "labels", "discover_tags"},
	"project.*.instance.*": {"labels"},
	"slack.*":              {"match"},
	"email.*":              {"match"},
	"webhook.*":            {"match"},
}

// file returns a path, empty where there is none. What is relative is
// relative to the configuration.
func (t *table) file(name string) string {
	s := t.OrNone(name, "")
	switch {
	case s == "":
		return ""
	case strings.ContainsFunc(s, unicode.IsControl):
		t.Problem(name, "holds a line break or another control character")
		return ""
	case strings.HasSuffix(s, "/"):
		t.Problem(name, "names a directory: write the path of a file")
		return ""
	}
	return t.doc.resolvePath(s)
}

// duration returns a duration between bounds.
func (t *table) duration(name string, def, lowest, highest time.Duration) time.Duration {
	v, ok := t.Ask(name)
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
			t.Problem(name, "is not a duration: write a number and a unit, such as \"30d\", \"2w\", \"12h\", \"90s\"")
		case err != nil:
			t.Problem(name, "%v", err)
		case time.Duration(d) < lowest:
			t.Problem(name, "%q is too short: at least %q", v, check.Duration(lowest).String())
		case time.Duration(d) > highest:
			t.Problem(name, "%q is too long: at most %q", v, check.Duration(highest).String())
		default:
			return time.Duration(d), true
		}
	case int64:
		t.Problem(name, "%d has no unit: write it in double quotes with one, such as \"%ds\", \"%dm\" or \"%dd\"", v, v, v, v)
	default:
		t.WrongType(name, v, `a duration in double quotes, such as "15m"`)
	}
	return 0, false
}

// ladder returns a list of durations, the longest first and each once.
func (t *table) ladder(name string, def []check.Duration) []check.Duration {
	v, ok := t.Ask(name)
	if !ok {
		return def
	}
	list, ok := v.([]any)
	if !ok {
		t.WrongType(name, v, `a list of durations, such as ["30d", "7d", "1d"]`)
		return def
	}
	if len(list) == 0 {
		t.Problem(name, `must name at least one duration, such as ["30d", "7d", "1d"]: without one nobody hears before a certificate ends`)
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
	v, ok := t.Ask(name)
	if !ok {
		return out
	}
	m, ok := v.(map[string]any)
	if !ok {
		t.WrongType(name, v, `a table, such as { team = "payments" }`)
		return out
	}
	inside := t.Inside(name)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s, ok := m[k].(string)
		switch {
		case !isLabel(k):
			inside.Problem(k, "a label's name has letters, digits and _ only, and does not begin with a digit")
		case !ok:
			inside.WrongType(k, m[k], "text in double quotes")
		case tomlfile.Unfit(s) != "":
			inside.Problem(k, "%s", tomlfile.Unfit(s))
		default:
			out[k] = s
		}
	}
	return out
}
