package config

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// Load reads the file at path, and of the files that it refers to and the
// environment what is needed. lookup is os.LookupEnv, or stands for it. The
// error is an *Error with all problems of the file.
func Load(ctx context.Context, path string, lookup func(string) (string, bool), need Need) (*Config, error) {
	d := newDocument(path, lookup, need)
	ctx, cancel := context.WithTimeout(ctx, filePatience)
	defer cancel()
	d.ctx = ctx
	f, err := d.read(path, largestConfig)
	if err != nil {
		return nil, &Error{
			Files:    d.files,
			Problems: []Problem{{File: path, Passing: isPassing(err), Text: "can't be read: " + cause(err) + ": name another file with --config, or let the user that sslwatch runs as read it"}},
			Err:      err,
		}
	}
	d.mode = f.Mode.Perm()
	return d.load(string(f.Data))
}

// isPassing reports whether reading the configuration itself may succeed the
// next time, without a person.
func isPassing(err error) bool {
	return errors.Is(err, smallfile.ErrNoAnswer) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ESTALE) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// load makes a configuration of the text of a file.
func (d *document) load(text string) (*Config, error) {
	parsed, ok := d.Parse(text)
	if !ok {
		return nil, &Error{Problems: d.Problems, Files: d.files}
	}
	root := &table{parsed, d}
	if writableByAll(d.mode) {
		d.Warn(nil, "every user of this machine can change this file, and with it what is watched and who is told: chmod o-w it")
	}
	c := &Config{}
	c.readCheck(root.Sub("check"))
	alerts := root.Sub("alerts")
	terms, zone := c.readAlerts(alerts), alerts.timezone(nil)
	c.readState(root.Sub("state"))
	c.readHTTP(root.Sub("http"))
	c.WatchFiles = root.Sub("reload").Boolean("watch", false)
	c.readHeartbeat(root.Sub("heartbeat"))
	fleet := c.readProjects(root, terms)
	c.readReceivers(root, zone)
	d.Finish()
	if len(d.Problems) > 0 {
		return nil, &Error{Problems: d.Problems, Files: d.files}
	}
	c.examine(d, fleet)
	d.Sort()
	c.Warnings, c.Files, c.Secrets, c.Chain = d.Warnings, d.files, d.secrets, d.chain
	return c, nil
}

// readState reads where the state is.
func (c *Config) readState(t *table) {
	c.State = t.file("file")
	switch {
	case t.Given("file"):
		return
	case t.Present("file"):
		t.Problem("file", "is empty, and sslwatch can't do without a state: write the path of a file, or remove the line for the default")
		return
	}
	dirs, _ := t.doc.lookup("STATE_DIRECTORY")
	dir, _, _ := strings.Cut(dirs, ":") // systemd may name several
	if dir == "" {
		dir = "/var/lib/sslwatch"
	}
	c.State = filepath.Join(dir, "state.json")
}
