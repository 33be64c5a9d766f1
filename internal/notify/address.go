package notify

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sslwatch/sslwatch/internal/check"
)

// address is where clients reach an instance. Its parts have been checked:
// they consist of nothing but what a host and a port can hold.
type address struct {
	host string // a name, or an IP address without brackets
	name bool   // host is a name, so TLS can ask for it
	port string // empty if the API did not say
}

// addressOf returns where clients reach an instance: by its name, else by its
// IPv4, else by its IPv6 address. It has none if the API told of none that
// can be one.
func addressOf(e check.Endpoint) (address, bool) {
	a := address{}
	if n, err := strconv.ParseUint(e.Port, 10, 16); err == nil && n > 0 {
		a.port = strconv.FormatUint(n, 10)
	}
	if domain := strings.TrimSuffix(e.Domain, "."); isHostName(domain) {
		a.host, a.name = domain, true
		return a, true
	}
	for _, s := range []string{e.Domain, e.IP, e.IPv6} {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" && !ip.IsUnspecified() {
			a.host = ip.String()
			return a, true
		}
	}
	return address{}, false
}

// isHostName reports whether s is a name of DNS that can't be taken for an IP
// address, an option or anything else in a command.
func isHostName(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.Trim(l, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return len(s) <= 253 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
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
