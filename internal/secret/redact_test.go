package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// encodings are the ways in which a secret is echoed.
var encodings = map[string]func(string) string{
	"as it is":     func(s string) string { return s },
	"upper case":   strings.ToUpper,
	"lower case":   strings.ToLower,
	"reversed":     func(s string) string { b := []byte(s); slices.Reverse(b); return string(b) },
	"hex":          func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":          func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"base64":       func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"raw base64":   func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64url":    func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"raw url":      func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"after 1":      func(s string) string { return base64.StdEncoding.EncodeToString([]byte("\x00" + s + "\x00x")) },
	"after 2":      func(s string) string { return base64.URLEncoding.EncodeToString([]byte("u:" + s + ", and more")) },
	"basic auth":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("sslwatch:" + s)) },
	"AUTH PLAIN":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("\x00someone\x00" + s)) },
	"query":        url.QueryEscape,
	"path":         url.PathEscape,
	"each byte %":  func(s string) string { return percentEach(s, "%%%02X") },
	"each byte %a": func(s string) string { return percentEach(s, "%%%02x") },
	"HTML":         html.EscapeString,
	"JSON": func(s string) string {
		b, _ := json.Marshal(s)
		return string(b[1 : len(b)-1])
	},
	"slashes": func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
}

func percentEach(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func TestNoEncodingOfASecretIsShown(t *testing.T) {
	for _, value := range []string{
		"MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
		"hQpjbi1ub3J0aC00/iQwZmI4+VxYz0Rk7QmN1aW5nLXRva2Vu/bXVjaA==x8s7Gd62",
		"p@ss<word>&\"quoted\"/with spaces",
		"xoxb-hunter3-token", "Ümläut-Passwört-9",
	} {
		for name, encode := range encodings {
			encoded := encode(value)
			got := secret.Redact("550 not accepted: "+encoded+" (go away)", secret.New("another-one"), secret.New(value))
			if !strings.HasPrefix(got, "550 not accepted: ") || !strings.HasSuffix(got, " (go away)") || !strings.Contains(got, "[redacted]") {
				t.Errorf("%s of %q: %q", name, value, got)
			}
			// What is left of it can be the ends of its base64, which are also
			// of what stands beside it, or of a few bytes that are escaped.
			const piece = 9
			for i := 0; i+piece <= len(encoded); i++ {
				if left := encoded[i : i+piece]; strings.Contains(got, left) && !strings.Contains("550 not accepted: (go away)", left) && !strings.Contains(base64.StdEncoding.EncodeToString([]byte("\x00someone\x00sslwatch:, and more")), left) {
					if strings.HasPrefix(name, "after") || name == "basic auth" || name == "AUTH PLAIN" {
						if i < 16 || i > len(encoded)-20 {
							continue // what stands before and behind it
						}
					}
					t.Errorf("%s of %q leaves %q: %q", name, value, left, got)
					break
				}
			}
		}
	}
}

func TestAShortSecretIsNoCommonWord(t *testing.T) {
	const says = "the mail server answered MAIL FROM on port 2525 in 2026: check username and password, ab1!x; cGFzczE=; 70617373 pass1 passed1"
	for value, want := range map[string]string{
		"mail": says, "Mail": says, "2525": says, "2026": says, "abc": says, "server": says,
		"ab1!x": strings.ReplaceAll(says, "ab1!x", "[redacted]"),
		"pass1": strings.NewReplacer("cGFzczE=", "[redacted]", " pass1 ", " [redacted] ").Replace(says),
	} {
		if got := secret.Redact(says, secret.New(value)); got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
}

func TestAWordWithinASecretIsNotHidden(t *testing.T) {
	s := secret.New("correct-certificate-battery")
	if got, want := secret.Redact("the certificate of the battery is correct", s), "the certificate of the battery is correct"; got != want {
		t.Errorf("%q", got)
	}
	if got, want := secret.Redact("it is correct-certificate-battery.", s), "it is [redacted]."; got != want {
		t.Errorf("%q", got)
	}
	if got, want := secret.Redact("it is correcthorsebatterystaple.", secret.New("correcthorsebatterystaple")), "it is [redacted]."; got != want {
		t.Errorf("%q", got)
	}
}

// The end of a secret, or of what is shown of it, can be a word.
func TestAWordAtTheEdgeOfASecretIsHiddenWithIt(t *testing.T) {
	for value, says := range map[string][]string{
		"hunter2-passwordsecret":     {"hunter2-passwordsecret", "hunter2-passwordsec", "er2-passwordsecret", "HUNTER2-PASSWORDSECRET"},
		"passwordsecret-hunter2":     {"passwordsecret-hunter2", "ordsecret-hunter2", "passwordsecret-h"},
		"xoxb-1111-2222-tokensecret": {"xoxb-1111-2222-tokensecret", "1111-2222-tokensecre"},
	} {
		for _, s := range says {
			if got := secret.Redact("no: "+s+" it is", secret.New(value)); got != "no: [redacted] it is" {
				t.Errorf("%q of %q: %q", s, value, got)
			}
		}
	}
}

func TestThePasswordOfAProxyIsASecret(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://someone:hun%40ter2-proxy@proxy.example:3128")
	t.Setenv("http_proxy", "socks5://other:%zz#not/a-URL@proxy.example:1080")
	got := secret.Redact("proxyconnect: http://someone:hun%40ter2-proxy@proxy.example, hun@ter2-proxy, parse %zz#not/a-URL")
	want := "proxyconnect: http://someone:[redacted]@proxy.example, [redacted], parse [redacted]"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestARedactorKnowsWhatItWasToldAndNoMore(t *testing.T) {
	a, b := secret.New("MFyfvK41ba2giqM7"), secret.New("RZlmVmHcUio6Pznp")
	one, two := secret.NewRedactor(a), secret.NewRedactor(b)
	const says = "MFyfvK41ba2giqM7 and RZlmVmHcUio6Pznp"
	for name, tc := range map[string]struct {
		r    *secret.Redactor
		want string
	}{
		"none":           {nil, says},
		"nothing":        {secret.NewRedactor(secret.New("")), says},
		"one":            {one, "[redacted] and RZlmVmHcUio6Pznp"},
		"with another":   {one.With(b), "[redacted] and [redacted]"},
		"and another":    {one.And(two), "[redacted] and [redacted]"},
		"and itself":     {one.And(one), "[redacted] and RZlmVmHcUio6Pznp"},
		"none, and one":  {(*secret.Redactor)(nil).And(two), "MFyfvK41ba2giqM7 and [redacted]"},
		"one, unchanged": {one, "[redacted] and RZlmVmHcUio6Pznp"},
	} {
		if got := tc.r.Redact(says); got != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("before ", "wJalrXUtnFEMIK7MDENGbPxRfiCY", " after")
	f.Add("\xff", "aaaaaaaaaaaaaaaa", "AAAA")
	f.Add("", "\x00\x01\x02\x03\x04\x05\x06\x07\x08/+=", "")
	f.Fuzz(func(t *testing.T, before, value, after string) {
		got := secret.Redact(before+after, secret.New(""))
		if got != before+after {
			t.Errorf("%q without a secret is %q", before+after, got)
		}
		if len(value) < 16 || strings.ContainsFunc(value, func(r rune) bool { return r > '~' }) {
			return // other letters change their length with their case
		}
		for name, encode := range encodings {
			switch name {
			case "after 1", "after 2", "basic auth", "AUTH PLAIN":
				continue // begin with what is no secret
			}
			encoded := encode(value)
			if strings.Contains("[redacted]", encoded) || strings.Contains(before+after, encoded[:8]) {
				continue
			}
			if got := secret.Redact(before+encoded+after, secret.New(value)); strings.Contains(got, encoded) {
				t.Errorf("%s of %q: %q", name, value, got)
			}
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	token := secret.New(strings.Repeat("MIIGmQYJKoZIhvcNAQcCoIIGijCCBoYCAQExDTALBglg", 100))
	key := secret.New("MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")
	for name, s := range map[string]string{
		"address": "redis-553a2516-b865-4159-b774-204dc0a36e37.dcs.example.com",
		"reason":  strings.Repeat("the API answered HTTP 500 and that is that; ", 25),
		"page":    strings.Repeat("the API answered HTTP 500 and that is that; ", 25_000),
	} {
		for secretName, t := range map[string]secret.Text{"key": key, "token": token} {
			b.Run(name+"/"+secretName, func(b *testing.B) {
				r := secret.NewRedactor(t)
				b.ReportAllocs()
				for b.Loop() {
					r.Redact(s)
				}
			})
		}
	}
}
