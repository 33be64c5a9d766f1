package email

import (
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// noLoginError is a server that there is no way to authenticate to.
type noLoginError struct{ why string }

var _ error = (*noLoginError)(nil)

func (e *noLoginError) Error() string { return e.why }

// chosen is the way to authenticate that suits the server best. It chooses
// when the server's offers are known, the same over STARTTLS and implicit
// TLS, and sends nothing over a connection that is not encrypted.
type chosen struct {
	settings Settings
	smtp.Auth
}

// Start chooses.
func (c *chosen) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, &noLoginError{"the connection is not encrypted"}
	}
	offers := make([]string, 0, len(server.Auth))
	for _, o := range server.Auth {
		offers = append(offers, strings.ToUpper(o))
	}
	user, password, host := c.settings.Username, c.settings.Password.Reveal(), c.settings.Host
	// Within TLS, PLAIN is better than CRAM-MD5, for which the server has to
	// keep the password itself, and which some offer to all and grant to few.
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(user, password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(user, password)},
		{"PLAIN", smtp.PlainAuth("", user, password, host, false)},
		{"LOGIN", smtp.LoginAuth(user, password, host, false)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(user, password)},
	} {
		if slices.Contains(offers, way.name) {
			c.Auth = way.auth
			return c.Auth.Start(server)
		}
	}
	if len(offers) == 0 {
		return "", nil, &noLoginError{"it offers no authentication"}
	}
	return "", nil, &noLoginError{"it offers no way of authentication that is known here"}
}
