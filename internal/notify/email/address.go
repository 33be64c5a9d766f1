package email

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// ParseAddress reads one address, with or without a name beside it, and
// writes its domain in ASCII (A-labels), which every server takes. An address
// that would have to be quoted on its way is refused: some servers take what
// is in the quotes for a part of the command. What looks like an encoded word
// is meant as it is written: a configuration is no mail.
func ParseAddress(text string) (*mail.Address, error) {
	const apart = "\ue000" // for private use
	a, err := mail.ParseAddress(strings.ReplaceAll(text, "=?", "="+apart+"?"))
	if err != nil {
		return nil, errors.New("is not a valid e-mail address")
	}
	a.Name, a.Address = strings.ReplaceAll(a.Name, apart, ""), strings.ReplaceAll(a.Address, apart, "")
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") || strings.ContainsFunc(local, needsQuotes) {
		return nil, errors.New("needs quotes before the @, which sslwatch does not send")
	}
	if len(local) > 64 {
		return nil, errors.New("is longer than 64 bytes before the @")
	}
	if domain, err = asciiHost(domain); err != nil {
		return nil, fmt.Errorf("has no valid domain after the @: %w", err)
	}
	return &mail.Address{Name: a.Name, Address: local + "@" + domain}, nil
}

// needsQuotes reports whether a character before the @ can't stand there as
// it is (RFC 5321 atext, and RFC 6531 for what is not ASCII).
func needsQuotes(r rune) bool {
	switch {
	case r >= 0x80:
		return !unicode.IsGraphic(r) || unicode.IsSpace(r)
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
}

// hosts turns the name of a host into ASCII. Underscores are not for hosts,
// but there are mail domains that have them.
var hosts = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.BidiRule(), idna.VerifyDNSLength(true))

// asciiHost returns a host, or an address literal in brackets, in ASCII.
func asciiHost(host string) (string, error) {
	if literal, ok := strings.CutPrefix(host, "["); ok {
		ip, found := strings.CutSuffix(literal, "]")
		_, err := netip.ParseAddr(strings.TrimPrefix(ip, "IPv6:"))
		if !found || err != nil {
			return "", fmt.Errorf("%q is not an IP address in brackets", host)
		}
		return host, nil
	}
	ascii, err := hosts.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil || !isHost(ascii) {
		return "", fmt.Errorf("%q is not the name of a host", host)
	}
	if strings.EqualFold(ascii, host) {
		return host, nil // the writing of whoever configured it
	}
	return ascii, nil
}

// isHost reports whether a name consists of labels as hosts have them.
func isHost(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(name) <= 253
}

// isASCII reports whether an address is one that every server takes.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
