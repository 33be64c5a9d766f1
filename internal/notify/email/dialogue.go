package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// stage is a step of the dialogue, in the words of a failure.
type stage string

const (
	connect   stage = "connect"
	greeting  stage = "greeting"
	handshake stage = "TLS handshake"
	hello     stage = "EHLO"
	startTLS  stage = "STARTTLS"
	login     stage = "AUTH"
	sender    stage = "MAIL FROM"
	recipient stage = "RCPT TO"
	data      stage = "DATA"
	content   stage = "end of DATA"
)

const (
	// maxHeard bounds what a server may say in one dialogue.
	maxHeard = 1 << 20
	// caPatience is how long to wait for the CA file, of largestCA at most.
	caPatience = 5 * time.Second
	largestCA  = 4 << 20
	// goodbye is how long to wait for an answer to QUIT: the mail is taken.
	goodbye = time.Second
)

// errNotOffered is a server that does not offer STARTTLS.
var errNotOffered = errors.New("STARTTLS is not offered")

// dialogue is one connection to the server, and one mail.
//
// It is held step by step, with go-mail's SMTP client and not with its Client
// that does all at once: that one leaves connections open when it fails
// early, and does not say at which step.
type dialogue struct {
	*receiver
	at stage // the step that is under way
}

// hold holds the dialogue. No error means that the server has the mail,
// whatever happened after it said so. The connection is closed at the end,
// and at once when ctx ends.
func (d *dialogue) hold(ctx context.Context, mail []byte) error {
	d.at = connect
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", d.address())
	if err != nil {
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()

	c, err := d.open(ctx, &bounded{Conn: raw, left: maxHeard})
	if err != nil {
		return err
	}
	if err := d.send(c, mail); err != nil {
		return err
	}
	if raw.SetDeadline(time.Now().Add(goodbye)) == nil {
		_ = c.Quit()
	}
	return nil
}

// open gets as far as being allowed to send.
func (d *dialogue) open(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	config, err := d.tlsConfig(ctx)
	if err != nil {
		return nil, err
	}
	if d.settings.Security == Implicit {
		d.at = handshake
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secure
	}
	d.at = greeting
	c, err := smtp.NewClient(conn, d.settings.Host)
	if err != nil {
		return nil, err
	}
	d.at = hello
	if err := c.Hello(d.domain); err != nil {
		return nil, err
	}
	if d.settings.Security == STARTTLS {
		d.at = startTLS
		if offered, _ := c.Extension("STARTTLS"); !offered {
			return nil, errNotOffered
		}
		if err := c.StartTLS(config); err != nil {
			return nil, err
		}
	}
	if d.settings.Username != "" {
		d.at = login
		return c, c.Auth(&chosen{settings: d.settings})
	}
	return c, nil
}

// send sends the mail.
func (d *dialogue) send(c *smtp.Client, mail []byte) error {
	d.at = sender
	if err := c.Mail("<" + d.from.Address + ">"); err != nil {
		return err
	}
	d.at = recipient
	if err := c.Rcpt("<" + d.to.Address + ">"); err != nil {
		return err
	}
	d.at = data
	w, err := c.Data()
	if err != nil {
		return err
	}
	d.at = content
	if _, err := bytes.NewReader(mail).WriteTo(w); err != nil {
		return err
	}
	return w.Close() // the server's yes
}

// tlsConfig returns what TLS has to keep to. The CA is read each time: it may
// have been replaced.
func (d *dialogue) tlsConfig(ctx context.Context) (*tls.Config, error) {
	pool, err := roots(ctx, d.settings.CAFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{ServerName: d.settings.Host, RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// roots reads a CA file; nil stands for the system's authorities.
func roots(ctx context.Context, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, caPatience)
	defer cancel()
	f, err := smallfile.Read(ctx, file, largestCA)
	if err != nil {
		return nil, &caError{err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(f.Data) {
		return nil, &caError{fmt.Errorf("%s holds no certificate", file)}
	}
	return pool, nil
}

// caError is a CA file that is of no use.
type caError struct{ err error }

var _ error = (*caError)(nil)

func (e *caError) Error() string { return "ca_file: " + e.err.Error() }

// Unwrap returns why.
func (e *caError) Unwrap() error { return e.err }

// errTalksTooMuch is a server whose answers have no end.
var errTalksTooMuch = errors.New("the server's answers have no end")

// bounded is a connection on which only so much is listened to: what reads
// the answers keeps all of a line, however long.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalksTooMuch
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
