package dcs

import (
	"encoding/json"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// maxName is how many characters of a name or an address are kept: the most
// that DNS allows.
const maxName = 253

// object takes a JSON object apart, and tells whether body is one, with
// nothing behind it. Keys count as written, unlike in json.Unmarshal into a
// struct, which takes ENABLED for enabled.
func object(body []byte) (map[string]json.RawMessage, bool) {
	var o map[string]json.RawMessage
	err := json.Unmarshal(body, &o)
	return o, err == nil && o != nil // null leaves a nil map
}

// absent tells whether a member is missing or null.
func absent(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }

// scalar returns a string, or a number as it is written; "" for all else. The
// documentation's own examples have numbers where its tables say string.
func scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

// boolean reads true or false, and nothing that looks like it.
func boolean(raw json.RawMessage) (value, ok bool) {
	return string(raw) == "true", string(raw) == "true" || string(raw) == "false"
}

// readSSL reads the body of a 200. If it can't be believed, problem says
// why, as the end of a sentence about the API.
//
// Two fields decide and are read strictly, once enabled is true. The others
// are for people: what can't be read of them is left empty.
func readSSL(o map[string]json.RawMessage, out *redactor) (s SSL, problem string) {
	if absent(o["enabled"]) {
		return SSL{}, "" // "returned with true only when SSL is enabled"
	}
	enabled, ok := boolean(o["enabled"])
	if !ok {
		return SSL{}, "with a field enabled that is neither true nor false"
	}
	if !enabled {
		return SSL{}, ""
	}
	s = SSL{Enabled: true}
	if absent(o["ssl_validated"]) {
		return SSL{}, "that SSL is on, but without ssl_validated"
	}
	if s.Validated, ok = boolean(o["ssl_validated"]); !ok {
		return SSL{}, "that SSL is on, but with an ssl_validated that is neither true nor false"
	}
	if absent(o["ssl_expired_at"]) {
		return SSL{}, "that SSL is on, but without ssl_expired_at"
	}
	var date string
	if json.Unmarshal(o["ssl_expired_at"], &date) != nil {
		return SSL{}, "that SSL is on, but with an ssl_expired_at that is not a string"
	}
	if s.ExpiresAt, ok = parseDate(date); !ok {
		return SSL{}, "that SSL is on, but with an ssl_expired_at that is no believable date (" + quote(out.text(date, 40)) + ")"
	}
	s.IP = out.text(scalar(o["ip"]), maxName)
	s.IPv6 = out.text(scalar(o["ipv6"]), maxName)
	domain, port := splitPort(scalar(o["domain_name"]))
	s.Domain = out.text(domain, maxName)
	if p := scalar(o["port"]); isPort(p) {
		port = p
	}
	s.Port = port
	return s, ""
}

// splitPort takes the port off a domain name, an IPv4 address or an IPv6
// address in brackets. An IPv6 address without brackets has none.
func splitPort(s string) (host, port string) {
	s = strings.TrimSpace(s)
	if _, err := netip.ParseAddr(s); err == nil {
		return s, ""
	}
	if host, port, err := net.SplitHostPort(s); err == nil && (port == "" || isPort(port)) {
		return host, port
	}
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]"), ""
	}
	return s, ""
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// quote puts quotation marks around text that has been made fit to be shown.
func quote(s string) string { return "“" + s + "”" }
