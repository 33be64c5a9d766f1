package dcs

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// issuer is a service that issues temporary credentials.
type issuer struct {
	service    reason.Reason // names it
	setting    string        // what its address is from
	notReached reason.Code   // has the argument fault
	timeout    time.Duration // for one request
	transport  http.RoundTripper
}

// localTransport returns a transport for an issuer on this machine or the
// next one: without a proxy, which would hand its own credential to us, or
// ours to somebody, and without keeping a connection for the hours until the
// next time.
func localTransport(timeout time.Duration) http.RoundTripper {
	return httpclient.New(httpclient.Options{Timeout: timeout})
}

// ask sends a request and reads all of the answer. The error is an *Error, or
// wraps ctx.Err().
func (i *issuer) ask(ctx context.Context, r *http.Request, out *redactor) (answer, error) {
	limited, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	a, err := exchange(i.transport, r.WithContext(limited))
	switch {
	case err != nil && ctx.Err() != nil:
		return answer{}, ended(ctx)
	case err != nil:
		f := netfault.Explain(err, netfault.Peer{Who: i.service, Setting: i.setting, Timeout: i.timeout})
		return answer{}, &Error{Kind: Failed, Err: out.cause(err), Reason: reason.New(i.notReached, reason.Args{"fault": out.reason(f.Reason)})}
	}
	return a, nil
}

// refusal is the error for an answer that is not what was asked for.
func (i *issuer) refusal(code reason.Code, a answer, out *redactor) *Error {
	return &Error{Kind: errorKind(a.Status), Reason: reason.New(code, reason.Args{"service": i.service, "answer": a.unlike(out)})}
}

// noCredential is the error for an answer that should have held a credential.
// The body is not quoted: it may hold half of one.
func (i *issuer) noCredential() *Error {
	return &Error{Kind: Failed, Reason: reason.New(reason.NotACredential, reason.Args{"service": i.service})}
}

// credential reads the form in which the metadata service and IAM write a
// credential.
func (i *issuer) credential(body []byte, from reason.Reason) (Credential, error) {
	var b struct {
		Credential struct {
			Access        string `json:"access"`
			Secret        string `json:"secret"`
			SecurityToken string `json:"securitytoken"`
			ExpiresAt     string `json:"expires_at"`
		} `json:"credential"`
	}
	c := &b.Credential
	if json.Unmarshal(body, &b) != nil || c.Access == "" || c.Secret == "" || c.SecurityToken == "" {
		return Credential{}, i.noCredential()
	}
	return issued(c.Access, c.Secret, c.SecurityToken, c.ExpiresAt, from), nil
}

// issued makes a credential of what an issuer gave. An end that can't be
// read is left zero.
func issued(accessKey, secretKey, securityToken, end string, from reason.Reason) Credential {
	expires, _ := parseDate(end)
	return Credential{
		accessKey:     secret.New(accessKey),
		secretKey:     secret.New(secretKey),
		securityToken: secret.New(securityToken),
		origin:        from,
		expires:       expires,
	}
}

// unlike says what an issuer answered instead of a success. The body is
// looked at only if it is an error's: any other may hold a credential.
func (a answer) unlike(out *redactor) reason.Reason {
	if a.Status < 400 {
		return reason.New(reason.IssuerStatus, reason.Args{"status": a.Status})
	}
	return reason.New(reason.IssuerAnswer, reason.Args{"status": a.Status, "body": a.nature(out)})
}

// errorKind sorts the status of an issuer's answer: what it refuses a person
// must mend, what it fails at may pass.
func errorKind(status int) Kind {
	if 400 <= status && status < 500 && status != 408 && status != 429 {
		return Unauthenticated
	}
	return Failed
}
