package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// arrows is which of our packages each of our packages may import.
var arrows = map[string][]string{
	"internal/secret":            {},
	"internal/smallfile":         {},
	"internal/text":              {},
	"internal/reason":            {},
	"internal/netfault":          {"internal/reason", "internal/text"},
	"internal/httpclient":        {"internal/reason", "internal/netfault", "internal/secret"},
	"internal/dcs":               {"internal/reason", "internal/smallfile", "internal/text", "internal/httpclient", "internal/netfault", "internal/secret"},
	"internal/check":             {"internal/reason", "internal/text", "internal/dcs", "internal/probe"},
	"internal/probe":             {"internal/netfault", "internal/reason", "internal/text"},
	"internal/queue":             {},
	"internal/ledger":            {"internal/reason", "internal/check", "internal/queue"},
	"internal/ledger/ledgertest": {"internal/check", "internal/ledger"}, // for tests only
	"internal/fleet":             {"internal/reason", "internal/check", "internal/dcs", "internal/probe", "internal/queue"},
	"internal/view":              {"internal/check", "internal/fleet", "internal/state"},
	"internal/poll":              {"internal/reason", "internal/dcs", "internal/queue"},
	"internal/state":             {"internal/smallfile", "internal/text", "internal/check", "internal/ledger"},
	"internal/state/statetest":   {"internal/reason", "internal/check", "internal/ledger", "internal/state"}, // for tests only
	"internal/notify":            {"internal/reason", "internal/text", "internal/check", "internal/ledger"},
	"internal/notify/slack":      {"internal/reason", "internal/text", "internal/notify", "internal/check", "internal/ledger", "internal/httpclient", "internal/netfault", "internal/secret"},
	"internal/notify/email":      {"internal/reason", "internal/smallfile", "internal/text", "internal/notify", "internal/check", "internal/ledger", "internal/netfault", "internal/secret"},
	"internal/notify/webhook":    {"internal/reason", "internal/text", "internal/notify", "internal/ledger", "internal/httpclient", "internal/netfault", "internal/secret"},
	"internal/notify/notifytest": {"internal/reason", "internal/ledger/ledgertest", "internal/notify", "internal/check", "internal/ledger", "internal/dcs"}, // for tests only
	"internal/alertmanager":      {"internal/reason", "internal/text", "internal/notify", "internal/check", "internal/ledger", "internal/view", "internal/httpclient", "internal/netfault", "internal/secret"},
	"internal/config":            {"internal/alertmanager", "internal/config/sdkchain", "internal/config/tomlfile", "internal/poll", "internal/probe", "internal/smallfile", "internal/text", "internal/check", "internal/ledger", "internal/dcs", "internal/notify", "internal/notify/slack", "internal/notify/email", "internal/notify/webhook", "internal/secret"},
	"internal/watch":             {"internal/reason", "internal/text", "internal/queue", "internal/poll", "internal/probe", "internal/dcs", "internal/check", "internal/ledger", "internal/fleet", "internal/view", "internal/state", "internal/notify"},
	"internal/web":               {"internal/smallfile", "internal/check", "internal/fleet", "internal/view", "internal/state"},
	"internal/control":           {},
	"internal/heartbeat":         {"internal/reason", "internal/httpclient", "internal/netfault", "internal/secret"},
	"internal/logging":           {"internal/secret", "internal/text"},
	"internal/config/sdkchain":   {"internal/reason", "internal/dcs", "internal/secret", "internal/smallfile"},
	"internal/config/tomlfile":   {},
	"internal/sim":               {"internal/sim/simcloud", "internal/sim/simmail", "internal/sim/simserver", "internal/sim/simslack"},
	"internal/sim/simcloud":      {"internal/sim/simserver"},
	"internal/sim/simmail":       {"internal/sim/simserver"},
	"internal/sim/simslack":      {"internal/sim/simserver"},
	"internal/sim/simserver":     {},
	"internal/sim/simtest":       {"internal/sim/simmail"}, // for tests only
}

// Data flows one way; see ARCHITECTURE.md.
func TestImportsFollowTheArrows(t *testing.T) {
	const module = "github.com/sslwatch/sslwatch/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "../../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := strings.TrimPrefix(fields[0], module)
		if strings.HasPrefix(from, "cmd/") {
			continue // imports all
		}
		allowed, known := arrows[from]
		if !known {
			t.Errorf("%s has no place in the table of arrows", from)
			continue
		}
		for _, to := range fields[1:] {
			if ours, ok := strings.CutPrefix(to, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s must not import %s", from, ours)
			}
		}
	}
}

// A configuration that names a time zone can be used on a machine that has
// none, such as a container: those of Go are in the binary.
func TestTheTimeZonesAreInTheBinary(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strings.Fields(string(out)), "time/tzdata") {
		t.Error("time/tzdata is not among what the binary is made of")
	}
}

// The table in ARCHITECTURE.md is the one above. A dash is none, "notify/…" all
// packages under notify; rows that name several packages are left out.
func TestTheArrowsAreThoseOfTheArchitecture(t *testing.T) {
	data, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(internal/[a-z/]+)` \\| .* \\| (–|[^|]*) \\|$")
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := row.FindAllStringSubmatch(string(data), -1)
	if len(rows) < 25 {
		t.Fatalf("%d rows in the table", len(rows))
	}
	for _, r := range rows {
		var named []string
		for _, q := range quoted.FindAllStringSubmatch(r[2], -1) {
			named = append(named, "internal/"+q[1])
		}
		says := func(name string) bool {
			return slices.ContainsFunc(named, func(n string) bool {
				prefix, all := strings.CutSuffix(n, "…")
				return n == name || all && strings.HasPrefix(name, prefix)
			})
		}
		for _, to := range arrows[r[1]] {
			if !says(to) {
				t.Errorf("%s may import %s, which ARCHITECTURE.md does not say", r[1], to)
			}
		}
		for _, to := range named {
			if !strings.HasSuffix(to, "…") && !slices.Contains(arrows[r[1]], to) {
				t.Errorf("ARCHITECTURE.md says that %s imports %s", r[1], to)
			}
		}
	}
}
