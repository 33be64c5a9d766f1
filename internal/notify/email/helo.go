package email

import (
	"errors"
	"net"
	"net/netip"
	"strings"
)

// CheckHELO says what is wrong with a name to greet with; nil if nothing.
func CheckHELO(name string) error {
	if _, err := asciiHost(name); err != nil {
		return errors.New(`must be the full name of this machine, such as "ops1.example.com", or its IP address in brackets`)
	}
	return nil
}

// greeting returns the name by which to greet a server: the one configured,
// else the name of this machine, else the address that the server sees, which
// stands in brackets for a machine without a full name (RFC 5321, 4.1.4).
func greeting(configured, hostname string, local net.Addr) string {
	if name, err := asciiHost(configured); configured != "" && err == nil {
		return name
	}
	name, err := asciiHost(strings.ToLower(hostname))
	if err == nil && isFull(name) {
		return name
	}
	ip := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if local != nil {
		if a, err := netip.ParseAddrPort(local.String()); err == nil {
			ip = a.Addr().Unmap().WithZone("")
		}
	}
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

// isFull reports whether a host name has a domain, and one that can be known
// elsewhere.
func isFull(name string) bool {
	first, domain, ok := strings.Cut(name, ".")
	return ok && first != "localhost" && domain != "localdomain" && !strings.HasSuffix(domain, ".localdomain") &&
		!strings.HasPrefix(name, "[") && !strings.Contains(name, "_")
}
