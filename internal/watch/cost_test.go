package watch_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/state"
)

// event names what TestWhatAnEventCosts has happen, and to how many.
var (
	event     = flag.String("event", "", "quiet, forbidden, mended, leaving or storm")
	instances = flag.Int("instances", 1000, "how many instances it happens to")
)

// TestWhatAnEventCosts is a measurement, made where -event is given: what it
// costs of CPU when something happens to all instances, and the peak memory
// of the process. Compare fleets of several sizes.
func TestWhatAnEventCosts(t *testing.T) {
	if *event == "" {
		t.Skip("a measurement: needs -event")
	}
	n, dir := *instances, t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, n)
		l.opt.Interval, l.opt.Concurrency, l.opt.Projects[0].Rate = time.Hour, 64, 1000
		l.pager.limits.Items, l.pager.limits.Bytes = 1<<20, 1<<30
		if *event == "storm" {
			for i := range n {
				l.expires(i, time.Now().Add(30*check.Day+2*time.Hour))
			}
		}
		file, _, _, err := state.Open(filepath.Join(dir, "state.json"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		l.startOn(file)
		l.pass(90 * time.Minute)
		forbid := func(err error) { l.cloud.set(func(c *cloud) { c.err = err }) }
		if *event == "mended" {
			forbid(&dcs.Error{Kind: dcs.Forbidden, Status: 403, Reason: reason.Text("no")})
			l.pass(3 * time.Hour)
		}
		before := cpu(t)
		switch *event {
		case "forbidden":
			forbid(&dcs.Error{Kind: dcs.Forbidden, Status: 403, Reason: reason.Text("no")})
		case "mended":
			forbid(nil)
		case "leaving":
			l.opt.Watched = l.opt.Watched[:n/2]
			l.reload()
		}
		l.pass(time.Hour)
		took := cpu(t) - before
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%-10s %6d instances: %7.0f ms, %5.1f µs an instance, peak %d MB, %d lines told\n", *event, n,
			took.Seconds()*1000, took.Seconds()*1e6/float64(n), usage.Maxrss>>10, len(l.pager.lines()))
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// cpu returns the time that the process has had of the processors.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
