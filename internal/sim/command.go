package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// A command is one that a person gives to a World.
type command struct {
	names []string // the first is the one that help shows
	args  string
	help  string
	run   func(w *World, args []string) (string, error)
}

// commands is the table that Command obeys and help prints.
func commands() []command {
	return []command{
		{[]string{"list", "ls"}, "[INSTANCE]", "show every instance, and what else is wrong", (*World).list},

		{[]string{"off"}, "[INSTANCE]", "turn SSL off", state(func(i *simcloud.Instance) { i.Enabled = false }, "SSL is off")},
		{[]string{"on"}, "[INSTANCE]", "turn SSL on", state(func(i *simcloud.Instance) { i.Enabled, i.Unsupported = true, false }, "SSL is on")},
		{[]string{"invalid"}, "[INSTANCE]", "make the certificate invalid", state(func(i *simcloud.Instance) { i.Validated = false }, "the certificate is invalid")},
		{[]string{"valid"}, "[INSTANCE]", "make it valid again", state(func(i *simcloud.Instance) { i.Validated = true }, "the certificate is valid")},
		{[]string{"expire"}, "[INSTANCE] [in DURATION]", "let the certificate end then, or now", (*World).expire},
		{[]string{"renew"}, "[INSTANCE] [for DURATION]", "issue a certificate for so long, or for 365d", (*World).renew},
		{[]string{"unsupported"}, "[INSTANCE]", "make it a Redis that cannot have SSL", state(func(i *simcloud.Instance) { i.Unsupported = true }, "does not support SSL")},

		{[]string{"endpoint"}, "INSTANCE HOST:PORT", "let clients reach it there: at a real Redis, for one that is probed", (*World).endpoint},

		{[]string{"missing"}, "[INSTANCE]", "let the API not know it", (*World).missing},
		{[]string{"down"}, "[INSTANCE]", "make the API unreachable, or broken for one instance", (*World).down},
		{[]string{"throttle"}, "[INSTANCE] [SECONDS]", "answer 429, with Retry-After if seconds are given", (*World).throttle},
		{[]string{"hang", "slow"}, "[INSTANCE]", "let the API never answer", answer(simcloud.AnswerHang, "does not answer")},
		{[]string{"foreign"}, "[INSTANCE]", "answer 200 with JSON that the API did not write", answer(simcloud.AnswerForeign, "answers with foreign JSON")},
		{[]string{"undated"}, "[INSTANCE]", "let the API say that it is not valid, without a date", answer(simcloud.AnswerUndated, "is not valid and has no date")},
		{[]string{"sliding"}, "[INSTANCE]", "let the date be worked out anew at each request", answer(simcloud.AnswerSliding, "ends five days from each request")},
		{[]string{"window"}, "[REQUESTS [DURATION]]", "answer 429 to more than so many in so long, 200 in 5m; 0 ends it", (*World).limit},
		{[]string{"deny"}, "[INSTANCE]", "refuse the permission", answer(simcloud.AnswerForbidden, "answers 403")},
		{[]string{"up"}, "[INSTANCE]", "let the API tell the truth again, after any of these", (*World).up},

		{[]string{"clock"}, "DURATION", "set the cloud's clock ahead by so much, or back by -DURATION", (*World).clock},

		{[]string{"slack-down"}, "", "make Slack unreachable", (*World).slackDown},
		{[]string{"slack-throttle"}, "[SECONDS]", "let Slack answer 429, with Retry-After if seconds are given", (*World).slackThrottle},
		{[]string{"slack-fail"}, "METHOD FAULT", "let a method of Slack fail, such as: chat.update server-error:503, chat.postMessage taken-reset", (*World).slackFail},
		{[]string{"slack-up"}, "", "make Slack well again", (*World).slackUp},
		{[]string{"mail-down"}, "", "make the mail server unreachable", (*World).mailDown},
		{[]string{"mail-up"}, "", "make the mail server well again", (*World).mailUp},

		{[]string{"help", "?"}, "", "show this; without INSTANCE a command is for all of them", help},
	}
}

// Command obeys a line such as "expire orders-cache in 6d". Reply and error are
// for people; an empty line does nothing.
func (w *World) Command(line string) (reply string, err error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return "", nil
	}
	name := strings.ToLower(words[0])
	var near []string
	for _, c := range commands() {
		if slices.Contains(c.names, name) {
			if c.args == "" && len(words) > 1 {
				return "", fmt.Errorf("%s takes no %q", name, strings.Join(words[1:], " "))
			}
			return c.run(w, words[1:])
		}
		if strings.HasPrefix(c.names[0], name) || strings.HasPrefix(name, c.names[0]) {
			near = append(near, c.names[0])
		}
	}
	if len(near) > 0 {
		return "", fmt.Errorf("there is no command %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return "", fmt.Errorf("there is no command %q; try help", name)
}

func help(*World, []string) (string, error) {
	return table(func(t *tabwriter.Writer) {
		for _, c := range commands() {
			fmt.Fprintf(t, "%s\t%s\n", strings.TrimSpace(c.names[0]+" "+c.args), c.help)
		}
	}), nil
}

func table(fill func(*tabwriter.Writer)) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fill(t)
	t.Flush() // into a Builder
	return strings.TrimSuffix(b.String(), "\n")
}

