package dcs

import (
	"bytes"
	"encoding/json"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// maxName is how many characters of a name or an address are kept: the most
// that DNS allows.
const maxName = 253

// object takes a JSON object apart, and reports whether body is one, with
// nothing behind it and no name in it twice: which of two counts is for each
// reader to guess. Keys count as written, unlike in json.Unmarshal into a
// struct, which takes ENABLED for enabled.
func object(body []byte) (map[string]json.RawMessage, bool) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	var o map[string]json.RawMessage
	if json.Unmarshal(body, &o) != nil || o == nil { // null leaves a nil map
		return nil, false
	}
	return o, !repeats(body)
}

// repeats reports whether a name is in a valid JSON object twice.
func repeats(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	seen := map[string]bool{}
	d.Token() // the brace
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return true
		}
		var value json.RawMessage
		key, ok := name.(string)
		if !ok || seen[key] || d.Decode(&value) != nil {
			return true
		}
		seen[key] = true
	}
	return false
}

// absent reports whether a member is missing or null.
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

// readSSL reads the body of a 200 about an instance. If it can't be believed,
// problem says why.
//
// What decides is read strictly. The addresses are for people: what can't be
// read of them is left empty.
func readSSL(o map[string]json.RawMessage, instanceID string, out *redactor) (s SSL, problem reason.Reason) {
	if id := scalar(o["instance_id"]); id != "" && !strings.EqualFold(id, instanceID) {
		return SSL{}, reason.New(reason.OtherInstance, reason.Args{"instance": out.text(id, 64)})
	}
	if absent(o["enabled"]) {
		return SSL{}, notOff(o, out)
	}
	enabled, ok := boolean(o["enabled"])
	switch {
	case !ok:
		return SSL{}, reason.New(reason.EnabledNotBoolean, nil)
	case !enabled:
		for _, name := range slices.Sorted(maps.Keys(o)) {
			if !isField(name) && speaksOfFailure(name) && !absent(o[name]) && scalar(o[name]) != "" {
				return SSL{}, reason.New(reason.OffWithError, reason.Args{"field": out.text(name, 40)})
			}
		}
		return SSL{}, problem
	}
	s = SSL{Enabled: true}
	if absent(o["ssl_validated"]) {
		return SSL{}, reason.New(reason.NoValidated, nil)
	}
	if s.Validated, ok = boolean(o["ssl_validated"]); !ok {
		return SSL{}, reason.New(reason.ValidatedNoBoolean, nil)
	}
	// That a certificate is not valid is news without its date, too. That it is
	// valid is not, because then the date is all that counts.
	s.ExpiresAt, problem = readDate(o["ssl_expired_at"], out)
	if !problem.IsZero() && (s.Validated || readFault(o).api) {
		return SSL{}, problem
	}
	s.IP = out.text(scalar(o["ip"]), maxName)
	s.IPv6 = out.text(scalar(o["ipv6"]), maxName)
	domain, port := splitPort(scalar(o["domain_name"]))
	s.Domain = out.text(domain, maxName)
	if p := scalar(o["port"]); isPort(p) {
		port = p
	}
	s.Port = port
	return s, reason.Reason{}
}

// readDate reads ssl_expired_at.
func readDate(raw json.RawMessage, out *redactor) (expires time.Time, problem reason.Reason) {
	if absent(raw) {
		return time.Time{}, reason.New(reason.NoExpiry, nil)
	}
	var date string
	if json.Unmarshal(raw, &date) != nil {
		return time.Time{}, reason.New(reason.ExpiryNotText, nil)
	}
	expires, ok := parseDate(date)
	if !ok {
		return time.Time{}, reason.New(reason.ExpiryNoDate, reason.Args{"date": out.text(date, 40)})
	}
	return expires, reason.Reason{}
}

// notOff says why an object without enabled does not mean that SSL is off, if
// it does not. The API leaves enabled out where SSL is off, but so does each object
// that somebody else wrote, such as an error in the shape of a success: it
// counts as off only if there is nothing in it but addresses.
func notOff(o map[string]json.RawMessage, out *redactor) reason.Reason {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		raw := o[name]
		switch {
		case !isField(name):
			return reason.New(reason.ForeignField, reason.Args{"field": out.text(name, 40)})
		case absent(raw) || string(raw) == `""`:
		case name == "ssl_validated" || name == "ssl_expired_at":
			return reason.New(reason.FieldWithoutOn, reason.Args{"field": name})
		case scalar(raw) == "":
			return reason.New(reason.FieldNotText, reason.Args{"field": name})
		}
	}
	return reason.Reason{}
}

// isField reports whether the API documents a field of that name in the answer
// about SSL. instance_id is not among them, but says nothing else either.
func isField(name string) bool {
	switch name {
	case "enabled", "ip", "ipv6", "port", "domain_name", "ssl_expired_at", "ssl_validated", "instance_id":
		return true
	}
	return false
}

// speaksOfFailure reports whether an error would have a field of that name.
func speaksOfFailure(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"err", "code", "message", "msg", "status", "fault", "fail", "exception", "reason", "detail", "title"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
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
