package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// The tests run sslwatch as its users do: as a process. The process is this
// test binary, which with this variable set is sslwatch.
const actAsMain = "SSLWATCH_TEST_ACT_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(actAsMain) != "" {
		main()
		return
	}
	// Most of them wait for a process rather than for a CPU.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// place is a directory with a configuration that reaches a simulated world.
type place struct {
	t      *testing.T
	dir    string
	config string
	world  *sim.World
	board  *board
	output *output // of all processes
}

// quick makes the daemon quick enough for a test.
const quick = `[check]
interval    = "300ms"
timeout     = "300ms"
rate        = 200.0
backoff     = { initial = "100ms", max = "300ms", multiplier = 2.0, jitter = 0.1 }

[alerts]
expiry          = ["30d", "14d", "7d"]
critical        = "7d"
failing_after   = "1h"
group_wait      = "100ms"
`

// patient is quick, but waits for an answer however busy the machine is.
var patient = strings.Replace(quick, `timeout     = "300ms"`, `timeout     = "60s"`, 1)

// output collects what processes print. It is safe for concurrent use.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func newPlace(t *testing.T, pace string, instances ...simcloud.Instance) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), output: &output{}}
	p.board = newBoard(&output{}, time.Now(), false)
	world, err := sim.New(sim.Options{Instances: instances, OnEvent: p.board.receive, Echo: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	p.world = world
	p.config = filepath.Join(p.dir, "config.toml")
	p.write(worldConfig(world.Settings(), pace, p.state(), "127.0.0.1:0", world.DCS.Instances()...))
	return p
}

func (p *place) state() string { return filepath.Join(p.dir, "state.json") }

func (p *place) write(config string) {
	p.t.Helper()
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// command prepares a sslwatch with arguments.
func (p *place) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(self, append(args, "--config", p.config)...)
	cmd.Env = append(os.Environ(), actAsMain+"=1", "TMPDIR="+p.dir)
	return cmd
}

// run runs sslwatch to its end and returns what it printed and its exit code.
func (p *place) run(args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	var out, errs bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	fmt.Fprint(p.output, out.String(), errs.String())
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// daemon starts a daemon.
func (p *place) daemon() *exec.Cmd {
	p.t.Helper()
	cmd := p.command("run")
	cmd.Stderr = p.output
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// until waits until a condition holds.
func (p *place) until(what string, holds func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			p.t.Fatalf("not within %v: %s\n%s", patience, what, p.output)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// got returns what a channel received.
func (p *place) got(channel string) map[told]int {
	p.board.mu.Lock()
	defer p.board.mu.Unlock()
	out := map[told]int{}
	for t, n := range p.board.got[channel] {
		out[t] = n
	}
	return out
}

// toldOf returns of how many instances a condition was told on a channel.
func (p *place) toldOf(channel, condition string) (n int) {
	for notice := range p.got(channel) {
		if notice.condition == condition {
			n++
		}
	}
	return n
}

// both waits until Slack and mail were told.
func (p *place) both(t told) {
	p.t.Helper()
	p.until(t.String(), func() bool { return p.got("slack")[t] > 0 && p.got("mail")[t] > 0 })
}

// passes waits for so many more requests to the API to be answered.
func (p *place) passes(n int) {
	p.t.Helper()
	want := p.world.DCS.Counts().Total + n
	p.until(fmt.Sprintf("%d more requests", n), func() bool { return p.world.DCS.Counts().Total >= want })
}

// saved waits until the state file holds a text.
func (p *place) saved(text string) {
	p.t.Helper()
	p.until("state with "+text, func() bool {
		data, _ := os.ReadFile(p.state())
		return strings.Contains(string(data), text)
	})
}

// once checks that nothing was told but these, each once to both.
func (p *place) once(want ...told) {
	p.t.Helper()
	for _, channel := range channels {
		got := p.got(channel)
		for _, w := range want {
			if got[w] != 1 {
				p.t.Errorf("%s got %q %d times, want once", channel, w, got[w])
			}
			delete(got, w)
		}
		for t, n := range got {
			p.t.Errorf("%s got %q %d times, want never", channel, t, n)
		}
	}
}

func well(name string, expires time.Duration) simcloud.Instance {
	return simcloud.Instance{
		ID: fmt.Sprintf("553a2516-b865-4159-b774-%012x", []byte(name)), Name: name,
		Enabled: true, Validated: true, ExpiresAt: time.Now().Add(expires),
	}
}

const days = 24 * time.Hour

func TestKilledAndStartedAgainItRepeatsNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, well("a", 10*days), well("b", 300*days))
	first := told{"FIRING", "certificate_expiring", "a", "14d"}
	off, on := told{"FIRING", "ssl_disabled", "b", ""}, told{"RESOLVED", "ssl_disabled", "b", ""}

	d := p.daemon()
	p.both(first)
	p.saved("certificate_expiring")
	if err := p.world.DCS.Change("b", func(i *simcloud.Instance) { i.Enabled = false }); err != nil {
		t.Fatal(err)
	}
	p.both(off)
	p.saved(`"ssl_disabled":{`)
	p.passes(4) // the write after the second of the two has come by then
	for range 5 {
		if err := d.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		d.Wait()
		d = p.daemon()
		p.passes(6)
	}
	if err := p.world.DCS.Change("b", func(i *simcloud.Instance) { i.Enabled = true }); err != nil {
		t.Fatal(err)
	}
	p.both(on)
	p.passes(6)
	p.once(first, off, on)
	if err := d.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(); err != nil {
		t.Errorf("stop: %v\n%s", err, p.output)
	}
}

// loggedProblems returns where in the configuration each problem is that a log tells of.
func loggedProblems(t *testing.T, log, message string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(log) {
		var r struct {
			Msg, Level, Key string
			Line            int
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("not JSON: %s", line)
		}
		if r.Msg == message && r.Level == "ERROR" {
			out = append(out, fmt.Sprintf(":%d: %s", r.Line, r.Key))
		}
	}
	return out
}

func TestASecondDaemonIsRefused(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	p.daemon()
	p.passes(1)
	_, stderr, code := p.run("run")
	if code != exitTemporary || !strings.Contains(stderr, "in use") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestEightMistakesAreEightLines(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	p.write(`[check]
interval = "soon"
timeot   = "15s"

[project.prod]
region     = "eu-west-101"
project_id = 7
access_key = "env:NO_SUCH_VARIABLE"
secret_key = "hunter2hunter2"

[project.prod.instance.cache]
id     = "553a2516-b865-4159-b774-204dc0a36e37"
expiry = ["30d", "yesterday"]

[slack.oncall]
token    = "xoxb-hunter3"
channel  = "#redis"
fallback = "nobody"

[email.mail]
host = "smtp.example.com"
tls  = "sometimes"
from = "not an address"
to   = ["ops@example.com"]
`)
	for _, command := range []string{"run", "validate"} {
		_, stderr, code := p.run(command)
		if code != exitBadConfig {
			t.Errorf("%s: exit %d, want %d", command, code, exitBadConfig)
		}
		lines := strings.Split(strings.TrimSpace(stderr), "\n")[1:]
		if command == "run" {
			lines = loggedProblems(t, stderr, "bad configuration")
		}
		for i, want := range []string{
			":2: check.interval", ":3: check.timeot", ":7: project.prod.project_id", ":8: project.prod.access_key",
			":13: project.prod.instance.cache.expiry", ":18: slack.oncall.fallback", ":22: email.mail.tls", ":23: email.mail.from",
		} {
			if i >= len(lines) || !strings.Contains(lines[i], want) {
				t.Errorf("%s: line %d is not about %s:\n%s", command, i+1, want, stderr)
				break
			}
		}
		if len(lines) != 8 {
			t.Errorf("%s: %d lines, want 8:\n%s", command, len(lines), stderr)
		}
		if strings.Contains(stderr, "hunter") {
			t.Errorf("%s prints a secret:\n%s", command, stderr)
		}
	}
	if _, _, code := p.run("check"); code != exitOf(check.VerdictUnknown) {
		t.Errorf("check: exit %d, want %d", code, exitOf(check.VerdictUnknown))
	}
}

func TestCheckExitsAsNagiosWants(t *testing.T) {
	for name, tc := range map[string]struct {
		instance simcloud.Instance
		answer   simcloud.Answer
		want     int
		says     string
	}{
		"all is well":           {well("a", 300*days), simcloud.AnswerTruth, 0, "OK: 1 ok"},
		"a warning":             {well("a", 10*days), simcloud.AnswerTruth, 1, "certificate_expiring"},
		"critical":              {well("a", 3*days), simcloud.AnswerTruth, 2, "certificate_expiring"},
		"off":                   {well("a", 300*days), simcloud.AnswerOff204, 2, "ssl_disabled"},
		"unknown":               {well("a", 300*days), simcloud.AnswerInternal, 3, "DCS.5010"},
		"unsupported":           {well("a", 300*days), simcloud.AnswerUnsupported, 3, "can't have SSL"},
		"a body of HTML":        {well("a", 300*days), simcloud.AnswerProxy, 3, "502"},
		"a redirect":            {well("a", 300*days), simcloud.AnswerRedirect, 3, "redirect"},
		"an endless body":       {well("a", 300*days), simcloud.AnswerEndless, 3, "1 MiB"},
		"an empty body":         {well("a", 300*days), simcloud.AnswerEmpty, 3, "empty"},
		"a date of year 9999":   {well("a", 300*days), simcloud.AnswerFarDate, 3, "9999"},
		"a number for the date": {well("a", 300*days), simcloud.AnswerNumberDate, 3, "not a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, patient, tc.instance)
			if err := p.world.DCS.AnswerAll(tc.answer); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := p.run("check")
			if code != tc.want || !strings.Contains(stdout, tc.says) {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, tc.want, tc.says, stdout, stderr)
			}
			if _, err := os.Stat(p.state()); !os.IsNotExist(err) {
				t.Errorf("check left a state: %v", err)
			}
			if len(p.got("slack"))+len(p.got("mail")) > 0 {
				t.Error("check told somebody")
			}
		})
	}
}

func TestStatusReadsTheStateAndNoticesADeadDaemon(t *testing.T) {
	p := newPlace(t, strings.Replace(quick, `"30d", `, `"300d", `, 1), well("a", 200*days), well("b", 3*days))
	if _, stderr, code := p.run("status"); code != 3 || !strings.Contains(stderr, "has the daemon run yet") {
		t.Errorf("without a state: exit %d: %s", code, stderr)
	}
	d := p.daemon()
	p.both(told{"FIRING", "certificate_expiring", "b", "7d"})
	if err := d.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d.Wait()
	stdout, stderr, code := p.run("status")
	if code != 2 || !strings.Contains(stdout, "CRITICAL: 1 critical, 1 warning") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	stdout, _, _ = p.run("status", "--json")
	if !strings.Contains(stdout, `"status": "critical"`) || !strings.Contains(stdout, `"ssl_expired_at"`) {
		t.Errorf("JSON:\n%s", stdout)
	}
	old := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	data, err := os.ReadFile(p.state())
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	start := strings.Index(text, `"written": "`) + len(`"written": "`)
	text = text[:start] + old + text[start+strings.Index(text[start:], `"`):]
	if err := os.WriteFile(p.state(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := p.run("status"); code != 3 || !strings.Contains(stderr, "seems not to run") {
		t.Errorf("of a dead daemon: exit %d: %s", code, stderr)
	}
}

func TestATestMessageSaysHowEachReceiverAnswered(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	stdout, stderr, code := p.run("test-notify")
	if code != 0 || strings.Count(stdout, "taken") != 2 {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	stdout, stderr, code = p.run("test-notify", "--alert=critical")
	mails, posts := p.world.Mail.Messages(), p.world.Slack.Messages("")
	if code != 0 || len(mails) != 2 || len(posts) != 2 {
		t.Fatalf("exit %d, %d mails, %d posts:\n%s%s", code, len(mails), len(posts), stdout, stderr)
	}
	for _, shown := range []string{mails[1].Text, posts[1].Text} {
		if !strings.Contains(shown, "TEST CRITICAL test/sample-cache") || !strings.Contains(shown, "FIRING critical certificate_expiring sample-cache: this is a test") {
			t.Errorf("a test alert is %s", shown)
		}
	}
	if host, err := os.Hostname(); err != nil || !strings.Contains(mails[1].Text, " on "+host) {
		t.Errorf("the footer does not say who sent it: %s", mails[1].Text)
	}
	if _, stderr, code = p.run("test-notify", "--alert=loud"); code != 1 || !strings.Contains(stderr, "warning or critical") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if err := p.world.Slack.Fail("", simslack.Error.With("channel_not_found")); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = p.run("test-notify", "oncall")
	if code != 1 || !strings.Contains(stdout, "channel_not_found") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	if _, stderr, code = p.run("test-notify", "nobody"); code != 1 || !strings.Contains(stderr, "oncall") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// One that hangs keeps no other from being tested, and what is said of it is
// what the sender knows.
func TestReceiversAreTestedSideBySide(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	config, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.write(strings.Replace(string(config), "[email.ops-mail]", "[email.a-mail]", 1)) // the first in the alphabet
	if err := p.world.Mail.Fail(simmail.Taken, simmail.Hang); err != nil {
		t.Fatal(err)
	}
	cmd, out := p.command("test-notify"), &output{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.until("the others are tested and the mail is sent", func() bool {
		return strings.Contains(out.String(), "oncall: taken") && len(p.world.Mail.Messages()) == 1
	})
	cmd.Process.Signal(syscall.SIGINT)
	err = cmd.Wait()
	const want = "was not waited for any longer at end of DATA; it is not known whether it took the mail"
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), want) {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

func TestValidateSaysWhatWouldBeWatchedAndWhoWouldBeTold(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	stdout, stderr, code := p.run("validate")
	if code != 0 || !strings.Contains(stdout, "30d 14d 7d") || !strings.Contains(stdout, "oncall") || !strings.Contains(stdout, "1 of 1 instances") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{p.world.Settings().Endpoint, "an access key", "It remembers in\n  " + p.state(), "HTTP on 127.0.0.1:0, without"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("does not say %q:\n%s", want, stdout)
		}
	}
	if stderr != "" {
		t.Errorf("warns of the simulated world: %s", stderr)
	}
}

func TestNoSecretIsInAnyOutput(t *testing.T) {
	const sk, tok, pw = "sk-hunter2-secret", "xoxb-hunter3-token", "hunter4-password"
	p := newPlace(t, strings.Replace(quick, `"1h"`, `"500ms"`, 1), well("a", 3*days))
	s := p.world.Settings()
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.write(strings.NewReplacer(s.SecretKey, sk, s.SlackToken, tok, s.SMTPPassword, pw).Replace(string(good)))
	d := p.daemon()
	p.until("three failures in the log", func() bool {
		log := p.output.String()
		return strings.Contains(log, "check failed") && p.world.DCS.Counts().Total > 0
	})
	p.run("check")
	p.run("test-notify")
	p.run("validate")
	d.Process.Signal(syscall.SIGTERM)
	d.Wait()
	p.run("status")
	everything := p.output.String()
	for _, pattern := range []string{"state.json*"} {
		files, _ := filepath.Glob(filepath.Join(p.dir, pattern))
		for _, f := range files {
			data, _ := os.ReadFile(f)
			everything += string(data)
		}
	}
	for _, m := range p.world.Mail.Messages() {
		everything += string(m.Raw)
	}
	for _, secret := range []string{sk, tok, pw} {
		if i := strings.Index(everything, secret); i >= 0 {
			t.Errorf("%s is in the output: …%s…", secret, everything[max(0, i-200):min(len(everything), i+50)])
		}
	}
}

func TestAWrongFlagIsNoVerdict(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	if _, stderr, code := p.run("check", "--no-such-flag"); code != 3 || !strings.Contains(stderr, "no-such-flag") {
		t.Errorf("check: exit %d: %s", code, stderr)
	}
	if _, stderr, code := p.run("run", "--no-such-flag"); code != 1 || stderr == "" {
		t.Errorf("run: exit %d: %s", code, stderr)
	}
}
