package dcs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// metadata plays the metadata service of an ECS.
type metadata struct {
	t        *testing.T
	sessions bool
	requests calls
	grant    func(n int) (status int, body string) // for the n-th request for a credential
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "PUT /meta-data/latest/api/token":
		if r.Header.Get("X-Metadata-Token-Ttl-Seconds") != "21600" {
			m.t.Errorf("lifetime %q", r.Header.Get("X-Metadata-Token-Ttl-Seconds"))
		}
		if !m.sessions {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, "session-of-tests\n")
	case "GET /openstack/latest/securitykey":
		want := ""
		if m.sessions {
			want = "session-of-tests"
		}
		if got := r.Header.Get("X-Metadata-Token"); got != want {
			m.t.Errorf("session %q, want %q", got, want)
		}
		status, body := m.grant(m.requests.add())
		w.WriteHeader(status)
		io.WriteString(w, body)
	default:
		m.t.Errorf("asked for %s %s", r.Method, r.URL.Path)
	}
}

// granted is the n-th credential, good until end.
func granted(n int, end time.Time) string {
	return fmt.Sprintf(`{"credential":{"access":"AKTEMP%d","secret":"temporary-secret-%d","securitytoken":"temporary-token-%d","expires_at":"%s"}}`,
		n, n, n, end.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// anew grants another credential each time, for a day.
func anew(n int) (int, string) { return 200, granted(n, time.Now().Add(24*time.Hour)) }

// accepting is an API that takes one access key only.
func accepting(accessKey string, asked *calls) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked.add()
		if !strings.Contains(r.Header.Get("Authorization"), "Access="+accessKey+",") {
			w.WriteHeader(401)
			io.WriteString(w, `{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail: `+r.Header.Get("Authorization")+`"}`)
			return
		}
		io.WriteString(w, documented)
	}
}

func TestAgencyIsAskedOnceAndSigns(t *testing.T) {
	for _, sessions := range []bool{true, false} {
		m := &metadata{t: t, sessions: sessions, grant: anew}
		var asked calls
		c := client(t, Options{Endpoint: serve(t, accepting("AKTEMP1", &asked)), Credentials: ECSAgency(serve(t, m.ServeHTTP) + "/")})
		for range 3 {
			if ssl, err := c.SSL(t.Context(), instanceID); err != nil || !ssl.Enabled {
				t.Fatalf("%+v, %v", ssl, err)
			}
		}
		if m.requests.count() != 1 || asked.count() != 3 {
			t.Errorf("%d credentials for %d requests", m.requests.count(), asked.count())
		}
	}
}

