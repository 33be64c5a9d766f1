package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"syscall"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// maxReason bounds what is told of a failure.
const maxReason = 400

// failure puts into words why the dialogue ended where it did.
func (d *dialogue) failure(ctx context.Context, err error) *notify.Failure {
	var no *textproto.Error
	answered := errors.As(err, &no)
	if ctx.Err() != nil && !answered {
		err = ctx.Err() // what broke did because the connection was closed
	}
	f := &notify.Failure{}
	what, advice := "", ""
	switch {
	case answered && no.Code >= 400 && no.Code <= 599:
		// The code alone decides: go-mail calls a lost connection permanent.
		f.Refused = no.Code >= 500
		what = fmt.Sprintf("answered %s with %d %s", d.at, no.Code, no.Msg)
		if f.Refused {
			advice = d.at.advice()
		}
	case answered:
		what = fmt.Sprintf("answered %s out of turn with %d %s", d.at, no.Code, no.Msg)
	default:
		what, advice, f.Refused = d.explain(err)
		f.Err = err
	}
	// Before the cut, or a part of a secret might be left.
	f.Reason = clip(secret.Redact("mail server "+d.address()+" "+what, d.secrets()...), maxReason)
	if advice != "" {
		f.Reason += ": " + advice
	}
	return f
}

// explain is for all but the refusals of the server. Where only a person can
// help, it says how.
func (d *dialogue) explain(err error) (what, advice string, refused bool) {
	var ca *caError
	var nowhere *noLoginError
	var name x509.HostnameError
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &ca):
		return "can't be trusted, " + ca.Error(), "put the CA that its certificate is from into ca_file", true
	case errors.Is(err, errNotOffered):
		return "does not offer STARTTLS", `set tls = "implicit" if the port is for TLS from the first byte (465), ` +
			`or use the port for submission (587)`, true
	case errors.As(err, &name):
		return fmt.Sprintf("failed the TLS handshake: its certificate is for another name (%v)", name),
			"set host to a name in the certificate", true
	case errors.As(err, &untrusted):
		return fmt.Sprintf("failed the TLS handshake: its certificate is not trusted (%v)", untrusted.Err),
			"put the CA that it is from into ca_file, or have the certificate renewed", true
	case errors.As(err, &notTLS):
		return "failed the TLS handshake: it does not speak TLS there",
			`set tls = "starttls" if the port is for submission (587), or use the port for TLS from the first byte (465)`, true
	case errors.As(err, &nowhere):
		return "can't be logged in to: " + nowhere.Error(), "remove username and password, or use a server or a port that takes them", true
	case errors.Is(err, context.Canceled):
		return fmt.Sprintf("was not waited for at %s, since sslwatch stops", d.at), "", false
	case errors.Is(err, context.DeadlineExceeded):
		what = fmt.Sprintf("gave no answer to %s in time", d.at)
		if d.at == greeting && d.settings.Security != Implicit {
			what += `; if the port is for TLS from the first byte (465), set tls = "implicit"`
		}
		return what, "", false
	case d.at == connect:
		return fmt.Sprintf("can't be reached (%v)", err), "", false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return fmt.Sprintf("closed the connection at %s", d.at), "", false
	}
	return fmt.Sprintf("failed at %s (%v)", d.at, err), "", false
}

// advice is what to do about a refusal at a stage.
func (s stage) advice() string {
	switch s {
	case greeting, hello:
		return "ask whoever runs the server to let this machine send"
	case startTLS:
		return "ask whoever runs the server why TLS is not available"
	case login:
		return "check username and password"
	case sender:
		return "check that the server lets us send as the address in from"
	case recipient:
		return "check the address in to, and that the server takes mail for it from us"
	}
	return "ask whoever runs the server why it does not take the mail"
}

// secrets returns the password in each form that a server has seen of it.
func (d *dialogue) secrets() []secret.Text {
	password := d.settings.Password.Reveal()
	if password == "" {
		return nil
	}
	encode := base64.StdEncoding.EncodeToString
	return []secret.Text{
		d.settings.Password,
		secret.New(encode([]byte("\x00" + d.settings.Username + "\x00" + password))),
		secret.New(encode([]byte(password))),
	}
}
