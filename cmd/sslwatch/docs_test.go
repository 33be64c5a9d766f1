package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// logged finds the messages of the log in the source.
var logged = regexp.MustCompile(`\blog\.(?:Info|Warn|Error|Debug)\(\s*"([^"]+)"`)

// metric finds the names of metrics in the source.
var metric = regexp.MustCompile(`"(sslwatch_[a-z_]+)"`)

// What operators see is documented, each message and metric by name.
func TestOperationsDocumentsEveryMessageAndMetric(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	messages, metrics := 0, 0
	for _, root := range []string{"../../internal", "."} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range logged.FindAllStringSubmatch(string(source), -1) {
				messages++
				if !strings.Contains(string(page), "`"+m[1]+"`") {
					t.Errorf("%s logs %q, which docs/operations.md does not tell of", path, m[1])
				}
			}
			for _, m := range metric.FindAllStringSubmatch(string(source), -1) {
				if m[1] == "sslwatch_alert" { // Slack's event type
					continue
				}
				metrics++
				if !strings.Contains(string(page), "`"+m[1]+"`") {
					t.Errorf("%s has the metric %s, which docs/operations.md does not tell of", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if messages < 20 || metrics < 14 {
		t.Errorf("found only %d messages and %d metrics: the patterns no longer fit the source", messages, metrics)
	}
}

// A promise whose proof is gone is none.
func TestReliabilityNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, root := range []string{"../../internal", "."} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			tests.Write(source)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	names := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(string(text), -1)
	if len(names) < 20 {
		t.Fatalf("names %q", names)
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
}
