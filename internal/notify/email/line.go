package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync"
)

// line is the connection of one dialogue.
type line struct {
	host     string
	security Security
	roots    *x509.CertPool

	mu     sync.Mutex
	conn   net.Conn
	closed bool
	dialed bool
}

// dial connects; with implicit TLS it shakes hands too, since go-mail does
// not do so over a connection that it did not make.
func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !l.keep(conn) {
		return nil, context.Canceled
	}
	if l.security != Implicit {
		return conn, nil
	}
	secured := tls.Client(conn, l.tlsConfig())
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured, nil // go-mail looks for exactly this type to know that it is secure
}

// keep remembers a connection, to close it; false if that is over already.
func (l *line) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialed = true
	if l.closed {
		conn.Close()
		return false
	}
	l.conn = conn
	return true
}

// close ends the dialogue, wherever it is.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		l.conn.Close()
	}
}

// connected tells whether there ever was a connection.
func (l *line) connected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialed
}

func (l *line) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: l.host, RootCAs: l.roots, MinVersion: tls.VersionTLS12}
}
