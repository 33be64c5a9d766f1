package dcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// PodIdentity returns the credential that CCE gives to a pod whose service
// account has an agency. uri and tokenFile are the values that CCE puts into
// the pod's environment as HC_CONTAINER_CREDENTIALS_FULL_URI and
// HC_CONTAINER_AUTHORIZATION_TOKEN_FILE. The file is read anew each time,
// because CCE replaces it. No proxy is used.
//
// Source: facts page 1.4a; "Pod Identity" in the CCE user guide.
func PodIdentity(uri, tokenFile string) Credentials {
	p := &podIdentity{uri, tokenFile, issuerTransport()}
	return &temporary{name: "pod identity", fetch: p.fetch}
}

type podIdentity struct {
	uri, tokenFile string
	transport      http.RoundTripper
}

func (p *podIdentity) fetch(ctx context.Context) (Credential, error) {
	const associate = "associate the pod's service account with an agency in CCE, and start the pod anew"
	refuse := func(reason string) (Credential, error) {
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason + ": " + associate}
	}
	u, err := url.Parse(p.uri)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return refuse("pod identity has no usable address (HC_CONTAINER_CREDENTIALS_FULL_URI)")
	}
	token, err := readToken(ctx, p.tokenFile)
	if err != nil {
		return refuse("the pod's identity token can't be read: " + err.Error())
	}
	out := &redactor{}
	out.add(secret.New(token))

	r, err := http.NewRequest(http.MethodPost, u.String(), strings.NewReader("{}"))
	if err != nil {
		return refuse("pod identity has no usable address (HC_CONTAINER_CREDENTIALS_FULL_URI)")
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Authorization", token)
	who := "the pod identity service at " + u.Host
	a, says, err := askIssuer(ctx, p.transport, r, who, out)
	switch {
	case err != nil && ctx.Err() != nil:
		return Credential{}, ended(ctx)
	case err != nil:
		return Credential{}, &Error{Kind: Failed, Err: out.cause(err), Reason: says +
			`: auth = "pod-identity" works in a pod of CCE only; check that the pod identity add-on of the cluster runs`}
	case a.Status != http.StatusOK && errorKind(a.Status) == Unauthenticated:
		return refuse(fmt.Sprintf("%s gave no credential (%s)", who, a.unlike(out)))
	case a.Status != http.StatusOK:
		return Credential{}, &Error{Kind: Failed, Reason: fmt.Sprintf("%s gave no credential (%s)", who, a.unlike(out))}
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
	// The body is not quoted: it may hold half a credential.
	if json.Unmarshal(a.Body, &body) != nil || c.AccessKeyID == "" || c.SecretAccessKey == "" || c.SecurityToken == "" {
		return Credential{}, &Error{Kind: Failed, Reason: who + " gave something that is not a credential, or not a whole one"}
	}
	return issued(c.AccessKeyID, c.SecretAccessKey, c.SecurityToken, c.Expiration, fromPod), nil
}

// readToken returns the token in a file. Its errors are for people.
func readToken(ctx context.Context, path string) (string, error) {
	if path == "" {
		return "", errors.New("there is no path to it (HC_CONTAINER_AUTHORIZATION_TOKEN_FILE)")
	}
	f, err := smallfile.Read(ctx, path, maxErrorBody)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no file %s", path)
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%s may not be read by this user", path)
	case err != nil:
		return "", fmt.Errorf("%s can't be read: %w", path, errors.Unwrap(err))
	}
	token := strings.TrimSpace(string(f.Data))
	if token == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return token, nil
}
