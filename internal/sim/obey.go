package sim

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// What the commands do.

func (w *World) expire(args []string) (string, error) {
	d, args, err := durationArg(args, "in", 0)
	if err != nil {
		return "", err
	}
	at := w.DCS.Now().Add(d)
	return w.each(args, "the certificate ends "+when(at, d), func(i *simcloud.Instance) { i.ExpiresAt = at })
}

func (w *World) renew(args []string) (string, error) {
	d, args, err := durationArg(args, "for", 365*24*time.Hour)
	if err != nil {
		return "", err
	}
	at := w.DCS.Now().Add(d)
	return w.each(args, "a new certificate, which ends "+when(at, d), func(i *simcloud.Instance) {
		i.ExpiresAt, i.Validated = at, true
	})
}

// endpoint sets where clients reach an instance.
func (w *World) endpoint(args []string) (string, error) {
	if len(args) != 2 {
		return "", errors.New("which instance, and where? such as: endpoint orders-cache 127.0.0.1:6380")
	}
	host, port, err := net.SplitHostPort(args[1])
	if err != nil || host == "" || port == "" {
		return "", fmt.Errorf("%q is not HOST:PORT", args[1])
	}
	return w.each(args[:1], "clients reach it at "+args[1], func(i *simcloud.Instance) {
		i.IP, i.IPv6, i.Domain, i.Port = "", "", "", port
		switch ip := net.ParseIP(host); {
		case ip == nil:
			i.Domain = args[1]
		case ip.To4() != nil:
			i.IP = host
		default:
			i.IPv6 = host
		}
	})
}

// limit sets the gateway's window.
func (w *World) limit(args []string) (string, error) {
	most, per := 200, 5*time.Minute
	var err error
	if len(args) > 0 {
		if most, err = strconv.Atoi(args[0]); err != nil || most < 0 {
			return "", fmt.Errorf("%q is not a number of requests", args[0])
		}
	}
	if len(args) > 1 {
		if per, err = simserver.ParseDuration(args[1]); err != nil {
			return "", err
		}
	}
	if len(args) > 2 {
		return "", errors.New("too many words: window [REQUESTS [DURATION]]")
	}
	w.DCS.Window(most, per)
	if most == 0 {
		return "the gateway has no limit", nil
	}
	return fmt.Sprintf("the gateway answers 429 to more than %d requests of a project in %s", most, per), nil
}

// clock sets the clock of the cloud.
func (w *World) clock(args []string) (string, error) {
	if len(args) != 1 {
		return "", errors.New("by how much? such as: clock 60d, clock -3h, clock 0s")
	}
	size, back := strings.CutPrefix(args[0], "-")
	d, err := simserver.ParseDuration(size)
	if err != nil {
		return "", err
	}
	if back {
		d = -d
	}
	w.DCS.SetClock(d)
	return "the cloud's clock shows " + w.DCS.Now().UTC().Format(time.DateTime) + " UTC", nil
}

func (w *World) missing(args []string) (string, error) {
	chosen, err := w.chosen(args)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, i := range chosen {
		if err := w.DCS.Answer(i.ID, simcloud.AnswerMissing); err != nil {
			return "", err
		}
		lines = append(lines, i.Name+": the API does not know it")
	}
	return strings.Join(lines, "\n"), nil
}

func (w *World) down(args []string) (string, error) {
	if len(args) > 0 {
		return w.override(args, simcloud.AnswerInternal, "answers 500")
	}
	w.DCS.Down()
	return "the API: unreachable", nil
}

func (w *World) up(args []string) (string, error) {
	if len(args) > 0 {
		return w.override(args, simcloud.AnswerTruth, "answers with the truth")
	}
	w.DCS.Up()
	w.DCS.Heal()
	return "the API: answers with the truth, about everything", nil
}

func (w *World) throttle(args []string) (string, error) {
	a := simcloud.AnswerThrottled
	if len(args) > 0 {
		if last := args[len(args)-1]; isSeconds(last) {
			a, args = a.With(last), args[:len(args)-1]
		}
	}
	return w.override(args, a, "answers 429")
}

func (w *World) slackDown([]string) (string, error) {
	w.Slack.Down()
	return "Slack: unreachable", nil
}

func (w *World) slackThrottle(args []string) (string, error) {
	f := simslack.Throttled
	if len(args) > 0 {
		if len(args) > 1 || !isSeconds(args[0]) {
			return "", fmt.Errorf("%q is not a number of seconds", strings.Join(args, " "))
		}
		f = f.With(args[0])
	}
	return "Slack: answers 429", w.Slack.Fail(simserver.Everything, f)
}

func (w *World) slackFail(args []string) (string, error) {
	if len(args) < 2 {
		return "", errors.New("slack-fail takes a method and a fault")
	}
	fault := strings.Join(args[1:], " ")
	if err := w.Slack.Fail(args[0], simslack.Fault(fault)); err != nil {
		return "", err
	}
	return "Slack: " + args[0] + " fails (" + fault + ")", nil
}

func (w *World) slackUp([]string) (string, error) {
	w.Slack.Up()
	w.Slack.Heal()
	return "Slack: well", nil
}

func (w *World) mailDown([]string) (string, error) {
	w.Mail.Down()
	return "mail: unreachable", nil
}

func (w *World) mailUp([]string) (string, error) {
	w.Mail.Up()
	w.Mail.Heal()
	return "mail: well", nil
}
