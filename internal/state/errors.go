package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// InUseError says that another process has the state file.
type InUseError struct {
	Path string
	PID  int // of the other process, 0 if it can't be told
	Err  error
}

var _ error = (*InUseError)(nil)

func (e *InUseError) Error() string {
	return fmt.Sprintf("state %s: %v: stop that one first, or give this one another [state] file", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *InUseError) Unwrap() error { return e.Err }

// FutureError says that the state file was written by a newer sslwatch.
// Nothing was touched.
type FutureError struct {
	Path    string
	Version int
}

var _ error = (*FutureError)(nil)

func (e *FutureError) Error() string {
	return fmt.Sprintf("state %s was written by a newer sslwatch: it has version %d, and this one knows versions up to %d. "+
		"Upgrade sslwatch; or move the file and its .previous away, and every alert that stands is told once more",
		e.Path, e.Version, Version)
}

// advice says what to do about an error of the file system, after a colon,
// or nothing.
func advice(err error, path string) string {
	dir := filepath.Dir(path)
	for _, known := range []struct {
		err  error
		text string
	}{
		{syscall.EROFS, "the file system is mounted read-only: set [state] file to a place that can be written, in a container on a volume"},
		{syscall.ENOSPC, "the disk is full: make room on it"},
		{syscall.EDQUOT, "the quota is used up: make room or raise it"},
		{syscall.EBUSY, "if the file itself is mounted, mount its directory instead, since the file is replaced at each write"},
		{syscall.ELOOP, "it is a symbolic link, which is not followed here: remove it"},
		{syscall.EISDIR, "[state] file must name a file"},
		{syscall.ENOTDIR, dir + " must be a directory"},
		{fs.ErrPermission, fmt.Sprintf("let the user that sslwatch runs as own %s and the files in it, for reading and writing", dir)},
		{fs.ErrNotExist, fmt.Sprintf("make the directory %s, owned by the user that sslwatch runs as", dir)},
	} {
		if errors.Is(err, known.err) {
			return ": " + known.text
		}
	}
	return ""
}
