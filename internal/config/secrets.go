package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// secret returns a secret, wherever it is kept. The texts of its problems
// never repeat what is in the file, since what follows "env:" may well be
// the secret itself.
func (t *table) secret(name string) secret.Text {
	v, ok := t.Ask(name)
	if !ok {
		return secret.Text{}
	}
	ref, ok := v.(string)
	if !ok {
		t.WrongType(name, v, `text in double quotes, such as "env:NAME", "file:PATH" or "credential:NAME"`)
		return secret.Text{}
	}
	if ref == "" {
		return secret.Text{}
	}
	if !t.needed() && !isLiteral(ref) {
		return secret.Text{}
	}
	value, wrong := t.doc.resolve(ref)
	value = strings.TrimRight(value, "\r\n")
	switch {
	case wrong.why != "":
	case value == "":
		wrong.why = "the secret it names is empty"
	case strings.ContainsFunc(value, unicode.IsControl):
		wrong.why = "the secret holds a line break or another control character: it must be one line of text"
	default:
		if mode := t.doc.mode; mode&0o044 != 0 && isLiteral(ref) {
			t.Warn(name, `the secret stands in a file that others than its owner can read (mode %04o): chmod go-r the file, or use "env:NAME", "file:PATH" or "credential:NAME"`, mode)
		}
		if why := oddSecret(value); why != "" {
			t.Warn(name, "the secret %s", why)
		}
		if wrong.open {
			t.Warn(name, "every user of this machine can change the file that holds the secret: chmod o-w it")
		}
		s := secret.New(value)
		t.doc.secrets = append(t.doc.secrets, s)
		return s
	}
	if wrong.elsewhere {
		t.Passing(name, "%s", wrong.why)
	} else {
		t.Problem(name, "%s", wrong.why)
	}
	return secret.Text{}
}

func isLiteral(ref string) bool {
	for _, scheme := range []string{"env:", "file:", "credential:"} {
		if strings.HasPrefix(ref, scheme) {
			return false
		}
	}
	return true
}

// flaw is what is wrong with a secret, if anything is.
type flaw struct {
	why string
	// elsewhere says that the secret is in a file, so that whatever is wrong
	// may be mended there, by somebody or something else.
	elsewhere bool
	open      bool // everybody may change that file
}

// resolve returns what a reference refers to, or else says why it can't.
func (d *document) resolve(ref string) (value string, wrong flaw) {
	switch scheme, rest, _ := strings.Cut(ref, ":"); scheme {
	case "env":
		value, ok := d.lookup(rest)
		switch {
		case ok:
			return value, flaw{}
		case isVariable(rest):
			return "", flaw{why: "the environment variable " + rest + " is not set: set it for the process that runs sslwatch"}
		}
		return "", flaw{why: `"env:" must be followed by the name of an environment variable that is set`}
	case "file":
		f, err := d.read(d.resolvePath(rest), largestSecret)
		if err != nil {
			where := "the file that it names" // which may not be a path at all
			if filepath.IsAbs(rest) {
				where = rest
			}
			return "", flaw{elsewhere: true, why: "can't read " + where + ": " + cause(err) + ": it must hold the secret, and the user that sslwatch runs as must be able to read it"}
		}
		return string(f.Data), flaw{elsewhere: true, open: writableByAll(f.Mode)}
	case "credential":
		dir, ok := d.lookup("CREDENTIALS_DIRECTORY")
		switch {
		case rest == "" || rest == "." || rest == ".." || strings.ContainsRune(rest, '/'):
			return "", flaw{why: `"credential:" must be followed by the name of a systemd credential, without a slash; for a path use "file:"`}
		case !ok || dir == "":
			return "", flaw{why: "$CREDENTIALS_DIRECTORY is not set: run sslwatch under systemd with LoadCredential=, or use \"file:PATH\""}
		}
		f, err := d.read(filepath.Join(dir, rest), largestSecret)
		if err != nil {
			return "", flaw{elsewhere: true, why: "can't read the credential that it names: " + cause(err) + ": name it in LoadCredential= of the unit"}
		}
		return string(f.Data), flaw{elsewhere: true, open: writableByAll(f.Mode)}
	}
	return ref, flaw{}
}

// isVariable reports whether a name is, by convention, that of an environment
// variable: then it may be shown.
func isVariable(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && strings.ContainsRune(s, '_')
}

// resolvePath returns a path of the configuration as one of the process:
// what is relative is relative to the configuration.
func (d *document) resolvePath(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.dir, path)
}

// cause returns what the system says, without the path.
func cause(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
