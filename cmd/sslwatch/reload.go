package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// reloadTimeout bounds how long a command waits for a reload.
const reloadTimeout = time.Minute

func newReload(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the running daemon take its configuration in again",
		Long: "Have the daemon that was started on this machine with this --config read its\n" +
			"configuration and its secrets again, and print what became of it. A file that can't\n" +
			"be used changes nothing, and all its problems are printed.\n\n" +
			"Exit codes: 0 the configuration is in force; 78 it can't be used; 75 what it needs is\n" +
			"not there yet; 1 the daemon can't be asked, or anything else.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.askReload(cmd.Context()) },
	}
}

func (a *app) askReload(ctx context.Context) error {
	answer, err := a.ask(ctx, reloadTimeout, http.MethodPost, "/reload")
	if err != nil {
		return err
	}
	var outcome reloadAnswer
	if err := json.Unmarshal([]byte(answer.Text), &outcome); err != nil || answer.Status != http.StatusOK {
		return fmt.Errorf("the daemon's answer can't be understood (HTTP %d): is it of another version?", answer.Status)
	}
	for _, w := range outcome.Warnings {
		fmt.Fprintf(a.Stderr, "warning: %s\n", w)
	}
	if outcome.Error != "" {
		return &exitError{outcome.Exit, fmt.Errorf("nothing was changed: %s", outcome.Error)}
	}
	fmt.Fprintln(a.Stdout, "The configuration is in force.")
	return nil
}

// reloads takes the configuration in again when a signal, a command or a
// changed file asks for it, until ctx ends.
func (d *daemon) reloads(ctx context.Context, w *watch.Watch, hangups <-chan os.Signal) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	changes := newChanges(d.config.Files)
	for {
		var answer chan<- reloadAnswer
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		case answer = <-d.asks:
		case <-look.C:
			if !d.config.WatchFiles {
				continue
			}
			changed := changes.look(ctx)
			if changed == "" {
				continue
			}
			d.log.Info("file changed", "file", changed)
		}
		d.systemd.reloading()
		outcome, files := d.reload(ctx, w)
		changes.taken(files)
		d.systemd.ready()
		if answer != nil {
			answer <- outcome
		}
	}
}

// reload reads and checks the whole file before anything changes. It returns
// what became of it, and the files that were read.
func (d *daemon) reload(ctx context.Context, w *watch.Watch) (reloadAnswer, []config.File) {
	warnings, files, err := d.takeIn(ctx, w)
	d.metrics.reloaded(err, time.Now())
	outcome := reloadAnswer{Warnings: warnings}
	if err != nil {
		outcome.Error, outcome.Exit = err.Error(), exitFailure
		if exit, ok := errors.AsType[*exitError](err); ok {
			outcome.Exit = exit.code
		}
	}
	if ctx.Err() == nil {
		d.parts.report(partReload, err)
		if err != nil {
			if bad, ok := errors.AsType[*config.Error](err); ok {
				logProblems(d.log, bad)
			}
			d.log.Error("reload failed: everything goes on as it was", "err", brief(err))
		}
	}
	return outcome, files
}

func (d *daemon) takeIn(ctx context.Context, w *watch.Watch) (warnings []string, files []config.File, err error) {
	log := logWarnings(d.log)
	c, err := d.load(ctx, config.Everything, func(p config.Problem) {
		warnings = append(warnings, p.String())
		log(p)
	})
	if err != nil {
		var bad *config.Error
		if errors.As(err, &bad) {
			files = bad.Files
		}
		return warnings, files, err
	}
	d.app.log.Hide(c.Secrets)
	o, err := d.options(c)
	if err != nil {
		return warnings, c.Files, err
	}
	for _, s := range []struct {
		name    string
		changed bool
	}{
		{"state.file", c.State != d.config.State},
		{"http", c.HTTP != d.config.HTTP},
		{"heartbeat.url", c.Heartbeat != d.config.Heartbeat},
	} {
		if s.changed {
			d.log.Warn("change needs a restart", "setting", s.name)
			warnings = append(warnings, "the change of "+s.name+" needs a restart")
		}
	}
	proxies, err := d.proxies()
	if err != nil {
		return warnings, c.Files, err
	}
	if err := w.Reload(ctx, d.complete(o)); err != nil {
		return warnings, c.Files, err
	}
	d.observers.configure(ctx, c.Receivers, proxies)
	d.config = c
	d.logChain(c)
	d.log.Info("reloaded", "projects", len(o.Projects), "instances", len(o.Watched), "receivers", len(c.Receivers))
	return warnings, c.Files, nil
}

// brief says in one line why something failed.
func brief(err error) string {
	var bad *config.Error
	if !errors.As(err, &bad) || len(bad.Problems) == 0 {
		return err.Error()
	}
	s := bad.Problems[0].String()
	if more := len(bad.Problems) - 1; more > 0 {
		s += fmt.Sprintf(" (and %d more)", more)
	}
	return s
}

// lookEvery is how often files are looked at.
const lookEvery = 2 * time.Second

// changes notices that files changed, once they stay as they are: a file may
// be half written, and several may belong together.
type changes struct {
	read []config.File // as they were read last
	seen []config.File // as they were at the last look
	told []config.File // as they were when a change was last told
}

func newChanges(read []config.File) *changes {
	c := &changes{}
	c.taken(read)
	return c
}

// taken takes in that files were read. Those of a configuration that was
// refused count as well: what it lacks may come.
func (c *changes) taken(read []config.File) {
	if len(read) > 0 {
		c.read, c.seen = read, read
	}
}

// look returns a file that has changed, or "" if none has, or one still does.
func (c *changes) look(ctx context.Context) string {
	now := make([]config.File, len(c.read))
	for i, f := range c.read {
		now[i] = f.Now(ctx)
	}
	settled := slices.Equal(now, c.seen)
	c.seen = now
	if !settled || slices.Equal(now, c.read) || slices.Equal(now, c.told) {
		return ""
	}
	c.told = now
	for i, f := range c.read {
		if f != now[i] {
			return f.Path
		}
	}
	return ""
}
