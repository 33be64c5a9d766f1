package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// reachable gives the daemon an HTTP address that the test knows.
func (p *place) reachable() (base string) {
	p.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p.replace(`listen = "127.0.0.1:0"`, fmt.Sprintf("listen = %q", address))
	return "http://" + address
}

// replace changes the configuration.
func (p *place) replace(before, after string) {
	p.t.Helper()
	config, err := os.ReadFile(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	if !strings.Contains(string(config), before) {
		p.t.Fatalf("the configuration has no %s", before)
	}
	p.write(strings.Replace(string(config), before, after, 1))
}

// page reads a page of the daemon; the text is empty while there is none.
func page(address string) (text string, code int) {
	response, err := http.Get(address)
	if err != nil {
		return "", 0
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return string(body), response.StatusCode
}

func TestADiskThatFailsIsSaidAndHealsAndHoldsUpNoAlert(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, well("a", 300*days))
	base := p.reachable()
	dir := filepath.Join(p.dir, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.replace(fmt.Sprintf("file = %q", p.state()), fmt.Sprintf("file = %q", filepath.Join(dir, "state.json")))
	d := p.daemon()
	p.until("ready", func() bool { _, code := page(base + "/readyz"); return code == http.StatusOK })

	// The disk is gone, and a directory can't be made in its place.
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	change := func(on bool) {
		if err := p.world.DCS.Change("a", func(i *simcloud.Instance) { i.Enabled = on }); err != nil {
			t.Fatal(err)
		}
	}
	change(false)
	off := told{"FIRING", "ssl_disabled", "a", ""}
	p.both(off)
	p.until("not ready", func() bool {
		text, code := page(base + "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "state")
	})
	if text, _ := page(base + "/metrics"); strings.Contains(text, "sslwatch_state_writes_failed_total 0\n") {
		t.Error("the metric says nothing")
	}
	if !strings.Contains(p.output.String(), "state can't be written") {
		t.Errorf("the log says nothing:\n%s", p.output)
	}
	kept, err := os.ReadFile(filepath.Join(dir+"-away", "state.json"))
	if err != nil || !strings.Contains(string(kept), "records") {
		t.Errorf("the good file was harmed: %v, %s", err, kept)
	}

	// It is back.
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	p.until("ready again", func() bool { _, code := page(base + "/readyz"); return code == http.StatusOK })
	p.until("the log says so", func() bool { return strings.Contains(p.output.String(), "state is written again") })
	d.Process.Kill()
	d.Wait()
	p.daemon()
	p.passes(6)
	p.once(off)
}

// Whatever the API says, also the secret of the key: nobody else is told it.
func TestNoSecretIsInAnythingToldOrServed(t *testing.T) {
	p := newPlace(t, strings.Replace(quick, `"1h"`, `"500ms"`, 1), well("a", 3*days), well("b", 300*days))
	base := p.reachable()
	s := p.world.Settings()
	secrets := []string{s.SecretKey, s.SlackToken, s.SMTPPassword}
	// What the API knows of; Slack and mail servers have tests of their own.
	backwards := []byte(s.SecretKey)
	slices.Reverse(backwards)
	echo := "your secret is " + s.SecretKey + " " + strings.ToUpper(s.SecretKey) + " " + string(backwards)
	encoded := "your secret is " + base64.StdEncoding.EncodeToString([]byte("x"+s.SecretKey)) + " " + hex.EncodeToString([]byte(s.SecretKey))
	for name, answer := range map[string]simcloud.Answer{
		"a": simcloud.AnswerBody.With(echo), "b": simcloud.AnswerBody.With(fmt.Sprintf(`{"error_code":"DCS.5010","error_msg":%q}`, encoded)),
	} {
		if err := p.world.DCS.Answer(name, answer); err != nil {
			t.Fatal(err)
		}
	}
	p.daemon()
	p.both(told{"FIRING", "check_failing", "a", ""})
	p.both(told{"FIRING", "check_failing", "b", ""})
	var all strings.Builder
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz"} {
		text, _ := page(base + path)
		all.WriteString(text)
	}
	for _, command := range []string{"check", "status", "validate", "test-notify"} {
		p.run(command, "--log-level", "debug")
	}
	all.WriteString(p.output.String())
	for _, m := range p.world.Slack.Messages("") {
		fmt.Fprintf(&all, "%+v", m)
	}
	for _, m := range p.world.Mail.Messages() {
		fmt.Fprintf(&all, "%s %s %s", m.Raw, m.Text, m.HTML)
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "state.json*"))
	if err != nil || len(files) < 3 {
		t.Errorf("files %q: %v", files, err)
	}
	for _, f := range files {
		data, _ := os.ReadFile(f)
		all.Write(data)
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	for _, secret := range secrets {
		for form, text := range map[string]string{
			"as it is": secret, "base64": base64.StdEncoding.EncodeToString([]byte(secret)),
			"hexadecimal": hex.EncodeToString([]byte(secret)), "in a URL": url.QueryEscape(secret),
			"in capitals": strings.ToUpper(secret), "backwards": string(backwards),
			"base64 of more": base64.StdEncoding.EncodeToString([]byte("x" + secret))[2 : len(secret)*4/3],
		} {
			if i := strings.Index(all.String(), text); i >= 0 {
				t.Errorf("%s is shown %s: …%s…", secret, form, all.String()[max(0, i-200):min(all.Len(), i+50)])
			}
		}
	}
}

// hostile is a name that would be a command, a header, a line or a mark-up
// somewhere.
const hostile = "<!channel> @here\r\nBcc: evil@example.com\nRESOLVED critical <script>alert(1)</script>\x1b[2J"

func TestWhatTheAPISaysIsNeverMarkup(t *testing.T) {
	t.Parallel()
	p := newPlace(t, strings.Replace(quick, `"1h"`, `"500ms"`, 1), well("a", 300*days))
	answer := simcloud.AnswerBody.With(fmt.Sprintf(`{"error_code":"DCS.5010","error_msg":%q}`, hostile))
	if err := p.world.DCS.Answer("a", answer); err != nil {
		t.Fatal(err)
	}
	p.daemon()
	p.both(told{"FIRING", "check_failing", "a", ""})
	p.passes(4)
	p.once(told{"FIRING", "check_failing", "a", ""})
	for _, m := range p.world.Slack.Messages("") {
		if blocks := string(m.Blocks); strings.Contains(m.Text+blocks, "<!channel>") || strings.Contains(blocks, `\u003c!channel`) {
			t.Errorf("Slack is told %s\n%s", m.Text, blocks)
		}
	}
	for _, m := range p.world.Mail.Messages() {
		if m.Problem != "" || m.Header.Get("Bcc") != "" || strings.Contains(m.HTML, "<script") || len(m.To) != 1 || strings.Contains(m.Text, "\x1b") {
			t.Errorf("the mail is %s: %s", m.Problem, m.Raw)
		}
	}
	if strings.Contains(p.output.String(), "\x1b") {
		t.Error("the log holds a command for a terminal")
	}
}
