package httpclient

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// environment is one that a test says.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func chosen(t *testing.T, p *Proxies, target string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := p.For(r)
	if u == nil {
		return "", err
	}
	return u.String(), err
}

func TestAProxyThatCanNotBeReadIsSaidAndNothingIsSent(t *testing.T) {
	for rule, value := range map[string]string{
		"percent":                     "http://me:hunter%22%zz@proxy.example.com:3128",
		"percent at the end":          "http://me:hunter22%@proxy.example.com:3128",
		"hash":                        "http://me:hunter#22@proxy.example.com:3128",
		"hash, behind digits":         "http://me:22#hunter22@proxy.example.com:3128",
		"slash":                       "http://me:hunter/22@proxy.example.com:3128",
		"slash, behind digits":        "http://me:22/hunter22@proxy.example.com:3128",
		"question mark":               "http://me:hunter?22@proxy.example.com:3128",
		"question mark behind digits": "http://me:22?hunter22@proxy.example.com:3128",
		"without a scheme":            "me:hunter#22@proxy.example.com:3128",
		"a space":                     "http://me:hunter 22@proxy.example.com:3128",
		"a backslash":                 `http://me:hunter\22@proxy.example.com:3128`,
		"another scheme":              "socks4://me:hunter22@proxy.example.com:1080",
		"a scheme twice":              "http://http://proxy.example.com/hunter22",
		"a port that is none":         "http://me:hunter22@proxy.example.com:99999",
		"no host":                     "http://me:hunter22@:3128",
		"a path":                      "http://me:hunter22@proxy.example.com:3128/pac",
		"quotes":                      `"http://me:hunter22@proxy.example.com:3128"`,
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
			t.Run(rule+" in "+name, func(t *testing.T) {
				p := ReadProxies(environment(name, value, "NO_PROXY", "free.example.com"))
				problems := p.Problems()
				if len(problems) != 1 || !strings.Contains(problems[0].Error(), "environment variable "+name+" can't be read as the URL of a proxy") {
					t.Fatalf("problems %v", problems)
				}
				if strings.Contains(problems[0].Error(), "hunter") {
					t.Errorf("%v shows the password", problems[0])
				}
				if proxy, err := chosen(t, p, "https://dcs.example.com"); err == nil || proxy != "" {
					t.Errorf("the proxy is %q, %v", proxy, err)
				}
				// What the variable is not for goes its way.
				for _, target := range []string{"http://dcs.example.com", "https://free.example.com", "https://127.0.0.1"} {
					if proxy, err := chosen(t, p, target); err != nil || proxy != "" {
						t.Errorf("%s: %q, %v", target, proxy, err)
					}
				}
				f := get(t, New(Options{Timeout: 5 * time.Second, Proxy: p.For}), "https://dcs.example.com")
				wants(t, f, "environment variable "+name, "%23 for #")
			})
		}
	}
}

func TestProxiesThatAreRead(t *testing.T) {
	for value, want := range map[string]string{
		"http://proxy.example.com:3128":                      "http://proxy.example.com:3128",
		"http://proxy.example.com:3128/":                     "http://proxy.example.com:3128",
		"proxy.example.com:3128":                             "http://proxy.example.com:3128",
		"proxy.example.com":                                  "http://proxy.example.com",
		"me:hunter22@proxy.example.com:3128":                 "http://me:hunter22@proxy.example.com:3128",
		"http://me:%25%23%2F%3F%40@[2001:db8::1]:3128":       "http://me:%25%23%2F%3F%40@[2001:db8::1]:3128",
		"https://proxy.example.com":                          "https://proxy.example.com",
		"socks5://proxy.example.com:1080":                    "socks5://proxy.example.com:1080",
		"http://me:p@ss@proxy.example.com:3128":              "http://me:p%40ss@proxy.example.com:3128",
		"http://DOMAIN%5Cme:hunter22@proxy.example.com:3128": "http://DOMAIN%5Cme:hunter22@proxy.example.com:3128",
	} {
		p := ReadProxies(environment("HTTPS_PROXY", value, "https_proxy", "http://ignored.example.com"))
		if got, err := chosen(t, p, "https://dcs.example.com"); err != nil || got != want || len(p.Problems()) != 0 {
			t.Errorf("%s is %q, %v, %v", value, got, err, p.Problems())
		}
	}
}

