package watch_test

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// journal is a log that counts what it is told, by message.
type journal struct {
	slog.Handler
	mu   sync.Mutex
	said map[string]int
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }

func (j *journal) WithAttrs([]slog.Attr) slog.Handler { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said[r.Message]++
	return nil
}

// count returns how many messages began so.
func (j *journal) count(beginning string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for said, times := range j.said {
		if strings.HasPrefix(said, beginning) {
			n += times
		}
	}
	return n
}

// fault is what is wrong with a disk.
type fault struct {
	ops  []string // the operations that fail
	err  error
	says string
	// placed is set where the new state has its place before the error.
	placed bool
}

// breakable is a disk that can be broken and mended while it is used.
type breakable struct {
	mu    sync.Mutex
	fault *fault
	bad   int // operations refused
}

func (b *breakable) set(f *fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// refused returns how many operations were refused.
func (b *breakable) refused() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bad
}

func (b *breakable) rule(op string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault == nil {
		return nil
	}
	for _, fails := range b.fault.ops {
		if strings.HasPrefix(op, fails) {
			b.bad++
			return b.fault.err
		}
	}
	return nil
}

// counter reads a counter without labels.
func counter(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// readable tells what is wrong with the state that a daemon would find if it
// started on these files now: nothing.
func readable(t *testing.T, files map[string]string) state.State {
	t.Helper()
	d := &ram{names: maps.Clone(files), durable: map[string]string{}}
	_, s, notes, err := state.OpenOn(mount{d, func(string) error { return nil }}, stateFile)
	if err != nil || len(notes) > 0 {
		t.Errorf("the state file: %v, %v", err, notes)
	}
	return s
}

// Whatever goes wrong with the disk while the daemon runs: alerts go on,
// each once; it says so, once; no good file is replaced by a bad one; and
// when the disk is mended, so is the state.
func TestAFaultyDiskHoldsUpNoAlertAndHarmsNoFile(t *testing.T) {
	all := []string{"create", "write", "sync", "close", "link", "rename", "remove"}
	for name, f := range map[string]fault{
		"full, no new file":          {ops: []string{"create"}, err: syscall.ENOSPC, says: "make room"},
		"full, half of the data":     {ops: []string{"write"}, err: syscall.ENOSPC, says: "make room"},
		"full, known at the sync":    {ops: []string{"sync state"}, err: syscall.ENOSPC, says: "make room"},
		"over quota":                 {ops: []string{"create", "write", "link"}, err: syscall.EDQUOT, says: "quota"},
		"read-only":                  {ops: all, err: syscall.EROFS, says: "read-only"},
		"bad sector at a write":      {ops: []string{"write"}, err: syscall.EIO, says: "input/output error"},
		"bad sector at a sync":       {ops: []string{"sync state"}, err: syscall.EIO, says: "input/output error"},
		"known at the close":         {ops: []string{"close"}, err: syscall.EIO, says: "input/output error"},
		"short write":                {ops: []string{"write"}, err: errShort, says: "short write"},
		"rename refused":             {ops: []string{"rename state.json.new"}, err: syscall.EBUSY, says: "mount its directory"},
		"no access any more":         {ops: all, err: syscall.EACCES, says: "own /d"},
		"second rename refused":      {ops: []string{"rename state.json.keep"}, err: syscall.EIO, says: "generation before", placed: true},
		"sync of the directory":      {ops: []string{"syncdir"}, err: syscall.EIO, says: "power cut", placed: true},
		"nothing works, not a thing": {ops: append([]string{"read", "syncdir"}, all...), err: syscall.EIO, says: "input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLife(t, 2)
				log, registry, disk, b := &journal{said: map[string]int{}}, prometheus.NewRegistry(), newRAM(), &breakable{}
				l.opt.Metrics = watch.NewMetrics(registry)
				start := func() {
					t.Helper()
					if err := l.startOnFile(mount{disk, b.rule}, slog.New(log)); err != nil {
						t.Fatal(err)
					}
				}
				unwritten := func() string {
					t.Helper()
					s, err := l.watch.Snapshot(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					return s.Unwritten
				}
				start()
				l.pass(20*time.Minute + 123456789)
				l.enabled(0, false)
				l.pass(20 * time.Minute)
				before := disk.files()
				if why := unwritten(); why != "" || counter(t, registry, "sslwatch_state_writes_failed_total") != 0 {
					t.Errorf("before the fault it is unwritten: %s", why)
				}

				b.set(&f)
				l.enabled(0, true)
				l.pass(20 * time.Minute)
				l.enabled(1, false)
				l.pass(20 * time.Minute)
				l.want("firing ssl_disabled cache-0", "resolved ssl_disabled cache-0", "firing ssl_disabled cache-1")
				if why := unwritten(); !strings.Contains(why, f.says) {
					t.Errorf("the snapshot says %q, want %q in it", why, f.says)
				}
				if b.refused() < 20 { // each minute at the least
					t.Errorf("it was tried only %d times", b.refused())
				}
				if failed := counter(t, registry, "sslwatch_state_writes_failed_total"); failed < 20 {
					t.Errorf("%v writes failed, says the metric", failed)
				}
				if n := log.count("state can't be written"); n != 1 {
					t.Errorf("the log says %d times that the state can't be written", n)
				}
				during := disk.files()
				readable(t, during)
				if !f.placed && (during[stateFile] != before[stateFile] || during[stateFile+".previous"] != before[stateFile+".previous"]) {
					t.Error("a write that failed has changed the state or the generation before")
				}

				b.set(nil)
				l.pass(2 * time.Minute)
				if why := unwritten(); why != "" || log.count("state is written again") != 1 {
					t.Errorf("not healed after two minutes: %q", why)
				}
				if lines := readable(t, disk.files()).Ledgers["oncall"]; len(lines) != 1 || lines[instance(1).Key()] == nil {
					t.Errorf("on disk are the lines %v", lines)
				}
				if err := l.stop(); err != nil {
					t.Fatal(err)
				}
				start()
				l.enabled(1, true)
				l.pass(20 * time.Minute)
				l.want("firing ssl_disabled cache-0", "resolved ssl_disabled cache-0", "firing ssl_disabled cache-1", "resolved ssl_disabled cache-1")

				b.set(&f)
				l.enabled(0, false)
				l.pass(20 * time.Minute)
				if err := l.stop(); err == nil {
					t.Error("a stop on a faulty disk says nothing")
				}
				readable(t, disk.files())
			})
		})
	}
}

