package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/secret"
)

func TestNoWayOfPrintingShowsTheValue(t *testing.T) {
	s := secret.New("hunter2")
	in := struct {
		Password secret.Text
		P        *secret.Text
		hidden   secret.Text
	}{s, &s, s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, in)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "s", s, "in", in)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "s", s, "in", in)
	if err := json.NewEncoder(&out).Encode(in); err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf("%x", "hunter2")
	if got := out.String(); strings.Contains(got, "hunter2") || strings.Contains(got, hex) {
		t.Errorf("the value shows: %s", got)
	}
	if s.Reveal() != "hunter2" {
		t.Errorf("Reveal() = %q", s.Reveal())
	}
}

func TestEqualValuesAreEqualSecrets(t *testing.T) {
	one, same := secret.New("a"), secret.New(strings.Repeat("a", 1))
	if one != same || one == secret.New("b") || secret.New("") != (secret.Text{}) {
		t.Error("secrets are not compared by value")
	}
}

func TestRedactReplacesEveryOccurrence(t *testing.T) {
	got := secret.Redact("key=abcd1, again abcd1; pin 12", secret.New("abcd1"), secret.New("12"), secret.New(""))
	if want := "key=[redacted], again [redacted]; pin 12"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The end of a secret may look like a word that is too short to be looked for
// by itself.
func TestNoEndOfASecretIsLeftOver(t *testing.T) {
	for _, value := range []string{"xoxb-1111-2222-tokensecret", "tokensecret-1111-2222", "11tokensecrets22tokensecret"} {
		if got := secret.Redact("bad "+value+" name", secret.New(value)); got != "bad [redacted] name" {
			t.Errorf("%q", got)
		}
	}
}
