package check

import (
	"net/netip"
	"strconv"
	"strings"
)

// Address is where clients reach an instance. Its parts have been checked:
// they consist of nothing but what a host and a port can hold.
type Address struct {
	Host   string // a name, or an IP address without brackets
	IsName bool
	Port   string // empty if the API did not say
}

// Addresses returns where clients reach an instance: by its name, or else by
// its IPv4 and its IPv6 address. There is none if the API told of none that
// can be one.
func (e Endpoint) Addresses() []Address {
	port := ""
	if n, err := strconv.ParseUint(e.Port, 10, 16); err == nil && n > 0 {
		port = strconv.FormatUint(n, 10)
	}
	if domain := strings.TrimSuffix(e.Domain, "."); isHostName(domain) {
		return []Address{{domain, true, port}}
	}
	if ip, ok := host(e.Domain); ok {
		return []Address{{ip, false, port}}
	}
	var out []Address
	for _, s := range []string{e.IP, e.IPv6} {
		if ip, ok := host(s); ok {
			out = append(out, Address{ip, false, port})
		}
	}
	return out
}

// host returns an IP address that can be reached from elsewhere.
func host(s string) (string, bool) {
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" || ip.IsUnspecified() {
		return "", false
	}
	return ip.String(), true
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
