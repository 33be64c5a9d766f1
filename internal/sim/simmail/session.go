package simmail

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// maxMail is the largest message that is taken.
const maxMail = 10 << 20

// serveConn holds one dialogue. Each has an smtp.Server of its own, because
// what goes wrong (TLS not offered, say) is a matter of the dialogue here, and
// of the server there.
func (m *Server) serveConn(c *simserver.Conn) {
	defer c.Close()
	m.mu.Lock()
	m.dials++
	m.open++
	m.mostOpen = max(m.mostOpen, m.open)
	full := m.most > 0 && m.open > m.most
	m.mu.Unlock()
	counted := &countedConn{Conn: c, ended: sync.OnceFunc(func() {
		m.mu.Lock()
		m.open--
		m.mu.Unlock()
	})}
	defer counted.ended()
	if full {
		fmt.Fprint(c, "421 4.7.0 too many connections from you\r\n")
		return
	}

	tlsFault := m.fault(TLSStage)
	config := m.good
	if tlsFault == WrongName {
		config = m.wrong
	}
	var conn net.Conn = counted
	if m.mode == Implicit {
		if m.play(c, tlsFault) != nil {
			return
		}
		conn = tls.Server(c, config)
	}
	if no := m.play(c, m.fault(Connect)); no != nil {
		fmt.Fprintf(conn, "%d %s\r\n", no.Code, no.Message)
		return
	}

	s := smtp.NewServer(smtp.BackendFunc(func(sc *smtp.Conn) (smtp.Session, error) {
		if no := m.play(c, m.fault(Hello)); no != nil {
			return nil, no
		}
		return &session{mail: m, conn: c, smtp: sc}, nil
	}))
	s.Domain = Host
	s.MaxMessageBytes = maxMail
	s.EnableSMTPUTF8 = m.utf8
	s.AllowInsecureAuth = m.mode == Plain
	s.ErrorLog = log.New(io.Discard, "", 0) // its complaints are the faults asked for
	s.Debug = &tap{before: func(command string) error { return m.before(c, command, tlsFault) }}
	if m.mode == StartTLS && tlsFault != NotOffered {
		s.TLSConfig = config
	}
	only := &onlyListener{conn: conn, gone: c.Gone(), addr: c.LocalAddr()}
	s.Serve(only) // returns when the connection is closed
	s.Shutdown(context.Background())
}

// countedConn no longer counts once the server ends it.
type countedConn struct {
	net.Conn
	ended func()
}

func (c *countedConn) Close() error {
	c.ended()
	return c.Conn.Close()
}

// before is called with each command before it is obeyed, for the stages at
// which go-smtp asks nobody.
func (m *Server) before(c *simserver.Conn, command string, tlsFault Fault) error {
	var no error
	switch command {
	case "STARTTLS":
		if m.mode == StartTLS {
			no = orNil(m.play(c, tlsFault))
		}
	case "RSET":
		no = orNil(m.play(c, m.fault(Reset)))
	case "QUIT":
		no = orNil(m.play(c, m.fault(Quit)))
	}
	if no != nil {
		return net.ErrClosed
	}
	return nil
}

func orNil(e *smtp.SMTPError) error {
	if e == nil {
		return nil
	}
	return e
}

// play does what a fault says. What it returns goes to the client; after a hang
// or a drop there is none left.
func (m *Server) play(c *simserver.Conn, f Fault) *smtp.SMTPError {
	gone := &smtp.SMTPError{Code: 421, Message: "the connection is gone"}
	switch mode, arg := simserver.Split(f); mode {
	case Reply:
		no, err := parseReply(arg)
		if err != nil {
			panic(err) // checked when it was ordered
		}
		return no
	case Hang:
		c.Hang()
		return gone
	case Slow:
		d, err := time.ParseDuration(arg)
		if err != nil {
			panic(err) // checked when it was ordered
		}
		select {
		case <-time.After(d):
		case <-c.Gone():
			return gone
		}
	case Drop:
		c.Reset()
		return gone
	}
	return nil
}

