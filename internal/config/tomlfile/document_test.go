package tomlfile

import (
	"fmt"
	"strings"
	"testing"
)

// The parser knows no lines for some keys and wrong ones for others.
func TestEveryKeyHasItsLine(t *testing.T) {
	text := strings.Join([]string{
		`a = 1`,                  // 1
		`b.c = 2`,                // 2
		`# comment`,              // 3
		`[d.e.f]`,                // 4
		`x = [`,                  // 5
		` 1,`,                    // 6
		` 2]`,                    // 7
		`y = """`,                // 8
		`more`,                   // 9
		`text"""`,                // 10
		`z = { p = 1, q.r = 2 }`, // 11
		`w = {`,                  // 12
		` s = 1,`,                // 13
		` t = '''`,               // 14
		`''',`,                   // 15
		`}`,                      // 16
		`[g."h i".j]`,            // 17
		`"k.l" = "` + "é" + `"`,  // 18
		`[m]`,                    // 19
	}, "\n")
	for _, variant := range []string{text, "\ufeff" + text, strings.ReplaceAll(text, "\n", "\r\n")} {
		d := &Document{}
		if _, ok := d.Parse(variant); !ok {
			t.Fatal(d.Problems)
		}
		for want, path := range map[string][]string{
			"1 a": {"a"}, "2 b": {"b"}, "2 c": {"b", "c"}, "4 d": {"d"}, "4 e": {"d", "e"}, "4 f": {"d", "e", "f"},
			"5 x": {"d", "e", "f", "x"}, "8 y": {"d", "e", "f", "y"}, "11 z": {"d", "e", "f", "z"}, "11 p": {"d", "e", "f", "z", "p"},
			"11 q": {"d", "e", "f", "z", "q"}, "11 r": {"d", "e", "f", "z", "q", "r"}, "12 w": {"d", "e", "f", "w"},
			"13 s": {"d", "e", "f", "w", "s"}, "14 t": {"d", "e", "f", "w", "t"}, "17 g": {"g"}, "17 h i": {"g", "h i"},
			"17 j": {"g", "h i", "j"}, "18 k.l": {"g", "h i", "j", "k.l"}, "19 m": {"m"},
			// What is missing is where its table is.
			"19 absent": {"m", "absent"}, "4 absent": {"d", "e", "f", "absent"}, "0 absent": {"absent"}, "0 further": {"absent", "further"},
		} {
			if got := fmt.Sprintf("%d %s", d.lineOf(path), path[len(path)-1]); got != want {
				t.Errorf("%v: got %q, want %q", path, got, want)
			}
		}
	}
}

func read(t *testing.T, text string) (*Document, *Table) {
	t.Helper()
	d := &Document{File: "a.toml", Quote: func(s string) string { return fmt.Sprintf("%q", s) }, Nested: map[string][]string{"project.*": {"labels"}}}
	root, ok := d.Parse(text)
	if !ok {
		t.Fatal(d.Problems)
	}
	return d, root
}

func TestAbsentEmptyAndGiven(t *testing.T) {
	_, root := read(t, "empty = \"\"\ngiven = \"x\"\n")
	for name, want := range map[string]struct {
		present, given bool
		value          string
	}{"absent": {false, false, "default"}, "empty": {true, false, ""}, "given": {true, true, "x"}} {
		if root.Present(name) != want.present || root.Given(name) != want.given || root.OrNone(name, "default") != want.value {
			t.Errorf("%s: present %t, given %t, %q", name, root.Present(name), root.Given(name), root.OrNone(name, "default"))
		}
	}
}

func TestEachValueIsOfItsTypeOrAProblem(t *testing.T) {
	for rule, test := range map[string]struct {
		text string
		ask  func(*Table) any
		want any
		says string
	}{
		"text":                  {`a = "x"`, func(r *Table) any { return r.Line("a") }, "x", ""},
		"text that is a number": {`a = 1`, func(r *Table) any { return r.Line("a") }, "", "a.toml:1: a: must be text in double quotes, not a whole number"},
		"text of two lines":     {`a = "x\ny"`, func(r *Table) any { return r.Line("a") }, "", "a.toml:1: a: holds a line break or another control character"},
		"whole":                 {`a = 7`, func(r *Table) any { return r.Whole("a", 1, 0, 9) }, 7, ""},
		"whole out of bounds":   {`a = 10`, func(r *Table) any { return r.Whole("a", 1, 0, 9) }, 1, "a.toml:1: a: 10 is out of bounds: at least 0, at most 9"},
		"number":                {`a = 7`, func(r *Table) any { return r.Number("a", 1, 0, 9) }, 7.0, ""},
		"not a number":          {`a = nan`, func(r *Table) any { return r.Number("a", 1, 0, 9) }, 1.0, "a.toml:1: a: NaN is out of bounds"},
		"boolean":               {`a = true`, func(r *Table) any { return r.Boolean("a", false) }, true, ""},
		"boolean in quotes":     {`a = "true"`, func(r *Table) any { return r.Boolean("a", false) }, false, "a.toml:1: a: must be true or false, without quotes, not text"},
		"one of some":           {`a = "y"`, func(r *Table) any { return r.Choice("a", "x", "y") }, "y", ""},
		"none of them":          {`a = "yy"`, func(r *Table) any { return r.Choice("a", "x", "y") }, "x", `a.toml:1: a: "yy" is not one of "x" or "y"`},
		"default":               {``, func(r *Table) any { return r.Choice("a", "x", "y") }, "x", ""},
	} {
		t.Run(rule, func(t *testing.T) {
			d, root := read(t, test.text)
			if got := test.ask(root); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			d.Finish()
			said := ""
			for _, p := range d.Problems {
				said += p.String()
			}
			if (said == "") != (test.says == "") || !strings.Contains(said, test.says) {
				t.Errorf("says %q, want %q", said, test.says)
			}
		})
	}
}

func TestWhatNobodyAskedForIsAProblem(t *testing.T) {
	d, root := read(t, "[check]\nintervall = 1\n[project.a.b]\nid = 1\n")
	root.Sub("check").Whole("interval", 1, 0, 9)
	root.Named("project", "prod")
	d.Finish()
	var said []string
	for _, p := range d.Problems {
		said = append(said, p.String())
	}
	want := `a.toml:2: check.intervall: is not a key that sslwatch knows: did you mean interval?
a.toml:3: project.a: [project.a.b] is a table in a table, because of the dot: a name with a dot stands in quotes, [project."a.b"]`
	if got := strings.Join(said, "\n"); got != want {
		t.Errorf("says\n%s\nwant\n%s", got, want)
	}
}

// FuzzParse: whatever the file, it is read, or there is one problem, with a
// line that is in it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a = 1", "[a.\"b c\"]\nd = [{e = 1}]", "a = \"", "[a", "a = 2026-13-01", "\ufeffa = '''\n'''"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := &Document{File: "a.toml", Quote: func(s string) string { return s }}
		if root, ok := d.Parse(text); ok {
			root.Sub("a")
			d.Finish()
		} else if len(d.Problems) != 1 {
			t.Errorf("not read, and %d problems", len(d.Problems))
		}
		for _, p := range d.Problems {
			if p.Text == "" || p.Line < 0 || p.Line > 1+strings.Count(text, "\n")+strings.Count(text, "\r") {
				t.Errorf("%+v", p)
			}
		}
	})
}
