package notify

import (
	"net"
	"strings"

	"github.com/sslwatch/sslwatch/internal/check"
)

// address is a check.Address for people.
type address struct {
	host string // a name, or an IP address without brackets
	name bool   // host is a name, so TLS can ask for it
	port string // empty if the API did not say
}

// addressOf returns where clients reach an instance: by its name, else by its
// IPv4, else by its IPv6 address.
func addressOf(e check.Endpoint) (address, bool) {
	all := e.Addresses()
	if len(all) == 0 {
		return address{}, false
	}
	return address{all[0].Host, all[0].IsName, all[0].Port}, true
}

// String returns host:port, with an IPv6 address in brackets.
func (a address) String() string {
	if a.port == "" {
		return a.host
	}
	return net.JoinHostPort(a.host, a.port)
}

// command returns a command that shakes hands with the instance; options go
// before what ends its input. Without a port there is none.
func (a address) command(options string) string {
	if a.port == "" {
		return ""
	}
	where := a.String()
	if strings.HasPrefix(where, "[") {
		where = "'" + where + "'" // a pattern for some shells
	}
	s := "openssl s_client -connect " + where
	if a.name {
		s += " -servername " + a.host
	}
	return s + options + " </dev/null"
}
