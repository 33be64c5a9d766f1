package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// env is an environment that names the configuration, and nothing else.
func (p *place) env(name string) (string, bool) {
	if name == "SSLWATCH_CONFIG" {
		return p.config, true
	}
	return "", false
}

// line runs a command line in this process.
func (p *place) line(line string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = run(p.t.Context(), system{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: p.env}, strings.Fields(line))
	return out.String(), errs.String(), code
}

func TestAWrongCommandLineIsAnError(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	for line, want := range map[string]int{
		"":                             exitFailure,
		"chek":                         3,
		"chek --json":                  3,
		"--log-level info chek":        3,
		"Status":                       3,
		"stat":                         3,
		"statuss extra":                3,
		"runn":                         exitFailure,
		"frobnicate":                   exitFailure,
		"--no-such-flag":               exitFailure,
		"--no-such-flag --config x":    exitFailure,
		"status extra":                 3,
		"status --no-such-flag":        3,
		"check --json=maybe":           3,
		"check nobody":                 3,
		"run extra":                    exitFailure,
		"validate extra":               exitFailure,
		"healthcheck extra":            exitFailure,
		"demo extra":                   exitFailure,
		"version extra":                exitFailure,
		"help frobnicate":              exitFailure,
		"completion":                   exitFailure,
		"completion ksh":               exitFailure,
		"completion bash extra":        exitFailure,
		"chek --help":                  3,
		"runn --help":                  exitFailure,
		"version --log-level loud":     exitFailure,
		"validate --log-format yaml":   exitFailure,
		"check --log-level loud":       3,
		"status --log-format=yaml":     3,
		"test-notify --log-level loud": exitFailure,
	} {
		stdout, stderr, code := p.line(line)
		if code != want || !strings.Contains(stderr, "sslwatch") && !strings.Contains(stderr, `"ERROR"`) {
			t.Errorf("%q: exit %d, want %d: %q", line, code, want, stderr)
		}
		if strings.Contains(stdout, "Usage") || strings.Contains(stdout, "Available Commands") {
			t.Errorf("%q prints help: %s", line, stdout)
		}
		if verdict := strings.HasPrefix(stdout, "UNKNOWN: "); verdict != (want == 3) || strings.Count(stdout, "\n") > 1 {
			t.Errorf("%q: %q", line, stdout)
		}
	}
	for _, line := range []string{"--help", "-h", "help", "help check", "check --help", "version", "--version", "completion bash", "completion --help"} {
		if stdout, stderr, code := p.line(line); code != 0 || stdout == "" {
			t.Errorf("%q: exit %d: %s", line, code, stderr)
		}
	}
	version, _, _ := p.line("version")
	if flag, _, _ := p.line("--version"); flag != version {
		t.Errorf("--version prints %q, version %q", flag, version)
	}
}

// As of "status | head -1", and of a full disk.
func TestAnOutputThatCantBeWrittenIsNoVerdict(t *testing.T) {
	p := newPlace(t, quick, well("a", 3*days))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	r, w := pipe(t)
	r.Close()
	for _, tc := range []struct {
		args   []string
		stdout *os.File
		code   int
		says   string
	}{
		{[]string{"check"}, w, 2, ""}, // the verdict, although nobody reads the table
		{[]string{"check", "--json"}, w, 2, ""},
		{[]string{"version"}, w, 0, ""},
		{[]string{"validate"}, w, 0, ""},
		{[]string{"check"}, full, 3, "no space left"},
		{[]string{"check", "--json"}, full, 3, "no space left"},
		{[]string{"version"}, full, 1, "no space left"},
		{[]string{"completion", "bash"}, full, 1, "no space left"},
	} {
		var stderr bytes.Buffer
		cmd := p.command(tc.args...)
		cmd.Stdout, cmd.Stderr = tc.stdout, &stderr
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != tc.code {
			t.Errorf("%q: exit %v, want %d: %s", tc.args, cmd.ProcessState, tc.code, &stderr)
		}
		if tc.says == "" && stderr.Len() > 0 || !strings.Contains(stderr.String(), tc.says) {
			t.Errorf("%q: %s", tc.args, &stderr)
		}
	}
}

func TestACommandLoadsWhatItNeedsAndNoMore(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	d := p.daemon()
	p.saved(`"verified"`)
	d.Process.Kill()
	d.Wait()
	s := p.world.Settings()
	keys := strings.NewReplacer(fmt.Sprintf("%q", s.AccessKey), `"env:NO_SUCH_AK"`, fmt.Sprintf("%q", s.SecretKey), `"file:/nonexistent/sk"`)
	tokens := strings.NewReplacer(fmt.Sprintf("%q", s.SlackToken), `"credential:token"`, fmt.Sprintf("%q", s.SMTPPassword), `"file:/nonexistent/pw"`,
		fmt.Sprintf("%q", s.SMTPCAFile), `"/nonexistent/ca.pem"`)
	good, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]struct{ noKeys, noTokens int }{
		"status":                      {0, 0},
		"validate --without-secrets":  {0, 0},
		"validate":                    {exitBadConfig, exitBadConfig},
		"check":                       {3, 0},
		"test-notify":                 {0, exitFailure},
		"healthcheck":                 {exitFailure, exitFailure}, // nobody is there to ask
		"__complete check ''":         {0, 0},
		"__complete test-notify ''":   {0, 0},
		"__complete run --log-level ": {0, 0},
	} {
		p.write(keys.Replace(string(good)))
		stdout, stderr, code := p.line(line)
		if code != want.noKeys {
			t.Errorf("%s without keys: exit %d, want %d: %s%s", line, code, want.noKeys, stdout, stderr)
		}
		p.write(tokens.Replace(string(good)))
		stdout, stderr, code = p.line(line)
		if code != want.noTokens || strings.Contains(stdout+stderr, "bad configuration") && want.noTokens < exitTemporary && want.noTokens != exitFailure {
			t.Errorf("%s without tokens: exit %d, want %d: %s%s", line, code, want.noTokens, stdout, stderr)
		}
	}
}
