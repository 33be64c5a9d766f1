package dcs

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

const (
	// metadataURL is where an ECS finds out about itself, a link-local
	// address that no router passes on.
	metadataURL = "http://169.254.169.254"
	// issuerTimeout is for each request to an issuer of credentials, which
	// is on the same machine or the next one.
	issuerTimeout = 3 * time.Second
)

// ECSAgency returns the credential of the agency that is bound to the ECS we
// run on. baseURL is the address of the metadata service, empty for the true
// one. No proxy is used, whatever the environment says: it would hand its
// own credential to us, or ours to somebody.
//
// Source: facts page 1.3; "Obtaining Metadata" in the ECS user guide.
func ECSAgency(baseURL string) Credentials {
	if baseURL == "" {
		baseURL = metadataURL
	}
	a := &agency{strings.TrimSuffix(baseURL, "/"), issuerTransport()}
	return &temporary{name: "ECS agency", fetch: a.fetch}
}

// issuerTransport returns a transport for an issuer: without a proxy, and
// without keeping a connection for the hours until the next time.
func issuerTransport() http.RoundTripper {
	return httpclient.New(httpclient.Options{Timeout: issuerTimeout})
}

type agency struct {
	base      string
	transport http.RoundTripper
}

func (g *agency) fetch(ctx context.Context) (Credential, error) {
	out := &redactor{}
	// A fresh session each time: it is one more request every few hours,
	// and saves knowing when an old one ends.
	a, err := g.ask(ctx, http.MethodPut, "/meta-data/latest/api/token", "X-Metadata-Token-Ttl-Seconds", "21600", out)
	if err != nil {
		return Credential{}, err
	}
	session := ""
	switch a.Status {
	case http.StatusOK:
		session = strings.TrimSpace(string(a.Body))
		out.add(secret.New(session))
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusServiceUnavailable:
		// A metadata service of the first version has no sessions.
	default:
		return Credential{}, g.refusal(reason.NoSession, a, out)
	}
	a, err = g.ask(ctx, http.MethodGet, "/openstack/latest/securitykey", "X-Metadata-Token", session, out)
	if err != nil {
		return Credential{}, err
	}
	switch {
	case a.Status == http.StatusUnauthorized && bytes.Contains(a.Body, []byte("configure Cloud Service Agency")):
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(reason.NoAgency, nil)}
	case a.Status == http.StatusNotFound:
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(reason.ProbablyNoAgency, reason.Args{"service": g.name()})}
	case a.Status != http.StatusOK:
		return Credential{}, g.refusal(reason.NoAgencyCredential, a, out)
	}
	var body struct {
		Credential struct {
			Access        string `json:"access"`
			Secret        string `json:"secret"`
			SecurityToken string `json:"securitytoken"`
			ExpiresAt     string `json:"expires_at"`
		} `json:"credential"`
	}
	c := &body.Credential
	// The body is not quoted: it may hold half a credential.
	if json.Unmarshal(a.Body, &body) != nil || c.Access == "" || c.Secret == "" || c.SecurityToken == "" {
		return Credential{}, &Error{Kind: Failed, Reason: reason.New(reason.NotACredential, reason.Args{"service": g.name()})}
	}
	return issued(c.Access, c.Secret, c.SecurityToken, c.ExpiresAt, fromAgency), nil
}

// ask sends a request with one header, or none if value is empty.
func (g *agency) ask(ctx context.Context, method, path, header, value string, out *redactor) (answer, error) {
	r, err := http.NewRequest(method, g.base+path, nil)
	if err != nil {
		return answer{}, &Error{Kind: Failed, Reason: reason.New(reason.NoMetadataURL, nil)}
	}
	if value != "" {
		r.Header.Set(header, value)
	}
	a, why, err := askIssuer(ctx, g.transport, r, g.name(), out)
	switch {
	case err != nil && ctx.Err() != nil:
		return answer{}, ended(ctx)
	case err != nil:
		return answer{}, &Error{Kind: Failed, Err: out.cause(err), Reason: reason.New(reason.MetadataNotReached, reason.Args{"fault": why})}
	}
	return a, nil
}

func (g *agency) name() reason.Reason {
	host := g.base
	if u, err := url.Parse(g.base); err == nil {
		host = u.Host
	}
	return reason.New(reason.MetadataService, reason.Args{"host": host})
}

func (g *agency) refusal(code reason.Code, a answer, out *redactor) *Error {
	return &Error{Kind: errorKind(a.Status), Reason: reason.New(code, reason.Args{"service": g.name(), "answer": a.unlike(out)})}
}

// unlike says what an issuer answered instead of a 200. The body is looked
// at only if it is an error's: any other may hold a credential.
func (a answer) unlike(out *redactor) reason.Reason {
	if a.Status < 400 {
		return reason.New(reason.IssuerStatus, reason.Args{"status": a.Status})
	}
	return reason.New(reason.IssuerAnswer, reason.Args{"status": a.Status, "body": a.nature(out)})
}

// askIssuer sends a request to an issuer of credentials within its timeout
// and reads all of the answer. With an error it returns what that means.
func askIssuer(ctx context.Context, transport http.RoundTripper, r *http.Request, who reason.Reason, out *redactor) (a answer, why reason.Reason, err error) {
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	a, err = exchange(transport, r.WithContext(ctx))
	if err != nil {
		f := netfault.Explain(err, netfault.Peer{Who: who, Setting: "the address", Timeout: issuerTimeout})
		why = out.reason(f.Reason)
	}
	return a, why, err
}

// issued makes a credential of what an issuer gave. An end that can't be
// read is left zero.
func issued(accessKey, secretKey, securityToken, end string, from origin) Credential {
	expires, _ := parseDate(end)
	return Credential{
		accessKey:     secret.New(accessKey),
		secretKey:     secret.New(secretKey),
		securityToken: secret.New(securityToken),
		origin:        from,
		expires:       expires,
	}
}
