// Package email carries messages to one person's mailbox by SMTP.
//
// Each recipient is a receiver of its own, so that an address that is
// refused costs nobody else theirs.
package email

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/notify"
)

// timeout bounds one whole dialogue, from the dial to the QUIT.
const timeout = 25 * time.Second

// limits are what a mail can hold: one is better than many, and no server
// refuses a megabyte.
var limits = notify.Limits{Items: 2000, Bytes: 1 << 20}

// Receiver is one recipient of mail.
type Receiver struct {
	settings Settings
	from     *mail.Address
	to       *mail.Address
	domain   string // of the sender: for Message-ID and HELO
	roots    *x509.CertPool
}

var _ notify.Receiver = (*Receiver)(nil)

// New returns a receiver, or says what is wrong with the settings. It
// connects to nothing yet.
func New(s Settings) (*Receiver, error) {
	r := &Receiver{settings: s}
	var err error
	if r.from, err = mail.ParseAddress(s.From); err != nil {
		return nil, fmt.Errorf("from is not an address: %w", err)
	}
	if r.to, err = mail.ParseAddress(s.To); err != nil {
		return nil, fmt.Errorf("to is not an address: %w", err)
	}
	_, r.domain, _ = strings.Cut(r.from.Address, "@")
	if s.Security == None && s.Username != "" {
		return nil, errors.New("a password is never sent without TLS: set tls, or take out username")
	}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		r.roots = x509.NewCertPool()
		if !r.roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s holds no certificate in PEM", s.CAFile)
		}
	}
	return r, nil
}

// Limits returns what one message can hold.
func (r *Receiver) Limits() notify.Limits { return limits }

// Deliver sends a mail. It was delivered once the server took its data,
// whatever happens to the dialogue after that.
func (r *Receiver) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	msg, err := r.compose(m)
	if err != nil {
		return nil, &notify.Failure{Refused: true, Reason: "the mail can't be made: " + err.Error(), Err: err}
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	line := &line{}
	// go-mail's context covers the dial alone, and it leaks connections of
	// dialogues that fail early. Closing the connection mends both.
	stop := context.AfterFunc(limited, line.close)
	defer func() {
		stop()
		line.close()
	}()
	client, err := r.client(line)
	if err != nil {
		return nil, &notify.Failure{Refused: true, Reason: "the mail settings can't be used: " + err.Error(), Err: err}
	}
	err = client.DialAndSendWithContext(limited, msg)
	if msg.IsDelivered() {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		err = errors.New("the server did not take the mail")
	}
	return nil, r.failure(limited, msg, line, err)
}

// client prepares one dialogue.
func (r *Receiver) client(l *line) (*gomail.Client, error) {
	l.host, l.security, l.roots = r.settings.Host, r.settings.Security, r.roots
	options := []gomail.Option{
		gomail.WithPort(r.settings.Port),
		gomail.WithTimeout(timeout),
		gomail.WithHELO(r.domain),
		gomail.WithDialContextFunc(l.dial),
		gomail.WithTLSConfig(l.tlsConfig()),
		gomail.WithoutNoop(),
	}
	if r.settings.Security == STARTTLS {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	} else {
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS)) // for implicit TLS the dial does it
	}
	if r.settings.Username != "" {
		options = append(options, gomail.WithSMTPAuthCustom(&chooser{
			username: r.settings.Username, password: r.settings.Password, host: r.settings.Host,
		}))
	}
	return gomail.NewClient(r.settings.Host, options...)
}

// address is where the server is, for people.
func (r *Receiver) address() string {
	return net.JoinHostPort(r.settings.Host, strconv.Itoa(r.settings.Port))
}
