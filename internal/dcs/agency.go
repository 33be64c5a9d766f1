package dcs

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

const (
	// metadataURL is where an ECS finds out about itself, a link-local
	// address that no router passes on.
	metadataURL = "http://169.254.169.254"
	// metadataTimeout is for each request to it.
	metadataTimeout = 3 * time.Second
	// sessionless is how long a metadata service that has no sessions is not
	// asked for one again.
	sessionless = 24 * time.Hour
)

// ECSAgency returns the credential of the agency that is bound to the ECS we
// run on. baseURL is the address of the metadata service, empty for the true
// one. No proxy is used, whatever the environment says.
//
// Source: facts page 1.3; "Obtaining Metadata" in the ECS user guide.
func ECSAgency(baseURL string) Credentials {
	if baseURL == "" {
		baseURL = metadataURL
	}
	a := newAgency(baseURL)
	return &temporary{name: "ECS agency", fetch: a.fetch}
}

func newAgency(baseURL string) *agency {
	base := strings.TrimSuffix(baseURL, "/")
	host := base
	if u, err := url.Parse(base); err == nil {
		host = u.Host
	}
	return &agency{
		issuer: issuer{
			service:    reason.New(reason.MetadataService, reason.Args{"host": host}),
			setting:    "the address",
			notReached: reason.MetadataNotReached,
			timeout:    metadataTimeout,
			transport:  localTransport(metadataTimeout),
		},
		base: base,
	}
}

type agency struct {
	issuer
	base string
	// noSessions is until when the service is taken to have none. It belongs
	// to fetch, of which there is one at a time.
	noSessions time.Time
}

func (g *agency) fetch(ctx context.Context) (Credential, error) {
	out := &redactor{}
	session, err := g.session(ctx, out)
	if err != nil {
		return Credential{}, err
	}
	a, err := g.send(ctx, http.MethodGet, "/openstack/latest/securitykey", "X-Metadata-Token", session, out)
	if err == nil && session == "" && wantsSession(a) {
		// It has sessions since, or had none to give for a moment.
		g.noSessions = time.Time{}
		if session, err = g.session(ctx, out); err == nil && session != "" {
			a, err = g.send(ctx, http.MethodGet, "/openstack/latest/securitykey", "X-Metadata-Token", session, out)
		}
	}
	switch {
	case err != nil:
		return Credential{}, err
	case a.Status == http.StatusUnauthorized && !wantsSession(a):
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(reason.NoAgency, nil)}
	case a.Status == http.StatusNotFound:
		return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(reason.ProbablyNoAgency, reason.Args{"service": g.service})}
	case a.Status != http.StatusOK:
		return Credential{}, g.refusal(reason.NoAgencyCredential, a, out)
	}
	return g.credential(a.Body, reason.New(reason.AgencyCredential, nil))
}

// wantsSession reports whether a credential was refused for want of a session,
// and not for want of an agency.
func wantsSession(a answer) bool {
	return a.Status == http.StatusUnauthorized && !bytes.Contains(a.Body, []byte("configure Cloud Service Agency"))
}

// session returns a session of the metadata service, empty for one of the
// first version, which has none. It is a fresh one each time: that is one more
// request every few hours, and saves knowing when an old one ends.
func (g *agency) session(ctx context.Context, out *redactor) (string, error) {
	if time.Now().Before(g.noSessions) {
		return "", nil
	}
	a, err := g.send(ctx, http.MethodPut, "/meta-data/latest/api/token", "X-Metadata-Token-Ttl-Seconds", "21600", out)
	if err != nil {
		return "", err
	}
	switch a.Status {
	case http.StatusOK:
		session := strings.TrimSpace(string(a.Body))
		out.add(secret.New(session))
		return session, nil
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusServiceUnavailable:
		g.noSessions = time.Now().Add(sessionless)
		return "", nil
	}
	return "", g.refusal(reason.NoSession, a, out)
}

// send sends a request with one header, or none if value is empty.
func (g *agency) send(ctx context.Context, method, path, header, value string, out *redactor) (answer, error) {
	r, err := http.NewRequest(method, g.base+path, nil)
	if err != nil {
		return answer{}, &Error{Kind: Failed, Reason: reason.New(reason.NoMetadataURL, nil)}
	}
	if value != "" {
		r.Header.Set(header, value)
	}
	return g.ask(ctx, r, out)
}
