package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// source is where a state was taken from.
type source int

const (
	fromMain     source = iota // the file itself
	fromPrevious               // the generation before
	fromNothing                // there was nothing: a fresh start
	fromLoss                   // there was something, and nothing can be read
)

// loaded is what was found on the disk.
type loaded struct {
	from  source
	state State
	// main and previous say what is wrong with the two files, if anything is.
	main, previous *flaw
	// bad says what could not be read of the one that was taken.
	bad []string
}

// flaw is why a generation can't be taken.
type flaw struct {
	missing bool
	reason  error
}

func (f *flaw) String() string {
	if f.missing {
		return "is missing"
	}
	return fmt.Sprintf("can't be read: %v", f.reason)
}

// damaged reports whether there is a file, and it is broken.
func (f *flaw) damaged() bool { return f != nil && !f.missing }

// load finds the newest generation that can be read. It changes nothing. An
// error is one that no other generation makes good.
func load(d Disk, path string) (loaded, error) {
	var l loaded
	var err error
	if l.main, err = l.take(d, path, path); l.main == nil {
		return l, err
	}
	l.from = fromPrevious
	if l.previous, err = l.take(d, previousOf(path), path); l.previous == nil {
		return l, err
	}
	l.from = fromNothing
	if l.main.damaged() || l.previous.damaged() {
		l.from = fromLoss
	}
	l.state = State{Version: Version, Records: map[check.Key]check.Record{}, Ledgers: map[string]ledger.Ledger{}}
	return l, nil
}

// take reads one generation. If it can't be taken, the flaw says why.
func (l *loaded) take(d Disk, name, path string) (*flaw, error) {
	data, err := d.Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &flaw{missing: true}, nil
	case errors.Is(err, syscall.EIO):
		return &flaw{reason: err}, nil // a bad sector is damage like any other
	case err != nil:
		// A file that may not be read is not broken. To start without it
		// would be to forget what is there.
		return nil, fmt.Errorf("state: read: %w%s", err, advice(err, path))
	}
	s, bad, err := Decode(data)
	var newer *future
	if errors.As(err, &newer) {
		return nil, &FutureError{Path: name, Version: int(*newer)}
	}
	if err != nil {
		return &flaw{reason: err}, nil
	}
	l.state, l.bad = s, bad
	return nil, nil
}

// Read returns the state for a look at it. It takes no lock and writes
// nothing, so it may be used beside a running daemon. If the file can't be
// read, the generation before is returned with a note. If there is no state
// at all, the error is an fs.ErrNotExist.
func Read(path string) (State, []Note, error) {
	file, err := resolve(path)
	if err != nil {
		return State{}, nil, err
	}
	return read(osDisk{}, file)
}

func read(d Disk, path string) (State, []Note, error) {
	l, err := load(d, path)
	if errors.Is(err, fs.ErrPermission) {
		// Whoever only looks must not be told to change who owns it.
		return State{}, nil, fmt.Errorf("state %s: %w: only the user that sslwatch runs as, and root, may read it: run this command as one of them, such as with sudo", path, fs.ErrPermission)
	}
	if err != nil {
		return State{}, nil, err
	}
	switch l.from {
	case fromNothing:
		return State{}, nil, fmt.Errorf("state %s: %w: has the daemon run yet, and with this [state] file?", path, fs.ErrNotExist)
	case fromLoss:
		return State{}, nil, fmt.Errorf("state %s %s, and the generation before it %s", path, l.main, l.previous)
	}
	return l.state, l.note(path, nil), nil
}

// resolve follows symbolic links, so that the file that a link points to is
// replaced, and not the link; and so that all names of a file share a lock.
// That file need not be there yet, but its directory must be: where a link
// points to a disk that is not mounted, none is made in its place.
func resolve(path string) (string, error) {
	const most = 40 // as many as Linux follows
	file := path
	for range most {
		target, err := os.Readlink(file)
		if err != nil { // not a link, or nothing yet
			return settle(path, file)
		}
		if err := trusted(file); err != nil {
			return "", fmt.Errorf("state %s: %w", path, err)
		}
		if !filepath.IsAbs(target) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(file))
			if err != nil {
				return "", linkError(path, file, err)
			}
			target = filepath.Join(dir, target)
		}
		file = target
	}
	return "", fmt.Errorf("state %s: it is a symbolic link that leads to more than %d others, perhaps in a circle: let it point to a file", path, most)
}

// trusted returns an error for a link that may have been put there to have us
// write where whoever put it can't: in a directory that everybody may write to,
// a link of somebody else than its owner and us.
func trusted(link string) error {
	at, err := os.Lstat(link)
	if err != nil {
		return err
	}
	in, err := os.Stat(filepath.Dir(link))
	if err != nil {
		return err
	}
	owner := func(info fs.FileInfo) int {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			return int(stat.Uid)
		}
		return -1
	}
	if in.Mode().Perm()&0o002 == 0 || owner(at) == os.Geteuid() || owner(at) == owner(in) {
		return nil
	}
	return fmt.Errorf("%s is a symbolic link of another user, in a directory that everybody can write to: it is not followed: "+
		"give [state] file a directory of its own", link)
}

// settle follows the links in the directory's name, too.
func settle(path, file string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	switch {
	case err == nil:
		return filepath.Join(dir, filepath.Base(file)), nil
	case file == path: // no link, so the directory may be made
		return path, nil
	}
	return "", linkError(path, file, err)
}

func linkError(path, file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("state %s: it is a symbolic link to %s, and there is no directory %s: "+
			"make it or mount what should be there, or change the link", path, file, filepath.Dir(file))
	}
	return fmt.Errorf("state %s: it is a symbolic link to %s: %w%s", path, file, err, advice(err, file))
}

func previousOf(path string) string { return path + ".previous" }