func TestRefusedTemporaryCredentialIsRefreshedOnce(t *testing.T) {
	t.Run("and the request sent again", func(t *testing.T) {
		m := &metadata{t: t, sessions: true, grant: anew}
		var asked calls
		c := client(t, Options{Endpoint: serve(t, accepting("AKTEMP2", &asked)), Credentials: ECSAgency(serve(t, m.ServeHTTP))})
		if ssl, err := c.SSL(t.Context(), instanceID); err != nil || !ssl.Enabled {
			t.Fatalf("%+v, %v", ssl, err)
		}
		if m.requests.count() != 2 || asked.count() != 2 {
			t.Errorf("%d credentials for %d requests", m.requests.count(), asked.count())
		}
	})
	t.Run("but no more often", func(t *testing.T) {
		m := &metadata{t: t, sessions: true, grant: anew}
		var asked calls
		c := client(t, Options{Endpoint: serve(t, accepting("nobody", &asked)), Credentials: ECSAgency(serve(t, m.ServeHTTP))})
		e := failure(t, c)
		if e.Kind != Unauthenticated || !strings.Contains(e.Reason.String(), "the credential of the ECS agency") {
			t.Errorf("%s, %q", e.Kind, e.Reason)
		}
		if m.requests.count() != 2 || asked.count() != 2 {
			t.Errorf("%d credentials for %d requests", m.requests.count(), asked.count())
		}
	})
	t.Run("and not shown again if it is the same", func(t *testing.T) {
		m := &metadata{t: t, sessions: true, grant: func(int) (int, string) { return anew(1) }}
		var asked calls
		c := client(t, Options{Endpoint: serve(t, accepting("nobody", &asked)), Credentials: ECSAgency(serve(t, m.ServeHTTP))})
		if e := failure(t, c); e.Kind != Unauthenticated {
			t.Errorf("%s, %q", e.Kind, e.Reason)
		}
		if m.requests.count() != 2 || asked.count() != 1 {
			t.Errorf("%d credentials for %d requests", m.requests.count(), asked.count())
		}
	})
	t.Run("and the refusal stands if there is no other", func(t *testing.T) {
		m := &metadata{t: t, sessions: true, grant: func(n int) (int, string) {
			if n > 1 {
				return 500, "down"
			}
			return anew(n)
		}}
		var asked calls
		c := client(t, Options{Endpoint: serve(t, accepting("nobody", &asked)), Credentials: ECSAgency(serve(t, m.ServeHTTP))})
		e := failure(t, c)
		if e.Kind != Unauthenticated || e.Status != 401 || !strings.Contains(e.Reason.String(), "a new credential could not be had: the ECS metadata service") {
			t.Errorf("%s, %d, %q", e.Kind, e.Status, e.Reason)
		}
		// The refused one is not shown to the API again.
		if e := failure(t, c); e.Kind != Failed || e.Status != 0 || asked.count() != 1 {
			t.Errorf("%s, %d, %d requests", e.Kind, e.Status, asked.count())
		}
	})
}

// After six refusals in a row the cloud locks the key.
func TestStaticCredentialIsNeverTriedAgain(t *testing.T) {
	for _, cred := range []Credentials{Keys("ak", "secret-key-of-tests", ""), Keys("ak", "secret-key-of-tests", "security-token"), Token("token-of-tests")} {
		var asked calls
		c := client(t, Options{Endpoint: serve(t, accepting("nobody", &asked)), Credentials: cred})
		if e := failure(t, c); e.Kind != Unauthenticated || asked.count() != 1 {
			t.Errorf("%s after %d requests", e.Kind, asked.count())
		}
	}
}

func TestAgencyFailures(t *testing.T) {
	status := func(status int, body string) http.HandlerFunc {
		return (&metadata{t: t, sessions: true, grant: func(int) (int, string) { return status, body }}).ServeHTTP
	}
	for rule, test := range map[string]struct {
		api    http.HandlerFunc
		kind   Kind
		reason string
	}{
		"no agency":               {status(401, `{"message":"Please configure Cloud Service Agency first"}`), Unauthenticated, "no agency is bound to this ECS"},
		"no agency, as not found": {status(404, "404 Not Found"), Unauthenticated, "probably no agency is bound to this ECS"},
		"session not taken":       {status(401, "Unauthorized"), Unauthenticated, "did not give the agency's credential (HTTP 401"},
		"forbidden":               {status(403, ""), Unauthenticated, "HTTP 403"},
		"throttled":               {status(429, ""), Failed, "HTTP 429"},
		"down":                    {status(500, "<html><title>Oops</title>"), Failed, "titled “Oops”"},
		"redirected":              {status(302, ""), Failed, "HTTP 302"},
		"a success of its own":    {status(206, granted(1, time.Now().Add(time.Hour))), Failed, "HTTP 206"},
		"not JSON":                {status(200, "hello"), Failed, "not a credential"},
		"half a credential":       {status(200, `{"credential":{"access":"AK","secret":"temporary-secret-1"}}`), Failed, "not a credential"},
		"no session":              {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, Unauthenticated, "did not give a session"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "x")
		}, Failed, "cut the connection"},
	} {
		t.Run(rule, func(t *testing.T) {
			var asked calls
			c := client(t, Options{Endpoint: serve(t, accepting("any", &asked)), Credentials: ECSAgency(serve(t, test.api))})
			e := failure(t, c)
			if e.Kind != test.kind || e.Status != 0 || !strings.Contains(e.Reason.String(), test.reason) {
				t.Errorf("%s, %d, %q, want %s, %q", e.Kind, e.Status, e.Reason, test.kind, test.reason)
			}
			if strings.Contains(e.Reason.String(), "temporary-secret") || strings.Contains(e.Reason.String(), "session-of-tests") {
				t.Errorf("%q holds a secret", e.Reason)
			}
			if asked.count() != 0 {
				t.Error("the API was asked without a credential")
			}
			noGoisms(t, e)
		})
	}
}