// chosen returns the instance that is named, or all.
func (w *World) chosen(args []string) ([]simcloud.Instance, error) {
	all := w.DCS.Instances()
	switch len(args) {
	case 0:
		return all, nil
	case 1:
		i, err := w.DCS.Instance(args[0])
		return []simcloud.Instance{i}, err
	default:
		return nil, fmt.Errorf("one instance, or none for all, but not %q", strings.Join(args, " "))
	}
}

// each changes the chosen instances and lets the API tell the truth about them,
// lest the change go unseen.
func (w *World) each(args []string, now string, f func(*simcloud.Instance)) (string, error) {
	chosen, err := w.chosen(args)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, i := range chosen {
		if err := errors.Join(w.DCS.Change(i.ID, f), w.DCS.Answer(i.ID, simcloud.AnswerTruth)); err != nil {
			return "", err
		}
		lines = append(lines, i.Name+": "+now)
	}
	return strings.Join(lines, "\n"), nil
}

func state(f func(*simcloud.Instance), now string) func(*World, []string) (string, error) {
	return func(w *World, args []string) (string, error) { return w.each(args, now, f) }
}

// override makes a the answer about the instance that is named, or to all.
func (w *World) override(args []string, a simcloud.Answer, now string) (string, error) {
	if len(args) == 0 {
		if err := w.DCS.AnswerAll(a); err != nil {
			return "", err
		}
		return "the API: " + now, nil
	}
	chosen, err := w.chosen(args)
	if err != nil {
		return "", err
	}
	return chosen[0].Name + ": " + now, w.DCS.Answer(chosen[0].ID, a)
}

func answer(a simcloud.Answer, now string) func(*World, []string) (string, error) {
	return func(w *World, args []string) (string, error) { return w.override(args, a, now) }
}

func (w *World) list(args []string) (string, error) {
	chosen, err := w.chosen(args)
	if err != nil {
		return "", err
	}
	now := w.DCS.Now()
	instances := table(func(t *tabwriter.Writer) {
		fmt.Fprintln(t, "INSTANCE\tSSL\tCERTIFICATE\tENDS\tBUT")
		for _, i := range chosen {
			ssl, certificate, ends := "on", "valid", when(i.ExpiresAt, i.ExpiresAt.Sub(now))
			if !i.Validated {
				certificate = "invalid"
			}
			switch {
			case i.Unsupported:
				ssl, certificate, ends = "unsupported", "-", "-"
			case !i.Enabled:
				ssl, certificate, ends = "off", "-", "-"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", i.Name, ssl, certificate, ends, w.DCS.Standing(i.ID))
		}
	})
	api := "up"
	if a := w.DCS.Standing(simserver.Everything); a != simcloud.AnswerTruth {
		api = string(a)
	}
	reach := func(g interface{ IsDown() bool }, well string) string {
		if g.IsDown() {
			return "down"
		}
		return well
	}
	return fmt.Sprintf("%s\n\nAPI %s, %d requests. Slack %s, %d messages. Mail %s, %d mails.", instances,
		reach(w.DCS, api), w.DCS.Counts().Total,
		reach(w.Slack, w.Slack.Health()), len(w.Slack.Messages("")),
		reach(w.Mail, "up"), len(w.Mail.Messages())), nil
}

// durationArg takes "WORD DURATION" or "DURATION" off the end of args.
func durationArg(args []string, word string, otherwise time.Duration) (time.Duration, []string, error) {
	if len(args) == 0 {
		return otherwise, args, nil
	}
	d, err := simserver.ParseDuration(args[len(args)-1])
	introduced := len(args) > 1 && args[len(args)-2] == word
	switch {
	case introduced && err != nil:
		return 0, nil, err
	case introduced:
		return d, args[:len(args)-2], nil
	case err == nil:
		return d, args[:len(args)-1], nil
	default: // an instance
		return otherwise, args, nil
	}
}

func isSeconds(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}

// when names a time, and how far off it is.
func when(at time.Time, off time.Duration) string {
	at = at.UTC()
	switch {
	case off > 0:
		return at.Format("2006-01-02 15:04:05 UTC") + " (in " + span(off) + ")"
	case off > -time.Second:
		return at.Format("2006-01-02 15:04:05 UTC") + " (now)"
	default:
		return at.Format("2006-01-02 15:04:05 UTC") + " (" + span(-off) + " ago)"
	}
}

// span names a duration by the two units that matter, rounded, so that "in 6d"
// does not read as five days a moment later.
func span(d time.Duration) string {
	two := func(d time.Duration, big, small time.Duration, bigName, smallName string) string {
		d = d.Round(small)
		s := fmt.Sprintf("%d %s", d/big, bigName)
		if rest := d % big / small; rest > 0 {
			s += fmt.Sprintf(" %d %s", rest, smallName)
		}
		return s
	}
	switch {
	case d >= 48*time.Hour:
		return two(d, 24*time.Hour, time.Hour, "days", "h")
	case d >= 2*time.Hour:
		return two(d, time.Hour, time.Minute, "hours", "min")
	case d >= 2*time.Minute:
		return two(d, time.Minute, time.Second, "minutes", "s")
	default:
		return fmt.Sprintf("%d seconds", d.Round(time.Second)/time.Second)
	}
}
