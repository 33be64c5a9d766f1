// Package reason says why something failed: as data, which is stored and
// compared, and in words, which are made anew wherever it is shown. All words
// are in words.go, so that they can be changed, or put into another language,
// without touching what is stored.
package reason

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
)

// Code names what happened.
type Code string

// Args are what a code's words need to know, by name: strings, whole numbers,
// and reasons.
type Args map[string]any

// Reason is why something failed. It can be compared with ==; the zero value
// is none. It is kept as JSON: an object that has the code and the arguments
// as members, sorted by name.
//
// What comes from outside is in it as it was given: whoever makes a reason
// sees to it that each argument is short, on one line, and without secrets.
type Reason struct{ data string }

// New returns a reason.
func New(code Code, args Args) Reason {
	members := map[string]json.RawMessage{"code": encode(string(code))}
	for name, arg := range args {
		switch v := arg.(type) {
		case string:
			members[name] = encode(v)
		case int:
			members[name] = encode(strconv.Itoa(v))
		case Reason:
			members[name] = encode(v.data)
			if !v.IsZero() {
				members[name] = json.RawMessage(v.data)
			}
		default:
			panic("reason: argument " + name + " is neither text, number nor reason")
		}
	}
	return Reason{string(encode(members))}
}

// Text returns a reason that is already in words, such as what another program
// wrote.
func Text(s string) Reason {
	if s == "" {
		return Reason{}
	}
	return New(Words, Args{"text": s})
}

// encode can't fail: all that it is given is text, or JSON.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// IsZero reports whether there is no reason.
func (r Reason) IsZero() bool { return r.data == "" }

// Equal is ==, for go-cmp.
func (r Reason) Equal(other Reason) bool { return r == other }

// Code returns what happened.
func (r Reason) Code() Code { return Code(r.parse().texts["code"]) }

// Map returns the reason with f applied to each text in it.
func (r Reason) Map(f func(string) string) Reason {
	if r.IsZero() {
		return r
	}
	args := Args{}
	p := r.parse()
	for name, text := range p.texts {
		if name != "code" {
			args[name] = f(text)
		}
	}
	for name, inner := range p.reasons {
		args[name] = inner.Map(f)
	}
	return New(Code(p.texts["code"]), args)
}

// LogValue is the reason in words, for slog.
func (r Reason) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalJSON returns the reason as data.
func (r Reason) MarshalJSON() ([]byte, error) {
	if r.IsZero() {
		return []byte("null"), nil
	}
	return []byte(r.data), nil
}

// maxDepth is how many reasons may be within one another. Ours are three.
const maxDepth = 8

// UnmarshalJSON reads what MarshalJSON wrote, and a string as Text, which is
// what the first version of the state file has.
func (r *Reason) UnmarshalJSON(data []byte) error {
	read, err := read(data, maxDepth)
	*r = read
	return err
}

func read(data []byte, depth int) (Reason, error) {
	if depth == 0 {
		return Reason{}, errors.New("a reason in which there are too many others")
	}
	if data[0] != '{' {
		var s string // null leaves it empty
		err := json.Unmarshal(data, &s)
		return Text(s), err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return Reason{}, err
	}
	args := Args{}
	for name, raw := range members {
		if raw[0] == '{' {
			inner, err := read(raw, depth-1)
			if err != nil {
				return Reason{}, err
			}
			args[name] = inner
			continue
		}
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return Reason{}, err
		}
		args[name] = s
	}
	code, _ := args["code"].(string)
	if code == "" {
		return Reason{}, errors.New("a reason without a code")
	}
	delete(args, "code")
	return New(Code(code), args), nil
}

// parsed is a reason taken apart.
type parsed struct {
	texts   map[string]string
	reasons map[string]Reason
}

func (r Reason) parse() parsed {
	p := parsed{map[string]string{}, map[string]Reason{}}
	if r.IsZero() {
		return p
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.data), &members); err != nil {
		panic(err) // only New makes the data
	}
	for name, raw := range members {
		if raw[0] == '{' {
			p.reasons[name] = Reason{string(raw)}
			continue
		}
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			panic(err)
		}
		p.texts[name] = s
	}
	return p
}
