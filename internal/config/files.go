package config

import (
	"crypto/sha256"
	"io"
	"os"
	"slices"
	"syscall"
)

// File is a file that a configuration is made of, as it was when it was read.
type File struct {
	Path string
	sum  [sha256.Size]byte // of its text; zero if it could not be read
}

// note notes that a file was read, or should have been.
func (d *document) note(path, text string, err error) {
	f := File{Path: path}
	if err == nil {
		f.sum = sha256.Sum256([]byte(text))
	}
	if !slices.Contains(d.files, f) {
		d.files = append(d.files, f)
	}
}

// Now returns the file as it is now. It is compared by its text, because the
// files of a volume in Kubernetes are links that are exchanged.
func (f File) Now() File {
	now := File{Path: f.Path}
	// What blocks when it is opened is not a file.
	file, err := os.OpenFile(f.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return now
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return now
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(file, largestFile)); err == nil {
		hash.Sum(now.sum[:0])
	}
	return now
}

// largestFile bounds what is read of a file to compare it.
const largestFile = 64 << 20
