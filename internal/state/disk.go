package state

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// Disk is the file system as this package uses it. Each method is one
// operation that takes effect wholly or, with an error, not at all; so a
// crash of the process falls between two of them.
type Disk interface {
	// Lock takes the lock, held until it is released or the process dies.
	// While another holds it the error is a *held.
	Lock(name string) (Lock, error)
	// Mkdir makes a directory for its owner only.
	Mkdir(name string) error
	// Read returns the whole of a file.
	Read(name string) ([]byte, error)
	// Create makes a file for its owner only, which must not exist.
	Create(name string) (DiskFile, error)
	// Link gives a file a second name, which must not exist.
	Link(from, to string) error
	// Rename gives a file another name, in place of what had it.
	Rename(from, to string) error
	// Remove removes a name.
	Remove(name string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
}

// Lock is a lock that was taken.
type Lock interface {
	// Held reports whether it still is under its name: false once somebody
	// removed or replaced the file, so that another process could take it.
	Held() (bool, error)
	Release() error
}

// DiskFile is a file that is being written.
type DiskFile interface {
	Write(data []byte) (int, error)
	// Sync makes what was written durable.
	Sync() error
	Close() error
}

// held says who holds a lock.
type held struct{ pid int }

var _ error = (*held)(nil)

func (h *held) Error() string {
	if h.pid == 0 {
		return "in use by another process"
	}
	return "in use by process " + strconv.Itoa(h.pid)
}

// osDisk is the file system of the machine.
type osDisk struct{}

var _ Disk = osDisk{}

func (osDisk) Lock(name string) (Lock, error) {
	// A link that somebody else may have put there leads to nothing of ours.
	lock := flock.New(name, flock.SetPermissions(0o600), flock.SetFlag(os.O_RDONLY|os.O_CREATE|unfollowed))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !ok {
		// The holder writes its number right after it has the lock. An
		// unreadable one only costs the reader of the error a word.
		f, _ := smallfile.ReadNow(name, 1<<10)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(f.Data)))
		return nil, &held{pid: max(pid, 0)}
	}
	// For people only. On a full disk it is empty, which is read as unknown.
	_ = writePID(name)
	return osLock{lock}, nil
}

// unfollowed opens a file itself, and not what a link leads to, nor one that
// waits for another end.
const unfollowed = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// writePID writes the number of this process into the lock, if that is a file
// of its own: whoever may write to the directory could have made it another
// name of a file that we may write.
func writePID(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|unfollowed, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.Mode().IsRegular() || !ok || stat.Nlink != 1 {
		return errors.New("the lock is not a file of its own")
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	return err
}

// largestState is far above any state: a hundred thousand instances.
const largestState = 1 << 30

func (osDisk) Mkdir(name string) error { return os.Mkdir(name, 0o700) }

func (osDisk) Read(name string) ([]byte, error) {
	f, err := smallfile.ReadNow(name, largestState)
	return f.Data, err
}

func (osDisk) Create(name string) (DiskFile, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err // not f: a nil *os.File is no nil DiskFile
	}
	return f, nil
}

func (osDisk) Link(from, to string) error { return os.Link(from, to) }

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(name string) error { return os.Remove(name) }

func (osDisk) SyncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some network file systems know no such thing
	}
	return err
}
