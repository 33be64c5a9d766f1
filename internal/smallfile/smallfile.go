// Package smallfile reads the files that people and other programs put there
// for sslwatch: the configuration, secrets, certificates. What is not a plain
// file of a sane size is refused without being read, and a file system that
// does not answer is not waited for.
package smallfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// File is what was read.
type File struct {
	Data []byte
	// Mode says who may read and write it.
	Mode fs.FileMode
}

// ErrNoAnswer is a file system that did not answer in time.
var ErrNoAnswer = errors.New("the file system does not answer")

// Read reads a file that may be as large as limit, until ctx ends. Should the
// file system never answer, the goroutine that asked it stays behind.
func Read(ctx context.Context, path string, limit int64) (File, error) {
	return within(ctx, path, func() (File, error) { return ReadNow(path, limit) })
}

// within waits for a read until ctx ends.
func within(ctx context.Context, path string, read func() (File, error)) (File, error) {
	type result struct {
		file File
		err  error
	}
	done := make(chan result, 1)
	go func() {
		f, err := read()
		done <- result{f, err}
	}()
	select {
	case r := <-done:
		return r.file, r.err
	case <-ctx.Done():
		return File{}, &fs.PathError{Op: "read", Path: path, Err: ErrNoAnswer}
	}
}

// ReadNow is Read for a file that there is no doing without: it waits for
// the file system.
func ReadNow(path string, limit int64) (File, error) {
	// Looked at first, because some devices act when they are opened.
	if info, err := os.Stat(path); err != nil {
		return File{}, err
	} else if err := regular(path, info); err != nil {
		return File{}, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return File{}, err
	}
	if err := regular(path, info); err != nil { // it was replaced meanwhile
		return File{}, err
	}
	tooLarge := &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is too large: at most %s", size(limit))}
	if info.Size() > limit {
		return File{}, tooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return File{}, err
	case int64(len(data)) > limit:
		return File{}, tooLarge
	}
	return File{Data: data, Mode: info.Mode()}, nil
}

// regular returns an error for what is not a plain file.
func regular(path string, info fs.FileInfo) error {
	what := "is something else"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	case mode&fs.ModeNamedPipe != 0:
		what = "is a pipe"
	case mode&fs.ModeSocket != 0:
		what = "is a socket"
	case mode&fs.ModeDevice != 0:
		what = "is a device"
	}
	return &fs.PathError{Op: "read", Path: path, Err: errors.New("it " + what + ", not a plain file")}
}

// size writes a number of bytes.
func size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
