package main

import (
	"strings"
	"testing"
)

func TestAProxyThatCanNotBeReadIsRefusedAtTheStart(t *testing.T) {
	for command, code := range map[string]int{"run": exitBadConfig, "validate": exitBadConfig, "test-notify": exitFailure, "check": 3} {
		p := newPlace(t, quick, well("a", 300*days))
		t.Setenv("https_proxy", "http://me:hunter#22@proxy.example.com:3128")
		stdout, stderr, got := p.run(command)
		if said := stdout + stderr; got != code || !strings.Contains(said, "environment variable https_proxy can't be read") || strings.Contains(said, "hunter") {
			t.Errorf("%s: exit %d:\n%s", command, got, said)
		}
	}
	p := newPlace(t, quick, well("a", 300*days))
	t.Setenv("https_proxy", "http://me:hunter%2322@proxy.example.com:3128")
	t.Setenv("no_proxy", "https://a.example.com")
	if _, stderr, code := p.run("validate"); code != 0 || !strings.Contains(stderr, "warning: no_proxy has an entry that is a URL") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
