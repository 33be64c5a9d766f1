package config

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// loadDefault loads a configuration with auth = "default" in an environment,
// with this in the profile, which is under HOME, if it is not empty.
func loadDefault(t *testing.T, env map[string]string, profile string, mode fs.FileMode, lines string) (c *Config, problems []string, path string) {
	t.Helper()
	home := t.TempDir()
	path = filepath.Join(home, ".huaweicloud", "credentials")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if profile != "" {
		if err := os.WriteFile(path, []byte(profile), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) (string, bool) {
		if name == "HOME" {
			return home, true
		}
		if value, ok := env[name]; ok {
			return value, ok
		}
		return lookup(name)
	}
	text := edit(t, "access_key = \"env:TEST_AK\"\nsecret_key = \"env:TEST_SK\"", "auth = \"default\"\n"+lines)
	c, err := Load(t.Context(), write(t, text), in, Everything)
	if err != nil {
		for _, p := range err.(*Error).Problems {
			problems = append(problems, p.Text)
		}
		return nil, problems, path
	}
	for _, p := range c.Warnings {
		problems = append(problems, strings.ReplaceAll(p.Text, home, "HOME"))
	}
	return c, problems, path
}

const goodProfile = "[basic]\nak = AKXXSECRETXXXXSECRET\nsk = SKXXSECRETXXSKXXSECRETXXSKXXSECRETXX1234\n"

// someFile is one that is there.
const someFile = "testdata/problems.golden"

func TestDefaultIsWhatEnvironmentOrProfileHas(t *testing.T) {
	env := map[string]string{"HUAWEICLOUD_SDK_AK": values["TEST_AK"], "HUAWEICLOUD_SDK_SK": values["TEST_SK"]}
	keys := Credentials{Kind: Keys, AccessKey: secret.New(values["TEST_AK"]), SecretKey: secret.New(values["TEST_SK"])}
	oidc := map[string]string{"HUAWEICLOUD_SDK_IDP_ID": "cce", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": someFile}
	withIAM := maps.Clone(oidc)
	withIAM["HUAWEICLOUD_SDK_IAM_ENDPOINT"] = "iam.example.org"
	provider := Credentials{Kind: OIDC, IdpID: "cce", IDTokenFile: someFile, IAMEndpoint: "https://iam.eu-west-101.myhuaweicloud.eu", Source: dcs.Source{Environment: true}}
	for rule, test := range map[string]struct {
		env            map[string]string
		profile, lines string
		source         dcs.Source
		want           Credentials
	}{
		"keys of the environment":                  {env, goodProfile, "", dcs.Source{Environment: true}, keys},
		"keys of the profile":                      {nil, goodProfile, "", dcs.Source{Profile: "HOME"}, keys},
		"an IAM that nobody needs":                 {nil, goodProfile, `iam_endpoint = "https://iam.example.com"`, dcs.Source{Profile: "HOME"}, keys},
		"an identity provider":                     {oidc, "", "", dcs.Source{Environment: true}, provider},
		"neither: that is decided later":           {nil, "", "", dcs.Source{}, Credentials{Kind: Default}},
		"half a key: that is decided later":        {nil, "[basic]\nak = AKXXSECRETXXXXSECRET\n", "", dcs.Source{}, Credentials{Kind: Default}},
		"with an IAM that stands in the file, too": {withIAM, "", `iam_endpoint = "https://iam.example.com"`, dcs.Source{Environment: true}, Credentials{Kind: OIDC, IdpID: "cce", IDTokenFile: someFile, IAMEndpoint: "https://iam.example.com"}},
		"with an IAM of the environment":           {withIAM, "", "", dcs.Source{Environment: true}, Credentials{Kind: OIDC, IdpID: "cce", IDTokenFile: someFile, IAMEndpoint: "https://iam.example.org"}},
		"with an IAM that stands in the file":      {oidc, "", `iam_endpoint = "https://iam.example.com"`, dcs.Source{Environment: true}, Credentials{Kind: OIDC, IdpID: "cce", IDTokenFile: someFile, IAMEndpoint: "https://iam.example.com"}},
	} {
		t.Run(rule, func(t *testing.T) {
			c, problems, path := loadDefault(t, test.env, test.profile, 0o600, test.lines)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			test.want.Source = test.source
			if test.source.Profile != "" {
				test.want.Source.Profile = path
			}
			if got := c.Projects[0].Credentials; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			isSecret := slices.Contains(c.Secrets, test.want.SecretKey)
			if !test.want.SecretKey.IsZero() && !isSecret {
				t.Error("the secret key is not among the secrets")
			}
			// What is not there may come: [reload] watch looks out for it.
			looked := slices.ContainsFunc(c.Files, func(f File) bool { return f.Path == path })
			if looked == test.source.Environment {
				t.Errorf("files %v", c.Files)
			}
			// The same key is the same credential to the API, wherever it stands.
			same := test.want
			same.Source = dcs.Source{}
			if same.Fingerprint() != test.want.Fingerprint() {
				t.Error("another fingerprint")
			}
		})
	}
}

func TestWhatIsOddAboutALink(t *testing.T) {
	env := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m["HUAWEICLOUD_SDK_"+pairs[i]] = pairs[i+1]
		}
		return m
	}
	ak, sk := values["TEST_AK"], values["TEST_SK"]
	for rule, test := range map[string]struct {
		env     map[string]string
		profile string
		mode    fs.FileMode
		want    []string
	}{
		"a token that is not there yet":  {env("IDP_ID", "cce", "ID_TOKEN_FILE", "/nonexistent/token"), "", 0, []string{"can't read /nonexistent/token now: no such file or directory: it must hold an identity token whenever the credential is fetched, and the user that sslwatch runs as must be able to read it"}},
		"nothing":                        {env("AK", ak, "SK", sk), "", 0, nil},
		"a profile that others read":     {nil, goodProfile, 0o644, []string{"others than its owner can read the profile HOME/.huaweicloud/credentials (mode 0644): chmod go-r it"}},
		"a profile that others change":   {nil, goodProfile, 0o602, []string{"every user of this machine can change the profile HOME/.huaweicloud/credentials (mode 0602): chmod o-w it"}},
		"one without a secret":           {nil, "[basic]\nidp_id = cce\nid_token_file = " + someFile + "\n", 0o644, nil},
		"keys exchanged":                 {env("AK", sk, "SK", ak), "", 0, []string{"HUAWEICLOUD_SDK_AK: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are exchanged: nothing is sent, lest the secret key be shown"}},
		"keys exchanged in the profile":  {nil, "[basic]\nak = " + sk + "\nsk = " + ak, 0o600, []string{"ak: ak and sk are exchanged: nothing is sent, lest the secret key be shown"}},
		"a key of another form":          {env("AK", "XXSECRETXX", "SK", sk), "", 0, []string{"HUAWEICLOUD_SDK_AK: does not look like an access key, which has 20 capital letters and digits"}},
		"a placeholder":                  {env("AK", ak, "SK", "changeme"), "", 0, []string{"HUAWEICLOUD_SDK_SK: looks like a placeholder: put the secret there"}},
		"a key of two lines":             {env("AK", ak, "SK", "XXSECRETXX\nXXSECRETXX"), "", 0, []string{"HUAWEICLOUD_SDK_SK: holds a line break or another control character", "HUAWEICLOUD_SDK_SK: does not look like a secret key, which has 40 letters and digits"}},
		"a key for a provider":           {env("IDP_ID", sk, "ID_TOKEN_FILE", "/t"), "", 0, []string{"HUAWEICLOUD_SDK_IDP_ID: has the form of a key or a token, and is neither sent nor shown"}},
		"a token for the path of one":    {env("IDP_ID", "cce", "ID_TOKEN_FILE", "XXSECRETXXeyJhbGciOiJSUzI1NiJ9eyJhbGciOiJSUzI1NiJ9"), "", 0, []string{"HUAWEICLOUD_SDK_ID_TOKEN_FILE: has the form of a key or a token, and is neither sent nor shown"}},
		"an IAM that is none":            {env("IDP_ID", "cce", "ID_TOKEN_FILE", "/t", "IAM_ENDPOINT", "ftp://iam"), "", 0, []string{"HUAWEICLOUD_SDK_IAM_ENDPOINT: must begin with https:// (or http://)"}},
		"an IAM that is none in profile": {nil, "[basic]\nidp_id = cce\nid_token_file = /t\niam_endpoint = https://\n", 0o600, []string{"iam_endpoint: has no host: write https://HOST"}},
	} {
		t.Run(rule, func(t *testing.T) {
			_, got, _ := loadDefault(t, test.env, test.profile, test.mode, "")
			if !slices.Equal(got, test.want) && !(len(got) == 1 && len(test.want) == 2 && got[0] == test.want[0]) {
				t.Error(cmp.Diff(test.want, got))
			}
			if strings.Contains(strings.Join(got, ""), "SECRET") {
				t.Errorf("shows a secret: %q", got)
			}
		})
	}
}

// The next link would be another identity.
func TestProfileThatCanNotBeReadForNowIsNotPassed(t *testing.T) {
	d := newDocument("config.toml", func(name string) (string, bool) {
		if name == "HOME" {
			return "/home", true
		}
		return lookup(name)
	}, Everything)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	d.ctx = ended
	if _, err := d.load(edit(t, "access_key = \"env:TEST_AK\"\nsecret_key = \"env:TEST_SK\"", `auth = "default"`)); err == nil {
		t.Fatal("it was passed")
	}
	for _, p := range d.Problems {
		if p.Key == "project.prod.auth" && p.Passing && strings.Contains(p.Text, "can't read the profile /home/.huaweicloud/credentials: the file system does not answer") {
			return
		}
	}
	t.Errorf("problems %v", d.Problems)
}
