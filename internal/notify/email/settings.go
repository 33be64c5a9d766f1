package email

import "github.com/sslwatch/sslwatch/internal/secret"

// Security is how the connection to the mail server is protected.
type Security string

// The ways. None of them falls back to another.
const (
	STARTTLS Security = "starttls" // plain, then upgraded; refused if the server does not offer it
	Implicit Security = "implicit" // TLS from the first byte
	None     Security = "none"     // no protection; refuses to authenticate
)

// Settings says how to reach one person by e-mail.
type Settings struct {
	Host     string
	Port     int
	Security Security
	CAFile   string // PEM; empty for the system's
	HELO     string // how to greet the server; empty for the name of this machine
	Username string // empty: no authentication
	Password secret.Text
	From     string // an RFC 5322 address, with or without a name
	To       string // one recipient, with or without a name
}
