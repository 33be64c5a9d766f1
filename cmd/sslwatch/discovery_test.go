package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

// discovers has the place's configuration list no instance, and discover them.
func (p *place) discovers(settings string) {
	p.t.Helper()
	config := worldConfig(p.world.Settings(), strings.Replace(quick, "rate        = 200.0", "rate        = 100000.0", 1), p.state(), "127.0.0.1:0")
	keys := regexp.MustCompile(`(?m)^secret_key = .*$`)
	p.write(keys.ReplaceAllStringFunc(config, func(line string) string { return line + "\ndiscover = true\n" + settings }))
}

// healthy is n instances.
func healthy(n int) []simcloud.Instance {
	var all []simcloud.Instance
	for i := range n {
		one := well(fmt.Sprintf("cache-%04d", i), 300*days)
		one.ID = fmt.Sprintf("553a2516-b865-4159-b774-%012d", i)
		all = append(all, one)
	}
	return all
}

func TestAWholeProjectIsDiscoveredThroughPages(t *testing.T) {
	const n = 2345
	instances := healthy(n)
	instances[17].ExpiresAt = instances[17].ExpiresAt.Add(-297 * days)
	instances[18].Unsupported = true
	p := newPlace(t, quick, instances...)
	p.discovers("")
	stdout, stderr, code := p.run("check")
	if code != 2 || !strings.HasPrefix(stdout, fmt.Sprintf("CRITICAL: 1 critical, %d ok\n", n-2)) {
		t.Errorf("exit %d: %.300s\n%s", code, stdout, stderr)
	}
	if want := "2345 instances in the list of "; !strings.Contains(stdout, want) || !strings.Contains(stdout, "2344 watched; not watched: 1 of a version before 6.0, which has no SSL") {
		t.Errorf("does not say %q:\n%s", want, stdout[max(0, len(stdout)-400):])
	}
}

// A project of 500 is three lines beside what says who asks.
func TestADiscoveredProjectLives(t *testing.T) {
	t.Parallel()
	p := newPlace(t, quick, healthy(500)...)
	p.discovers("discover_interval = \"300ms\"\ndiscover_names = [\"cache-0[0-3]*\"]")
	p.daemon()
	p.saved(`"coverage"`)
	p.until("400 of 500", func() bool {
		stdout, _, code := p.run("status")
		return code == 0 && strings.Contains(stdout, "OK: 400 ok") && strings.Contains(stdout, "500 instances in the list") &&
			strings.Contains(stdout, "400 watched; not watched: 100 of another name (discover_names)")
	})
	first := p.world.DCS.Instances()[0]
	for _, status := range []string{"FIRING", "RESOLVED"} {
		if err := p.world.DCS.Change(first.ID, func(i *simcloud.Instance) { i.Enabled = status == "RESOLVED" }); err != nil {
			t.Fatal(err)
		}
		p.both(told{status: status, condition: "ssl_disabled", instance: first.Name})
	}
	if err := p.world.DCS.Remove(first.ID); err != nil {
		t.Fatal(err)
	}
	p.until("one is gone", func() bool {
		stdout, _, code := p.run("status")
		return code == 0 && strings.Contains(stdout, "OK: 399 ok") && strings.Contains(stdout, "499 instances in the list")
	})
	stdout, _, _ := p.run("status", "--json")
	var rows []map[string]any
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil || len(rows) < 399 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}
