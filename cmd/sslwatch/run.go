package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/heartbeat"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/watch"
)

func newRun(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: "Run the daemon: check every instance, and tell what changes. SIGHUP has it read\n" +
			"the configuration again; SIGTERM stops it.\n\n" +
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
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from here on, one is no reason to die
	defer signal.Stop(hangups)

	c, err := a.load(logWarnings(log))
	if err != nil {
		return err
	}
	o, err := a.options(c)
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	proxies, err := a.proxies()
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	for _, w := range proxies.Warnings {
		log.Warn("odd environment", "problem", w)
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

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	systemd := newSupervisor(log)
	d := &daemon{app: a, log: log, config: c, systemd: systemd, metrics: newDaemonMetrics(registry, notes), loop: watch.NewMetrics(registry)}

	// What runs beside the loop ends after it.
	beside, end := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	if !c.Heartbeat.IsZero() {
		d.heart = heartbeat.New(c.Heartbeat, proxies, log)
		running.Go(func() { d.heart.Run(beside) })
	}
	w := watch.New(d.complete(o), remembered, file, log)
	if c.HTTP.Listen != "" {
		stop, err := serve(c.HTTP, w, registry, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	running.Go(func() { d.reloads(beside, w, hangups) })

	context.AfterFunc(ctx, systemd.stopping)
	systemd.ready()
	if err := w.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// daemon is what outlives a reload.
type daemon struct {
	*app
	log     *slog.Logger
	systemd *supervisor
	heart   *heartbeat.Heart // nil for none
	metrics *daemonMetrics
	loop    *watch.Metrics
	config  *config.Config // in force; owned by reloads once that runs
}

// complete adds to the loop's options what outlives a reload.
func (d *daemon) complete(o watch.Options) watch.Options {
	o.Metrics, o.Tick, o.Turn = d.loop, d.systemd.tick(), d.systemd.turn
	if d.heart != nil {
		o.Beat = d.beat
	}
	return o
}

// beat passes a sign of life on.
func (d *daemon) beat(sign watch.Beat, why string) {
	switch sign {
	case watch.BeatStart:
		d.heart.Start()
	case watch.BeatSuccess:
		d.heart.Success()
	case watch.BeatFail:
		d.heart.Fail(why)
	}
}

// reloads takes the configuration in again at each hangup, until ctx ends.
func (d *daemon) reloads(ctx context.Context, w *watch.Watch, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			d.systemd.reloading()
			err := d.reload(ctx, w)
			d.metrics.reloaded(err, time.Now())
			if err != nil && ctx.Err() == nil {
				d.log.Error("reload failed: everything goes on as it was", "err", err)
				d.systemd.note("reload failed, the configuration before is in force: " + brief(err))
			} else {
				d.systemd.note("")
			}
			d.systemd.ready()
		}
	}
}

// reload reads and checks the whole file before anything changes.
func (d *daemon) reload(ctx context.Context, w *watch.Watch) error {
	c, err := d.load(logWarnings(d.log))
	if err != nil {
		return err
	}
	o, err := d.options(c)
	if err != nil {
		return err
	}
	for what, changed := range map[string]bool{
		"state.file": c.State != d.config.State, "http": c.HTTP != d.config.HTTP, "heartbeat.url": c.Heartbeat != d.config.Heartbeat,
	} {
		if changed {
			d.log.Warn("change needs a restart", "setting", what)
		}
	}
	if err := w.Reload(ctx, d.complete(o)); err != nil {
		return err
	}
	d.config = c
	d.log.Info("reloaded", "projects", len(o.Projects), "instances", len(o.Watched), "receivers", len(o.Receivers))
	return nil
}

// brief says in one line why a reload failed.
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
