package watch_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"sync"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// What the cloud may say about an instance.
var (
	failed      = &dcs.Error{Kind: dcs.Failed, Status: 500, Reason: reason.Text("HTTP 500")}
	unsupported = &dcs.Error{Kind: dcs.Unsupported, Status: 400, Reason: reason.Text("it can't have SSL")}
	missing     = &dcs.Error{Kind: dcs.Missing, Status: 404, Reason: reason.Text("no such instance")}
)

const stateFile = "/d/state.json"

// errShort has a write take half of its data and say nothing.
var errShort = errors.New("short")

// ram is the disk of a machine, in memory. It outlives daemons.
type ram struct {
	mu      sync.Mutex
	names   map[string]string // what the running system sees
	durable map[string]string // what is left after a power cut
}

func newRAM() *ram { return &ram{names: map[string]string{}, durable: map[string]string{}} }

// cut is a power cut that loses whatever it can.
func (d *ram) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names = maps.Clone(d.durable)
}

// files returns what is on the disk.
func (d *ram) files() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.names)
}

// mount is a ram as one daemon sees it. rule is asked before each operation;
// with an error, the operation has no effect.
type mount struct {
	*ram
	rule func(op string) error
}

var _ state.Disk = mount{}

// do is one operation. The file's name without its directory is part of what
// the rule is asked.
func (m mount) do(op, name string, effect func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.rule(op + " " + path.Base(name))
	if err == nil {
		err = effect()
	}
	if err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// exists is an error unless the file does.
func (m mount) exists(name string) error {
	if _, ok := m.names[name]; !ok {
		return fs.ErrNotExist
	}
	return nil
}

func (m mount) missing(name string) error {
	if m.exists(name) == nil {
		return fs.ErrExist
	}
	return nil
}

// Lock always succeeds: the kernel gives the lock of a dead process back.
func (m mount) Lock(string) (state.Lock, error) { return ramLock{}, nil }

type ramLock struct{}

func (ramLock) Held() (bool, error) { return true, nil }
func (ramLock) Release() error      { return nil }

func (m mount) Mkdir(string) error { return fs.ErrExist }

func (m mount) Read(name string) (data []byte, err error) {
	err = m.do("read", name, func() error { data = []byte(m.names[name]); return m.exists(name) })
	return data, err
}

func (m mount) Create(name string) (state.DiskFile, error) {
	err := m.do("create", name, func() error {
		if err := m.missing(name); err != nil {
			return err
		}
		m.names[name] = ""
		return nil
	})
	return ramFile{m, name}, err
}

// Link copies: a file that has its name is never written again.
func (m mount) Link(from, to string) error {
	return m.do("link", from, func() error {
		if err := errors.Join(m.exists(from), m.missing(to)); err != nil {
			return err
		}
		m.names[to] = m.names[from]
		return nil
	})
}

func (m mount) Rename(from, to string) error {
	return m.do("rename", from, func() error {
		if err := m.exists(from); err != nil {
			return err
		}
		m.names[to] = m.names[from]
		delete(m.names, from)
		return nil
	})
}

func (m mount) Remove(name string) error {
	return m.do("remove", name, func() error {
		if err := m.exists(name); err != nil {
			return err
		}
		delete(m.names, name)
		return nil
	})
}

func (m mount) SyncDir(name string) error {
	return m.do("syncdir", name, func() error { m.durable = maps.Clone(m.names); return nil })
}

type ramFile struct {
	mount
	name string
}

func (f ramFile) Write(data []byte) (n int, err error) {
	err = f.do("write", f.name, func() error { n = len(data); f.names[f.name] += string(data); return nil })
	if err != nil { // a disk that fills up takes what it can
		n = len(data) / 2
		f.mu.Lock()
		f.names[f.name] += string(data[:n])
		f.mu.Unlock()
	}
	if errors.Is(err, errShort) {
		err = nil
	}
	return n, err
}

func (f ramFile) Sync() error { return f.do("sync", f.name, func() error { return nil }) }

func (f ramFile) Close() error { return f.do("close", f.name, func() error { return nil }) }

// startOnFile is start with the state file on a disk.
func (l *life) startOnFile(d state.Disk, log *slog.Logger) error {
	notes, err := l.startOnAny(d, log)
	for _, note := range notes {
		l.t.Errorf("the state file: %s", note.Text)
	}
	return err
}

// startOnAny is startOnFile on files that need not be sound.
func (l *life) startOnAny(d state.Disk, log *slog.Logger) ([]state.Note, error) {
	file, s, notes, err := state.OpenOn(d, stateFile)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	w := watch.New(l.opt, s, file, log)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	l.watch = w
	l.stop = func() error { cancel(); return errors.Join(<-done, file.Close()) }
	return notes, nil
}

// kill has no operation take effect any more.
func (f *fate) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
}
