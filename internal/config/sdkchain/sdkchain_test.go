package sdkchain

import (
	"errors"
	"io/fs"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/smallfile"
)

const (
	ak = "QTWAOYTTINDUT2QVKYUC"
	sk = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"
)

func TestChainTakesWhatTheSDKWouldTake(t *testing.T) {
	keys := map[string]string{"HUAWEICLOUD_SDK_AK": ak, "HUAWEICLOUD_SDK_SK": sk}
	provider := map[string]string{"HUAWEICLOUD_SDK_IDP_ID": "cce", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": "/run/token"}
	both := maps.Clone(keys)
	maps.Copy(both, provider)
	home := map[string]string{"HOME": "/root"}
	with := func(env map[string]string, name, value string) map[string]string {
		env = maps.Clone(env)
		env[name] = value
		return env
	}
	for rule, test := range map[string]struct {
		env     map[string]string
		profile string // what is in it, if it does not begin with !
		taken   string // the link and what was found: ak/sk/token or idp/file/iam
		said    []string
	}{
		"keys of the environment":             {keys, "", "environment " + ak + "/" + sk + "/", []string{"", "it was not asked"}},
		"temporary ones":                      {with(keys, "HUAWEICLOUD_SDK_SECURITY_TOKEN", "t"), "", "environment " + ak + "/" + sk + "/t", []string{""}},
		"with spaces around":                  {with(keys, "HUAWEICLOUD_SDK_AK", " "+ak+"\n"), "", "environment " + ak + "/" + sk + "/", []string{""}},
		"a provider":                          {provider, "", "environment cce//run/token/", []string{""}},
		"a provider before keys":              {both, "", "environment cce//run/token/", []string{"HUAWEICLOUD_SDK_IDP_ID and HUAWEICLOUD_SDK_ID_TOKEN_FILE go before HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, which are set, too"}},
		"keys before half a provider":         {with(keys, "HUAWEICLOUD_SDK_ID_TOKEN_FILE", "/run/token"), "", "environment " + ak + "/" + sk + "/", []string{"HUAWEICLOUD_SDK_ID_TOKEN_FILE is left out, because HUAWEICLOUD_SDK_IDP_ID is not set"}},
		"an address of IAM without a scheme":  {with(provider, "HUAWEICLOUD_SDK_IAM_ENDPOINT", "iam.example.com"), "", "environment cce//run/token/https://iam.example.com", []string{""}},
		"half a key":                          {map[string]string{"HUAWEICLOUD_SDK_SK": sk}, "", "", []string{"HUAWEICLOUD_SDK_SK is set, but HUAWEICLOUD_SDK_AK is not", "neither HUAWEICLOUD_SDK_CREDENTIALS_FILE nor HOME is set"}},
		"half a provider":                     {map[string]string{"HUAWEICLOUD_SDK_IDP_ID": "cce"}, "", "", []string{"HUAWEICLOUD_SDK_IDP_ID is set, but HUAWEICLOUD_SDK_ID_TOKEN_FILE is not"}},
		"variables that are empty":            {map[string]string{"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": "", "HOME": ""}, "", "", []string{"neither HUAWEICLOUD_SDK_AK and", "neither HUAWEICLOUD_SDK_CREDENTIALS_FILE"}},
		"keys of the profile":                 {home, "[basic]\nak=" + ak + "\nsk=" + sk, "profile /root/.huaweicloud/credentials " + ak + "/" + sk + "/", []string{"neither", ""}},
		"temporary ones of a named profile":   {with(home, "HUAWEICLOUD_SDK_CREDENTIALS_FILE", "/etc/p"), "[basic]\nak=" + ak + "\nsk=" + sk + "\nsecurity_token=t", "profile /etc/p " + ak + "/" + sk + "/t", []string{"neither", ""}},
		"a provider of the profile":           {home, "[basic]\nidp_id = cce\nid_token_file = /t\niam_endpoint = https://iam.example.com\nak=1\nsk=2", "profile /root/.huaweicloud/credentials cce//t/https://iam.example.com", []string{"neither", "idp_id and id_token_file go before ak and sk"}},
		"and the IAM of the environment":      {with(home, "HUAWEICLOUD_SDK_IAM_ENDPOINT", "http://127.0.0.1:1"), "[basic]\nidp_id = cce\nid_token_file = /t", "profile /root/.huaweicloud/credentials cce//t/http://127.0.0.1:1", []string{"neither", ""}},
		"half a key and a profile":            {with(home, "HUAWEICLOUD_SDK_AK", ak), "[basic]\nak=" + ak + "\nsk=" + sk, "profile /root/.huaweicloud/credentials " + ak + "/" + sk + "/", []string{"HUAWEICLOUD_SDK_AK is set", ""}},
		"half a key in the profile":           {home, "[basic]\nak=" + ak, "", []string{"neither", "ak is set in /root/.huaweicloud/credentials, but sk is not"}},
		"another section":                     {home, "[global]\nak=" + ak + "\nsk=" + sk, "", []string{"neither", "there is no section basic in /root/.huaweicloud/credentials"}},
		"keys above the section":              {home, "ak=" + ak + "\nsk=" + sk + "\n[basic]\n", "", []string{"neither", "neither ak and sk nor idp_id and id_token_file are set in /root/.huaweicloud/credentials"}},
		"a line that can't be read":           {home, "[basic]\nak=" + ak + "\n" + sk, "", []string{"neither", "line 3 of /root/.huaweicloud/credentials is neither the name of a section in brackets nor KEY = VALUE"}},
		"a profile that is missing":           {home, "!missing", "", []string{"neither", "there is no file /root/.huaweicloud/credentials"}},
		"one that may not be read":            {home, "!forbidden", "", []string{"neither", "/root/.huaweicloud/credentials may not be read by this user"}},
		"a directory":                         {home, "!directory", "", []string{"neither", "/root/.huaweicloud/credentials can't be read: is a directory"}},
		"a pipe":                              {home, "!pipe", "", []string{"neither", "/root/.huaweicloud/credentials can't be read: it is a pipe, not a plain file"}},
		"an environment that has one already": {with(keys, "HOME", "/root"), "!must not be read", "environment " + ak + "/" + sk + "/", []string{"", "it was not asked"}},
	} {
		t.Run(rule, func(t *testing.T) {
			lookup := func(name string) (string, bool) { value, ok := test.env[name]; return value, ok }
			chain := Read(lookup, func(path string) (smallfile.File, error) {
				switch test.profile {
				case "!missing":
					return smallfile.File{}, &fs.PathError{Op: "stat", Path: path, Err: syscall.ENOENT}
				case "!forbidden":
					return smallfile.File{}, &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}
				case "!directory":
					return smallfile.File{}, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
				case "!pipe":
					return smallfile.File{}, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is a pipe, not a plain file")}
				case "!must not be read":
					t.Errorf("read %s", path)
				}
				return smallfile.File{Data: []byte(test.profile), Mode: 0o600}, nil
			})
			taken := ""
			if f := chain.Found; f != nil {
				taken = "environment "
				if f.Source.Profile != "" {
					taken = "profile " + f.Source.Profile + " "
				}
				if f.IdpID != "" {
					taken += f.IdpID + "/" + f.IDTokenFile + "/" + f.IAMEndpoint
				} else {
					taken += f.AccessKey.Reveal() + "/" + f.SecretKey.Reveal() + "/" + f.SecurityToken.Reveal()
				}
			}
			if taken != test.taken {
				t.Errorf("took %q, want %q", taken, test.taken)
			}
			for i, want := range test.said {
				says := chain.Links[i].Why.Says()
				if !strings.HasPrefix(says, want) || want == "" && says != "" {
					t.Errorf("%s: %q, want %q", chain.Links[i].Name, says, want)
				}
			}
			if names := (map[bool]int{true: 4, false: 2})[chain.Found != nil]; len(chain.Links) != names || chain.Links[0].Name != dcs.LinkEnvironment {
				t.Errorf("links %v", chain.Links)
			}
			for _, l := range chain.Links {
				if says := l.Why.String(); strings.Contains(says, ak) || strings.Contains(says, sk) {
					t.Errorf("%q holds a secret", says)
				}
			}
		})
	}
}

