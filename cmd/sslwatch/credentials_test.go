package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// What auth = "default" is tried with. None of it may be in any output.
const (
	chainAK    = "QTWAOYTTINDUT2QVKYUC"
	chainSK    = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"
	chainToken = "eyJhbGciOiJSUzI1NiJ9.identity-of-tests"
)

// chainPlace is the working directory, so that paths are as long wherever it
// is, with a configuration whose credential is found, and the services that
// issue some.
type chainPlace struct {
	env    map[string]string
	issuer *simcloud.Issuer
	dcs    *simcloud.DCS
}

func newChainPlace(t *testing.T) *chainPlace {
	t.Helper()
	t.Chdir(t.TempDir())
	p := &chainPlace{env: map[string]string{}}
	d, err := simcloud.New(simcloud.Options{
		Projects: []string{"0123456789abcdef0123456789abcdef"}, Keys: []simcloud.Key{{Access: chainAK, Secret: chainSK}},
		Instances: []simcloud.Instance{{ID: "553a2516-b865-4159-b774-204dc0a36e37", Enabled: true, Validated: true, ExpiresAt: time.Now().Add(300 * 24 * time.Hour)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	p.issuer, err = simcloud.NewIssuer(simcloud.IssuerOptions{DCS: d, Sessions: true, IdpID: "cce-prod", IDToken: chainToken})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.issuer.Close() })
	for _, listen := range []func(string) error{d.Listen, p.issuer.Listen} {
		if err := listen(""); err != nil {
			t.Fatal(err)
		}
	}
	p.dcs = d
	p.write(t, "config.toml", fmt.Sprintf(`[project.prod]
region       = "eu-west-101"
project_id   = "0123456789abcdef0123456789abcdef"
endpoint     = "%s"
auth         = "default"
iam_endpoint = "%s"
instance.orders.id = "553a2516-b865-4159-b774-204dc0a36e37"
[webhook.pager]
url = "http://127.0.0.1:9/"
[state]
file = "state.json"
[http]
listen = ""
`, d.URL(), p.issuer.URL()))
	p.write(t, "token", chainToken)
	return p
}

func (*chainPlace) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a command within this process, so that the metadata service is the
// simulated one.
func (p *chainPlace) run(ctx context.Context, args ...string) (output string, code int) {
	var out bytes.Buffer
	stdout := newStdout(&out)
	a := &app{out: stdout, metadata: p.issuer.URL(), system: system{
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: &out,
		Getenv: func(name string) (string, bool) { value, ok := p.env[name]; return value, ok },
	}}
	root := newRoot(a)
	root.SetArgs(append(args, "--config", "config.toml"))
	cmd, err := root.ExecuteContextC(ctx)
	code = a.end(cmd, args, err)
	return strings.NewReplacer(
		p.dcs.URL(), "https://dcs.example.com", p.issuer.URL(), "http://metadata.example.com",
		strings.TrimPrefix(p.issuer.URL(), "http://"), "metadata.example.com",
	).Replace(out.String()), code
}

// chainStories are what there may be of each link.
var chainStories = []struct {
	name string
	tell func(t *testing.T, p *chainPlace)
}{
	{"keys in the environment", func(_ *testing.T, p *chainPlace) {
		p.env["HUAWEICLOUD_SDK_AK"], p.env["HUAWEICLOUD_SDK_SK"] = chainAK, chainSK
	}},
	{"identity provider and keys in the environment", func(_ *testing.T, p *chainPlace) {
		p.env["HUAWEICLOUD_SDK_AK"], p.env["HUAWEICLOUD_SDK_SK"] = chainAK, chainSK
		p.env["HUAWEICLOUD_SDK_IDP_ID"], p.env["HUAWEICLOUD_SDK_ID_TOKEN_FILE"] = "cce-prod", "token"
	}},
	{"half a key in the environment, keys in the profile", func(t *testing.T, p *chainPlace) {
		p.env["HUAWEICLOUD_SDK_AK"], p.env["HOME"] = chainAK, "."
		p.write(t, ".huaweicloud/credentials", "[basic]\nak = "+chainAK+"\nsk = "+chainSK+"\nidp_id = cce-prod\n")
	}},
	{"identity provider in a profile that a variable names", func(t *testing.T, p *chainPlace) {
		p.env["HUAWEICLOUD_SDK_CREDENTIALS_FILE"] = "profile"
		p.write(t, "profile", "[basic]\nidp_id = cce-prod\nid_token_file = "+"token"+"\n")
	}},
	{"agency, and a profile that can't be read", func(t *testing.T, p *chainPlace) {
		p.env["HOME"] = "."
		p.write(t, ".huaweicloud/credentials", "[basic]\nak = "+chainAK+"\n"+chainSK+"\n")
		p.issuer.Set(func(o *simcloud.IssuerOptions) { o.Agency = true })
	}},
	{"pod identity, and no agency", func(t *testing.T, p *chainPlace) {
		p.env["HOME"] = "."
		p.env["HC_CONTAINER_CREDENTIALS_FULL_URI"], p.env["HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = p.issuer.URL()+"/v1/credentials", "token"
		p.issuer.Set(func(o *simcloud.IssuerOptions) { o.PodToken = chainToken })
	}},
	{"nothing at all", func(*testing.T, *chainPlace) {}},
}

// The explanation is what people go by who wonder as whom sslwatch asks.
func TestValidateExplainsTheChain(t *testing.T) {
	var all strings.Builder
	for _, story := range chainStories {
		t.Run(story.name, func(t *testing.T) {
			p := newChainPlace(t)
			story.tell(t, p)
			output, code := p.run(t.Context(), "validate")
			if code != 0 {
				t.Errorf("exit %d", code)
			}
			_, asks, _ := strings.Cut(output, "It asks:\n")
			asks, _, _ = strings.Cut(asks, "\nIt tells:")
			fmt.Fprintf(&all, "# %s\n%s\n", story.name, asks)
			noChainSecret(t, output)
		})
	}
	golden.Assert(t, all.String(), "chain.golden")
}

func noChainSecret(t *testing.T, output string) {
	t.Helper()
	for _, hidden := range []string{chainAK, chainSK, "identity-of-tests", "unscoped-", "security-token-"} {
		if strings.Contains(output, hidden) {
			t.Errorf("shows %q:\n%s", hidden, output)
		}
	}
}

// Each link is asked with, and not only found.
func TestEachLinkOfTheChainIsAskedWith(t *testing.T) {
	for _, story := range chainStories {
		t.Run(story.name, func(t *testing.T) {
			p := newChainPlace(t)
			story.tell(t, p)
			output, code := p.run(t.Context(), "check")
			want := 0
			if story.name == "nothing at all" {
				want = 3
				for _, part := range []string{`auth = "default" finds no credential`, "environment: neither HUAWEICLOUD_SDK_AK", "profile: neither", "no agency is bound to this ECS", "this is no pod with an identity"} {
					if !strings.Contains(strings.Join(strings.Fields(output), " "), part) {
						t.Errorf("does not say %q", part)
					}
				}
			}
			if code != want {
				t.Errorf("exit %d", code)
			}
			if t.Failed() {
				t.Log(output)
			}
			noChainSecret(t, output)
		})
	}
}

// CI has neither the environment nor the metadata service of where sslwatch runs.
func TestValidateWithoutSecretsLooksAtNoLink(t *testing.T) {
	p := newChainPlace(t)
	p.env["HUAWEICLOUD_SDK_AK"], p.env["HUAWEICLOUD_SDK_SK"] = chainSK, chainAK
	output, code := p.run(t.Context(), "validate", "--without-secrets")
	if code != 0 || !strings.Contains(output, "was not looked at") || p.issuer.Asked(http.MethodPut, "/meta-data/latest/api/token") != 0 {
		t.Errorf("exit %d:\n%s", code, output)
	}
	// With them, it is as wrong as in the file.
	if output, code = p.run(t.Context(), "validate"); code != exitBadConfig || !strings.Contains(output, "config.toml:5: project.prod.auth: HUAWEICLOUD_SDK_AK: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are exchanged") {
		t.Errorf("exit %d:\n%s", code, output)
	}
	noChainSecret(t, output)
}

func TestRefusalNamesTheLinkThatWasTaken(t *testing.T) {
	p := newChainPlace(t)
	p.env["HOME"] = "."
	p.write(t, ".huaweicloud/credentials", "[basic]\nak = "+chainAK+"\nsk = "+strings.ToUpper(chainSK)+"\n")
	output, code := p.run(t.Context(), "check")
	if said := strings.Join(strings.Fields(output), " "); code != 3 || !strings.Contains(said, "refused the access key of the profile .huaweicloud/credentials") || !strings.Contains(said, "check ak and sk in .huaweicloud/") {
		t.Errorf("exit %d:\n%s", code, output)
	}
	noChainSecret(t, output)
}

// A reload must not have it asked as another, because of a service that has a
// bad moment then.
func TestReloadKeepsTheLinkThatWasTaken(t *testing.T) {
	p := newChainPlace(t)
	p.issuer.Set(func(o *simcloud.IssuerOptions) { o.PodToken = chainToken })
	p.env["HC_CONTAINER_CREDENTIALS_FULL_URI"], p.env["HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = p.issuer.URL()+"/v1/credentials", "token"
	a := &app{metadata: p.issuer.URL(), system: system{Getenv: func(name string) (string, bool) { value, ok := p.env[name]; return value, ok }}}
	c := &config.Config{}
	undecided := a.lastLinks(c)
	chain := a.lastLinks(c)
	if chain == undecided {
		t.Error("one that has taken no link is kept")
	}
	if _, err := chain.Credential(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.issuer.Set(func(o *simcloud.IssuerOptions) { o.Agency = true })
	if a.lastLinks(c) != chain {
		t.Error("one that has taken a link is not kept")
	}
}

func TestRefusalNamesWhereTheIdentityProviderStands(t *testing.T) {
	p := newChainPlace(t)
	p.env["HUAWEICLOUD_SDK_IDP_ID"], p.env["HUAWEICLOUD_SDK_ID_TOKEN_FILE"] = "cce-prod", "token"
	elsewhere, err := simcloud.New(simcloud.Options{Projects: []string{"p"}})
	if err != nil {
		t.Fatal(err)
	}
	p.issuer.Set(func(o *simcloud.IssuerOptions) { o.DCS = elsewhere })
	output, code := p.run(t.Context(), "check")
	if said := strings.Join(strings.Fields(output), " "); code != 3 || !strings.Contains(said, "the credential of the identity provider cce-prod in the environment") {
		t.Errorf("exit %d:\n%s", code, output)
	}
	noChainSecret(t, output)
}

func TestLinkIsLoggedWhenItIsAnother(t *testing.T) {
	p := newChainPlace(t)
	var out bytes.Buffer
	a := &app{logFormat: "json", logLevel: "info", system: system{Stderr: &out, Getenv: func(name string) (string, bool) { value, ok := p.env[name]; return value, ok }}}
	a.openLog()
	read := func() {
		t.Helper()
		c, err := config.Load(t.Context(), "config.toml", a.Getenv, config.Everything)
		if err != nil {
			t.Fatal(err)
		}
		a.logChain(c)
	}
	read() // nothing is decided yet
	p.env["HUAWEICLOUD_SDK_AK"], p.env["HUAWEICLOUD_SDK_SK"] = chainAK, chainSK
	read()
	read()
	p.env["HUAWEICLOUD_SDK_IDP_ID"], p.env["HUAWEICLOUD_SDK_ID_TOKEN_FILE"] = "cce-prod", "token"
	read()
	delete(p.env, "HUAWEICLOUD_SDK_IDP_ID")
	delete(p.env, "HUAWEICLOUD_SDK_ID_TOKEN_FILE")
	read()
	a.log.Close(time.Minute)
	if n := strings.Count(out.String(), `"msg":"credential link taken"`); n != 3 {
		t.Errorf("said %d times, want 3:\n%s", n, &out)
	}
	noChainSecret(t, out.String())
}

// The daemon says once which link it took, however many projects and reloads.
func TestDaemonLogsTheLinkOnce(t *testing.T) {
	for _, story := range chainStories[:6] {
		t.Run(story.name, func(t *testing.T) {
			p := newChainPlace(t)
			story.tell(t, p)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			go func() {
				defer stop()
				p.dcs.Wait(ctx, func(c simcloud.Counts) bool { return c.Total > 0 })
			}()
			output, code := p.run(ctx, "run", "--log-format", "json")
			if code != 0 || strings.Count(output, `"msg":"credential link taken"`) != 1 {
				t.Errorf("exit %d:\n%s", code, output)
			}
			noChainSecret(t, output)
		})
	}
}
