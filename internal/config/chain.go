package config

import (
	"path/filepath"
	"strings"
	"unicode"

	"github.com/sslwatch/sslwatch/internal/config/sdkchain"
	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// byDefault returns what auth = "default" comes to for a project whose DCS is
// at endpoint, given the address of IAM that stands in its table. What
// the environment or the profile has is what the project authenticates with,
// decided whenever the configuration is read. Where they have nothing, it is
// decided later.
func (t *table) byDefault(iam, endpoint string) Credentials {
	c := Credentials{Kind: Default}
	if !t.needed() {
		return c
	}
	found := t.chain().Found
	switch {
	case found == nil:
		return c
	case found.IdpID != "":
		c = Credentials{Kind: OIDC, IdpID: found.IdpID, IDTokenFile: found.IDTokenFile, IAMEndpoint: iam}
		if iam == "" {
			c.IAMEndpoint = found.IAMEndpoint
		}
		c.IAMEndpoint = t.iamEndpoint(c.IAMEndpoint, endpoint)
		t.checkIDToken("auth", c.IDTokenFile)
	default:
		c = Credentials{Kind: Keys, AccessKey: found.AccessKey, SecretKey: found.SecretKey, SecurityToken: found.SecurityToken}
	}
	c.Source = found.Source
	return c
}

// chain reads the links of the SDK's chain that are read with the
// configuration, once for all projects. What is wrong with what they have is
// said of the first project that needs it.
func (t *table) chain() *sdkchain.Chain {
	d := t.doc
	if d.chain != nil {
		return d.chain
	}
	chain := sdkchain.Read(d.lookup, func(path string) (smallfile.File, error) {
		f, err := d.read(path, largestSecret)
		if err != nil && isPassing(err) {
			// To go on with the next link would be to take another
			// identity because of a file system that had a bad moment.
			t.Passing("auth", "can't read the profile %s: %s", path, cause(err))
		}
		return f, err
	})
	d.chain = &chain
	if chain.Found != nil {
		t.examineFound(chain.Found)
	}
	return d.chain
}

// examineFound notes what is wrong or odd about what a link has.
func (t *table) examineFound(f *sdkchain.Found) {
	for _, s := range []struct {
		name  string
		value secret.Text
	}{{f.Names.AccessKey, f.AccessKey}, {f.Names.SecretKey, f.SecretKey}, {f.Names.SecurityToken, f.SecurityToken}} {
		t.doc.secrets = append(t.doc.secrets, s.value)
		if strings.ContainsFunc(s.value.Reveal(), unicode.IsControl) {
			t.Problem("auth", "%s: holds a line break or another control character", s.name)
		} else if why := oddSecret(s.value.Reveal()); why != "" {
			t.Warn("auth", "%s: %s", s.name, why)
		}
	}
	for _, s := range []struct{ name, value string }{{f.Names.IdpID, f.IdpID}, {f.Names.IDTokenFile, f.IDTokenFile}} {
		switch why := tomlfile.Unfit(s.value); {
		case isKeyOrToken(s.value) && !filepath.IsAbs(s.value):
			t.Problem("auth", "%s: has the form of a key or a token, and is neither sent nor shown", s.name)
		case why != "":
			t.Problem("auth", "%s: %s", s.name, why)
		}
	}
	if f.IdpID != "" && f.IAMEndpoint != "" {
		if u, why := parseURL(f.IAMEndpoint); why != "" {
			t.Problem("auth", "%s: %s", f.IAMName, why)
		} else {
			t.warnPlain("auth", u)
		}
	}
	if f.IdpID == "" {
		for _, odd := range oddKeys(f.Names.AccessKey, f.Names.SecretKey, f.AccessKey, f.SecretKey) {
			if odd.refused {
				t.Problem("auth", "%s: %s", odd.of, odd.why)
			} else {
				t.Warn("auth", "%s: %s", odd.of, odd.why)
			}
		}
	}
	switch path := f.Source.Profile; {
	case path == "":
	case writableByAll(f.Mode):
		t.Warn("auth", "every user of this machine can change the profile %s (mode %04o): chmod o-w it", path, f.Mode)
	case f.Mode&0o044 != 0 && f.IdpID == "":
		t.Warn("auth", "others than its owner can read the profile %s (mode %04o): chmod go-r it", path, f.Mode)
	}
}
