package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// kolkata has clocks that are never set, half an hour from others.
const kolkata = "UTC+5:30"

func TestATimeZoneShowsFromAReloadOnAndTellsNothingAnew(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, well("a", 6*days))
	told := func() (mails, posts int) { return len(p.world.Mail.Messages()), len(p.world.Slack.Messages("")) }
	d := p.daemon()
	p.until("both were told", func() bool { mails, posts := told(); return mails == 1 && posts == 1 })
	p.write(worldConfig(p.world.Settings(), quick+"timezone = \"Asia/Kolkata\"\n", p.state(), "127.0.0.1:0", p.world.DCS.Instances()...))
	if stdout, stderr, code := p.run("reload"); code != 0 {
		t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
	}
	asked := p.world.DCS.Counts().Total
	p.until("it was checked again and again", func() bool { return p.world.DCS.Counts().Total > asked+5 })
	if mails, posts := told(); mails != 1 || posts != 1 {
		t.Errorf("%d mails and %d posts after the reload", mails, posts)
	}
	if err := p.world.DCS.Change("a", func(i *simcloud.Instance) { i.ExpiresAt = time.Now().Add(300 * days) }); err != nil {
		t.Fatal(err)
	}
	p.until("both were told that it is renewed", func() bool { mails, posts := told(); return mails == 2 && posts == 2 })
	p.until("the first post says so too", func() bool { return len(p.world.Slack.Messages("")[0].Edits) > 0 })
	mails, posts := p.world.Mail.Messages(), p.world.Slack.Messages("")
	for what, text := range map[string]string{"mail": mails[1].Text, "post": posts[1].Text, "edited post": posts[0].Plain()} {
		text = strings.ReplaceAll(text, "\u00a0", " ") // what keeps a time on one line
		if !strings.Contains(text, "the certificate is renewed until ") || !strings.Contains(text, " "+kolkata+"), in 299 days") {
			t.Errorf("the %s has no time of the zone: %s", what, text)
		}
	}
	if strings.Contains(mails[0].Text, kolkata) {
		t.Errorf("before the reload: %s", mails[0].Text)
	}
	d.Process.Signal(syscall.SIGTERM)
	d.Wait()
}

func TestATimeZoneIsSaidByValidateAndShownByATest(t *testing.T) {
	p := newPlace(t, quick+"timezone = \"Asia/Kolkata\"\n", well("a", 300*days))
	if stdout, stderr, code := p.run("validate"); code != 0 || strings.Count(stdout, "times also in Asia/Kolkata, which is "+kolkata+" now") != 2 {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	for _, alert := range []string{"--alert", "--alert=critical", ""} {
		args := []string{"test-notify", alert}
		if alert == "" {
			args = args[:1]
		}
		if stdout, stderr, code := p.run(args...); code != 0 {
			t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
		}
	}
	for i, m := range p.world.Mail.Messages() {
		if times := strings.Count(m.Text, " UTC ("); times != strings.Count(m.Text, kolkata) || times < 2 {
			t.Errorf("test %d has the time of the zone beside %d: %s", i, times, m.Text)
		}
	}
	for i, m := range p.world.Slack.Messages("") {
		if !strings.Contains(m.Plain(), "UTC (") || !strings.Contains(m.Plain(), kolkata) {
			t.Errorf("test %d has no time of the zone: %s", i, m.Plain())
		}
	}
}
