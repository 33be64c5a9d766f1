package reason

import (
	"maps"
	"slices"
	"strings"
)

// Says returns what happened: a sentence without a full stop.
func (r Reason) Says() string {
	p := r.parse()
	w, ok := english[Code(p.texts["code"])]
	if !ok {
		return p.bare()
	}
	return p.fill(w.says)
}

// Do returns what to do about it, or "".
func (r Reason) Do() string {
	p := r.parse()
	return p.fill(english[Code(p.texts["code"])].do)
}

// String returns what happened and what to do about it.
func (r Reason) String() string {
	says, do := r.Says(), r.Do()
	if do == "" {
		return says
	}
	return says + ": " + do
}

// fill returns a template with the arguments in their places: {name} for an
// argument, {name.do} for what to do about one that is a reason, [ … ] around
// what is left out where the arguments in it are empty. What was not given as
// an argument stands there as its name, for tests and readers to see.
func (p parsed) fill(template string) string {
	var b strings.Builder
	for template != "" {
		before, rest, found := strings.Cut(template, "[")
		b.WriteString(p.place(before, nil))
		if !found {
			break
		}
		optional, after, _ := strings.Cut(rest, "]")
		some := false
		if s := p.place(optional, &some); some {
			b.WriteString(s)
		}
		template = after
	}
	return b.String()
}

// place fills a part without brackets, and sets some if an argument in it is
// not empty.
func (p parsed) place(part string, some *bool) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(part, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		value := p.argument(name)
		if value != "" && some != nil {
			*some = true
		}
		b.WriteString(value)
		part = after
	}
}

func (p parsed) argument(name string) string {
	name, do := strings.CutSuffix(name, ".do")
	inner, isReason := p.reasons[name]
	s, isText := p.texts[name]
	switch {
	case isReason && do:
		return inner.Do()
	case isReason:
		return inner.Says()
	case isText && do:
		return ""
	case isText:
		return s
	}
	return "{" + name + "}"
}

// bare shows a code that has no words here, such as one that a newer version
// wrote into the state.
func (p parsed) bare() string {
	s := []string{p.texts["code"]}
	for _, name := range slices.Sorted(maps.Keys(p.texts)) {
		if name != "code" {
			s = append(s, name+" "+p.texts[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.reasons)) {
		s = append(s, p.reasons[name].String())
	}
	return strings.Join(s, ", ")
}
