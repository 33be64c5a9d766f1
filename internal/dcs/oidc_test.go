package dcs

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/httpclient"
)

// What IAM says then is that a right is missing.
func TestIAMOfAnotherSiteIsRecognised(t *testing.T) {
	for rule, test := range map[string]struct{ host, trace, want string }{
		"the one that was asked":         {"iam.tr-west-1.myhuaweicloud.com", "token_tr-west-1_null_4f2a", ""},
		"that of China for another":      {"iam.myhuaweicloud.com", "token_cn-north-4_null_4f2a", "cn-north-4"},
		"a region that begins like ours": {"iam.cn-north-12.myhuaweicloud.com", "token_cn-north-1_null_4f2a", "cn-north-1"},
		"no trace":                       {"iam.myhuaweicloud.com", "", ""},
		"another form":                   {"iam.myhuaweicloud.com", "4f2a", ""},
		"no region":                      {"iam.myhuaweicloud.com", "token_null_null_4f2a", ""},
		"markup for a region":            {"iam.myhuaweicloud.com", "token_<b>_null", ""},
	} {
		t.Run(rule, func(t *testing.T) {
			e := &oidc{base: &url.URL{Scheme: "https", Host: test.host}}
			a := answer{httpclient.Response{Header: http.Header{}}}
			a.Header.Set("X-IAM-Trace-Id", test.trace)
			if got := e.elsewhere(a); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	e := failure(t, client(t, Options{Endpoint: "http://127.0.0.1:1", Credentials: exchanged(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-IAM-Trace-Id", "token_cn-north-4_null_4f2a")
		w.WriteHeader(403)
		io.WriteString(w, `{"error_msg":"You are not authorized to perform the requested action.","error_code":"IAM.0002"}`)
	})}))
	if got := e.Reason.String(); e.Kind != Unauthenticated || !strings.Contains(got, "which is the IAM of cn-north-4, did not take the identity token") || !strings.Contains(got, "IAM.0002") || !strings.Contains(got, "set iam_endpoint") {
		t.Errorf("%s, %q", e.Kind, got)
	}
	noGoisms(t, e)
}

// exchanged returns a credential of an IAM that answers so.
func exchanged(t *testing.T, iam http.HandlerFunc) Credentials {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("identity-of-tests"), 0o600); err != nil {
		t.Fatal(err)
	}
	return OIDC(OIDCOptions{IAM: serve(t, iam), IdpID: "cce", TokenFile: file})
}

func TestAnswersOfIAM(t *testing.T) {
	const token = "/v3.0/OS-AUTH/id-token/tokens"
	first := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	second := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == token {
				w.Header().Set("X-Subject-Token", "UNSCOPEDHUNTER2")
				w.WriteHeader(201)
				return
			}
			first(status, body)(w, r)
		}
	}
	for rule, test := range map[string]struct {
		iam    http.HandlerFunc
		kind   Kind
		reason string
	}{
		"provider that is not known":   {first(404, `{"error":{"code":404,"message":"Could not find identity provider: cce."}}`), Unauthenticated, "knows no identity provider cce (HTTP 404"},
		"path that is not there":       {first(404, "<html><title>Not here</title>"), Unauthenticated, "titled “Not here”"},
		"token refused":                {first(401, `{"error":{"code":401,"message":"identity-of-tests has expired"}}`), Unauthenticated, "did not take the identity token"},
		"right that is missing":        {first(403, `{"error_code":"IAM.0002","error_msg":"You are not authorized"}`), Unauthenticated, "did not take the identity token"},
		"throttled":                    {first(429, ""), Failed, "gave no credential (HTTP 429"},
		"down":                         {first(503, ""), Failed, "gave no credential (HTTP 503"},
		"redirected":                   {first(302, ""), Failed, "gave no credential (HTTP 302"},
		"no token":                     {first(201, `{"token":{}}`), Failed, "not a credential"},
		"keys refused":                 {second(403, `{"error":{"code":403,"message":"UNSCOPEDHUNTER2 may not"}}`), Unauthenticated, "gave no keys for it (HTTP 403"},
		"keys fail":                    {second(500, ""), Failed, "gave no credential (HTTP 500"},
		"half a credential":            {second(201, `{"credential":{"access":"AK","secret":"temporary-secret-1"}}`), Failed, "not a credential"},
		"not JSON":                     {second(201, "UNSCOPEDHUNTER2"), Failed, "not a credential"},
		"credential in another answer": {second(202, `{"credential":{"access":"AK","secret":"s","securitytoken":"t"}}`), Failed, "HTTP 202"},
	} {
		t.Run(rule, func(t *testing.T) {
			e := failure(t, client(t, Options{Endpoint: "http://127.0.0.1:1", Credentials: exchanged(t, test.iam)}))
			if e.Kind != test.kind || e.Status != 0 || !strings.Contains(e.Reason.String(), test.reason) {
				t.Errorf("%s, %d, %q, want %s, %q", e.Kind, e.Status, e.Reason, test.kind, test.reason)
			}
			for _, hidden := range []string{"identity-of-tests", "UNSCOPEDHUNTER2", "temporary-secret"} {
				if strings.Contains(e.Reason.String(), hidden) {
					t.Errorf("%q holds a secret", e.Reason)
				}
			}
			noGoisms(t, e)
		})
	}
}

// IAM is beyond the network of the machine, and so reached as the API is.
func TestIAMIsAskedThroughTheProxy(t *testing.T) {
	var asked calls
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add()
		http.Error(w, fmt.Sprint(r.URL), http.StatusBadGateway)
	})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("identity-of-tests"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxies := httpclient.ReadProxies(func(name string) string {
		if name == "HTTP_PROXY" {
			return proxy
		}
		return ""
	})
	failure(t, client(t, Options{Endpoint: "http://127.0.0.1:1", Credentials: OIDC(OIDCOptions{
		IAM: "http://iam.example.com", IdpID: "cce", TokenFile: file, Proxies: proxies,
	})}))
	if asked.count() != 1 {
		t.Errorf("the proxy was asked %d times", asked.count())
	}
}

func TestCredentialSaysWhereItStands(t *testing.T) {
	for want, c := range map[string]Credentials{
		"the access key":                                                Keys("AK", "SK", ""),
		"the temporary access key":                                      Keys("AK", "SK", "ST"),
		"the access key of the environment":                             KeysOf(Source{Environment: true}, "AK", "SK", ""),
		"the temporary access key of the environment":                   KeysOf(Source{Environment: true}, "AK", "SK", "ST"),
		"the access key of the profile /root/.huaweicloud/credentials":  KeysOf(Source{Profile: "/root/.huaweicloud/credentials"}, "AK", "SK", ""),
		"the temporary access key of the profile /etc/sslwatch/profile": KeysOf(Source{Profile: "/etc/sslwatch/profile"}, "AK", "SK", "ST"),
	} {
		if got := c.(static).credential.origin.Says(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
