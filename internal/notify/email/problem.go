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
	"strings"
	"syscall"

	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/text"
)

// maxReason bounds what is told of a failure.
const maxReason = 400

// errCrowded is a wait for a connection that ended before there was one.
var errCrowded = errors.New("no connection was free")

// failure puts into words why the dialogue ended where it did.
func (d *dialogue) failure(ctx context.Context, err error) *notify.Failure {
	f := &notify.Failure{Unknown: d.inDoubt(err)}
	who := "mail server " + d.address()
	says, what, advice := "", "", ""
	var no *textproto.Error
	var refused *loginError
	switch {
	case errors.As(err, &refused):
		what, advice, f.Refused = d.loginRefused(refused)
	case errors.As(err, &no) && no.Code >= 400 && no.Code <= 599:
		// The code alone decides: 4xx passes by itself.
		f.Refused = no.Code >= 500
		what, advice = fmt.Sprintf("answered %s with %d %s", d.at, no.Code, no.Msg), d.advice(no)
	case errors.As(err, &no):
		what = fmt.Sprintf("answered %s out of turn with %d %s", d.at, no.Code, no.Msg)
	default:
		if ctx.Err() != nil {
			err = ctx.Err() // what broke did because the connection was closed
		}
		f.Err = err
		if what, advice, f.Refused = d.explain(ctx, err); what == "" {
			fault := netfault.Explain(netfault.At(d.at.network(), err), netfault.Peer{Who: reason.Text(who), Setting: "host, port and tls", CAFile: "ca_file"})
			says, advice, f.Refused = fault.Says(), d.tlsAdvice(err, fault.Do()), fault.Lasting
		}
	}
	if says == "" {
		says = who + " " + what
	}
	if f.Unknown {
		says += "; it is not known whether it took the mail"
	}
	// Before the cut, or a part of a secret might be left.
	f.Reason = clip(secret.Redact(says, d.secrets()...), maxReason)
	if advice != "" {
		f.Reason += ": " + advice
	}
	return f
}

// explain is for all but the refusals of the server. Where only a person can
// help, it says how. What is the network's has no words here.
func (d *dialogue) explain(ctx context.Context, err error) (what, advice string, refused bool) {
	var ca *caError
	switch {
	case errors.As(err, &ca):
		return "can't be trusted, " + ca.Error(), "put the CA that its certificate is from into ca_file", true
	case errors.Is(err, errNotOffered):
		return "does not offer STARTTLS", `set tls = "implicit" if the port is for TLS from the first byte (465), ` +
			`or use the port for submission (587)`, true
	case errors.Is(err, errNoSMTPUTF8):
		return "does not take addresses that have letters beyond ASCII before the @ (no SMTPUTF8)", "use another address in from or to", true
	case errors.Is(err, errCrowded):
		return "has as many connections from here as it takes, and none became free", "", false
	case errors.Is(err, context.Canceled):
		return fmt.Sprintf("was not waited for any longer at %s", d.at), "", false
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("was still at %s when the time for one mail was over", d.at), "", false
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() && d.at != connect && d.at != handshake:
		what = fmt.Sprintf("gave no answer to %s within %s", d.at, text.Duration(d.wait))
		if d.at == welcome && d.settings.Security != Implicit && d.speaksTLS(ctx) {
			return what + ", and expects TLS from the first byte there", `set tls = "implicit", or use the port for submission (587)`, true
		}
		return what, "", false
	case d.at == connect, d.at == handshake:
		return "", "", false
	case isHangUp(err):
		return fmt.Sprintf("closed the connection at %s", d.at), "", false
	}
	return fmt.Sprintf("failed at %s (%v)", d.at, err), "", false
}

// network returns where on the network a step is.
func (s step) network() netfault.Step {
	if s == connect {
		return netfault.Connect
	}
	return netfault.Handshake
}

// tlsAdvice is what to do about a fault of TLS: what is to be done for any
// server, unless a setting of this one helps.
func (d *dialogue) tlsAdvice(err error, any string) string {
	var name x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &name) && len(name.Certificate.DNSNames)+len(name.Certificate.IPAddresses) > 0:
		return "set host to a name in the certificate"
	case errors.As(err, &record) && d.settings.Security == Implicit:
		return `set tls = "starttls" if the port is for submission (587), or use the port for TLS from the first byte (465)`
	}
	return any
}

// speaksTLS reports whether the server begins with TLS, where it did not
// begin without.
func (d *dialogue) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := d.servers.dial(ctx, d.address())
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	// Nothing is sent over it, so whose certificate it is does not matter.
	return tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) == nil
}

// isHangUp reports whether the other side ended the connection.
func isHangUp(err error) bool {
	var no *textproto.Error
	return errors.As(err, &no) && no.Code == 421 ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE)
}

// isCrowded reports whether the server may have refused the connection
// because of others.
func (d *dialogue) isCrowded(err error) bool {
	var no *textproto.Error
	if errors.As(err, &no) {
		return d.at == welcome || d.at == hello && no.Code == 421 || says(no, "too many", "concurrent", "connection limit", "connections")
	}
	return (d.at == connect || d.at == handshake || d.at == welcome) && isHangUp(err)
}

// says reports whether an answer has one of these words in it.
func says(no *textproto.Error, words ...string) bool {
	said := strings.ToLower(no.Msg)
	for _, w := range words {
		if strings.Contains(said, w) {
			return true
		}
	}
	return false
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
