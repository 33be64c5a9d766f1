package dcs

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The vectors are those of facts page 6: A and B by Huawei, D our own.
func TestSignatureVectors(t *testing.T) {
	const project = "0123456789abcdef0123456789abcdef"
	tests := []struct {
		name, method, url, body string
		header                  map[string]string
		secretKey               string
		names                   []string
		canonical               string // its hash, where it is known
		want                    string
	}{
		{
			name:   "A: documentation",
			method: "GET",
			url:    "https://service.region.example.com/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
			header: map[string]string{
				"Content-Type": "application/json",
				"X-Sdk-Date":   "20191115T033655Z",
			},
			secretKey: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
			names:     []string{"X-Sdk-Date", "Host", "Content-Type"},
			canonical: "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a",
			want:      "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
		},
		{
			name:      "B: GET, host unsigned",
			method:    "GET",
			url:       "https://example.huaweicloud.com/path?limit=1",
			header:    map[string]string{"X-Sdk-Date": "20060102T150405Z"},
			secretKey: "SecretKey",
			names:     []string{"x-sdk-date"},
			want:      "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624",
		},
		{
			name:      "B: POST with a body",
			method:    "POST",
			url:       "https://example.huaweicloud.com/path?key=value",
			body:      "{\"Name\":\"test\",\"Id\":1}\n",
			header:    map[string]string{"X-Sdk-Date": "20060102T150405Z"},
			secretKey: "SecretKey",
			names:     []string{"x-sdk-date"},
			want:      "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59",
		},
		{
			name:   "D: DCS with a security token",
			method: "GET",
			url:    "https://dcs.cn-north-4.myhuaweicloud.com/v2/" + project + "/instances/553a2516-b865-4159-b774-204dc0a36e37/ssl",
			header: map[string]string{
				"X-Sdk-Date":       "20260101T000000Z",
				"X-Project-Id":     project,
				"X-Security-Token": "tok",
			},
			secretKey: "SK",
			names:     []string{"host", "x-project-id", "x-sdk-date", "x-security-token"},
			want:      "a5606e2e880bc3747b4ba8ca6a13594720da84958c5cfb4ecf88fae5e90616c0",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequest(test.method, test.url, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range test.header {
				r.Header.Set(name, value)
			}
			sum := sha256.Sum256([]byte(test.body))
			hash := hex.EncodeToString(sum[:])
			if test.canonical != "" {
				sum := sha256.Sum256([]byte(canonicalRequest(r, hash, test.names)))
				if got := hex.EncodeToString(sum[:]); got != test.canonical {
					t.Errorf("canonical request %s, want %s", got, test.canonical)
				}
			}
			if got := signature(r, hash, test.secretKey, test.names); got != test.want {
				t.Errorf("signature %s, want %s", got, test.want)
			}
		})
	}
}

// Vector C.
func TestCanonicalQueryVector(t *testing.T) {
	query := url.Values{
		"limit":  {"1"},
		"enable": {"true"},
		"test":   {"一 (&=?!#%.*)"},
		"path":   {"/a/123"},
		"multi":  {"3", "1", "2"},
	}
	const want = "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Fa%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
	if got := canonicalQuery(query); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if query["multi"][0] != "3" {
		t.Error("the query was changed")
	}
	if got := canonicalQuery(url.Values{"k": {""}}); got != "k=" {
		t.Errorf("a key without a value is %q, want k=", got)
	}
}

func TestCanonicalPathIsEscapedAndEndsInASlash(t *testing.T) {
	for path, want := range map[string]string{
		"":          "/",
		"/":         "/",
		"/a":        "/a/",
		"/a/":       "/a/",
		"/a b/ü+~_": "/a%20b/%C3%BC%2B~_/",
	} {
		if got := canonicalPath(path); got != want {
			t.Errorf("%q gives %q, want %q", path, got, want)
		}
	}
}

func TestEmptyHashIsThatOfNoBytes(t *testing.T) {
	if sum := sha256.Sum256(nil); hex.EncodeToString(sum[:]) != emptyHash {
		t.Error("it is not")
	}
}

func TestAuthorizationHeader(t *testing.T) {
	got := authorization("AK", "00ff", []string{"X-Sdk-Date", "Host"})
	if want := "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=00ff"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
