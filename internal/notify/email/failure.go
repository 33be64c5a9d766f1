package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// failure words what went wrong, and tells whether only a person can help.
func (r *Receiver) failure(ctx context.Context, msg *gomail.Msg, l *line, err error) *notify.Failure {
	f := &notify.Failure{Err: err}
	says, do := r.explain(ctx, msg, l, err, f)
	f.Reason = clip(secret.Redact(says+": "+do, r.settings.Password), 600)
	return f
}

// explain says what went wrong, and what to do. It sets f.Refused where
// trying again soon can't help.
func (r *Receiver) explain(ctx context.Context, msg *gomail.Msg, l *line, err error, f *notify.Failure) (says, do string) {
	server := "the mail server " + r.address()
	var (
		auth      *authError
		reply     *textproto.Error
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		dns       *net.DNSError
		sendError *gomail.SendError
	)
	switch {
	case errors.As(err, &auth):
		f.Refused = true
		return server + " was not given the password", auth.reason + ": check tls, or take out username"
	case errors.As(err, &host), errors.As(err, &authority), errors.As(err, &invalid):
		f.Refused = true
		return "the certificate of " + server + " is not valid (" + certificate(err) + ")", "check host and ca_file, or mend the server's certificate"
	case errors.As(err, &record):
		f.Refused = true
		return server + " does not speak TLS on this port", "check port and tls: starttls is usual on 587, implicit on 465"
	case isNoSTARTTLS(err):
		f.Refused = true
		return server + " does not offer STARTTLS", "check port and tls: starttls is usual on 587, implicit on 465"
	case msg.HasSendError() && errors.As(msg.SendError(), &sendError) && sendError.ErrorCode() > 0:
		f.Refused = sendError.ErrorCode() >= 500
		return fmt.Sprintf("%s refused %s (%d)", server, stage(sendError), sendError.ErrorCode()),
			reworded(sendError.ErrorCode(), quote(sendError.Error()))
	case errors.As(err, &reply):
		f.Refused = reply.Code >= 500
		what := "the dialogue"
		if isAuth(reply.Code) {
			what = "username or password"
		}
		return fmt.Sprintf("%s refused %s (%d)", server, what, reply.Code), reworded(reply.Code, quote(reply.Msg))
	case errors.As(err, &dns):
		return "the name of " + server + " can't be resolved", "check host, and the DNS of this machine"
	case ctx.Err() != nil && !l.connected():
		return "no connection to " + server + " within " + timeout.String(), "check host, port and the firewall between"
	case ctx.Err() != nil:
		return server + " went silent in the middle of the dialogue", "it is tried again; look at the server if it stays so"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return server + " closed the connection in the middle of the dialogue", "it is tried again; look at the server if it stays so"
	case !l.connected():
		return server + " can't be reached (" + clip(network(err), 150) + ")", "check host, port and the firewall between"
	}
	return server + " failed (" + clip(network(err), 200) + ")", "it is tried again; look at the server if it stays so"
}

// isNoSTARTTLS tells whether the server lacks STARTTLS. go-mail has no typed
// error for it.
func isNoSTARTTLS(err error) bool {
	return strings.Contains(err.Error(), "does not support STARTTLS") ||
		strings.Contains(err.Error(), "STARTTLS is set but not supported") ||
		strings.Contains(err.Error(), "STARTTLS not supported")
}

// isAuth tells whether a reply is to AUTH. See RFC 4954, section 6.
func isAuth(code int) bool {
	return code == 454 || code == 530 || code == 534 || code == 535 || code == 538
}

// stage names the part of the dialogue that was refused.
func stage(e *gomail.SendError) string {
	switch e.Reason {
	case gomail.ErrSMTPMailFrom:
		return "the sender"
	case gomail.ErrSMTPRcptTo:
		return "the recipient"
	case gomail.ErrSMTPData, gomail.ErrSMTPDataClose, gomail.ErrWriteContent:
		return "the mail"
	}
	return "the mail"
}

// reworded says what a reply means for whoever has to act.
func reworded(code int, said string) string {
	switch {
	case isAuth(code) && code >= 500:
		return "check username and password; it said " + said
	case code >= 500:
		return "a person has to act, it said " + said
	}
	return "it is tried again, it said " + said
}

// certificate says what is wrong with a certificate.
func certificate(err error) string {
	var (
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &host):
		return "it is for another name"
	case errors.As(err, &authority):
		return "its authority is not known here"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired"
	}
	return "it can't be verified"
}

// network words an error below SMTP without Go's own prefixes.
func network(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

// quote puts what a server said into quotation marks.
func quote(s string) string { return "“" + clip(s, 300) + "”" }

// clip shortens a text to a number of runes, on one line.
func clip(s string, most int) string {
	s = strings.Join(strings.Fields(strings.Map(printable, s)), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// printable makes spaces of control characters.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}
