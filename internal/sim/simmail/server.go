// Package simmail is an SMTP server, simulated: it keeps what it takes, and goes
// wrong at each step where that was ordered.
package simmail

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/emersion/go-sasl"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// TLS is how a Server speaks TLS.
type TLS string

// The ways.
const (
	StartTLS TLS = "starttls"
	Implicit TLS = "implicit"
	Plain    TLS = "none" // passwords are taken in the clear
)

// Host is a name that the certificate of every Mail is valid for, beside
// localhost, 127.0.0.1 and ::1: for a Server that listens on a Pipe.
const Host = "mail.sim"

// Options say what a Server is made of.
type Options struct {
	TLS            TLS    // default StartTLS
	User, Password string // no User: mail is taken from anybody

	Logins         []string // the ways to log in that are offered; default PLAIN and LOGIN
	UTF8           bool     // whether addresses beyond ASCII are taken
	MaxConnections int      // at once; 0 for any number

	// OnMessage is called with every mail taken, in order, outside all locks, and
	// before the client has its answer. It may call back.
	OnMessage func(Message)
}

// A Server is an SMTP server with a certificate authority of its own. It listens
// nowhere until Listen or Serve.
type Server struct {
	simserver.Gate
	bell   simserver.Bell
	events simserver.Events[Message]

	mode           TLS
	user, password string
	logins         []string
	utf8           bool
	most           int
	ca             *authority
	good, wrong    *tls.Config // the latter's certificate is for another name

	serves, sessions sync.WaitGroup

	mu       sync.Mutex
	script   simserver.Script[Fault]
	messages []Message
	dials    int
	open     int // connections
	mostOpen int // at once
}

// New returns a Server that does not listen yet.
func New(o Options) (*Server, error) {
	m := &Server{
		mode: cmp.Or(o.TLS, StartTLS), user: o.User, password: o.Password,
		logins: o.Logins, utf8: o.UTF8, most: o.MaxConnections,
	}
	if m.logins == nil {
		m.logins = []string{sasl.Plain, sasl.Login}
	}
	if !slices.Contains([]TLS{StartTLS, Implicit, Plain}, m.mode) {
		return nil, fmt.Errorf("sim: no way of TLS is called %q", o.TLS)
	}
	m.events.Call = o.OnMessage
	var err error
	if m.ca, err = newAuthority(); err != nil {
		return nil, fmt.Errorf("sim: make a certificate authority: %w", err)
	}
	if m.good, err = m.ca.issue("localhost", Host, "127.0.0.1", "::1"); err != nil {
		return nil, fmt.Errorf("sim: issue a certificate: %w", err)
	}
	if m.wrong, err = m.ca.issue("elsewhere.invalid"); err != nil {
		return nil, fmt.Errorf("sim: issue a certificate: %w", err)
	}
	return m, nil
}

// CA is the certificate that clients have to trust, in PEM.
func (m *Server) CA() []byte { return slices.Clone(m.ca.pem) }

// WriteCA writes what CA returns into a file.
func (m *Server) WriteCA(file string) error {
	return os.WriteFile(file, m.ca.pem, 0o644)
}

// Listen binds a TCP address, or a free port of the loopback if addr is "", and
// serves it in the background.
func (m *Server) Listen(addr string) error {
	l, err := net.Listen("tcp", cmp.Or(addr, simserver.Loopback))
	if err != nil {
		return err
	}
	return m.Serve(l)
}

// Serve serves any listener in the background and takes it over.
func (m *Server) Serve(l net.Listener) error {
	guarded, err := m.Guard(l)
	if err != nil {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	m.serves.Go(func() {
		for {
			c, err := guarded.Accept()
			if err != nil {
				return
			}
			m.sessions.Go(func() { m.serveConn(c.(*simserver.Conn)) })
		}
	})
	return nil
}

// Close cuts every connection and waits until all is quiet.
func (m *Server) Close() error {
	m.Shut()
	m.serves.Wait()
	m.sessions.Wait()
	return nil
}

// Host is the host of the first listener, and "" before there is one.
func (m *Server) Host() string {
	host, _ := m.hostPort()
	return host
}

// Port is the port of the first listener, and 0 before there is one.
func (m *Server) Port() int {
	_, port := m.hostPort()
	return port
}

func (m *Server) hostPort() (string, int) {
	a := m.Addr()
	if a == nil {
		return "", 0
	}
	host, port, _ := net.SplitHostPort(a.String()) // the address of a listener
	n, _ := strconv.Atoi(port)
	return host, n
}

// Messages returns the mail taken, oldest first.
func (m *Server) Messages() []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.messages)
}

// Dials is how many connections were accepted.
func (m *Server) Dials() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dials
}

// MostOpen is how many connections were open at once.
func (m *Server) MostOpen() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mostOpen
}

// Wait returns when until is satisfied with the mail taken, which it is asked
// after every one, or with the cause when ctx is done.
func (m *Server) Wait(ctx context.Context, until func([]Message) bool) error {
	return m.bell.Await(ctx, func() bool { return until(m.Messages()) })
}
