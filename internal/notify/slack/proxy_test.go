package slack_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/secret"
)

func TestHowAProxyFailsIsSaidWithoutItsPassword(t *testing.T) {
	// A proxy that echoes what it was sent, wherever it can.
	refuse := func(status int) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			login := r.Header.Get("Proxy-Authorization")
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(login, "Basic "))
			w.Header().Set("Proxy-Authenticate", login)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"ok":false,"error":"no way for %s %s"}`, login, plain)
		})
	}
	for name, tt := range map[string]struct {
		proxy, base, says string
		refused           bool
	}{
		"a password that is wrong":    {refuse(407), "https://slack.example", "the user name or password is wrong", true},
		"a way that is closed":        {refuse(403), "https://slack.example", "to let this machine through", true},
		"plain HTTP, a wrong login":   {refuse(407), "http://slack.example", "HTTP 407", true},
		"plain HTTP, an echo in JSON": {refuse(200), "http://slack.example", "no way for", false},
		"nobody there":                {"http://127.0.0.1:1", "https://slack.example", "refused the connection", false},
		"a variable that is no URL":   {"http://127.0.0.1:1/%zz", "https://slack.example", "can't be read as the URL of a proxy", true},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := strings.Replace(tt.proxy, "://", "://watch:hunter2-pass%2Fword@", 1)
			proxies := httpclient.ReadProxies(func(name string) string {
				return map[string]string{"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy}[name]
			})
			for _, s := range []slack.Settings{
				{Token: secret.New(token), Channel: channel, APIURL: tt.base + "/api/", Proxies: proxies},
				{WebhookURL: secret.New(tt.base + webhookPath), Proxies: proxies},
			} {
				r, err := slack.New(s)
				must(t, err)
				_, err = r.Deliver(t.Context(), notifytest.Firing())
				f := failure(t, err)
				if f.Refused != tt.refused || f.Unknown || !strings.Contains(f.Reason, tt.says) {
					t.Errorf("%+v", f)
				}
				for _, hidden := range []string{"hunter2", "pass%2F", "pass/word", base64.StdEncoding.EncodeToString([]byte("watch:hunter2-pass/word"))} {
					if strings.Contains(f.Reason, hidden) {
						t.Errorf("shows %q: %s", hidden, f.Reason)
					}
				}
			}
		})
	}
}
