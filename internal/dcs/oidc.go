package dcs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

const (
	// iamTimeout is for each request to IAM.
	iamTimeout = 15 * time.Second
	// oidcLife is for how long keys are asked of IAM, in seconds, as the cloud's
	// SDK does. It grants 15 minutes to 24 hours.
	oidcLife = 6 * 60 * 60
)

// OIDCOptions say where an identity token is, and what it is exchanged at.
type OIDCOptions struct {
	// IAM is the address of IAM, see IAMEndpoint. It may be plain http, and
	// have a path before the API's own.
	IAM string
	// IdpID is the identity provider in IAM that trusts who issued the token.
	IdpID string
	// TokenFile has the token. It is read anew for each exchange, because who
	// put it there replaces it.
	TokenFile string
	// Proxies names the proxy to ask through; nil means none.
	Proxies *httpclient.Proxies
	// Source is where this stands.
	Source Source
}

// OIDC returns the credential for which IAM exchanges the identity token of a
// workload: first for a token that is for no project, then that for temporary
// keys. It is the way of CCE before pod identity.
//
// Source: facts page 1.4b; federal_accessor.go and iam_helper.go of the
// cloud's SDK; "Obtaining an Access Key with an OIDC ID Token" of IAM.
func OIDC(o OIDCOptions) Credentials {
	e := &oidc{
		issuer: issuer{
			setting:    "iam_endpoint",
			notReached: reason.IAMNotReached,
			timeout:    iamTimeout,
			transport:  httpclient.New(httpclient.Options{Timeout: iamTimeout, Proxy: o.Proxies.For}),
		},
		o: o,
	}
	base, err := parseEndpoint(o.IAM)
	if err == nil {
		e.base, e.service = base, reason.New(reason.IAM, reason.Args{"host": base.Host})
	}
	return &temporary{name: "identity provider", fetch: e.fetch}
}

type oidc struct {
	issuer
	base *url.URL // nil if it is none
	o    OIDCOptions
}

func (e *oidc) fetch(ctx context.Context) (Credential, error) {
	if e.base == nil {
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(reason.NoIAMURL, nil)}
	}
	idToken, why := readToken(ctx, e.o.TokenFile)
	if !why.IsZero() {
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(reason.NoIDToken, reason.Args{"why": why})}
	}
	out := &redactor{}
	out.add(secret.New(idToken))
	out.add(e.o.Proxies.Passwords()...)

	a, err := e.post(ctx, "/v3.0/OS-AUTH/id-token/tokens", map[string]any{"id_token": map[string]any{"id": idToken}}, out)
	if err != nil {
		return Credential{}, err
	}
	token := a.Header.Get("X-Subject-Token")
	out.add(secret.New(token))
	switch {
	case a.Status == http.StatusNotFound && a.fault().api:
		return Credential{}, e.refuse(reason.UnknownProvider, a, out)
	case a.Status == http.StatusForbidden && e.elsewhere(a) != "":
		return Credential{}, e.refuse(reason.OtherIAM, a, out)
	case !isSuccess(a) && errorKind(a.Status) == Unauthenticated:
		return Credential{}, e.refuse(reason.IDTokenRefused, a, out)
	case !isSuccess(a):
		return Credential{}, e.refusal(reason.IAMFailed, a, out)
	case token == "":
		return Credential{}, e.noCredential()
	}
	a, err = e.post(ctx, "/v3.0/OS-CREDENTIAL/securitytokens", map[string]any{"identity": map[string]any{
		"methods": []string{"token"}, "token": map[string]any{"id": token, "duration_seconds": oidcLife},
	}}, out)
	switch {
	case err != nil:
		return Credential{}, err
	case !isSuccess(a) && errorKind(a.Status) == Unauthenticated:
		return Credential{}, e.refuse(reason.NoKeysForToken, a, out)
	case !isSuccess(a):
		return Credential{}, e.refusal(reason.IAMFailed, a, out)
	}
	return e.credential(a.Body, reason.New(reason.ProviderCredential, reason.Args{
		"provider": out.text(e.o.IdpID, maxName), "source": e.o.Source.reason(),
	}))
}

// post sends what goes under "auth" to IAM.
func (e *oidc) post(ctx context.Context, path string, auth map[string]any, out *redactor) (answer, error) {
	body, err := json.Marshal(map[string]any{"auth": auth})
	if err != nil {
		return answer{}, &Error{Kind: Failed, Reason: reason.New(reason.NoIAMURL, nil)}
	}
	r, err := http.NewRequest(http.MethodPost, httpclient.Under(e.base, path).String(), strings.NewReader(string(body)))
	if err != nil {
		return answer{}, &Error{Kind: Failed, Reason: reason.New(reason.NoIAMURL, nil)}
	}
	r.Header.Set("Content-Type", "application/json;charset=UTF-8")
	r.Header.Set("X-Idp-Id", e.o.IdpID) // which the second request does without
	return e.ask(ctx, r, out)
}

// refuse is the error for an answer that names the identity provider.
func (e *oidc) refuse(code reason.Code, a answer, out *redactor) *Error {
	return &Error{Kind: Unauthenticated, Reason: reason.New(code, reason.Args{
		"service": e.service, "region": e.elsewhere(a), "provider": out.text(e.o.IdpID, maxName), "path": e.o.TokenFile, "answer": a.unlike(out),
	})}
}

// elsewhere returns the region whose IAM answered, if that is not the one in
// the address. The trace ID names it, and nothing else of the answer does: the
// message is that of a right which is missing.
//
// Source: what people report of the cloud's SDK for Go, which asks the IAM of
// China for whatever account.
func (e *oidc) elsewhere(a answer) string {
	kind, rest, _ := strings.Cut(a.Header.Get("X-Iam-Trace-Id"), "_")
	region, _, _ := strings.Cut(rest, "_")
	if kind != "token" || !isRegion.MatchString(region) || strings.Contains("."+e.base.Hostname()+".", "."+region+".") {
		return ""
	}
	return region
}

// isRegion is the form of a region's ID.
var isRegion = regexp.MustCompile(`^[a-z]{2,}-[a-z0-9-]{1,30}$`)

// isSuccess reports whether IAM did what it was asked. The status that its
// reference names is 201.
func isSuccess(a answer) bool { return a.Status == http.StatusCreated || a.Status == http.StatusOK }
