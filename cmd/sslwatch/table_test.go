package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// fits checks that a text is within 80 columns as a terminal shows it, but for
// its first line, which monitoring reads.
func fits(t *testing.T, text string) {
	t.Helper()
	for n, l := range strings.Split(text, "\n") {
		if cells.StringWidth(l) > narrowest && n > 0 {
			t.Errorf("%d columns: %s", cells.StringWidth(l), l)
		}
	}
}

func TestATableIsAlignedByWhatIsShownAndFits(t *testing.T) {
	for _, name := range []string{"orders-cache", "订单缓存", "ﾊﾝｶｸ", "a" + strings.Repeat("\u0301", 4), strings.Repeat("a-long-name-", 8), strings.Repeat("很长的名字", 10), "👩‍👩‍👧"} {
		tab := table{head: []string{"STATUS", "INSTANCE", "SSL", "EXPIRES (UTC)", "LEFT", "CHECKED"}}
		tab.style = func(i int, cell string) string {
			if i == 0 {
				return paint(cell)
			}
			return cell
		}
		tab.add("check_failing: "+strings.Repeat("because of a ", 20)+strings.Repeat("x", 200), "critical", "prod/"+name, "INVALID", "2026-12-24 10:12", "29d23h", "59m59s ago")
		tab.add("", "ok", "prod/b", "on", "2026-12-24 10:12", "29d23h", "3s ago")
		var out bytes.Buffer
		tab.print(&out, narrowest, 1)
		plain := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(out.String(), "")
		fits(t, "\n"+plain)
		at := -1
		for l := range strings.Lines(plain) {
			i := strings.Index(l, "2026-12-24")
			if i < 0 {
				continue
			}
			if column := cells.StringWidth(l[:i]); at >= 0 && column != at {
				t.Errorf("%s: a column begins at %d and at %d:\n%s", name, at, column, plain)
			} else {
				at = column
			}
		}
		if whole := strings.Join(strings.Fields(plain), ""); len(name) > 20 && strings.Contains(name, "-") && strings.Count(whole, "a-long-name-") < 3 {
			t.Errorf("the name is cut:\n%s", plain)
		}
	}
}

func TestWhatIsPrintedFitsAndSaysUTC(t *testing.T) {
	long := well("orders-cache-of-the-payments-team", 300*days)
	long.ID = "553a2516-b865-4159-b774-204dc0a36e37"
	p := newPlace(t, quick, well("a", 3*days), long)
	p.replace(`[project.demo.instance.orders-cache-of-the-payments-team]`, `[project.demo.instance."订单缓存-生产环境-支付团队-主实例"]`)
	if err := p.world.DCS.Answer("orders-cache-of-the-payments-team", simcloud.AnswerInternal); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "Asia/Shanghai")
	expires := p.world.DCS.Instances()[0].ExpiresAt.UTC().Format("2006-01-02 15:04")
	d := p.daemon()
	p.both(told{"FIRING", "certificate_expiring", "a", "7d"})
	p.saved("certificate_expiring")
	d.Process.Signal(syscall.SIGTERM)
	d.Wait()
	for _, command := range []string{"check", "status", "validate"} {
		stdout, stderr, _ := p.run(command)
		fits(t, stdout)
		fits(t, stderr)
		if command != "validate" && (!strings.Contains(stdout, "EXPIRES (UTC)") || !strings.Contains(stdout, expires)) {
			t.Errorf("%s: no %s:\n%s", command, expires, stdout)
		}
		if !strings.Contains(stdout, "订单缓存") {
			t.Errorf("%s:\n%s", command, stdout)
		}
	}
}

func TestAStoppedCheckPrintsWhatIsKnown(t *testing.T) {
	for _, args := range [][]string{{"check"}, {"check", "--json"}} {
		p := newPlace(t, patient, well("a", 300*days), well("b", 3*days))
		p.replace("rate        = 200.0", "rate        = 200.0\nconcurrency = 1")
		if err := p.world.DCS.Answer("b", simcloud.AnswerHang); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		cmd := p.command(args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		p.until("two requests", func() bool { return p.world.DCS.Counts().Total >= 2 })
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(stderr.String(), "stopped after 1 of 2 instances") {
			t.Errorf("%q: exit %d: %s", args, code, &stderr)
		}
		if len(args) > 1 {
			var rows []row
			if err := json.Unmarshal(stdout.Bytes(), &rows); err != nil || len(rows) != 1 || rows[0].Verdict != check.VerdictOK {
				t.Errorf("%v: %s", err, &stdout)
			}
			continue
		}
		first, rest, _ := strings.Cut(stdout.String(), "\n")
		if first != "UNKNOWN: stopped after 1 of 2 instances; as far as is known: 1 ok" || !strings.Contains(rest, "demo/a ") {
			t.Errorf("%q: %s", args, &stdout)
		}
	}
}

func TestAVerdictIsALineOnStandardOutput(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days))
	for line, want := range map[string]string{
		"status":             "UNKNOWN: state ",
		"check nobody":       `UNKNOWN: no instance "nobody"`,
		"check --config x|y": "UNKNOWN: bad configuration: x/y: can't be read",
	} {
		stdout, stderr, code := p.line(line)
		if code != 3 || !strings.HasPrefix(stdout, want) || strings.Count(stdout, "\n") != 1 || strings.Contains(stdout, "|") || stderr == "" {
			t.Errorf("%q: exit %d: %q, %q", line, code, stdout, stderr)
		}
	}
	for line := range strings.SplitSeq("check --json nobody,status --json,check --json --config x", ",") {
		if stdout, stderr, code := p.line(line); code != 3 || stdout != "" || stderr == "" {
			t.Errorf("%q: exit %d: %q, %q", line, code, stdout, stderr)
		}
	}
}

func TestCompletionOffersTheRightWords(t *testing.T) {
	p := newPlace(t, quick, well("a", 300*days), well("b", 300*days))
	s := p.world.Settings()
	p.replace(fmt.Sprintf("%q", s.SlackToken), `"file:/nonexistent/token"`)
	const noFiles, files = ":4", ":8" // cobra's directives
	for line, want := range map[string]string{
		"check":             "a b " + noFiles,
		"check a":           "b " + noFiles,
		"test-notify":       "oncall ops-mail " + noFiles,
		"run":               noFiles,
		"status":            noFiles,
		"validate":          noFiles,
		"healthcheck":       noFiles,
		"version":           noFiles,
		"demo":              noFiles,
		"run --log-level":   "debug info warn error " + noFiles,
		"run --log-format":  "text json " + noFiles,
		"check --config":    "toml " + files,
		"check --config x ": noFiles, // which can't be read
	} {
		// An empty word is what is being typed.
		var out, errs bytes.Buffer
		code := run(t.Context(), system{Stdout: &out, Stderr: &errs, Getenv: p.env}, append(append([]string{"__complete"}, strings.Fields(line)...), ""))
		if got := strings.Join(strings.Fields(out.String()), " "); code != 0 || got != want {
			t.Errorf("%q: exit %d: %q, want %q", line, code, got, want)
		}
	}
}

func TestShortSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "<1s", 45*time.Second + 7: "45s", 59*time.Minute + 59*time.Second + 999: "59m59s", 23*time.Hour + 59*time.Minute + 59*time.Second: "23h59m",
		30*days - 1: "29d23h", 300 * days: "300d", time.Hour: "1h",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
