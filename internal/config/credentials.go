package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// Kind is a way to authenticate.
type Kind string

// The ways to authenticate.
const (
	Keys        Kind = "keys"         // an access key, perhaps a temporary one
	Token       Kind = "token"        // a token of IAM
	ECSAgency   Kind = "ecs-agency"   // what the server that sslwatch runs on was given
	PodIdentity Kind = "pod-identity" // what the pod that sslwatch runs in was given
)

// Credentials are what a project authenticates with. Equal ones are the same
// credential, so they can be the key of a map.
type Credentials struct {
	Kind Kind
	// AccessKey and SecretKey are set for Keys, SecurityToken for those
	// among them that are temporary.
	AccessKey, SecretKey, SecurityToken secret.Text
	// AuthToken is set for Token.
	AuthToken secret.Text
}

// Fingerprint is the same for equal credentials, also after a restart, and
// reveals nothing of them.
func (c Credentials) Fingerprint() string {
	h := sha256.New()
	for _, part := range []string{string(c.Kind), c.AccessKey.Reveal(), c.SecretKey.Reveal(), c.SecurityToken.Reveal(), c.AuthToken.Reveal()} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// credentials reads how a project authenticates.
func (t *table) credentials() Credentials {
	c := Credentials{
		AccessKey:     t.secret("access_key"),
		SecretKey:     t.secret("secret_key"),
		SecurityToken: t.secret("security_token"),
		AuthToken:     t.secret("auth_token"),
		Kind:          Kind(t.OrNone("auth", "")),
	}
	kinds := []string{string(Keys), string(Token), string(ECSAgency), string(PodIdentity)}
	ofKeys := []string{"access_key", "secret_key", "security_token"}
	if c.Kind == "" {
		switch {
		case t.Present("auth"):
			t.Problem("auth", "is empty: write %s, or remove the line", tomlfile.OrList(kinds))
			return c
		case t.AnyGiven(ofKeys...):
			c.Kind = Keys
		case t.Given("auth_token"):
			c.Kind = Token
		default:
			t.Problem("auth", `there is no credential: give access_key and secret_key, or auth_token, or auth = "ecs-agency" or "pod-identity"`)
			return c
		}
	}
	switch c.Kind {
	case Keys:
		t.Need("access_key", `"env:HUAWEICLOUD_SDK_AK"`)
		t.Need("secret_key", `"env:HUAWEICLOUD_SDK_SK"`)
		t.Exclude("auth_token", "access_key")
		t.checkKeys(c.AccessKey, c.SecretKey)
	case Token:
		t.Need("auth_token", `"env:HUAWEICLOUD_TOKEN"`)
		t.ExcludeAll(ofKeys, "auth_token")
	case ECSAgency, PodIdentity:
		t.ExcludeAll(append(ofKeys, "auth_token"), "auth = "+quote(string(c.Kind)))
	default:
		t.Problem("auth", "%s is not one of %s%s", quote(string(c.Kind)), tomlfile.OrList(kinds), tomlfile.DidYouMean(string(c.Kind), kinds))
	}
	return c
}

// console returns where the web console of the public cloud shows the Redis
// instances of a region, or nothing for a cloud that is not the public one.
func console(region, endpoint string) string {
	host := "console-intl.huaweicloud.com"
	switch {
	case !strings.Contains(endpoint, ".myhuaweicloud."):
		return ""
	case strings.HasPrefix(region, "eu-west-1"):
		host = "console.eu.huaweicloud.com"
	case strings.HasPrefix(region, "cn-"):
		host = "console.huaweicloud.com"
	}
	return "https://" + host + "/dcs/?region=" + region
}
