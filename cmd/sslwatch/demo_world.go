package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// worldPace makes the daemon quick enough to play with.
const worldPace = `[check]
interval    = "5s"
timeout     = "3s"
backoff     = { initial = "1s", max = "10s" }

[alerts]
expiry          = ["60d", "30d", "14d", "7d", "3d", "1d"]
critical        = "7d"
failing_after   = "20s"
group_wait      = "2s"
`

// worldConfig is a configuration that reaches a simulated world.
func worldConfig(s sim.Settings, pace, stateFile, listen string, instances ...simcloud.Instance) string {
	var b strings.Builder
	b.WriteString(pace)
	fmt.Fprintf(&b, "\n[state]\nfile = %q\n\n[http]\nlisten = %q\n", stateFile, listen)
	fmt.Fprintf(&b, "\n[project.demo]\nregion     = %q\nproject_id = %q\nendpoint   = %q\naccess_key = %q\nsecret_key = %q\n",
		s.Region, s.ProjectID, s.Endpoint, s.AccessKey, s.SecretKey)
	for _, i := range instances {
		fmt.Fprintf(&b, "\n[project.demo.instance.%s]\nid = %q\n", i.Name, i.ID)
	}
	fmt.Fprintf(&b, "\n[slack.oncall]\ntoken   = %q\nchannel = %q\napi_url = %q\n", s.SlackToken, s.SlackChannel, s.SlackAPIURL)
	fmt.Fprintf(&b, "\n[email.ops-mail]\nhost     = %q\nport     = %d\ntls      = %q\nca_file  = %q\nusername = %q\npassword = %q\nfrom     = \"sslwatch <sslwatch@sim.example>\"\nto       = [\"ops@sim.example\"]\n",
		s.SMTPHost, s.SMTPPort, s.SMTPTLS, s.SMTPCAFile, s.SMTPUser, s.SMTPPassword)
	return b.String()
}

// demoWorld serves the simulated world until ctx ends.
func (a *app) demoWorld(ctx context.Context) error {
	world, err := sim.New(sim.Options{OnEvent: a.printEvent})
	if err != nil {
		return fmt.Errorf("can't simulate the world: %w", err)
	}
	defer world.Close()
	fmt.Fprintf(a.Stdout, "# Save this as world.toml, and in another terminal: sslwatch run --config world.toml\n%s\n",
		worldConfig(world.Settings(), worldPace, "sslwatch-world.json", "127.0.0.1:9943", world.DCS.Instances()...))
	fmt.Fprintf(a.Stdout, "# The world is up. Commands: help, list, off, on, invalid, expire, renew, down, up, ... End with Ctrl-C.\n")

	lines := make(chan string)
	go func() { // ends with its input, or with the process
		in := bufio.NewScanner(a.Stdin)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line := <-lines:
			if strings.TrimSpace(line) == "" {
				continue
			}
			reply, err := world.Command(line)
			if err != nil {
				reply = "error: " + err.Error()
			}
			fmt.Fprintln(a.Stdout, strings.TrimRight(reply, "\n"))
		}
	}
}

// printEvent prints what reached people.
func (a *app) printEvent(e sim.Event) {
	switch {
	case e.Edited:
		fmt.Fprintf(a.Stdout, "--- Slack, a message was edited:\n%s\n", e.Slack.Plain())
	case e.Slack != nil:
		where := e.Slack.Channel
		if e.Slack.ThreadTS != "" {
			where += ", in a thread"
		}
		fmt.Fprintf(a.Stdout, "--- Slack %s:\n%s\n", where, e.Slack.Plain())
	case e.Mail != nil:
		fmt.Fprintf(a.Stdout, "--- Mail to %s: %s\n%s\n", strings.Join(e.Mail.To, ", "), e.Mail.Subject, e.Mail.Text)
	}
}
