package state

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// fakeDisk is a disk in memory that counts its operations, can refuse or be
// cut off at any of them, and knows what would survive a power cut.
type fakeDisk struct {
	mu      sync.Mutex
	names   map[string]*inode // as the running system sees them
	durable map[string]*inode // as they are after a power cut
	pending []change          // made to names and not yet durable
	dirs    map[string]bool
	locked  bool
	log     []string // the operations so far

	// rule is asked before each operation, by its number, from 1. With an
	// error the operation has no effect.
	rule func(n int, op string) error
	// torn makes each write take half of its data.
	torn bool
}

type inode struct{ data, synced []byte }

// change is what one operation did to names, atomically; nil removes one.
type change map[string]*inode

var (
	_ Disk = (*fakeDisk)(nil)

	errCrash = errors.New("crash")
)

func newFakeDisk(files map[string]string) *fakeDisk {
	d := &fakeDisk{names: map[string]*inode{}, dirs: map[string]bool{"/d": true}}
	for name, data := range files {
		d.names[name] = &inode{data: []byte(data), synced: []byte(data)}
	}
	d.durable = maps.Clone(d.names)
	return d
}

// op begins an operation. The caller unlocks.
func (d *fakeDisk) op(format string, args ...any) error {
	d.mu.Lock()
	op := fmt.Sprintf(format, args...)
	d.log = append(d.log, op)
	if d.rule != nil {
		return d.rule(len(d.log), op)
	}
	return nil
}

func (d *fakeDisk) change(c change) {
	apply(d.names, c)
	d.pending = append(d.pending, c)
}

func apply(names map[string]*inode, c change) {
	for name, node := range c {
		if node == nil {
			delete(names, name)
		} else {
			names[name] = node
		}
	}
}

// crashAfter lets n operations happen and none after.
func crashAfter(n int) func(int, string) error {
	return func(i int, _ string) error {
		if i > n {
			return errCrash
		}
		return nil
	}
}

// failAt refuses the nth operation only.
func failAt(n int, err error) func(int, string) error {
	return func(i int, _ string) error {
		if i == n {
			return err
		}
		return nil
	}
}

// killed returns the disk as it is when the process dies now.
func (d *fakeDisk) killed() *fakeDisk {
	return &fakeDisk{names: maps.Clone(d.names), durable: maps.Clone(d.durable), pending: slices.Clone(d.pending), dirs: maps.Clone(d.dirs)}
}

// cut returns the disks that a power cut may leave: of the changes to names
// any that were not synced may be lost, whatever their order, and of the
// contents as well.
func (d *fakeDisk) cut() []*fakeDisk {
	var out []*fakeDisk
	for set := range 1 << len(d.pending) {
		for _, keep := range []int{0, 1, 2} { // of what was not synced: none, half, all
			names := maps.Clone(d.durable)
			for i, c := range d.pending {
				if set&(1<<i) != 0 {
					apply(names, c)
				}
			}
			files := map[string]string{}
			for name, node := range names {
				data := string(node.synced)
				if rest, ok := strings.CutPrefix(string(node.data), data); ok {
					data += rest[:len(rest)*keep/2]
				}
				files[name] = data
			}
			after := newFakeDisk(files)
			after.dirs = maps.Clone(d.dirs)
			out = append(out, after)
		}
	}
	return out
}

// files returns what a running system sees, without the lock.
func (d *fakeDisk) files() map[string]string {
	files := map[string]string{}
	for name, node := range d.names {
		files[name] = string(node.data)
	}
	return files
}

func refuse(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

func dir(name string) string { return name[:strings.LastIndex(name, "/")] }

func (d *fakeDisk) Lock(name string) (Lock, error) {
	defer d.mu.Unlock()
	if err := d.op("lock %s", name); err != nil {
		return nil, refuse("open", name, err)
	}
	if !d.dirs[dir(name)] {
		return nil, refuse("open", name, fs.ErrNotExist)
	}
	if d.locked {
		return nil, &held{pid: 4711}
	}
	d.locked = true
	return fakeLock{d}, nil
}

type fakeLock struct{ disk *fakeDisk }

func (fakeLock) Held() (bool, error) { return true, nil }

func (l fakeLock) Release() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	l.disk.locked = false
	return nil
}

