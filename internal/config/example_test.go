package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

const example = "../../config.example.toml"

// exampleEnv is what the example takes from outside.
func exampleEnv(t *testing.T) func(string) (string, bool) {
	dir := t.TempDir()
	for name, value := range map[string]string{
		"huaweicloud-ak": values["TEST_AK"], "huaweicloud-sk": values["TEST_SK"],
		"slack-token": "xoxb-1-example", "smtp-password": "p", "pager-url": "https://hooks.example.com/1",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) (string, bool) { return dir, name == "CREDENTIALS_DIRECTORY" }
}

func TestExampleIsGoodAsItIs(t *testing.T) {
	c, err := Load(t.Context(), example, exampleEnv(t), Everything)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	if len(c.Watched) != 1 || len(c.Receivers) != 5 {
		t.Errorf("%+v", c)
	}
	// What the example calls a default is one.
	minimal, problems, _ := load(t, base)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(minimal.Loop, c.Loop); diff != "" {
		t.Errorf("-default +example:\n%s", diff)
	}
	if diff := cmp.Diff(minimal.Policy, c.Policy); diff != "" {
		t.Errorf("-default +example:\n%s", diff)
	}
}

func TestExampleHasEveryKeyAndExplainsIt(t *testing.T) {
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	d := newDocument(example, exampleEnv(t), Everything)
	if _, err := d.load(string(data)); err != nil {
		t.Fatal(err)
	}
	there, known := map[string]bool{}, map[string]bool{}
	for _, key := range d.Known() {
		known[key] = true
	}
	meta, err := toml.Decode(string(data), &map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range meta.Keys() {
		pattern := append([]string{}, key...)
		for i := range pattern {
			if i == 1 && !known[strings.Join(pattern[:2], ".")] || i == 3 && pattern[0] == "project" && pattern[2] == "instance" {
				pattern[i] = "*"
			}
			there[strings.Join(pattern[:i+1], ".")] = true
		}
	}
	for _, key := range d.Known() {
		if !there[key] {
			t.Errorf("%s is not in the example", key)
		}
	}
	for i, line := range strings.Split(string(data), "\n") {
		isKey := line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "[")
		if isKey && !strings.Contains(line, " # ") {
			t.Errorf("%s:%d: no explanation: %s", example, i+1, line)
		}
	}
}
