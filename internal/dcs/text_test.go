package dcs

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/text"
)

func TestRedact(t *testing.T) {
	out := &redactor{}
	out.add(secret.New("wJalrXUtnFEMIK7MDENGbPxRfiCY"), secret.New("sm4ll"), secret.New("abc"), secret.New(""))
	for text, want := range map[string]string{
		"nothing to hide":                             "nothing to hide",
		"it is wJalrXUtnFEMIK7MDENGbPxRfiCY.":         "it is [redacted].",
		"wJalrXUtnFEMIK7MDENGbPxRfiCY":                "[redacted]",
		"cut wJalrXUtnFEM":                            "cut [redacted]", // at its end
		"cut IK7MDENGbPxRfiCY":                        "cut [redacted]", // at its start
		"wrapped wJalrXUtnFEMI\nK7MDENGbPxRfiCY":      "wrapped [redacted] [redacted]",
		"escaped wJalrXUtnFEM%20IK7MDENGbPxRfiCY":     "escaped [redacted]%20[redacted]",
		"twice wJalrXUtnFEMIK7MDENGbPxRfiCYwJalrXUtn": "twice [redacted]",
		"a sm4ll one":                                 "a [redacted] one",
		"abc is too short to be one":                  "abc is too short to be one",
	} {
		if got := out.text(text, maxMessage); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestCauseShowsNoSecretAndIsStillFound(t *testing.T) {
	out := &redactor{}
	out.add(secret.New("secret-key-of-tests"))
	if out.cause(nil) != nil {
		t.Error("no cause has become one")
	}
	err := error(&Error{Reason: reason.Text("x"), Err: out.cause(fmt.Errorf("malformed %q: %w", "secret-key-of-tests", &url.Error{Op: "Get", Err: io.ErrUnexpectedEOF}))})
	var inner *url.Error
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &inner) {
		t.Error("the cause is not found")
	}
	if s := errors.Unwrap(err).Error(); strings.Contains(s, "secret-key") {
		t.Errorf("%q holds a secret", s)
	}
}

func FuzzText(f *testing.F) {
	f.Add("before", "after", "wJalrXUtnFEMIK7MDENG", 300)
	f.Add("\x00\u202e", "\xff", "väl\u200bigg", 5)
	f.Add("", "", "aaaaaaaaaaaa", 1)
	f.Fuzz(func(t *testing.T, before, after, value string, limit int) {
		if limit < 1 || limit > 1000 {
			return
		}
		out := &redactor{}
		out.add(secret.New(value))
		got := out.text(before+value+after, limit)
		if n := len([]rune(got)); n > limit {
			t.Errorf("%d characters, want %d at most", n, limit)
		}
		// What is shown of a secret is compared in the form in which it is shown.
		if len(value) >= 12 && value == text.Clean(value) && !strings.Contains("[redacted]", value) && strings.Contains(got, value) {
			t.Errorf("%q holds %q", got, value)
		}
		if got != text.Clean(got) {
			t.Errorf("%q is not one clean line", got)
		}
	})
}

func TestAnAccessKeyIsShownByItsBeginning(t *testing.T) {
	const accessKey, secretKey = "QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"
	for rule, test := range map[string]struct{ access, secret, echo, want string }{
		"right":     {accessKey, secretKey, "ak " + accessKey + " not exist", "ak QTWA… not exist"},
		"exchanged": {secretKey, accessKey, "ak " + secretKey + " not exist", "ak [redacted] not exist"},
		"both":      {secretKey, accessKey, secretKey + " " + accessKey, "[redacted] [redacted]"},
		"cut":       {accessKey, secretKey, accessKey[:15], "[redacted]"},
	} {
		_, err := judge(reply(401, `{"error_code":"APIGW.0301","error_msg":"`+test.echo+`"}`), asked, Keys(test.access, test.secret, "").(static).credential,
			credentialKnown(test.access, test.secret))
		if err == nil || err.Message != test.want {
			t.Errorf("%s: %+v, want %q", rule, err, test.want)
		}
	}
}

func credentialKnown(accessKey, secretKey string) *redactor {
	out := &redactor{}
	cred := Keys(accessKey, secretKey, "").(static).credential
	out.addCredential(cred, secret.NewRedactor(cred.secrets()...))
	return out
}

// The gateway echoes requests in its messages, other things may too.
func TestNoSecretIsInAnyErrorWhateverTheAPIEchoes(t *testing.T) {
	const (
		accessKey     = "QTWAOYTTINDUT2QVKYUC"
		secretKey     = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"
		securityToken = "hQpjbi1ub3J0aC00/iQwZmI4+VxYz0Rk7QmN1aW5nLXRva2Vu/bXVjaA==x8s7Gd62"
		authToken     = "MIIGmQYJKoZIhvcNAQcCoIIGijCCBoYCAQExDTALBglg+hkgBZQMEAgEw/ggSrBg=="
	)
	wrap := func(s string) string {
		var lines []string
		for part := range slices.Chunk([]byte(s), 20) {
			lines = append(lines, string(part))
		}
		return strings.Join(lines, "\n")
	}
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	encodings := map[string]func(string) string{
		"plain":   func(s string) string { return s },
		"query":   url.QueryEscape,
		"path":    url.PathEscape,
		"html":    html.EscapeString,
		"wrapped": wrap,
		"cut":     func(s string) string { return s[:len(s)-len(s)/3] },
		"slashes": func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
	}
	shapes := map[string]func(echo string) (body string, headers []string){
		"v2": func(e string) (string, []string) {
			return `{"error_code":"DCS.5000","error_msg":` + quoted(e) + `}`, nil
		},
		"in the code": func(e string) (string, []string) { return `{"error_code":` + quoted(e) + `,"error_msg":"x"}`, nil },
		"gateway": func(e string) (string, []string) {
			return `{"error_msg":` + quoted("verify aksk signature fail, canonicalRequest: "+e) + `,"error_code":"APIGW.0301","request_id":` + quoted(e) + `}`, nil
		},
		"v1": func(e string) (string, []string) {
			return `{"error":{"code":401,"message":` + quoted(e) + `,"title":` + quoted(e) + `}}`, nil
		},
		"title only": func(e string) (string, []string) { return `{"error":{"title":` + quoted(e) + `}}`, nil },
		"html title": func(e string) (string, []string) {
			return "<html><title>" + html.EscapeString(e) + "</title>", []string{"Content-Type", "text/html"}
		},
		"text":        func(e string) (string, []string) { return e, nil },
		"broken JSON": func(e string) (string, []string) { return `{"x":` + quoted(e), nil },
		"other JSON":  func(e string) (string, []string) { return `[` + quoted(e) + `]`, nil },
		"a string":    func(e string) (string, []string) { return quoted(e), nil },
		"date": func(e string) (string, []string) {
			return `{"enabled":true,"ssl_validated":true,"ssl_expired_at":` + quoted(e) + `}`, nil
		},
		"addresses": func(e string) (string, []string) {
			return `{"enabled":true,"ssl_validated":true,"ssl_expired_at":"2022-06-15T02:21:18Z","ip":` + quoted(e) + `,"ipv6":` + quoted(e) + `,"port":` + quoted(e) + `,"domain_name":` + quoted(e+":6379") + `}`, nil
		},
		"redirect": func(e string) (string, []string) {
			return "", []string{"Location", "https://" + strings.ReplaceAll(url.QueryEscape(e), "%", "-") + ".example/?" + url.QueryEscape(e)}
		},
		"request ID": func(e string) (string, []string) {
			return "{}", []string{"X-Request-Id", strings.ReplaceAll(e, "\n", " ")}
		},
		"other header": func(e string) (string, []string) {
			return "", []string{"Retry-After", strings.ReplaceAll(e, "\n", " "), "Content-Type", strings.ReplaceAll(e, "\n", " ")}
		},
	}
	credentials := map[string]struct {
		Credentials
		secrets []string
	}{
		"keys":           {Keys(accessKey, secretKey, ""), []string{accessKey, secretKey}},
		"temporary keys": {Keys("AKEXAMPLE", secretKey, securityToken), []string{secretKey, securityToken}},
		"token":          {Token(authToken), []string{authToken}},
		// Neither half of a pair is shown whole, whichever is in which place.
		"exchanged": {Keys(secretKey, accessKey, ""), []string{secretKey, accessKey}},
	}

	// check looks through every text of what came of a request.
	check := func(t *testing.T, secrets []string, authorization string, ssl SSL, err error) {
		t.Helper()
		if _, signature, ok := strings.Cut(authorization, "Signature="); ok {
			secrets = append(slices.Clone(secrets), signature)
		}
		texts := []string{fmt.Sprintf("%+v", ssl)}
		for e := err; e != nil; e = errors.Unwrap(e) {
			texts = append(texts, e.Error(), fmt.Sprintf("%+v %#v", e, e))
		}
		var e *Error
		if errors.As(err, &e) {
			encoded, _ := json.Marshal(e)
			texts = append(texts, e.Code, e.Message, e.RequestID, string(encoded), fmt.Sprintf("%+v", *e))
		}
		const piece = 12
		for _, shown := range texts {
			for _, secret := range secrets {
				for i := 0; i+piece <= len(secret); i++ {
					if strings.Contains(shown, secret[i:i+piece]) {
						t.Fatalf("%q holds %q of a secret", shown, secret[i:i+piece])
					}
				}
			}
		}
	}

	requests := make(chan *http.Request, 1)
	replies := make(chan http.HandlerFunc, 1)
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests <- r.Clone(r.Context())
		(<-replies)(w, r)
	})
	for as, cred := range credentials {
		c := client(t, Options{Endpoint: endpoint, Credentials: cred.Credentials})
		for encoding, encode := range encodings {
			for shape, dress := range shapes {
				t.Run(as+"/"+encoding+"/"+shape, func(t *testing.T) {
					for _, status := range []int{200, 201, 302, 400, 401, 403, 404, 407, 418, 429, 500, 502} {
						// One at a time and all at once: the room in a text is limited.
						for pick := range len(cred.secrets) + 2 {
							replies <- func(w http.ResponseWriter, r *http.Request) {
								echo := append(slices.Clone(cred.secrets), r.Header.Get("Authorization"))
								if pick < len(echo) {
									echo = echo[pick : pick+1]
								}
								body, headers := dress(encode(strings.Join(echo, "\n")))
								for i := 0; i < len(headers); i += 2 {
									w.Header().Set(headers[i], headers[i+1])
								}
								w.WriteHeader(status)
								io.WriteString(w, body)
							}
							ssl, err := c.SSL(t.Context(), instanceID)
							check(t, cred.secrets, (<-requests).Header.Get("Authorization"), ssl, err)
						}
					}
				})
			}
		}
	}
}

// net/http quotes what it can't parse.
func TestNoSecretIsInAnErrorOfTheProtocol(t *testing.T) {
	for _, says := range []string{"secret-key-of-tests\r\n\r\n", "HTTP/1.1 secret-key-of-tests\r\n\r\n", "HTTP/1.1 200 OK\r\nsecret-key-of-tests\r\n\r\n"} {
		e := failure(t, client(t, Options{Endpoint: "http://" + cutter(t, says)}))
		if all := fmt.Sprintf("%v %+v %v", e, *e, e.Err); strings.Contains(all, "secret-key") {
			t.Errorf("%q holds a secret", all)
		}
	}
}

// cutter accepts connections, says something and cuts them.
func cutter(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, says)
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wait.Wait() })
	return l.Addr().String()
}