// What was told while the disk was faulty may be told again by the next
// daemon, once, and nothing else.
func TestKilledWhileTheDiskIsFullRepeatsOnlyWhatWasToldMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 3)
		disk, b, f := newRAM(), &breakable{}, &fate{died: make(chan struct{})}
		quiet := slog.New(slog.DiscardHandler)
		start := func() {
			t.Helper()
			d := mount{disk, func(op string) error {
				if f.step() {
					return errKilled
				}
				return b.rule(op)
			}}
			if err := l.startOnFile(d, quiet); err != nil {
				t.Fatal(err)
			}
		}
		start()
		l.enabled(0, false)
		l.pass(20*time.Minute + 123456789)
		b.set(&fault{ops: []string{"write"}, err: syscall.ENOSPC})
		l.enabled(1, false)
		l.pass(20 * time.Minute)
		f.kill()
		_ = l.stop() // its last write has no effect
		f.rebirth()
		b.set(nil)
		start()
		l.pass(20 * time.Minute)
		l.want("firing ssl_disabled cache-0", "firing ssl_disabled cache-1", "firing ssl_disabled cache-1")
		first, second := l.pager.got[1], l.pager.got[2]
		if first.Groups[0].Items[0].Notice.Instance != second.Groups[0].Items[0].Notice.Instance {
			t.Error("another one was told twice")
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
	})
}
