// Package email carries messages to one person by e-mail: text and HTML, over
// SMTP with STARTTLS, with TLS from the first byte, or without.
//
// The wording is not made here. What is: how it looks in a mail, that one
// deadline holds for the whole dialogue with the server, and what the
// server's refusals mean.
package email

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify"
)

// dialogueTimeout bounds one delivery, from the dial to the goodbye, should
// the caller allow more.
const dialogueTimeout = time.Minute

// receiver is one person, reached by way of one server.
type receiver struct {
	settings Settings
	from, to *mail.Address
	// domain is the host part of From, as far as it can be part of an ID and
	// a greeting. Both name who we are for people, and not the container.
	domain string
}

var _ notify.Receiver = (*receiver)(nil)

// New returns the receiver that the settings describe. It connects to nothing.
func New(s Settings) (notify.Receiver, error) {
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("from is not a valid e-mail address: %w", err)
	}
	to, err := mail.ParseAddress(s.To)
	if err != nil {
		return nil, fmt.Errorf("to is not a valid e-mail address: %w", err)
	}
	switch {
	case s.Host == "" || s.Port < 1 || s.Port > 65535:
		return nil, errors.New("a mail server needs a host and a port")
	case s.Security != STARTTLS && s.Security != Implicit && s.Security != None:
		return nil, fmt.Errorf("there is no security %q", s.Security)
	case s.Security == None && s.Username != "":
		return nil, errors.New("a password is never sent without TLS")
	}
	return &receiver{s, from, to, domain(from.Address)}, nil
}

// Limits returns what one message can hold: as much as the mail servers of
// this world take, with its markup and encoded.
func (r *receiver) Limits() notify.Limits {
	return notify.Limits{Items: 2000, Bytes: 1 << 20}
}

// Deliver sends a message. There is no receipt: the ID of a mail follows from
// that of the message.
func (r *receiver) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	mail, err := r.compose(m)
	if err != nil {
		return nil, &notify.Failure{
			Refused: true, Reason: "the mail could not be written; this is a fault of sslwatch, please report it", Err: err,
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dialogueTimeout)
	defer cancel()
	d := dialogue{receiver: r}
	if err := d.hold(ctx, mail); err != nil {
		return nil, d.failure(ctx, err)
	}
	return nil, nil
}

// address is where the server is.
func (r *receiver) address() string {
	return net.JoinHostPort(r.settings.Host, strconv.Itoa(r.settings.Port))
}

// domain returns the host part of an address, or a name that is nobody's if
// it is not of plain ASCII: an ID of anything else would be encoded on its
// way, and never found again.
func domain(address string) string {
	host := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		return "sslwatch.invalid"
	}
	return host
}
