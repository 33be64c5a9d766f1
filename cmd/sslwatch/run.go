package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/watch"
)

func newRun(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: "Run the daemon: check every instance, and tell what changes.\n\n" +
			"Exit codes: 0 stopped by a signal; 78 the configuration can't be used;\n" +
			"75 another sslwatch has the state file; 1 anything else.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context()) },
	}
}

// run is the daemon, in one straight line.
func (a *app) run(ctx context.Context) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	c, err := a.load(logWarnings(log))
	if err != nil {
		return err
	}
	o, err := a.options(c)
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	file, remembered, notes, err := state.Open(c.State)
	if err != nil {
		if inUse := (*state.InUseError)(nil); errors.As(err, &inUse) {
			return &exitError{exitInUse, err}
		}
		return err
	}
	defer file.Close()
	for _, n := range notes {
		log.Error("state was mended", "kind", n.Kind, "note", n.Text, "set_aside", n.SetAside)
	}
	log.Info("starting", "version", build(), "config", a.config(), "state", c.State,
		"projects", len(o.Projects), "instances", len(o.Watched), "receivers", len(o.Receivers))

	systemd := newSupervisor(log)
	o.Tick, o.Turn = systemd.tick(), systemd.turn
	w := watch.New(o, remembered, file, log)
	systemd.ready()
	context.AfterFunc(ctx, systemd.stopping)
	if err := w.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}
