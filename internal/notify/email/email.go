// Package email carries messages to one person by e-mail: text and HTML, over
// SMTP with STARTTLS, with TLS from the first byte, or without.
//
// The wording is not made here. What is: how it looks in a mail, how long each
// step of the dialogue with the server may take, how many connections a server
// gets, and what its refusals mean.
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

	"github.com/sslwatch/sslwatch/internal/notify"
)

// receiver is one person, reached by way of one server.
type receiver struct {
	settings Settings
	servers  *Servers
	from, to *mail.Address
	// domain is the host part of From, as far as it can be part of an ID.
	domain string
}

var _ notify.Sender = (*receiver)(nil)

// New returns the receiver that the settings describe, which shares nothing
// with others.
func New(s Settings) (notify.Sender, error) { return new(Servers).Receiver(s) }

// Receiver returns the receiver that the settings describe. It connects to
// nothing.
func (s *Servers) Receiver(o Settings) (notify.Sender, error) {
	from, err := ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("from %w", err)
	}
	to, err := ParseAddress(o.To)
	if err != nil {
		return nil, fmt.Errorf("to %w", err)
	}
	switch {
	case o.Host == "" || o.Port < 1 || o.Port > 65535:
		return nil, errors.New("a mail server needs a host and a port")
	case o.Security != STARTTLS && o.Security != Implicit && o.Security != None:
		return nil, fmt.Errorf("there is no security %q", o.Security)
	case o.Security == None && o.Username != "":
		return nil, errors.New("a password is never sent without TLS")
	}
	if o.HELO != "" {
		if err := CheckHELO(o.HELO); err != nil {
			return nil, fmt.Errorf("helo %w", err)
		}
	}
	return &receiver{o, s, from, to, domain(from.Address)}, nil
}

// Limits returns what one message can hold: as much as the mail servers of
// this world take, with its markup and encoded. 10,000 names of 30 characters
// and their IDs are 0.7 MB, and a mail of 2 MB.
func (r *receiver) Limits() notify.Limits {
	return notify.Limits{Items: 10_000, Bytes: 256 << 10, Names: 1 << 20, Timeout: perDelivery}
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
	if f := r.deliver(ctx, mail); f != nil {
		return nil, f
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
