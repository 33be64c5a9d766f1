package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// File is the state file of this process, which holds its lock. Make one
// with Open. Its methods may be called from several goroutines.
type File struct {
	disk Disk
	path string

	mu   sync.Mutex // guards the rest, and one write at a time
	lock Lock       // nil once closed
	doc  document   // what is written
}

var _ Store = (*File)(nil)

// Open takes the lock, loads what is remembered, and writes it back once, so
// that a state that can't be written is found before it is needed. The notes
// say what could not be read and what was done about it.
//
// A missing directory is made, but not its parents. The error is an
// *InUseError if another process has the file, a *FutureError if a newer
// sslwatch has written it, and otherwise says what to do.
func Open(path string) (*File, State, []Note, error) {
	file, err := resolve(path)
	if err != nil {
		return nil, State{}, nil, err
	}
	return open(osDisk{}, file, time.Now())
}

// OpenOn is Open on another file system than that of the machine.
func OpenOn(d Disk, path string) (*File, State, []Note, error) { return open(d, path, time.Now()) }

func open(d Disk, path string, now time.Time) (_ *File, _ State, _ []Note, err error) {
	lock, err := takeLock(d, path)
	if err != nil {
		return nil, State{}, nil, err
	}
	f := &File{disk: d, path: path, lock: lock}
	defer func() {
		if err != nil {
			_ = f.Close() // the first error is the one to tell
		}
	}()
	l, err := load(d, path)
	if err != nil {
		return nil, State{}, nil, err
	}
	aside, err := f.adopt(l, now)
	if err != nil {
		return nil, State{}, nil, fmt.Errorf("state: can't write %s, without which every alert would be told again after each restart: %w%s",
			path, err, advice(err, path))
	}
	return f, l.state, l.note(path, aside), nil
}

// adopt makes what was loaded the state on the disk, and sets aside what was
// broken. Until the new state is in place the broken file stays where it is,
// so that after a crash it is found, and said, again.
func (f *File) adopt(l loaded, now time.Time) (aside []string, err error) {
	put := func(name string, move func(from, to string) error) {
		if err != nil {
			return
		}
		var to string
		if to, err = setAside(name, f.path, now, move); err == nil {
			aside = append(aside, to)
		}
	}
	parts := len(l.bad) > 0
	if l.main.damaged() || parts && l.from == fromMain {
		put(f.path, f.linkOrRename)
	}
	if parts && l.from == fromPrevious {
		put(previousOf(f.path), f.linkOrRename)
	}
	if err == nil {
		err = f.doc.apply(l.state.Changes())
	}
	if err == nil {
		err = f.commit(false)
	}
	if l.previous.damaged() {
		put(previousOf(f.path), f.disk.Rename)
	}
	return aside, err
}

// linkOrRename gives a file a second name, or another one where the file
// system knows no second names.
func (f *File) linkOrRename(from, to string) error {
	err := f.disk.Link(from, to)
	if noLinks(err) {
		return f.disk.Rename(from, to)
	}
	return err
}

// setAside puts a file under a name that nothing has.
func setAside(name, path string, now time.Time, move func(from, to string) error) (string, error) {
	base := path + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	if name != path {
		base += "-previous"
	}
	to := base
	err := move(name, to)
	for n := 2; errors.Is(err, fs.ErrExist) && n <= 100; n++ {
		to = fmt.Sprintf("%s-%d", base, n)
		err = move(name, to)
	}
	return to, err
}

// Commit implements Store. The state before is kept beside the new one.
func (f *File) Commit(c Changes) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return fmt.Errorf("write state %s: %w", f.path, os.ErrClosed)
	}
	if _, err := f.guard(); err != nil {
		return fmt.Errorf("write state %s: the lock is lost: %w", f.path, err)
	}
	err := f.doc.apply(c)
	if err := errors.Join(err, f.commit(true)); err != nil {
		return fmt.Errorf("write state %s: %w%s", f.path, err, advice(err, f.path))
	}
	return nil
}

// commit writes the document and puts it in the place of the state. Before that
// instant an error leaves everything as it was. With keep, what was the
// state becomes the generation before.
//
//	create state.json.new, write, sync, close
//	link   state.json → state.json.keep
//	rename state.json.new → state.json       the instant
//	rename state.json.keep → state.json.previous
//	sync the directory
//
// The old state gets its second name first and its last name after, so that
// neither file is ever missing, and a refused rename costs neither.
func (f *File) commit(keep bool) error {
	fresh, kept := f.path+".new", f.path+".keep"
	// A crash may have left them. They must not be written through: they
	// could be other names of what is to be kept.
	for _, name := range []string{fresh, kept} {
		if err := f.disk.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	err := f.create(fresh, &f.doc)
	if err == nil && keep {
		keep, err = f.retain(kept)
	}
	if err == nil {
		err = f.disk.Rename(fresh, f.path)
	}
	if err != nil {
		// Best effort: the next write begins with the same.
		_ = f.disk.Remove(fresh)
		_ = f.disk.Remove(kept)
		return err
	}
	if keep {
		if err := f.disk.Rename(kept, previousOf(f.path)); err != nil {
			return fmt.Errorf("keep the generation before: %w", err)
		}
	}
	if err := f.disk.SyncDir(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("written, but perhaps lost at a power cut: %w", err)
	}
	return nil
}

// create makes a file with durable contents.
func (f *File) create(name string, data io.WriterTo) error {
	w, err := f.disk.Create(name)
	if err != nil {
		return err
	}
	if _, err = data.WriteTo(w); err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// retain gives the state a second name, and reports whether there was one.
func (f *File) retain(name string) (bool, error) {
	err := f.disk.Link(f.path, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // somebody removed it
	case noLinks(err):
		data, err := f.disk.Read(f.path)
		if err != nil {
			return false, err
		}
		return true, f.create(name, bytes.NewReader(data))
	}
	return true, err
}

// noLinks reports whether an error is that of a file system without hard links.
func noLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}

// Close releases the lock. It writes nothing, and does not wait for a write
// that is under way: then the lock goes with the process.
func (f *File) Close() error {
	if !f.mu.TryLock() {
		return fmt.Errorf("unlock state %s: a write is under way", f.path)
	}
	defer f.mu.Unlock()
	if f.lock == nil {
		return nil
	}
	lock := f.lock
	f.lock = nil
	if err := lock.Release(); err != nil {
		return fmt.Errorf("unlock state %s: %w", f.path, err)
	}
	return nil
}
