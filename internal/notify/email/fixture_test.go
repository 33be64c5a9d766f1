package email_test

import (
	"context"
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/email"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/sim/simmail"
)

const (
	user     = "sslwatch"
	password = "hunter2-passwordsecret"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newSim is a mail server that wants a password, unless it has no TLS.
func newSim(t *testing.T, mode simmail.TLS) *simmail.Server {
	t.Helper()
	o := simmail.Options{TLS: mode}
	if mode != simmail.Plain {
		o.User, o.Password = user, password
	}
	m, err := simmail.New(o)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	must(t, m.Listen(""))
	return m
}

// settings fit a simulated server.
func settings(t *testing.T, m *simmail.Server, mode simmail.TLS) email.Settings {
	t.Helper()
	s := email.Settings{
		Host: m.Host(), Port: m.Port(), Security: email.Security(mode),
		From: "sslwatch <sslwatch@Mon.Example.com>", To: "ops@example.com",
	}
	if mode != simmail.Plain {
		s.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		must(t, m.WriteCA(s.CAFile))
		s.Username, s.Password = user, secret.New(password)
	}
	return s
}

func newReceiver(t *testing.T, s email.Settings) notify.Sender {
	t.Helper()
	r, err := email.New(s)
	must(t, err)
	return r
}

// failure is the error of a delivery that must have failed, in words that
// may be shown.
func failure(t *testing.T, err error) *notify.Failure {
	t.Helper()
	var f *notify.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v is no *notify.Failure", err)
	}
	for _, s := range []string{
		password, "passwordsecret",
		base64.StdEncoding.EncodeToString([]byte(password)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password)),
	} {
		if strings.Contains(f.Error(), s) {
			t.Errorf("the failure shows a secret: %s", f.Reason)
		}
	}
	if strings.ContainsAny(f.Reason, "\n\r\x00\x1b") || len(f.Reason) > 1000 {
		t.Errorf("the reason is not one short line: %q", f.Reason)
	}
	return f
}

// soon is a context that ends by itself, for what hangs.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