func TestIssuersAreAskedWithoutAProxy(t *testing.T) {
	var asked calls
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { asked.add() })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy)
	}
	proxies := httpclient.ReadProxies(os.Getenv)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	// This address is on this machine, but not one that is never proxied.
	const nobody = "http://0.0.0.0:1"
	for _, issuer := range []Credentials{ECSAgency(nobody), PodIdentity(nobody, file), NewChain(ChainOptions{MetadataURL: nobody})} {
		e := failure(t, client(t, Options{Endpoint: "http://dcs.example.com", Proxies: proxies, Credentials: issuer}))
		if !strings.Contains(e.Reason.String(), "refused the connection") || asked.count() != 0 {
			t.Errorf("%s: %q, and the proxy was asked %d times", issuer, e.Reason, asked.count())
		}
	}
	failure(t, client(t, Options{Endpoint: "http://dcs.example.com", Proxies: proxies}))
	if asked.count() == 0 {
		t.Error("the API was asked without the proxy")
	}
}

func TestMetadataServiceIsWhereItIs(t *testing.T) {
	if got := newAgency(metadataURL).service.String(); got != "the ECS metadata service at 169.254.169.254" {
		t.Errorf("%q", got)
	}
	e := failure(t, client(t, Options{Endpoint: "https://dcs.example.com", Credentials: ECSAgency("http://127.0.0.1:1")}))
	if e.Kind != Failed || !strings.Contains(e.Reason.String(), "works on an ECS of Huawei Cloud only") {
		t.Errorf("%s, %q", e.Kind, e.Reason)
	}
}

func TestPodIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tokens := make(chan string, 2)
	issuer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/v1/credentials" || string(body) != "{}" || r.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s %s %q %v", r.Method, r.URL.Path, body, r.Header)
		}
		tokens <- r.Header.Get("Authorization")
		fmt.Fprintf(w, `{"credentials":{"accessKeyId":"AKPOD%d","secretAccessKey":"pod-secret","securityToken":"pod-token","expiration":"%s"}}`,
			len(tokens), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	var asked calls
	c := client(t, Options{Endpoint: serve(t, accepting("AKPOD2", &asked)), Credentials: PodIdentity(issuer+"/v1/credentials", file)})

	write("  identity-one\n")
	if e := failure(t, client(t, Options{Endpoint: c.base.String(), Credentials: PodIdentity(issuer+"/v1/credentials", file+"x")})); e.Kind != Unauthenticated {
		t.Errorf("%s, %q", e.Kind, e.Reason)
	}
	if ssl, err := c.SSL(t.Context(), instanceID); err != nil || !ssl.Enabled {
		t.Fatalf("%+v, %v", ssl, err)
	}
	if one, two := <-tokens, <-tokens; one != "identity-one" || two != "identity-one" {
		t.Errorf("tokens %q, %q", one, two)
	}
	// CCE replaces the file.
	write("identity-two")
	if _, err := c.credentials.(*temporary).fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-tokens; got != "identity-two" {
		t.Errorf("token %q, want that of the new file", got)
	}
}