// A session is a dialogue from one EHLO on.
type session struct {
	mail *Server
	conn *simserver.Conn
	smtp *smtp.Conn
	user string // who authenticated
	from string
	to   []string

	extensions []string // that MAIL asked for
}

var _ smtp.AuthSession = (*session)(nil)

func (s *session) AuthMechanisms() []string {
	if s.mail.user == "" {
		return nil
	}
	return s.mail.logins
}

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if no := s.mail.play(s.conn, s.mail.fault(Auth, loginTarget(mechanism))); no != nil {
		return nil, no
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(identity, user, password string) error {
			if identity != "" && identity != user {
				return smtp.ErrAuthFailed
			}
			return s.login(user, password)
		}), nil
	case sasl.Login:
		return &loginServer{login: s.login}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *session) login(user, password string) error {
	if user != s.mail.user || password != s.mail.password {
		return smtp.ErrAuthFailed
	}
	s.user = user
	return nil
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if s.mail.user != "" && s.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	if no := s.mail.play(s.conn, s.mail.fault(From)); no != nil {
		return no
	}
	s.from, s.extensions = from, nil
	if o.UTF8 {
		s.extensions = append(s.extensions, "SMTPUTF8")
	}
	if o.Body != "" {
		s.extensions = append(s.extensions, "BODY="+string(o.Body))
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if no := s.mail.play(s.conn, s.mail.fault(Recipient, recipientTarget(to))); no != nil {
		return no
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if no := s.mail.play(s.conn, s.mail.fault(Data)); no != nil {
		return no
	}
	message := parseMail(raw)
	message.Time = time.Now().Round(0)
	message.From, message.To, message.User = s.from, s.to, s.user
	message.Hello, message.Extensions = s.smtp.Hostname(), s.extensions
	_, message.TLS = s.smtp.TLSConnectionState()
	s.mail.keep(message)
	if no := s.mail.play(s.conn, s.mail.fault(Taken)); no != nil {
		return no
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// keep takes a message and tells those who listen.
func (m *Server) keep(message Message) {
	m.mu.Lock()
	m.messages = append(m.messages, message)
	m.events.Put(message)
	m.mu.Unlock()
	m.bell.Ring()
	m.events.Drain()
}

// loginServer is AUTH LOGIN, of which go-sasl has the client only.
type loginServer struct {
	login func(user, password string) error
	user  *string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.user == nil:
		l.user = new(string(response))
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.login(*l.user, string(response))
	}
}

// An onlyListener accepts one connection, and ends when that does.
type onlyListener struct {
	conn net.Conn // nil once accepted
	gone <-chan struct{}
	addr net.Addr
}

func (l *onlyListener) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.gone
	return nil, net.ErrClosed
}

func (l *onlyListener) Close() error   { return nil }
func (l *onlyListener) Addr() net.Addr { return l.addr }

// A tap listens in on a dialogue, TLS or not, by way of smtp.Server.Debug, to
// which go-smtp writes each thing read or about to be written. It calls before
// with each command as it arrives, and an error from there ends the dialogue.
// Commands sent ahead in one packet are all seen before the first is obeyed.
type tap struct {
	before func(command string) error
	data   bool // the message is being sent
	secret bool // the next line is a password, or the like
	line   []byte
}

func (t *tap) Write(p []byte) (int, error) {
	if !t.data && isReply(p) {
		t.data, t.secret = string(p[:3]) == "354", string(p[:3]) == "334"
		return len(p), nil
	}
	for _, b := range p {
		t.line = append(t.line, b)
		if b != '\n' {
			continue
		}
		line := strings.TrimRight(string(t.line), "\r\n")
		t.line = nil
		if t.data {
			t.data = line != "."
			continue
		}
		if t.secret {
			t.secret = false
			continue
		}
		verb, _, _ := strings.Cut(line, " ")
		if err := t.before(strings.ToUpper(verb)); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// isReply tells the server's lines from the client's: a client's start with a
// letter, or are base64, which has neither blank nor hyphen.
func isReply(p []byte) bool {
	return len(p) > 3 && strings.Trim(string(p[:3]), "0123456789") == "" && (p[3] == ' ' || p[3] == '-')
}
