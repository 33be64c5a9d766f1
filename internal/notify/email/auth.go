package email

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// chooser authenticates with the best mechanism that the server offers. It
// never does so in the clear. go-mail's own choice does not know implicit
// TLS over a connection that was made for it.
type chooser struct {
	username string
	password secret.Text
	host     string
	chosen   smtp.Auth
}

// authError is an authentication that was not even tried.
type authError struct{ reason string }

var _ error = (*authError)(nil)

func (e *authError) Error() string { return e.reason }

// Start implements smtp.Auth.
func (c *chooser) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, &authError{"the connection is not protected by TLS, so the password was not sent"}
	}
	offered := make([]string, len(server.Auth))
	for i, mechanism := range server.Auth {
		offered[i] = strings.ToUpper(mechanism)
	}
	for _, m := range []struct {
		name string
		auth func() smtp.Auth
	}{
		{"SCRAM-SHA-256", func() smtp.Auth { return smtp.ScramSHA256Auth(c.username, c.password.Reveal()) }},
		{"SCRAM-SHA-1", func() smtp.Auth { return smtp.ScramSHA1Auth(c.username, c.password.Reveal()) }},
		{"PLAIN", func() smtp.Auth { return smtp.PlainAuth("", c.username, c.password.Reveal(), c.host, false) }},
		{"LOGIN", func() smtp.Auth { return smtp.LoginAuth(c.username, c.password.Reveal(), c.host, false) }},
		{"CRAM-MD5", func() smtp.Auth { return smtp.CRAMMD5Auth(c.username, c.password.Reveal()) }},
	} {
		if slices.Contains(offered, m.name) {
			c.chosen = m.auth()
			return c.chosen.Start(server)
		}
	}
	return "", nil, &authError{fmt.Sprintf("the server offers no authentication that sslwatch knows (it offers: %s)",
		strings.Join(offered, " "))}
}

// Next implements smtp.Auth.
func (c *chooser) Next(fromServer []byte, more bool) ([]byte, error) {
	return c.chosen.Next(fromServer, more)
}