func (d *fakeDisk) Mkdir(name string) error {
	defer d.mu.Unlock()
	if err := d.op("mkdir %s", name); err != nil {
		return refuse("mkdir", name, err)
	}
	if !d.dirs[dir(name)] && dir(name) != "" {
		return refuse("mkdir", name, fs.ErrNotExist)
	}
	d.dirs[name] = true
	return nil
}

func (d *fakeDisk) Read(name string) ([]byte, error) {
	defer d.mu.Unlock()
	if err := d.op("read %s", name); err != nil {
		return nil, refuse("open", name, err)
	}
	node, ok := d.names[name]
	if !ok {
		return nil, refuse("open", name, fs.ErrNotExist)
	}
	return slices.Clone(node.data), nil
}

func (d *fakeDisk) Create(name string) (DiskFile, error) {
	defer d.mu.Unlock()
	if err := d.op("create %s", name); err != nil {
		return nil, refuse("open", name, err)
	}
	if d.names[name] != nil {
		return nil, refuse("open", name, fs.ErrExist)
	}
	node := &inode{}
	d.change(change{name: node})
	return &fakeFile{d, name, node}, nil
}

func (d *fakeDisk) Link(from, to string) error {
	defer d.mu.Unlock()
	if err := d.op("link %s %s", from, to); err != nil {
		return refuse("link", from, err)
	}
	if d.names[from] == nil {
		return refuse("link", from, fs.ErrNotExist)
	}
	if d.names[to] != nil {
		return refuse("link", to, fs.ErrExist)
	}
	d.change(change{to: d.names[from]})
	return nil
}

func (d *fakeDisk) Rename(from, to string) error {
	defer d.mu.Unlock()
	if err := d.op("rename %s %s", from, to); err != nil {
		return refuse("rename", from, err)
	}
	switch d.names[from] {
	case nil:
		return refuse("rename", from, fs.ErrNotExist)
	case d.names[to]:
		return nil // two names of one file: POSIX says that both stay
	}
	d.change(change{from: nil, to: d.names[from]})
	return nil
}

func (d *fakeDisk) Remove(name string) error {
	defer d.mu.Unlock()
	if err := d.op("remove %s", name); err != nil {
		return refuse("remove", name, err)
	}
	if d.names[name] == nil {
		return refuse("remove", name, fs.ErrNotExist)
	}
	d.change(change{name: nil})
	return nil
}

func (d *fakeDisk) SyncDir(name string) error {
	defer d.mu.Unlock()
	if err := d.op("syncdir %s", name); err != nil {
		return refuse("sync", name, err)
	}
	d.pending, d.durable = nil, maps.Clone(d.names)
	return nil
}

type fakeFile struct {
	disk *fakeDisk
	name string
	node *inode
}

func (f *fakeFile) Write(data []byte) (int, error) {
	defer f.disk.mu.Unlock()
	err := f.disk.op("write %s", f.name)
	switch {
	case err != nil:
		// A disk that fills up takes what it can.
		f.node.data = append(f.node.data, data[:len(data)/2]...)
		return len(data) / 2, refuse("write", f.name, err)
	case f.disk.torn:
		f.node.data = append(f.node.data, data[:len(data)/2]...)
		return len(data) / 2, nil
	}
	f.node.data = append(f.node.data, data...)
	return len(data), nil
}

func (f *fakeFile) Sync() error {
	defer f.disk.mu.Unlock()
	if err := f.disk.op("sync %s", f.name); err != nil {
		return refuse("sync", f.name, err)
	}
	f.node.synced = slices.Clone(f.node.data)
	return nil
}

func (f *fakeFile) Close() error {
	defer f.disk.mu.Unlock()
	if err := f.disk.op("close %s", f.name); err != nil {
		return refuse("close", f.name, err)
	}
	return nil
}
