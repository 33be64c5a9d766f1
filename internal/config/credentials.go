package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// Kind is a way to authenticate.
type Kind string

// The ways to authenticate.
const (
	Keys        Kind = "keys"         // an access key, perhaps a temporary one
	Token       Kind = "token"        // a token of IAM
	ECSAgency   Kind = "ecs-agency"   // what the server that sslwatch runs on was given
	PodIdentity Kind = "pod-identity" // what the pod that sslwatch runs in was given
	OIDC        Kind = "oidc"         // an identity token, which IAM exchanges
	// Default is the SDK's chain, where neither environment nor profile has a
	// credential. Where one has, the kind is that of what it has.
	Default Kind = "default"
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
	// IdpID, IDTokenFile and IAMEndpoint are set for OIDC: the identity
	// provider, the path of the token, and the base URL of IAM.
	IdpID, IDTokenFile, IAMEndpoint string
	// Source is where Keys and OIDC stand.
	Source dcs.Source
}

// Fingerprint is the same for equal credentials, wherever they stand and also
// after a restart, and reveals nothing of them.
func (c Credentials) Fingerprint() string {
	h := sha256.New()
	parts := []string{string(c.Kind), c.AccessKey.Reveal(), c.SecretKey.Reveal(), c.SecurityToken.Reveal(), c.AuthToken.Reveal()}
	if c.Kind == OIDC {
		parts = append(parts, c.IdpID, c.IDTokenFile, c.IAMEndpoint)
	}
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// The settings of each kind.
var (
	ofKeys = []string{"access_key", "secret_key", "security_token"}
	ofOIDC = []string{"idp_id", "id_token_file", "iam_endpoint"}
)

// credentials reads how a project authenticates whose DCS is at endpoint.
func (t *table) credentials(endpoint string) Credentials {
	c := Credentials{
		AccessKey:     t.secret("access_key"),
		SecretKey:     t.secret("secret_key"),
		SecurityToken: t.secret("security_token"),
		AuthToken:     t.secret("auth_token"),
		IdpID:         t.Line("idp_id"),
		IDTokenFile:   t.file("id_token_file"),
		IAMEndpoint:   t.endpoint("iam_endpoint"),
		Kind:          Kind(t.OrNone("auth", "")),
	}
	kinds := []string{string(Keys), string(Token), string(ECSAgency), string(PodIdentity), string(OIDC), string(Default)}
	if c.Kind == "" {
		switch {
		case t.Present("auth"):
			t.Problem("auth", "is empty: write %s, or remove the line", tomlfile.OrList(kinds))
			return c
		case t.AnyGiven(ofKeys...):
			c.Kind = Keys
		case t.Given("auth_token"):
			c.Kind = Token
		case t.AnyGiven("idp_id", "id_token_file"):
			c.Kind = OIDC
		default:
			t.Problem("auth", `there is no credential: give access_key and secret_key, or auth_token, or idp_id and id_token_file, or auth = "ecs-agency", "pod-identity" or "default"`)
			return c
		}
	}
	switch c.Kind {
	case Keys:
		t.Need("access_key", `"env:HUAWEICLOUD_SDK_AK"`)
		t.Need("secret_key", `"env:HUAWEICLOUD_SDK_SK"`)
		t.Exclude("auth_token", "access_key")
		t.ExcludeAll(ofOIDC, "access_key")
		t.checkKeys(c.AccessKey, c.SecretKey)
	case Token:
		t.Need("auth_token", `"env:HUAWEICLOUD_TOKEN"`)
		t.ExcludeAll(ofKeys, "auth_token")
		t.ExcludeAll(ofOIDC, "auth_token")
	case ECSAgency, PodIdentity:
		t.ExcludeAll(slices.Concat(ofKeys, []string{"auth_token"}, ofOIDC), "auth = "+quote(string(c.Kind)))
	case OIDC:
		t.Need("idp_id", `"cce-prod", as IAM shows it under Identity Providers`)
		t.Need("id_token_file", `"/var/run/secrets/tokens/oidc", or wherever the pod's identity token is`)
		t.ExcludeAll(append(slices.Clone(ofKeys), "auth_token"), `auth = "oidc"`)
		c.IAMEndpoint = t.iamEndpoint(c.IAMEndpoint, endpoint)
		t.checkIDToken("id_token_file", c.IDTokenFile)
	case Default:
		t.ExcludeAll(slices.Concat(ofKeys, []string{"auth_token", "idp_id", "id_token_file"}), `auth = "default"`)
		return t.byDefault(c.IAMEndpoint, endpoint)
	default:
		t.Problem("auth", "%s is not one of %s%s", quote(string(c.Kind)), tomlfile.OrList(kinds), tomlfile.DidYouMean(string(c.Kind), kinds))
	}
	return c
}

// checkIDToken warns of an identity token that can't be read. It is read anew
// for each exchange, so this file is none of those that a reload is for.
func (t *table) checkIDToken(name, path string) {
	if path == "" || !t.needed() {
		return
	}
	if _, err := smallfile.Read(t.doc.ctx, path, largestSecret); err != nil {
		t.Warn(name, "can't read %s now: %s: it must hold an identity token whenever the credential is fetched, and the user that sslwatch runs as must be able to read it", path, cause(err))
	}
}

// iamEndpoint returns the address of IAM: the one that is given, else that of
// the cloud and region of a DCS.
func (t *table) iamEndpoint(given, dcsEndpoint string) string {
	if given != "" || dcsEndpoint == "" {
		return given
	}
	address := dcs.IAMEndpoint(dcsEndpoint)
	if address == "" && !t.Given("iam_endpoint") {
		t.Problem("iam_endpoint", `is missing, and endpoint is not the address of a cloud whose IAM is known here: write iam_endpoint = "https://iam.HOST", with the host that the cloud names`)
	}
	return address
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
