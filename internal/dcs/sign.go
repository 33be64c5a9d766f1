package dcs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	algorithm  = "SDK-HMAC-SHA256"
	dateHeader = "X-Sdk-Date"
	dateLayout = "20060102T150405Z" // in UTC
	// emptyHash is the SHA-256 of no bytes: the body of every GET.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// signature returns the hex signature of a request. Its X-Sdk-Date must be
// set; bodyHash is the hex SHA-256 of the body; names are the headers to
// sign, of which only x-sdk-date is obligatory.
//
// Source: "AK/SK Signing and Authentication Algorithm" of the API signing
// guide. Unlike in AWS's scheme the key is the secret key itself, and the
// path that is signed always ends in a slash.
func signature(r *http.Request, bodyHash, secretKey string, names []string) string {
	canonical := sha256.Sum256([]byte(canonicalRequest(r, bodyHash, names)))
	mac := hmac.New(sha256.New, []byte(secretKey))
	mac.Write([]byte(algorithm + "\n" + r.Header.Get(dateHeader) + "\n" + hex.EncodeToString(canonical[:])))
	return hex.EncodeToString(mac.Sum(nil))
}

// authorization returns the value of the Authorization header.
func authorization(accessKey, signature string, names []string) string {
	return algorithm + " Access=" + accessKey + ", SignedHeaders=" + signedHeaders(names) + ", Signature=" + signature
}

func canonicalRequest(r *http.Request, bodyHash string, names []string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	b.WriteString(canonicalPath(r.URL.Path) + "\n")
	b.WriteString(canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range sorted(names) {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" { // net/http keeps it beside the headers
			value = r.Host
		}
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	b.WriteString("\n" + signedHeaders(names) + "\n" + bodyHash)
	return b.String()
}

func signedHeaders(names []string) string { return strings.Join(sorted(names), ";") }

// sorted returns header names in lower case and in order.
func sorted(names []string) []string {
	lower := make([]string, len(names))
	for i, name := range names {
		lower[i] = strings.ToLower(name)
	}
	slices.Sort(lower)
	return lower
}

func canonicalPath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	path = strings.Join(segments, "/")
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path
}

// canonicalQuery sorts by the raw key, then by value.
func canonicalQuery(query url.Values) string {
	keys := make([]string, 0, len(query))
	for key := range query {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var pairs []string
	for _, key := range keys {
		values := slices.Clone(query[key])
		slices.Sort(values)
		for _, value := range values {
			pairs = append(pairs, escape(key)+"="+escape(value))
		}
	}
	return strings.Join(pairs, "&")
}

// escape percent-encodes every byte that RFC 3986 does not call unreserved.
// net/url's functions differ from that: one turns a space into +, the other
// leaves $&+,;=:@ as they are.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0
}
