package simcloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This is SDK-HMAC-SHA256 as the gateway sees it: from a request that arrived
// back to what must have been signed. It is written from the documentation and
// shares nothing with the client's signer, so that each checks the other.

const (
	algorithm  = "SDK-HMAC-SHA256"
	dateHeader = "X-Sdk-Date"
	dateLayout = "20060102T150405Z"
)

// An authorization is a parsed Authorization header.
type authorization struct {
	access    string
	signed    []string // names of headers
	signature string
}

func parseAuthorization(header string) (authorization, error) {
	var a authorization
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return a, fmt.Errorf("the Authorization does not start with %s and a space", algorithm)
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Access":
			a.access = value
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		default:
			return a, fmt.Errorf("the Authorization has an unknown part %q", name)
		}
	}
	if a.access == "" || a.signature == "" || len(a.signed) == 0 {
		return a, errors.New("the Authorization lacks Access, SignedHeaders or Signature")
	}
	if !slices.IsSorted(a.signed) || len(slices.Compact(slices.Clone(a.signed))) != len(a.signed) {
		return a, errors.New("SignedHeaders are not in order, each once")
	}
	return a, nil
}

// canonicalRequest rebuilds what was signed, from the request and its body.
func canonicalRequest(r *http.Request, signed []string, body []byte) (string, error) {
	uri, err := canonicalURI(r.URL.EscapedPath())
	if err != nil {
		return "", err
	}
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n", r.Method, uri, query)
	for _, name := range signed {
		value, ok := headerValue(r, name)
		if !ok {
			return "", fmt.Errorf("signed header %q is not in the request", name)
		}
		fmt.Fprintf(&b, "%s:%s\n", name, strings.TrimSpace(value))
	}
	sum := sha256.Sum256(body)
	fmt.Fprintf(&b, "\n%s\n%s", strings.Join(signed, ";"), hex.EncodeToString(sum[:]))
	return b.String(), nil
}

func headerValue(r *http.Request, name string) (string, bool) {
	if name != strings.ToLower(name) {
		return "", false
	}
	if name == "host" { // net/http keeps it apart from the others
		return r.Host, r.Host != ""
	}
	values := r.Header.Values(name)
	return strings.Join(values, ","), len(values) > 0
}

// canonicalURI takes each segment for itself, so that an encoded slash does not
// become a separator, and always ends in a slash.
func canonicalURI(escaped string) (string, error) {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return "", err
		}
		segments[i] = percentEncode(plain)
	}
	uri := strings.Join(segments, "/")
	if !strings.HasSuffix(uri, "/") {
		uri += "/"
	}
	return uri, nil
}

func canonicalQuery(raw string) (string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", err
	}
	var pairs [][2]string
	for k, vs := range values {
		for _, v := range vs {
			pairs = append(pairs, [2]string{k, v})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		return slices.Compare(a[:], b[:])
	})
	encoded := make([]string, 0, len(pairs))
	for _, p := range pairs {
		encoded = append(encoded, percentEncode(p[0])+"="+percentEncode(p[1]))
	}
	return strings.Join(encoded, "&"), nil
}

// percentEncode leaves alone what RFC 3986 calls unreserved, and nothing else.
func percentEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// signature is the one that belongs to a canonical request.
func signature(secret, date, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s\n%s\n%s", algorithm, date, hex.EncodeToString(sum[:]))
	return hex.EncodeToString(mac.Sum(nil))
}