func TestExemptionsThatMeanNothingAreSaid(t *testing.T) {
	for value, odd := range map[string]bool{
		"":                                     false,
		"*":                                    false,
		"localhost,127.0.0.1, 10.0.0.0/8":      false,
		".example.com,*.example.org:443,[::1]": false,
		"https://dcs.example.com":              true,
		"localhost 127.0.0.1":                  true,
		"localhost;127.0.0.1":                  true,
		"10.0.0.0/33":                          true,
		"dcs.*.example.com":                    true,
	} {
		p := ReadProxies(environment("HTTPS_PROXY", "http://proxy.example.com", "no_proxy", value))
		if got := len(p.Warnings) > 0; got != odd || odd && !strings.HasPrefix(p.Warnings[0], "no_proxy has") {
			t.Errorf("%q: %q", value, p.Warnings)
		}
	}
	if p := ReadProxies(environment("ALL_PROXY", "http://me:hunter22@proxy.example.com")); len(p.Warnings) != 1 || strings.Contains(p.Warnings[0], "hunter") {
		t.Errorf("%q", p.Warnings)
	}
}

func TestPasswordsOfProxiesAreKnownInEachForm(t *testing.T) {
	p := ReadProxies(environment("HTTPS_PROXY", "http://me:p%40ssword22@a.example.com", "http_proxy", "http://b.example.com"))
	said := secret.Redact("p@ssword22 p%40ssword22 bWU6cEBzc3dvcmQyMg==", p.Passwords()...)
	if strings.Trim(said, " ") != "[redacted] [redacted] [redacted]" {
		t.Errorf("%q", said)
	}
	if p := ReadProxies(environment()); p.Passwords() != nil || p.Warnings != nil || p.Problems() != nil {
		t.Errorf("an empty environment gives %+v", p)
	}
}

func TestProxyThatRefuses(t *testing.T) {
	for rule, test := range map[string]struct {
		status   int
		user     *url.Userinfo
		says, do string
		lasting  bool
	}{
		"login wanted":       {407, nil, "refused the way to dcs.example.com:443: 407, it wants a user name and password", "HTTPS_PROXY", true},
		"login wrong":        {407, url.UserPassword("me", "hunter22"), "refused the way to dcs.example.com:443: 407, the user name or password is wrong", "HTTPS_PROXY", true},
		"forbidden":          {403, nil, "refused the way to dcs.example.com:443: 403", "let this machine through", true},
		"host not reachable": {502, nil, "refused the way to dcs.example.com:443: 502, it could not reach that host itself", "NO_PROXY", false},
	} {
		t.Run(rule, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodConnect {
					t.Errorf("the proxy was asked for %s", r.Method)
				}
				w.WriteHeader(test.status)
			}))
			defer s.Close()
			proxy, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			proxy.User = test.user
			f := get(t, New(Options{Timeout: 5 * time.Second, Proxy: http.ProxyURL(proxy)}), "https://dcs.example.com")
			wants(t, f, "the proxy "+proxy.Host+" "+test.says, test.do)
			if f.Lasting != test.lasting || strings.Contains(f.String(), "hunter22") {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestProxyThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	proxy := &url.URL{Scheme: "http", Host: l.Addr().String()}
	f := get(t, New(Options{Timeout: 5 * time.Second, Proxy: http.ProxyURL(proxy)}), "https://dcs.example.com")
	wants(t, f, "the proxy "+proxy.Host+" refused the connection", "HTTPS_PROXY")
}

func FuzzReadProxies(f *testing.F) {
	f.Add("http://me:hunter22@proxy.example.com:3128", "localhost")
	f.Add("http://me:22/hunter22@proxy", "https://x,*")
	f.Add("%", "/")
	f.Fuzz(func(t *testing.T, value, no string) {
		p := ReadProxies(environment("HTTPS_PROXY", value, "NO_PROXY", no))
		r := &http.Request{URL: &url.URL{Scheme: "https", Host: "dcs.example.com"}}
		proxy, err := p.For(r)
		if proxy != nil && err != nil || len(p.Problems()) > 0 && proxy != nil {
			t.Errorf("%q gives %v, %v", value, proxy, err)
		}
		if proxy != nil && proxy.Hostname() == "" {
			t.Errorf("%q gives no host", value)
		}
	})
}
