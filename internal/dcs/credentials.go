package dcs

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Credentials says as whom to ask. The four kinds are Keys, Token, ECSAgency
// and PodIdentity. An error of its methods is an *Error, whose kind tells
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
// printed, logged or marshalled, it shows the access key and no secret.
type Credential struct {
	accessKey     string
	secretKey     secret
	securityToken secret // goes with a temporary access key
	authToken     secret // stands for all of the above
	origin        origin
	expires       time.Time // zero for one that does not say
}

// origin is where a credential is from, and so who can mend it.
type origin int

const (
	fromKeys origin = iota
	fromTemporaryKeys
	fromToken
	fromAgency
	fromPod
)

// secret holds its text behind a pointer: fmt calls no String method on the
// unexported field of a struct, it prints what it finds, and here that is
// an address.
type secret struct{ value *string }

func newSecret(s string) secret {
	if s == "" {
		return secret{}
	}
	return secret{&s}
}

func (s secret) reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Keys returns an access key with its secret key, and the security token if
// they are temporary ones. They are never refreshed.
func Keys(accessKey, secretKey, securityToken string) Credentials {
	c := Credential{
		// A key can't begin or end with a space, a line read from a file can.
		accessKey:     strings.TrimSpace(accessKey),
		secretKey:     newSecret(strings.TrimSpace(secretKey)),
		securityToken: newSecret(strings.TrimSpace(securityToken)),
	}
	if c.securityToken.reveal() != "" {
		c.origin = fromTemporaryKeys
	}
	return static{c}
}

// Token returns a ready IAM token, sent as X-Auth-Token. It is valid for 24
// hours from when it was issued, and never refreshed.
func Token(token string) Credentials {
	return static{Credential{authToken: newSecret(strings.TrimSpace(token)), origin: fromToken}}
}

// static is a credential that has no successor.
type static struct{ credential Credential }

// incomplete says what is missing, or "".
func (s static) incomplete() string {
	c := s.credential
	switch {
	case c.origin == fromToken && c.authToken.reveal() == "":
		return "the token is empty"
	case c.origin != fromToken && c.accessKey == "":
		return "the access key is empty"
	case c.origin != fromToken && c.secretKey.reveal() == "":
		return "the secret key is empty"
	}
	return ""
}

func (s static) Credential(context.Context) (Credential, error) { return s.credential, nil }

func (s static) Refresh(_ context.Context, refused Credential) (Credential, error) {
	return refused, nil
}

// apply signs a request as of a time and returns the signature, which is
// to be kept out of texts. The request must have all other headers by now.
func (c Credential) apply(r *http.Request, now time.Time) (signed string) {
	if token := c.authToken.reveal(); token != "" {
		r.Header.Set("X-Auth-Token", token)
		return ""
	}
	// What a proxy may rewrite, such as User-Agent, is left unsigned.
	names := []string{"host", "x-project-id", "x-sdk-date"}
	r.Header.Set(dateHeader, now.UTC().Format(dateLayout))
	if token := c.securityToken.reveal(); token != "" {
		r.Header.Set("X-Security-Token", token)
		names = append(names, "x-security-token")
	}
	signed = signature(r, emptyHash, c.secretKey.reveal(), names)
	r.Header.Set("Authorization", authorization(c.accessKey, signed, names))
	return signed
}

// secrets returns all that must not be seen.
func (c Credential) secrets() []string {
	return []string{c.secretKey.reveal(), c.securityToken.reveal(), c.authToken.reveal()}
}

// same tells whether the API would see no difference.
func (c Credential) same(d Credential) bool {
	return c.accessKey == d.accessKey && c.secretKey.reveal() == d.secretKey.reveal() &&
		c.securityToken.reveal() == d.securityToken.reveal() && c.authToken.reveal() == d.authToken.reveal()
}

// isZero tells whether there is nothing to sign with.
func (c Credential) isZero() bool { return c.same(Credential{}) }

// String returns the access key, or that it is a token.
func (c Credential) String() string {
	switch {
	case c.isZero():
		return "no credential"
	case c.authToken.reveal() != "":
		return "token " + redacted
	}
	return "access key " + c.accessKey
}

// GoString is String for %#v.
func (c Credential) GoString() string { return c.String() }

// LogValue is String for slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String for encoders.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String is that of the credential.
func (s static) String() string { return s.credential.String() }
