package simmail

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// A Stage is a point of the SMTP dialogue at which something can go wrong.
type Stage string

// The stages, in their order.
const (
	Connect   Stage = "connect" // before the banner
	Hello     Stage = "hello"   // EHLO and HELO
	TLSStage  Stage = "tls"     // STARTTLS, or the handshake of Implicit
	Auth      Stage = "auth"
	From      Stage = "from"
	Recipient Stage = "rcpt"
	Data      Stage = "data"  // the message was sent, and is not taken
	Taken     Stage = "taken" // the message was taken, the yes is not out yet
	Reset     Stage = "rset"
	Quit      Stage = "quit"
)

// A Fault is something that goes wrong at a stage.
type Fault string

// The faults.
const (
	Reply      Fault = "reply" // argument: "550 5.1.1 text"; default a 451
	Hang       Fault = "hang"  // until the client leaves or the server closes
	Slow       Fault = "slow"  // argument: "6s", how long until all goes on as if nothing were
	Drop       Fault = "drop"  // the connection breaks
	NotOffered Fault = "not-offered"
	WrongName  Fault = "wrong-name" // the certificate is for another host
)

// With gives a fault its argument: Reply.With("550 5.1.1 no such user").
func (f Fault) With(arg string) Fault { return f + ":" + Fault(arg) }

// Faults returns the faults that a stage can have.
func Faults(stage Stage) []Fault {
	switch stage {
	case Connect, Hello, Auth, From, Recipient, Data, Taken:
		return []Fault{Reply, Hang, Slow, Drop}
	case TLSStage:
		return []Fault{NotOffered, WrongName, Hang, Slow, Drop}
	case Reset, Quit:
		return []Fault{Hang, Slow, Drop}
	}
	return nil
}

// Fail makes a stage go wrong until it is called with "" as the fault.
func (m *Server) Fail(stage Stage, f Fault) error {
	return m.order(stage, []Fault{f}, func() { m.script.Stand(string(stage), f) })
}

// FailNext makes a stage go wrong the next times that it is reached, each as
// told, before what Fail says; "" lets one through.
func (m *Server) FailNext(stage Stage, fs ...Fault) error {
	return m.order(stage, fs, func() { m.script.Queue(string(stage), fs) })
}

// FailRecipient makes RCPT go wrong for one address, until it is called with ""
// as the fault.
func (m *Server) FailRecipient(address string, f Fault) error {
	return m.order(Recipient, []Fault{f}, func() { m.script.Stand(recipientTarget(address), f) })
}

// FailLogin makes one way to log in go wrong, "PLAIN" for instance, until it is
// called with "" as the fault.
func (m *Server) FailLogin(way string, f Fault) error {
	return m.order(Auth, []Fault{f}, func() { m.script.Stand(loginTarget(way), f) })
}

// Heal takes back every fault.
func (m *Server) Heal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.script.Heal()
}

func (m *Server) order(stage Stage, fs []Fault, do func()) error {
	possible := Faults(stage)
	if possible == nil {
		return fmt.Errorf("sim: SMTP has no stage %q", stage)
	}
	for _, f := range fs {
		mode, arg := simserver.Split(f)
		if mode != "" && !slices.Contains(possible, mode) {
			return fmt.Errorf("sim: %q cannot go wrong by %q", stage, mode)
		}
		if mode == Slow {
			if _, err := time.ParseDuration(arg); err != nil {
				return fmt.Errorf("sim: %q is not how long to be slow: %w", arg, err)
			}
		}
		if mode == Reply {
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
func (m *Server) fault(stage Stage, more ...string) Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.script.Take(append(more, string(stage))...)
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
