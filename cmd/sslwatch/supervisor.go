package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	sdnotify "github.com/coreos/go-systemd/v22/daemon"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/text"
	"github.com/sslwatch/sslwatch/internal/view"
)

// supervisor tells systemd how the daemon does, if systemd started it. What
// it says of being alive it has asked the loop, so that one that hangs is
// restarted.
type supervisor struct {
	log      *slog.Logger
	watchdog time.Duration // how often it wants to hear; 0 if it does not
	heard    bool          // systemd listens
	reported time.Time

	mu     sync.Mutex
	fleet  string // how the fleet stood last
	before string // what is put before that
	status string // as it was told last
}

// statusEvery is how often the status line is made anew.
const statusEvery = 5 * time.Second

func newSupervisor(log *slog.Logger) *supervisor {
	every, err := sdnotify.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("watchdog is not fed", "err", err)
	}
	return &supervisor{log: log, watchdog: every, heard: os.Getenv("NOTIFY_SOCKET") != ""}
}

// tell sends lines of sd_notify(3), which is nothing without systemd.
func (s *supervisor) tell(lines ...string) {
	if _, err := sdnotify.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		s.log.Warn("systemd can't be told", "err", err)
	}
}

func (s *supervisor) ready()    { s.tell(sdnotify.SdNotifyReady) }
func (s *supervisor) stopping() { s.tell(sdnotify.SdNotifyStopping) }

// reloading tells that a reload began; ready ends it.
func (s *supervisor) reloading() {
	s.tell(sdnotify.SdNotifyReloading, sdnotify.SdNotifyMonotonicUsec())
}

// run says that the daemon is alive, and how the fleet stands, until ctx ends.
func (s *supervisor) run(ctx context.Context, source view.Source) {
	if !s.heard {
		return
	}
	every := statusEvery
	if s.watchdog > 0 {
		every = min(every, s.watchdog/4)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		s.look(ctx, source)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look asks the loop whether it goes round, and now and then how the fleet
// stands.
func (s *supervisor) look(ctx context.Context, source view.Source) {
	if source.Alive(ctx) != nil {
		return
	}
	now := time.Now()
	if s.watchdog > 0 {
		s.tell(sdnotify.SdNotifyWatchdog)
	}
	if !s.reported.IsZero() && now.Sub(s.reported) < statusEvery {
		return // a snapshot costs something
	}
	snapshot, err := source.Snapshot(ctx)
	if err != nil {
		return
	}
	s.reported = now
	fleet := statusLine(snapshot)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fleet = fleet
	s.tellStatus()
}

// put puts texts before the status, in place of those before.
func (s *supervisor) put(before []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = strings.Join(before, "; ")
	s.tellStatus()
}

// tellStatus tells the status if it has changed. s.mu is held.
func (s *supervisor) tellStatus() {
	status := text.Clean(strings.Trim(s.before+"; "+s.fleet, "; "))
	if s.heard && status != s.status {
		s.status = status
		s.tell("STATUS=" + status)
	}
}

// statusLine says in one line how the fleet stands.
func statusLine(s view.Snapshot) string {
	parts := []string{fmt.Sprintf("%d watched", s.Counts.Watched)}
	for _, v := range check.Verdicts() {
		if n := s.Counts.Verdicts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	for _, a := range s.OfProjects() {
		parts = append(parts, "project "+a.Project+" can't be checked")
	}
	for _, r := range s.Receivers {
		switch {
		case r.Failure != "" && r.Owed > 0:
			parts = append(parts, fmt.Sprintf("%s fails, is owed %d", r.ID, r.Owed))
		case r.Failure != "":
			parts = append(parts, r.ID+" fails")
		}
	}
	if s.Unwritten != "" {
		parts = append(parts, "state can't be written")
	}
	return strings.Join(parts, ", ")
}
