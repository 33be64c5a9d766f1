package dcs

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// Credentials says as whom to ask: Keys, a Token, or what an ECSAgency, a
// PodIdentity or OIDC issues. An error of its methods is an *Error, whose kind tells
// whether to ask again soon, or wraps ctx.Err().
type Credentials interface {
	// Credential returns what to sign the next request with. It may fetch
	// it first.
	Credential(ctx context.Context) (Credential, error)
	// Refresh returns the successor of a credential that the API refused,
	// or that same one if there is no other.
	Refresh(ctx context.Context, refused Credential) (Credential, error)
}

// Credential is an access key with its secret key, or a token. However it is
// printed, logged or marshalled, it shows how the access key begins and no
// secret.
type Credential struct {
	accessKey     secret.Text
	secretKey     secret.Text
	securityToken secret.Text   // goes with a temporary access key
	authToken     secret.Text   // stands for all of the above
	origin        reason.Reason // names it for people, and says how to mend it
	expires       time.Time     // zero for one that does not say
}

// Source is where a credential stands that is not issued: in the
// configuration if it is zero, else in the environment of the process or in
// the profile of the user that sslwatch runs as.
type Source struct {
	Environment bool
	Profile     string // its path
}

// reason names the source, zero for the configuration.
func (s Source) reason() reason.Reason {
	switch {
	case s.Environment:
		return reason.New(reason.TheEnvironment, nil)
	case s.Profile != "":
		return reason.New(reason.TheProfile, reason.Args{"path": s.Profile})
	}
	return reason.Reason{}
}

// key names an access key that stands there.
func (s Source) key(temporary bool) reason.Reason {
	here, elsewhere := reason.AccessKey, reason.KeyOf
	if temporary {
		here, elsewhere = reason.TemporaryKey, reason.TemporaryKeyOf
	}
	if s == (Source{}) {
		return reason.New(here, nil)
	}
	return reason.New(elsewhere, reason.Args{"source": s.reason()})
}

// Keys returns an access key with its secret key, and the security token if
// they are temporary ones. They are never refreshed.
func Keys(accessKey, secretKey, securityToken string) Credentials {
	return KeysOf(Source{}, accessKey, secretKey, securityToken)
}

// KeysOf is Keys for those that stand in a certain place.
func KeysOf(source Source, accessKey, secretKey, securityToken string) Credentials {
	c := Credential{
		// A key can't begin or end with a space, a line read from a file can.
		accessKey:     secret.New(strings.TrimSpace(accessKey)),
		secretKey:     secret.New(strings.TrimSpace(secretKey)),
		securityToken: secret.New(strings.TrimSpace(securityToken)),
	}
	c.origin = source.key(!c.securityToken.IsZero())
	lacks := ""
	switch {
	case c.accessKey.IsZero():
		lacks = "the access key is empty"
	case c.secretKey.IsZero():
		lacks = "the secret key is empty"
	}
	return static{c, lacks}
}

// Token returns a ready IAM token, sent as X-Auth-Token. It is valid for 24
// hours from when it was issued, and never refreshed.
func Token(token string) Credentials {
	c := Credential{authToken: secret.New(strings.TrimSpace(token)), origin: reason.New(reason.Token, nil)}
	lacks := ""
	if c.authToken.IsZero() {
		lacks = "the token is empty"
	}
	return static{c, lacks}
}

// static is a credential that has no successor.
type static struct {
	credential Credential
	lacks      string // says what is missing, or nothing
}

func (s static) Credential(context.Context) (Credential, error) { return s.credential, nil }

func (s static) Refresh(_ context.Context, refused Credential) (Credential, error) {
	return refused, nil
}

// apply signs a request as of a time and returns the signature, which is
// to be kept out of texts. The request must have all other headers by now.
func (c Credential) apply(r *http.Request, now time.Time) (signed string) {
	if token := c.authToken.Reveal(); token != "" {
		r.Header.Set("X-Auth-Token", token)
		return ""
	}
	// What a proxy may rewrite, such as User-Agent, is left unsigned.
	names := []string{"host", "x-project-id", "x-sdk-date"}
	r.Header.Set(dateHeader, now.UTC().Format(dateLayout))
	if token := c.securityToken.Reveal(); token != "" {
		r.Header.Set("X-Security-Token", token)
		names = append(names, "x-security-token")
	}
	signed = signature(r, emptyHash, c.secretKey.Reveal(), names)
	r.Header.Set("Authorization", authorization(c.accessKey.Reveal(), signed, names))
	return signed
}

// secrets returns all that must not be seen. The access key is among them:
// where two values were exchanged, it is the secret one.
func (c Credential) secrets() []secret.Text {
	return []secret.Text{c.accessKey, c.secretKey, c.securityToken, c.authToken}
}

// same reports whether the API would see no difference.
func (c Credential) same(d Credential) bool {
	return c.accessKey == d.accessKey && c.secretKey == d.secretKey &&
		c.securityToken == d.securityToken && c.authToken == d.authToken
}

// isZero reports whether there is nothing to sign with.
func (c Credential) isZero() bool { return c.same(Credential{}) }

// String returns how the access key begins, or that it is a token.
func (c Credential) String() string {
	switch {
	case c.isZero():
		return "no credential"
	case !c.authToken.IsZero():
		return "token " + c.authToken.String()
	}
	return "access key " + beginning(c.accessKey.Reveal())
}

// GoString is String for %#v.
func (c Credential) GoString() string { return c.String() }

// LogValue is String for slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String for encoders.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String is that of the credential.
func (s static) String() string { return s.credential.String() }
