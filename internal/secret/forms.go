package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"os"
	"slices"
	"strings"
)

// forms returns a secret in the encodings in which it is usually echoed:
// itself, reversed, base64 in both alphabets wherever it begins in what is
// encoded, hexadecimal, percent-encoded, and escaped as JSON and HTML do.
// Case does not matter to who compares.
func forms(value string) []string {
	all := []string{value, reverse(value), hex.EncodeToString([]byte(value)), percent(value)}
	for _, escaped := range []string{
		url.QueryEscape(value), url.PathEscape(value), html.EscapeString(value), quoted(value), strings.ReplaceAll(value, "/", `\/`),
	} {
		if escaped != value {
			all = append(all, escaped)
		}
	}
	for before := range 3 {
		std := inBase64(value, before)
		all = append(all, std)
		if u := strings.NewReplacer("+", "-", "/", "_").Replace(std); u != std {
			all = append(all, u)
		}
	}
	return all
}

// shortForms returns those forms of a short secret that are looked for as a
// whole word.
func shortForms(value string) []string {
	raw := []byte(value)
	return []string{
		value, hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), percent(value), strings.ToUpper(percent(value)), url.QueryEscape(value),
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	}
}

// inBase64 returns those characters that the base64 of any text has which
// holds a value after so many bytes, counted in threes.
func inBase64(value string, before int) string {
	encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + value))
	first := (before*8 + 5) / 6 // the first character without a bit of what is before
	last := (before + len(value)) * 8 / 6
	return encoded[first:last]
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// percent encodes each byte.
func percent(s string) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		b = append(b, '%', digits[s[i]>>4], digits[s[i]&15])
	}
	return string(b)
}

// quoted escapes a text as a string of JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil || len(b) < 2 {
		return s
	}
	return string(b[1 : len(b)-1])
}

// proxyPasswords returns the passwords of the proxies that the environment
// names, as they are written and as they are meant, also where the variable
// can't be read as a URL.
func proxyPasswords() []Text {
	var all []Text
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		value := os.Getenv(name)
		at := strings.LastIndexByte(value, '@')
		if at < 0 {
			continue
		}
		user := value[:at]
		if _, rest, found := strings.Cut(user, "://"); found {
			user = rest
		}
		_, password, found := strings.Cut(user, ":")
		if !found {
			continue
		}
		all = append(all, New(password))
		if meant, err := url.PathUnescape(password); err == nil && meant != password {
			all = append(all, New(meant))
		}
	}
	return all
}
