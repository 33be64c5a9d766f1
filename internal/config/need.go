package config

import (
	"io/fs"
	"time"

	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// Need is what of that which a configuration refers to has to be there: its
// secrets and other files. What is not needed is not looked at.
type Need uint

// The needs, by the part of the configuration that refers to it.
const (
	Projects  Need = 1 << iota // what is asked with
	Receivers                  // what is told with
	Service                    // what the daemon serves, and its signs of life

	Nothing    Need = 0
	Everything      = Projects | Receivers | Service
)

// needs are those of the top-level tables.
var needs = map[string]Need{
	"project": Projects,
	"slack":   Receivers, "email": Receivers, "webhook": Receivers, "alertmanager": Receivers,
	"http": Service, "heartbeat": Service,
}

// needed reports whether what this table refers to has to be there.
func (t *table) needed() bool { return t.doc.need&needs[t.Path()[0]] != 0 }

// filePatience bounds the reading of all files that a configuration refers to.
const filePatience = 10 * time.Second

// The bounds of files.
const (
	largestConfig      = 16 << 20
	largestSecret      = 64 << 10
	largestCertificate = 4 << 20
)

// read reads a file that the configuration is made of.
func (d *document) read(path string, limit int64) (smallfile.File, error) {
	f, err := smallfile.Read(d.ctx, path, limit)
	d.note(path, f.Data, err)
	return f, err
}

// writableByAll reports whether everybody on the machine may change a file.
func writableByAll(mode fs.FileMode) bool { return mode.Perm()&0o002 != 0 }
