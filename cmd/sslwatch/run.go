package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
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
	"github.com/sslwatch/sslwatch/internal/web"
)

func newRun(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: "Run the daemon: check every instance, and tell what changes. SIGHUP has it read\n" +
			"the configuration again; SIGTERM stops it.\n\n" +
			"Exit codes: 0 stopped by a signal; 78 a configuration that only an edit can mend;\n" +
			"75 what may pass by itself: another sslwatch has the state file, or a file that the\n" +
			"configuration refers to, such as a secret's, can't be read; 1 anything else.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return endWithin(cmd.Context(), stopLimit, a.run)
		},
	}
}

// stopLimit is how long the process is there after a signal to stop.
const stopLimit = 4700 * time.Millisecond

// endWithin runs a daemon, and waits only so long for it to end once ctx has.
// What hangs then ends with the process.
func endWithin(ctx context.Context, limit time.Duration, daemon func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- daemon(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("the stop did not end within %v: something hangs, and is left behind", limit)
	}
}

// run is the daemon, in one straight line.
func (a *app) run(ctx context.Context) error {
	log := a.openLog().Logger
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from here on, one does not end the process
	defer signal.Stop(hangups)

	boundMemory(log)
	c, err := a.load(ctx, config.Everything, logWarnings(log))
	if err != nil {
		return err
	}
	a.log.Hide(c.Secrets)
	o, err := a.options(c)
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	proxies, err := a.proxies()
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	for _, w := range proxies.Warnings {
		log.Warn("environment warning", "problem", w)
	}
	a.logChain(c)
	file, remembered, notes, err := openState(c.State, log)
	if err != nil {
		return err
	}
	defer file.Close()
	log.Info("starting", "version", build(), "config", a.config(), "state", c.State,
		"projects", len(o.Projects), "instances", len(o.Watched), "receivers", len(c.Receivers))

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	systemd := newSupervisor(log)
	d := &daemon{
		app: a, log: log, config: c, systemd: systemd, metrics: newDaemonMetrics(registry, notes), loop: watch.NewMetrics(registry),
		parts: newParts(registry, systemd.put), asks: make(chan chan<- reloadAnswer), beside: filepath.Dir(c.State),
	}

	// What runs beside the loop ends after it.
	beside, end := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	if !c.Heartbeat.IsZero() {
		d.heart = heartbeat.New(c.Heartbeat, proxies, log)
		running.Go(func() { d.heart.Run(beside) })
	}
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	go guard(beside, file, lose, log) // not waited for: a disk may hang
	w := watch.New(d.complete(o), remembered, file, log)
	if c.HTTP.Listen != "" {
		server := web.Server{
			Listen: c.HTTP.Listen, ConfigFile: c.HTTP.WebConfigFile, Handler: web.Handler(w, registry), Log: log,
			ErrorLog: a.log.Library("net/http server", serverLevel),
			Report:   func(err error) { d.parts.report(partHTTP, err) },
		}
		running.Go(func() { server.Run(beside) })
	}
	d.observers = &observers{watch: w, log: log, running: map[string]observing{}, group: &running}
	d.observers.configure(beside, c.Receivers, proxies)
	socket := d.openControl()
	running.Go(func() { d.controls(beside, socket, w.Alive) })
	running.Go(func() { d.reloads(beside, w, hangups) })
	running.Go(func() { systemd.run(beside, w) })

	context.AfterFunc(ctx, systemd.stopping)
	systemd.ready()
	err = w.Run(ctx)
	if inUse := (*state.InUseError)(nil); errors.As(context.Cause(ctx), &inUse) {
		return &exitError{exitTemporary, inUse}
	}
	if err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// openState opens the state, and says in the log what is odd about it.
func openState(path string, log *slog.Logger) (*state.File, state.State, []state.Note, error) {
	file, remembered, notes, err := state.Open(path)
	if inUse := (*state.InUseError)(nil); errors.As(err, &inUse) {
		err = &exitError{exitTemporary, err}
	}
	if dir := filepath.Dir(path); err == nil && openToAll(dir) {
		log.Warn("everybody can change the state: give it a directory of its own", "directory", dir)
	}
	for _, n := range notes {
		log.Error("state could not be read in full", "kind", n.Kind, "note", n.Text, "set_aside", n.SetAside)
	}
	return file, remembered, notes, err
}

// openToAll reports whether every user of the machine may write to a directory.
func openToAll(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode().Perm()&0o002 != 0
}

// guardEvery is how often it is looked whether the lock is still held.
const guardEvery = 2 * time.Second

// guard keeps the lock of the state file, until ctx ends. Where another
// process took it while its file was away, two would tell the same: then this
// one ends.
func guard(ctx context.Context, file *state.File, lose context.CancelCauseFunc, log *slog.Logger) {
	ticker := time.NewTicker(guardEvery)
	defer ticker.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		retaken, err := file.Guard()
		switch inUse := (*state.InUseError)(nil); {
		case errors.As(err, &inUse):
			log.Error("the lock of the state file was removed, and another process has taken it: this one ends", "err", err)
			lose(inUse)
			return
		case err != nil && err.Error() != said:
			log.Error("the lock of the state file is lost, and can't be taken anew: another sslwatch could start beside this one", "err", err)
		case retaken:
			log.Error("the lock of the state file was removed or replaced, and is taken anew: leave it alone while sslwatch runs")
		}
		if said = ""; err != nil {
			said = err.Error()
		}
	}
}

// daemon is what outlives a reload.
type daemon struct {
	*app
	log     *slog.Logger
	systemd *supervisor
	heart   *heartbeat.Heart // nil for none
	metrics *daemonMetrics
	loop    *watch.Metrics
	// observers is owned by reloads once that runs.
	observers *observers
	parts     *parts
	asks      chan chan<- reloadAnswer // of commands, for a reload
	config    *config.Config           // in force; owned by reloads once that runs
	beside    string                   // the directory of the state file
	// controlError is why commands could not be served last; owned by
	// controls once that runs.
	controlError string
}

// complete adds to the loop's options what outlives a reload.
func (d *daemon) complete(o watch.Options) watch.Options {
	o.Metrics = d.loop
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