func TestProfileIsReadAsTheSDKReadsIt(t *testing.T) {
	for rule, test := range map[string]struct{ text, ak string }{
		"as it is":                    {"[basic]\nak = A", "A"},
		"with a byte order mark":      {"\ufeff[basic]\r\nak = A\r\n", "A"},
		"with a colon":                {"[basic]\nak: A", "A"},
		"with an equals sign in it":   {"[basic]\nak=A==", "A=="},
		"in quotes":                   {"[basic]\nak=\"A # B\"", "A # B"},
		"in single quotes":            {"[basic]\nak='A'", "A"},
		"with a comment behind":       {"[basic]\nak = A # mine", "A"},
		"with comments around":        {"; one\n# two\n\n[basic] ; three\n# ak = B\nak = A\n", "A"},
		"the last one counts":         {"[basic]\nak = A\nak = B", "B"},
		"a section in two parts":      {"[basic]\nak = A\n[global]\nak = B\n[basic]\nsk = C", "A"},
		"without a value":             {"[basic]\nak =", ""},
		"another case of the section": {"[Basic]\nak = A", ""},
	} {
		t.Run(rule, func(t *testing.T) {
			values, _, line := readSection(test.text, "basic")
			if values["ak"] != test.ak || line != 0 {
				t.Errorf("%q, line %d, want %q", values["ak"], line, test.ak)
			}
		})
	}
	for text, want := range map[string]int{"[basic\nak=1": 1, "[basic] x\n": 1, "\n\n=1": 3, "{\"ak\": 1}": 0, "ak": 1} {
		if _, _, line := readSection(text, "basic"); line != want {
			t.Errorf("%q: line %d, want %d", text, line, want)
		}
	}
}

// FuzzProfile: whatever the file holds, it is read or refused.
func FuzzProfile(f *testing.F) {
	for _, seed := range []string{"[basic]\nak = A\nsk: 'B'", "[", "=", "[basic]x", "\ufeff;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, _, line := readSection(text, section)
		if line < 0 || line > strings.Count(text, "\n")+1 || line != 0 && values != nil {
			t.Errorf("line %d, values %v", line, values)
		}
	})
}
