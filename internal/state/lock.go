package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// osLock is a lock of the kernel on a file.
type osLock struct{ *flock.Flock }

func (l osLock) Held() (bool, error) {
	ours, err := l.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(l.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(ours, named), err
}

func (l osLock) Release() error { return l.Unlock() }

// takeLock takes the lock of a state file, making the directory if need be.
func takeLock(d Disk, path string) (Lock, error) {
	lock, err := d.Lock(path + ".lock")
	if errors.Is(err, fs.ErrNotExist) {
		dir := filepath.Dir(path)
		if err = d.Mkdir(dir); err == nil {
			err = d.SyncDir(filepath.Dir(dir))
		}
		if err == nil || errors.Is(err, fs.ErrExist) {
			lock, err = d.Lock(path + ".lock")
		}
	}
	var by *held
	if errors.As(err, &by) {
		return nil, &InUseError{Path: path, PID: by.pid, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("state: can't lock %s: %w%s", path, err, advice(err, path))
	}
	return lock, nil
}

// Guard makes sure that this process has the lock: a file that somebody
// removed or replaced, or whose directory is gone, keeps nobody else out. It
// reports whether the lock had to be taken anew. The error is an *InUseError
// where another process was faster: then this one must not go on.
func (f *File) Guard() (retaken bool, err error) {
	if !f.mu.TryLock() {
		return false, nil // a write is under way, which looks itself
	}
	defer f.mu.Unlock()
	if f.lock == nil {
		return false, nil
	}
	return f.guard()
}

// guard is Guard. The caller holds mu, and the file is not closed.
func (f *File) guard() (retaken bool, err error) {
	held, err := f.lock.Held()
	if held || err != nil {
		return false, err
	}
	lock, err := takeLock(f.disk, f.path)
	if err != nil {
		return false, err
	}
	_ = f.lock.Release() // of a file that has no name any more
	f.lock = lock
	return true, nil
}
