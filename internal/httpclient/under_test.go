package httpclient_test

import (
	"net/url"
	"testing"

	"github.com/sslwatch/sslwatch/internal/httpclient"
)

// A URL is asked as it was written.
func TestUnderAURLItsOwnPartsStayAsTheyWereWritten(t *testing.T) {
	for _, tc := range []struct{ base, path, want string }{
		{"https://h.example", "", "https://h.example"},
		{"https://h.example", "/start", "https://h.example/start"},
		{"https://h.example/", "", "https://h.example/"},
		{"https://h.example/", "/start", "https://h.example/start"},
		{"https://h.example/ping/", "", "https://h.example/ping/"},
		{"https://h.example/ping/", "/start", "https://h.example/ping/start"},
		{"https://h.example/a%2Fb%20c/%7Eme", "/start", "https://h.example/a%2Fb%20c/%7Eme/start"},
		{"https://h.example/a%2Fb", "", "https://h.example/a%2Fb"},
		{"https://h.example/a%2F", "/start", "https://h.example/a%2F/start"},
		{"https://h.example/p!*'();:@&=+$,", "/fail", "https://h.example/p!*'();:@&=+$,/fail"},
		{"https://h.example/p?key=a%2Fb&x=%20y+z", "/fail", "https://h.example/p/fail?key=a%2Fb&x=%20y+z"},
		{"https://h.example/a//b/../c/./d", "/v2", "https://h.example/a//b/../c/./d/v2"},
		{"https://h.example:8443/%E8%AE%A2", "/v2", "https://h.example:8443/%E8%AE%A2/v2"},
		{"https://h.example/%2e%2e/x", "/v2", "https://h.example/%2e%2e/x/v2"},
	} {
		base, err := url.Parse(tc.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := httpclient.Under(base, tc.path).String(); got != tc.want {
			t.Errorf("%s and %q: got %s, want %s", tc.base, tc.path, got, tc.want)
		}
		if base.String() != tc.base {
			t.Errorf("%s was changed to %s", tc.base, base)
		}
	}
}
