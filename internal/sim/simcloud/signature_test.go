package simcloud

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// The vectors are those of the facts page: A and B are published, C is the
// encoding of a query, D is our own regression value.
func TestSignatureVectors(t *testing.T) {
	const project = "0123456789abcdef0123456789abcdef"
	for _, v := range []struct {
		name, method, url, body, date, secret, signed, want string
		headers                                             map[string]string
	}{
		{
			name: "A, documentation", method: "GET",
			url:     "http://service.region.example.com/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
			headers: map[string]string{"Content-Type": "application/json"},
			date:    "20191115T033655Z", secret: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
			signed: "content-type;host;x-sdk-date",
			want:   "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
		}, {
			name: "B, SDK, GET", method: "GET", url: "http://example.huaweicloud.com/path?limit=1",
			date: "20060102T150405Z", secret: "SecretKey", signed: "x-sdk-date",
			want: "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624",
		}, {
			name: "B, SDK, POST", method: "POST", url: "http://example.huaweicloud.com/path?key=value",
			body: `{"Name":"test","Id":1}` + "\n",
			date: "20060102T150405Z", secret: "SecretKey", signed: "x-sdk-date",
			want: "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59",
		}, {
			name: "D, DCS", method: "GET",
			url:     "http://dcs.cn-north-4.myhuaweicloud.com/v2/" + project + "/instances/553a2516-b865-4159-b774-204dc0a36e37/ssl",
			headers: map[string]string{"X-Project-Id": project, "X-Security-Token": "tok"},
			date:    "20260101T000000Z", secret: "SK", signed: "host;x-project-id;x-sdk-date;x-security-token",
			want: "a5606e2e880bc3747b4ba8ca6a13594720da84958c5cfb4ecf88fae5e90616c0",
		},
	} {
		r := httptest.NewRequest(v.method, v.url, nil)
		for name, value := range v.headers {
			r.Header.Set(name, value)
		}
		r.Header.Set(dateHeader, v.date)
		canonical, err := canonicalRequest(r, strings.Split(v.signed, ";"), []byte(v.body))
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		if got := signature(v.secret, v.date, canonical); got != v.want {
			t.Errorf("%s: signature %s, want %s, of\n%s", v.name, got, v.want, canonical)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	const want = "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Fa%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
	for _, raw := range []string{
		want,
		"test=%E4%B8%80+(%26%3D%3F!%23%25.*)&path=/a/123&multi=3&multi=1&multi=2&limit=1&enable=true",
	} {
		if got, err := canonicalQuery(raw); err != nil || got != want {
			t.Errorf("canonicalQuery(%q) = %q, %v", raw, got, err)
		}
	}
	if got, err := canonicalQuery("b&a="); err != nil || got != "a=&b=" {
		t.Errorf("without values: %q, %v", got, err)
	}
}

func TestCanonicalURI(t *testing.T) {
	for in, want := range map[string]string{
		"":            "/",
		"/":           "/",
		"/a/b":        "/a/b/",
		"/a/b/":       "/a/b/",
		"/a%2Fb/c%20": "/a%2Fb/c%20/",
		"/~a+(b)":     "/~a%2B%28b%29/",
	} {
		if got, err := canonicalURI(in); err != nil || got != want {
			t.Errorf("canonicalURI(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestParseAuthorizationRefuses(t *testing.T) {
	for _, header := range []string{
		"",
		"SDK-HMAC-SHA256",
		"SDK-HMAC-SHA256,Access=a, SignedHeaders=host, Signature=s",
		"V11-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=s",
		"SDK-HMAC-SHA256 Access=a, SignedHeaders=host",
		"SDK-HMAC-SHA256 Access=, SignedHeaders=host, Signature=s",
		"SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date;host, Signature=s",
		"SDK-HMAC-SHA256 Access=a, SignedHeaders=host;host, Signature=s",
		"SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=s, More=m",
	} {
		if a, err := parseAuthorization(header); err == nil {
			t.Errorf("%q was read as %+v", header, a)
		}
	}
}
