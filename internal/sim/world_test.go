package sim_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
	gomail "github.com/wneessen/go-mail"

	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

// One of everything, through what Settings say and nothing else.
func TestWorld(t *testing.T) {
	var told []string
	w, err := sim.New(sim.Options{OnEvent: func(e sim.Event) {
		if e.Mail != nil {
			told = append(told, "mail "+e.Mail.Subject)
			return
		}
		told = append(told, "slack "+e.Slack.Plain())
	}})
	simtest.Must(t, err)
	s := w.Settings()

	for _, i := range w.DCS.Instances() {
		who := simtest.Caller{Access: s.AccessKey, Secret: s.SecretKey, Project: s.ProjectID}
		resp, body, err := simtest.Do(simtest.Client(nil), who.Request(t, s.Endpoint+"/v2/"+s.ProjectID+"/instances/"+i.ID+"/ssl"))
		if err != nil || resp.StatusCode != 200 || !strings.Contains(body, `"enabled":true`) {
			t.Errorf("%s: %s, %v", i.Name, body, err)
		}
	}
	c := slack.New(s.SlackToken, slack.OptionAPIURL(s.SlackAPIURL), slack.OptionHTTPClient(simtest.Client(nil)))
	_, _, err = c.PostMessageContext(t.Context(), s.SlackChannel, slack.MsgOptionText("hello", false))
	simtest.Must(t, err)
	simtest.Must(t, slack.PostWebhookCustomHTTPContext(t.Context(), s.SlackWebhookURL, simtest.Client(nil), &slack.WebhookMessage{Text: "again"}))
	pem, err := os.ReadFile(s.SMTPCAFile)
	simtest.Must(t, err)
	if string(pem) != string(w.Mail.CA()) {
		t.Errorf("the CA file has %s", pem)
	}
	m, err := gomail.NewClient(s.SMTPHost, gomail.WithPort(s.SMTPPort), gomail.WithTLSConfig(simtest.Trust(t, w.Mail)),
		gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername(s.SMTPUser), gomail.WithPassword(s.SMTPPassword))
	simtest.Must(t, err)
	simtest.Must(t, m.DialAndSendWithContext(t.Context(), simtest.Mail(t, "ops@example.com")))

	if got := strings.Join(told, "; "); got != "slack hello; slack again; mail certificate of kätzchen expires" {
		t.Errorf("told: %s", got)
	}
	simtest.Must(t, w.Close())
	if _, err := os.Stat(s.SMTPCAFile); !os.IsNotExist(err) {
		t.Errorf("the temporary CA file is still there: %v", err)
	}
}

func TestWorldInABubble(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	synctest.Test(t, func(t *testing.T) {
		n := simserver.NewNet()
		w, err := sim.New(sim.Options{Listen: n.Listen, CAFile: ca})
		simtest.Must(t, err)
		defer w.Close()
		s := w.Settings()
		who := simtest.Caller{Access: s.AccessKey, Secret: s.SecretKey}
		_, body, err := simtest.Do(simtest.Client(n.DialContext), who.Request(t, s.Endpoint+"/v2/"+s.ProjectID+"/instances"))
		if err != nil || !strings.Contains(body, `"instance_num":3`) {
			t.Errorf("listing: %s, %v", body, err)
		}
		c := slack.New(s.SlackToken, slack.OptionAPIURL(s.SlackAPIURL), slack.OptionHTTPClient(simtest.Client(n.DialContext)))
		_, _, err = c.PostMessageContext(t.Context(), s.SlackChannel, slack.MsgOptionText("hello", false))
		simtest.Must(t, err)
		m, err := gomail.NewClient(s.SMTPHost, gomail.WithPort(s.SMTPPort), gomail.WithTLSConfig(simtest.Trust(t, w.Mail)),
			gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername(s.SMTPUser), gomail.WithPassword(s.SMTPPassword),
			gomail.WithDialContextFunc(n.DialContext))
		simtest.Must(t, err)
		simtest.Must(t, m.DialAndSendWithContext(t.Context(), simtest.Mail(t, "ops@example.com")))

		w.DCS.Down()
		if _, _, err := simtest.Do(simtest.Client(n.DialContext), who.Request(t, s.Endpoint+"/")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("down, without a socket: %v", err)
		}

		// A certificate from the bubble's year 2000 still stands ten years later.
		time.Sleep(10 * 365 * 24 * time.Hour)
		simtest.Must(t, m.DialAndSendWithContext(t.Context(), simtest.Mail(t, "ops@example.com")))
	})
	if _, err := os.Stat(ca); err != nil {
		t.Errorf("a CA file of one's own: %v", err)
	}
}

func TestWorldThatCannotStart(t *testing.T) {
	for name, o := range map[string]sim.Options{
		"no such port":    {DCSAddr: "127.0.0.1:99999"},
		"CA file":         {CAFile: filepath.Join(t.TempDir(), "none", "ca.pem")},
		"webhook path":    {Slack: simslack.Options{WebhookPath: "/hook"}},
		"way of TLS":      {Mail: simmail.Options{TLS: "perhaps"}},
		"instance, no ID": {Instances: []simcloud.Instance{{Name: "x"}}},
	} {
		if w, err := sim.New(o); err == nil {
			w.Close()
			t.Errorf("%s: no error", name)
		}
	}
}
