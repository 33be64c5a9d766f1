package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// A MailStage is a point of the SMTP dialogue at which something can go wrong.
type MailStage string

// The stages, in their order.
const (
	MailConnect   MailStage = "connect" // before the banner
	MailHello     MailStage = "hello"   // EHLO and HELO
	MailTLSStage  MailStage = "tls"     // STARTTLS, or the handshake of MailImplicit
	MailAuth      MailStage = "auth"
	MailFrom      MailStage = "from"
	MailRecipient MailStage = "rcpt"
	MailData      MailStage = "data"  // the message was sent, and is not taken
	MailTaken     MailStage = "taken" // the message was taken, the yes is not out yet
	MailReset     MailStage = "rset"
	MailQuit      MailStage = "quit"
)

// A MailFault is something that goes wrong at a stage.
type MailFault string

// The faults.
const (
	MailReply      MailFault = "reply" // argument: "550 5.1.1 text"; default a 451
	MailHang       MailFault = "hang"  // until the client leaves or the server closes
	MailSlow       MailFault = "slow"  // argument: "6s", how long until all goes on as if nothing were
	MailDrop       MailFault = "drop"  // the connection breaks
	MailNotOffered MailFault = "not-offered"
	MailWrongName  MailFault = "wrong-name" // the certificate is for another host
)

// With gives a fault its argument: MailReply.With("550 5.1.1 no such user").
func (f MailFault) With(arg string) MailFault { return f + ":" + MailFault(arg) }

// MailFaults returns the faults that a stage can have.
func MailFaults(stage MailStage) []MailFault {
	switch stage {
	case MailConnect, MailHello, MailAuth, MailFrom, MailRecipient, MailData, MailTaken:
		return []MailFault{MailReply, MailHang, MailSlow, MailDrop}
	case MailTLSStage:
		return []MailFault{MailNotOffered, MailWrongName, MailHang, MailSlow, MailDrop}
	case MailReset, MailQuit:
		return []MailFault{MailHang, MailSlow, MailDrop}
	}
	return nil
}

// Fail makes a stage go wrong until it is called with "" as the fault.
func (m *Mail) Fail(stage MailStage, f MailFault) error {
	return m.order(stage, []MailFault{f}, func() { m.script.stand(string(stage), f) })
}

// FailNext makes a stage go wrong the next times that it is reached, each as
// told, before what Fail says; "" lets one through.
func (m *Mail) FailNext(stage MailStage, fs ...MailFault) error {
	return m.order(stage, fs, func() { m.script.queue(string(stage), fs) })
}

// FailRecipient makes RCPT go wrong for one address, until it is called with ""
// as the fault.
func (m *Mail) FailRecipient(address string, f MailFault) error {
	return m.order(MailRecipient, []MailFault{f}, func() { m.script.stand(recipientTarget(address), f) })
}

// FailLogin makes one way to log in go wrong, "PLAIN" for instance, until it is
// called with "" as the fault.
func (m *Mail) FailLogin(way string, f MailFault) error {
	return m.order(MailAuth, []MailFault{f}, func() { m.script.stand(loginTarget(way), f) })
}

// Heal takes back every fault.
func (m *Mail) Heal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.script.heal()
}

func (m *Mail) order(stage MailStage, fs []MailFault, do func()) error {
	possible := MailFaults(stage)
	if possible == nil {
		return fmt.Errorf("sim: SMTP has no stage %q", stage)
	}
	for _, f := range fs {
		mode, arg := split(f)
		if mode != "" && !slices.Contains(possible, mode) {
			return fmt.Errorf("sim: %q cannot go wrong by %q", stage, mode)
		}
		if mode == MailSlow {
			if _, err := time.ParseDuration(arg); err != nil {
				return fmt.Errorf("sim: %q is not how long to be slow: %w", arg, err)
			}
		}
		if mode == MailReply {
			if _, err := parseReply(arg); err != nil {
				return err
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
	return nil
}

func loginTarget(way string) string { return "AUTH " + strings.ToUpper(way) }

func recipientTarget(address string) string { return "<" + strings.ToLower(address) + ">" }

// fault says what goes wrong at a stage, now.
func (m *Mail) fault(stage MailStage, more ...string) MailFault {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.script.take(append(more, string(stage))...)
}

// parseReply reads "550 5.1.1 text", of which the middle may be left out.
func parseReply(s string) (*smtp.SMTPError, error) {
	if s == "" {
		s = "451 4.3.0 the sim was told to fail"
	}
	code, text, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(code)
	if err != nil || n < 400 || n > 599 {
		return nil, fmt.Errorf("sim: the reply %q does not start with a code from 400 to 599", s)
	}
	e := &smtp.SMTPError{Code: n, EnhancedCode: smtp.NoEnhancedCode, Message: text}
	enhanced, rest, _ := strings.Cut(text, " ")
	var c smtp.EnhancedCode
	if _, err := fmt.Sscanf(enhanced, "%d.%d.%d", &c[0], &c[1], &c[2]); err == nil {
		e.EnhancedCode, e.Message = c, rest
	}
	return e, nil
}
