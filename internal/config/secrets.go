package config

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// largestSecret bounds a file that a secret is read from.
const largestSecret = 64 << 10

// secret returns a secret, wherever it is kept. The texts of its problems
// never repeat what is in the file, since what follows "env:" may well be
// the secret itself.
func (t *table) secret(name string) secret.Text {
	v, ok := t.ask(name)
	if !ok {
		return secret.Text{}
	}
	ref, ok := v.(string)
	if !ok {
		t.wrongType(name, v, `text in double quotes, such as "env:NAME", "file:PATH" or "credential:NAME"`)
		return secret.Text{}
	}
	if ref == "" {
		return secret.Text{}
	}
	value, why := t.doc.resolve(ref)
	value = strings.TrimRight(value, "\r\n")
	switch {
	case why != "":
	case value == "":
		why = "the secret it names is empty"
	case strings.ContainsFunc(value, unicode.IsControl):
		why = "the secret holds a line break or another control character: it must be one line of text"
	default:
		if t.doc.exposed && isLiteral(ref) {
			t.warn(name, `the secret stands in a file that every user of this machine can read: chmod o-r the file, or use "env:NAME", "file:PATH" or "credential:NAME"`)
		}
		if why := oddSecret(value); why != "" {
			t.warn(name, "the secret %s", why)
		}
		return secret.New(value)
	}
	t.problem(name, "%s", why)
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

// resolve returns what a reference refers to, or else says why it can't.
func (d *document) resolve(ref string) (value, why string) {
	switch scheme, rest, _ := strings.Cut(ref, ":"); scheme {
	case "env":
		value, ok := d.lookup(rest)
		switch {
		case ok:
			return value, ""
		case isVariable(rest):
			return "", "the environment variable " + rest + " is not set: set it for the process that runs sslwatch"
		}
		return "", `"env:" must be followed by the name of an environment variable that is set`
	case "file":
		path := d.resolvePath(rest)
		value, err := readSecret(path)
		d.note(path, value, err)
		if err != nil {
			where := "the file that it names" // which may not be a path at all
			if filepath.IsAbs(rest) {
				where = rest
			}
			return "", "can't read " + where + ": " + cause(err) + ": it must hold the secret, and the user that sslwatch runs as must be able to read it"
		}
		return value, ""
	case "credential":
		dir, ok := d.lookup("CREDENTIALS_DIRECTORY")
		switch {
		case rest == "" || rest == "." || rest == ".." || strings.ContainsRune(rest, '/'):
			return "", `"credential:" must be followed by the name of a systemd credential, without a slash; for a path use "file:"`
		case !ok || dir == "":
			return "", "$CREDENTIALS_DIRECTORY is not set: run sslwatch under systemd with LoadCredential=, or use \"file:PATH\""
		}
		path := filepath.Join(dir, rest)
		value, err := readSecret(path)
		d.note(path, value, err)
		if err != nil {
			return "", "can't read the credential that it names: " + cause(err) + ": name it in LoadCredential= of the unit"
		}
		return value, ""
	}
	return ref, ""
}

// isVariable tells whether a name is, by convention, that of an environment
// variable: then it may be shown.
func isVariable(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && strings.ContainsRune(s, '_')
}

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, largestSecret+1))
	if err == nil && len(data) > largestSecret {
		err = errors.New("it is too large for a secret")
	}
	return string(data), err
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