func TestPodIdentityFailures(t *testing.T) {
	dir := t.TempDir()
	write := func(name, token string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(token), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good", "identity-of-tests", 0o600)
	status := func(status int, body string) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, strings.ReplaceAll(body, "ECHO", r.Header.Get("Authorization")))
		})
	}
	for rule, test := range map[string]struct {
		uri, file string
		kind      Kind
		reason    string
	}{
		"no address":        {"", good, Unauthenticated, "HC_CONTAINER_CREDENTIALS_FULL_URI"},
		"another scheme":    {"file:///etc/passwd", good, Unauthenticated, "HC_CONTAINER_CREDENTIALS_FULL_URI"},
		"no path":           {status(200, ""), "", Unauthenticated, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
		"no file":           {status(200, ""), filepath.Join(dir, "none"), Unauthenticated, "there is no file"},
		"a directory":       {status(200, ""), dir, Unauthenticated, "can't be read"},
		"an empty file":     {status(200, ""), write("empty", " \n", 0o600), Unauthenticated, "is empty"},
		"refused":           {status(403, `{"error_code":"PI.1","error_msg":"no association for ECHO"}`), good, Unauthenticated, "associate the pod's service account"},
		"down":              {status(503, "ECHO"), good, Failed, "HTTP 503"},
		"not JSON":          {status(200, "ECHO"), good, Failed, "not a credential"},
		"another success":   {status(201, `{"credentials":{"secretAccessKey":"ECHO"}}`), good, Failed, "HTTP 201"},
		"half a credential": {status(200, `{"credentials":{"secretAccessKey":"ECHO"}}`), good, Failed, "not a credential"},
		"nobody listens":    {"http://127.0.0.1:1", good, Failed, "works in a pod of CCE only"},
	} {
		t.Run(rule, func(t *testing.T) {
			e := failure(t, client(t, Options{Endpoint: "http://127.0.0.1:1", Credentials: PodIdentity(test.uri, test.file)}))
			if e.Kind != test.kind || e.Status != 0 || !strings.Contains(e.Reason.String(), test.reason) {
				t.Errorf("%s, %d, %q, want %s, %q", e.Kind, e.Status, e.Reason, test.kind, test.reason)
			}
			if strings.Contains(e.Reason.String(), "identity-of-tests") {
				t.Errorf("%q holds a secret", e.Reason)
			}
			noGoisms(t, e)
		})
	}
}

func TestCredentialsDoNotShowSecrets(t *testing.T) {
	agency := &temporary{name: "ECS agency", held: issued("AKTEMP", "temporary-secret", "temporary-token", "", reason.New(reason.AgencyCredential, nil))}
	c, err := New(Options{Endpoint: "https://dcs.example.com", ProjectID: projectID, Credentials: Keys("AK", "secret-key-of-tests", "security-token-of-tests")})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{
		keys(), tokens(), agency.held, new(keys()), Credential{},
		Keys("AK", "secret-key-of-tests", "security-token-of-tests"), Token("token-of-tests"), agency,
		c, Options{Credentials: Token("token-of-tests")}, struct{ hidden Credential }{keys()}, struct{ hidden Credentials }{Token("token-of-tests")},
		[]Credential{keys()}, map[string]Credential{"a": tokens()},
	} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("json", "v", v)
		if text, err := json.Marshal(v); err == nil {
			b.Write(text)
		}
		for _, secret := range []string{"secret-key", "security-token", "token-of-tests", "temporary-", fmt.Sprintf("%x", "of-tests"), fmt.Sprintf("%X", "of-tests")} {
			if strings.Contains(b.String(), secret) {
				t.Errorf("%T shows %q:\n%s", v, secret, &b)
			}
		}
	}
	for accessKey, want := range map[string]string{
		"QTWAOYTTINDUT2QVKYUC": "access key QTWA…",
		// What does not look like an access key may be a secret key.
		"MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc": "access key [redacted]",
		"AK": "access key [redacted]",
	} {
		if got := fmt.Sprint(Keys(accessKey, "secret-key-of-tests", "")); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
