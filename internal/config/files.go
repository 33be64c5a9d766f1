package config

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// File is a file that a configuration is made of, as it was when it was read.
type File struct {
	Path string
	sum  [sha256.Size]byte // of its text; zero if it could not be read
}

// fileOf is a file of which this was read.
func fileOf(path string, data []byte, err error) File {
	f := File{Path: path}
	if err == nil {
		f.sum = sha256.Sum256(data)
	}
	return f
}

// note notes that a file was read, or should have been.
func (d *document) note(path string, data []byte, err error) {
	if f := fileOf(path, data, err); !slices.Contains(d.files, f) {
		d.files = append(d.files, f)
	}
}

// Now returns the file as it is now. It is compared by its text, because the
// files of a volume in Kubernetes are links that are exchanged.
func (f File) Now(ctx context.Context) File {
	ctx, cancel := context.WithTimeout(ctx, filePatience)
	defer cancel()
	now, err := smallfile.Read(ctx, f.Path, largestConfig)
	return fileOf(f.Path, now.Data, err)
}
