package sim

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// Options say what a World is made of. The zero value is a good one.
type Options struct {
	Instances []simcloud.Instance // nil: three that are well

	// Where to listen; a free port of the simserver.Loopback for each if empty.
	DCSAddr, SlackAddr, MailAddr string

	// Listen is net.Listen if nil. With that of a simserver.Net the addresses are
	// "dcs.sim:80", "slack.sim:80" and "mail.sim:25" if empty.
	Listen func(network, addr string) (net.Listener, error)

	// Slack and Mail are as for their servers, but for OnMessage: OnEvent below
	// serves both. Without a User, Mail gets one and a password.
	Slack simslack.Options
	Mail  simmail.Options

	// Echo is as for simcloud.New.
	Echo bool

	// CAFile is where the mail server's authority is written. If empty, it is a
	// temporary file, which goes away with Close.
	CAFile string

	// OnEvent is called with everything that reaches people, in order. It may
	// call back.
	OnEvent func(Event)
}

// An Event is something that reached people: a Slack message, the edit of one,
// or a mail. Exactly one of Slack and Mail is set.
type Event struct {
	Time   time.Time
	Slack  *simslack.Message
	Edited bool // Slack is a message from before, as it reads now
	Mail   *simmail.Message
}

// A World is a cloud, a Slack and a mail server, all listening.
type World struct {
	DCS   *simcloud.DCS
	Slack *simslack.Server
	Mail  *simmail.Server

	mail    simmail.Options
	caFile  string
	tempDir string // "" if there is none
}

// What the cloud of a World knows.
const (
	worldRegion  = "eu-west-101"
	worldProject = "0123456789abcdef0123456789abcdef"
	worldAccess  = "SIMACCESSKEY00000000"
	worldSecret  = "simSecretKey0000000000000000000000000000"
)

// New starts a World.
func New(o Options) (*World, error) {
	w := &World{caFile: o.CAFile}
	if err := w.start(o); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) start(o Options) error {
	instances := o.Instances
	if instances == nil {
		instances = threeInstances(time.Now())
	}
	both := &simserver.Events[Event]{Call: o.OnEvent}
	one := func(e Event) {
		both.Put(e)
		both.Drain()
	}
	o.Slack.OnMessage = func(e simslack.Event) { one(Event{Time: e.Time, Slack: &e.Message, Edited: e.Edited}) }
	o.Mail.OnMessage = func(m simmail.Message) { one(Event{Time: m.Time, Mail: &m}) }
	if o.Mail.User == "" {
		o.Mail.User, o.Mail.Password = "sslwatch", "sim-mail-password"
	}
	o.Mail.TLS = cmp.Or(o.Mail.TLS, simmail.StartTLS)
	w.mail = o.Mail

	var err error
	w.DCS, err = simcloud.New(simcloud.Options{
		Projects:  []string{worldProject},
		Keys:      []simcloud.Key{{Access: worldAccess, Secret: worldSecret}},
		Instances: instances,
		Echo:      o.Echo,
	})
	if err != nil {
		return err
	}
	if w.Slack, err = simslack.New(o.Slack); err != nil {
		return err
	}
	if w.Mail, err = simmail.New(o.Mail); err != nil {
		return err
	}

	listen, defaults := o.Listen, [3]string{"dcs.sim:80", "slack.sim:80", simmail.Host + ":25"}
	if listen == nil {
		listen, defaults = net.Listen, [3]string{simserver.Loopback, simserver.Loopback, simserver.Loopback}
	}
	for n, s := range []struct {
		name  string
		addr  string
		serve func(net.Listener) error
	}{
		{"DCS", o.DCSAddr, w.DCS.Serve}, {"Slack", o.SlackAddr, w.Slack.Serve}, {"mail", o.MailAddr, w.Mail.Serve},
	} {
		l, err := listen("tcp", cmp.Or(s.addr, defaults[n]))
		if err != nil {
			return fmt.Errorf("start the %s server: %w", s.name, err)
		}
		if err := s.serve(l); err != nil {
			return err
		}
	}

	if w.caFile == "" {
		if w.tempDir, err = os.MkdirTemp("", "sslwatch-sim-"); err != nil {
			return err
		}
		w.caFile = filepath.Join(w.tempDir, "ca.pem")
	}
	return w.Mail.WriteCA(w.caFile)
}

func threeInstances(now time.Time) []simcloud.Instance {
	day := 24 * time.Hour
	return []simcloud.Instance{
		{
			ID: "553a2516-b865-4159-b774-204dc0a36e37", Name: "orders-cache", IP: "192.168.0.5",
			Enabled: true, Validated: true, ExpiresAt: now.Add(90 * day),
		}, {
			ID: "0c7d8a51-3f0e-4b52-9c55-6a0f4d3a7b21", Name: "sessions", IP: "192.168.0.6",
			Enabled: true, Validated: true, ExpiresAt: now.Add(200 * day),
		}, {
			ID: "b81f6c0e-90aa-4f7b-8d2e-1e5f0a9c4d63", Name: "carts", IP: "192.168.0.7",
			Enabled: true, Validated: true, ExpiresAt: now.Add(340 * day),
		},
	}
}

// Close ends the World.
func (w *World) Close() error {
	var errs []error
	if w.DCS != nil {
		errs = append(errs, w.DCS.Close())
	}
	if w.Slack != nil {
		errs = append(errs, w.Slack.Close())
	}
	if w.Mail != nil {
		errs = append(errs, w.Mail.Close())
	}
	if w.tempDir != "" {
		errs = append(errs, os.RemoveAll(w.tempDir))
	}
	return errors.Join(errs...)
}

// Settings are what a configuration needs to live in a World.
type Settings struct {
	Region, ProjectID    string
	Endpoint             string // of DCS
	AccessKey, SecretKey string

	SlackAPIURL     string // ends in a slash
	SlackToken      string
	SlackChannel    string // "#name"
	SlackWebhookURL string

	SMTPHost               string
	SMTPPort               int
	SMTPTLS                simmail.TLS
	SMTPUser, SMTPPassword string
	SMTPCAFile             string
}

// Settings returns those of this World.
func (w *World) Settings() Settings {
	return Settings{
		Region: worldRegion, ProjectID: worldProject, Endpoint: w.DCS.URL(),
		AccessKey: worldAccess, SecretKey: worldSecret,

		SlackAPIURL: w.Slack.APIURL(), SlackToken: w.Slack.Token(),
		SlackChannel: w.Slack.Channels()[0], SlackWebhookURL: w.Slack.WebhookURL(),

		SMTPHost: w.Mail.Host(), SMTPPort: w.Mail.Port(), SMTPTLS: w.mail.TLS,
		SMTPUser: w.mail.User, SMTPPassword: w.mail.Password, SMTPCAFile: w.caFile,
	}
}
