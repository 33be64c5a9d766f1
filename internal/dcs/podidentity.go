package dcs

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// podIdentityTimeout is for one request to the agent of pod identity.
const podIdentityTimeout = 10 * time.Second

// PodIdentity returns the credential that CCE gives to a pod whose service
// account has an agency. uri and tokenFile are the values that CCE puts into
// the pod's environment as HC_CONTAINER_CREDENTIALS_FULL_URI and
// HC_CONTAINER_AUTHORIZATION_TOKEN_FILE. The file is read anew each time,
// because CCE replaces it. No proxy is used.
//
// Source: facts page 1.4a; "Pod Identity" in the CCE user guide.
func PodIdentity(uri, tokenFile string) Credentials {
	p := &podIdentity{uri, tokenFile, localTransport(podIdentityTimeout)}
	return &temporary{name: "pod identity", fetch: p.fetch}
}

type podIdentity struct {
	uri, tokenFile string
	transport      http.RoundTripper
}

func (p *podIdentity) fetch(ctx context.Context) (Credential, error) {
	refuse := func(code reason.Code, args reason.Args) (Credential, error) {
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(code, args)}
	}
	u, err := url.Parse(p.uri)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return refuse(reason.NoPodIdentityURL, nil)
	}
	token, why := readToken(ctx, p.tokenFile)
	if !why.IsZero() {
		return refuse(reason.NoPodToken, reason.Args{"why": why})
	}
	out := &redactor{}
	out.add(secret.New(token))

	r, err := http.NewRequest(http.MethodPost, u.String(), strings.NewReader("{}"))
	if err != nil {
		return refuse(reason.NoPodIdentityURL, nil)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Authorization", token)
	agent := &issuer{
		service:    reason.New(reason.PodIdentityService, reason.Args{"host": u.Host}),
		setting:    "the address",
		notReached: reason.PodIdentityNotReached,
		timeout:    podIdentityTimeout,
		transport:  p.transport,
	}
	a, err := agent.ask(ctx, r, out)
	switch {
	case err != nil:
		return Credential{}, err
	case a.Status != http.StatusOK && errorKind(a.Status) == Unauthenticated:
		return Credential{}, agent.refusal(reason.PodIdentityRefused, a, out)
	case a.Status != http.StatusOK:
		return Credential{}, agent.refusal(reason.PodIdentityFailed, a, out)
	}
	var body struct {
		Credentials struct {
			AccessKeyID     string `json:"accessKeyId"`
			SecretAccessKey string `json:"secretAccessKey"`
			SecurityToken   string `json:"securityToken"`
			Expiration      string `json:"expiration"`
		} `json:"credentials"`
	}
	c := &body.Credentials
	if json.Unmarshal(a.Body, &body) != nil || c.AccessKeyID == "" || c.SecretAccessKey == "" || c.SecurityToken == "" {
		return Credential{}, agent.noCredential()
	}
	return issued(c.AccessKeyID, c.SecretAccessKey, c.SecurityToken, c.Expiration, reason.New(reason.PodCredential, nil)), nil
}

// readToken returns the token in a file, or why it can't be had.
func readToken(ctx context.Context, path string) (token string, why reason.Reason) {
	if path == "" {
		return "", reason.New(reason.NoTokenPath, nil)
	}
	in := reason.Args{"path": path}
	f, err := smallfile.Read(ctx, path, maxErrorBody)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", reason.New(reason.NoTokenFile, in)
	case errors.Is(err, fs.ErrPermission):
		return "", reason.New(reason.TokenFileForbidden, in)
	case err != nil:
		in["detail"] = errors.Unwrap(err).Error()
		return "", reason.New(reason.TokenFileUnreadable, in)
	}
	if token = strings.TrimSpace(string(f.Data)); token == "" {
		return "", reason.New(reason.TokenFileEmpty, in)
	}
	return token, reason.Reason{}
}
