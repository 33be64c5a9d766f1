package reason

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// codes returns every code of codes.go.
func codes(t *testing.T) []Code {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "Code" {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Code(code))
		return true
	})
	return all
}

var placeholder = regexp.MustCompile(`\{([a-z_]+)(\.do)?\}`)

func TestEveryCodeHasWords(t *testing.T) {
	all := codes(t)
	seen := map[Code]bool{}
	for _, code := range all {
		w, ok := english[code]
		if !ok || w.says == "" {
			t.Errorf("%s has no words", code)
		}
		if seen[code] {
			t.Errorf("%s is the code of two", code)
		}
		seen[code] = true
		for _, template := range []string{w.says, w.do} {
			if rest := placeholder.ReplaceAllString(template, ""); strings.ContainsAny(rest, "{}") || strings.Count(rest, "[") != strings.Count(rest, "]") {
				t.Errorf("%s: %q has a brace or a bracket that is no argument's", code, template)
			}
			if strings.HasSuffix(template, ".") || strings.Contains(template, "  ") {
				t.Errorf("%s: %q ends in a full stop, or has two spaces", code, template)
			}
		}
	}
	if len(english) != len(all) {
		t.Errorf("%d codes, and words for %d", len(all), len(english))
	}
}

func TestWords(t *testing.T) {
	credential := New(AccessKey, nil)
	for rule, test := range map[string]struct {
		reason Reason
		want   string
	}{
		"none":                                 {Reason{}, ""},
		"what came in words":                   {Text("no {such} [file]"), "no {such} [file]"},
		"what to do stands behind":             {New(ProxyCut, Args{"peer": New(TheProxy, Args{"host": "p:3128"})}), "the proxy p:3128 cut the connection when it was asked to connect further: ask those who run it whether it allows that host and port"},
		"a number":                             {New(MinutesAhead, Args{"n": 20}), "about 20 minutes ahead"},
		"an argument that is not there":        {New(TheAPI, nil), "the API at {host}"},
		"one that is empty":                    {New(TheAPI, Args{"host": ""}), "the API at "},
		"an optional part":                     {New(AnotherHost, Args{"peer": "it", "names": "a, b", "setting": "url"}), "it shows a certificate for another host (a, b): url may be wrong, or a proxy on the way opens TLS"},
		"an optional part without its meaning": {New(AnotherHost, Args{"peer": "it", "names": "", "setting": "url"}), "it shows a certificate for another host: url may be wrong, or a proxy on the way opens TLS"},
		"what to do about an argument":         {New(CredentialLocked, Args{"credential": credential, "said": New(SaidStatus, Args{"status": 401})}), "the API has locked the access key for five minutes after several refusals (HTTP 401): check access_key and secret_key, and that the key is active and belongs to the cloud site of the endpoint, here and wherever else the key is used"},
		"a code of a newer version":            {New("too_hot", Args{"at": "90", "who": credential}), "too_hot, at 90, " + credential.String()},
		"braces from outside":                  {New(OtherJSON, Args{"body": "{host} [x]"}), "JSON of another form (“{host} [x]”)"},
	} {
		t.Run(rule, func(t *testing.T) {
			if got := test.reason.String(); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestReasonIsWrittenAndRead(t *testing.T) {
	for rule, test := range map[string]struct {
		reason Reason
		want   string
	}{
		"none":            {Reason{}, `null`},
		"without":         {New(NoAgency, nil), `{"code":"no_agency"}`},
		"sorted by name":  {New(NoSuchHost, Args{"setting": "url", "peer": New(TheAPI, Args{"host": "h"}), "name": "<&>"}), `{"code":"no_such_host","name":"<&>","peer":{"code":"the_api","host":"h"},"setting":"url"}`},
		"an empty reason": {New(SelfSigned, Args{"trust": Reason{}}), `{"code":"self_signed","trust":""}`},
	} {
		t.Run(rule, func(t *testing.T) {
			data, err := test.reason.MarshalJSON()
			if err != nil || string(data) != test.want {
				t.Errorf("%s, %v\nwant %s", data, err, test.want)
			}
			// What escapes and orders differently is the same reason.
			escaped := strings.NewReplacer("<", `\u003c`, ":", " : ").Replace(test.want)
			var back Reason
			if err := json.Unmarshal([]byte(escaped), &back); err != nil || back != test.reason {
				t.Errorf("%s is read as %s, %v", escaped, back.data, err)
			}
		})
	}
}

// The first version of the state file has sentences.
func TestSentenceIsRead(t *testing.T) {
	var r Reason
	if err := json.Unmarshal([]byte(`"the API failed with HTTP 500"`), &r); err != nil || r != Text("the API failed with HTTP 500") {
		t.Errorf("%q, %v", r, err)
	}
}

func TestWhatIsNoReasonIsRefused(t *testing.T) {
	for _, data := range []string{`1`, `[]`, `{}`, `{"code":""}`, `{"code":1}`, `{"code":{"code":"x"}}`, `{"code":"x","n":1}`, `{"code":"x","why":{}}`,
		strings.Repeat(`{"code":"x","why":`, 9000) + `""` + strings.Repeat(`}`, 9000)} {
		var r Reason
		if err := json.Unmarshal([]byte(data), &r); err == nil {
			t.Errorf("%.80s is read as %.80q", data, r)
		}
	}
}

func TestMapReachesEveryText(t *testing.T) {
	in := New(RefusedAndNoNew, Args{"refusal": New(TheAPI, Args{"host": "secret"}), "why": Text("secret"), "n": 1})
	out := in.Map(func(s string) string { return strings.ReplaceAll(s, "secret", "***") })
	if want := `{"code":"refused_and_no_new_credential","n":"1","refusal":{"code":"the_api","host":"***"},"why":{"code":"words","text":"***"}}`; out.data != want {
		t.Errorf("%s\nwant %s", out.data, want)
	}
}

// FuzzReason: whatever is in a state is read or refused, and what was read can
// be shown, and is written and read as the same.
func FuzzReason(f *testing.F) {
	for _, seed := range []string{`null`, `"x"`, `{"code":"words","text":"x"}`, `{"code":"self_signed","trust":{"code":"add_to_system"}}`, `{"code":"x","y":{"code":"z"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r, again Reason
		if json.Unmarshal(data, &r) != nil {
			return
		}
		_ = r.String()
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil || again != r {
			t.Errorf("%s is read as %s, %v", written, again.data, err)
		}
	})
}
