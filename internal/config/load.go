package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Load reads the file at path. lookup is os.LookupEnv, or stands for it. The
// error is an *Error with all problems of the file.
func Load(path string, lookup func(string) (string, bool)) (*Config, error) {
	d := &document{file: path, dir: filepath.Dir(path), lookup: lookup, known: map[string]bool{}}
	text, err := d.read(path)
	d.note(path, text, err)
	if err != nil {
		return nil, &Error{
			Files:    d.files,
			Problems: []Problem{{File: path, Text: "can't be read: " + cause(err) + ": name another file with --config, or let the user that sslwatch runs as read it"}},
			Err:      err,
		}
	}
	return d.load(text)
}

// read returns the text of the file, and notes whether others could read it.
func (d *document) read(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	d.exposed = info.Mode().Perm()&0o004 != 0
	return string(data), nil
}

// load makes a configuration of the text of a file.
func (d *document) load(text string) (*Config, error) {
	root, ok := d.parse(text)
	if !ok {
		return nil, &Error{Problems: d.problems, Files: d.files}
	}
	c := &Config{}
	c.readCheck(root.sub("check"))
	terms := c.readAlerts(root.sub("alerts"))
	c.readState(root.sub("state"))
	c.readHTTP(root.sub("http"))
	c.WatchFiles = root.sub("reload").boolean("watch", false)
	c.readHeartbeat(root.sub("heartbeat"))
	root.laterNamed("alertmanager", "webhook")
	fleet := c.readProjects(root, terms)
	c.readReceivers(root)
	d.finish()
	if len(d.problems) > 0 {
		return nil, &Error{Problems: d.problems, Files: d.files}
	}
	c.examine(d, fleet)
	d.sort()
	c.Warnings, c.Files = d.warnings, d.files
	return c, nil
}

// readState reads where the state is.
func (c *Config) readState(t *table) {
	c.State = t.file("file")
	switch {
	case t.given("file"):
		return
	case t.present("file"):
		t.problem("file", "is empty, and sslwatch can't do without a state: write the path of a file, or remove the line for the default")
		return
	}
	dirs, _ := t.doc.lookup("STATE_DIRECTORY")
	dir, _, _ := strings.Cut(dirs, ":") // systemd may name several
	if dir == "" {
		dir = "/var/lib/sslwatch"
	}
	c.State = filepath.Join(dir, "state.json")
}

// twice notes that two keys must differ and don't, at the later one.
func (d *document) twice(a, b toml.Key, format string) {
	if d.line(a) > d.line(b) {
		a, b = b, a
	}
	d.problem(b, format, a.String())
}
