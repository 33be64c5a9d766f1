package main

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// The story is told in seconds: what takes weeks in life takes half a
// minute here. Thresholds lie far enough apart for a slow machine.
const (
	storyDeadline = 60 * time.Second // by when every notice must have come
	storyEpilogue = 2500 * time.Millisecond
	storyGlance   = 200 * time.Millisecond // between looks at whether all have come
)

// storyPace makes the daemon as quick as the story.
const storyPace = `[check]
interval    = "1s"
timeout     = "1s"
concurrency = 8
rate        = 50.0
backoff     = { initial = "300ms", max = "1s", multiplier = 2.0, jitter = 0.1 }

[alerts]
expiry          = ["24s", "16s", "8s"]
critical        = "16s"
failing_after   = "3s"
repeat_interval = { critical = "0", warning = "0" }
group_wait      = "300ms"
`

// The cast.
const (
	orders   = "orders-cache" // its certificate walks down the ladder to its end
	sessions = "sessions"     // renewed in time
	carts    = "carts"        // switched off and on
	search   = "search"       // invalid for a while
	legacy   = "legacy"       // can't have SSL
	catalog  = "catalog"      // all is well
)

// storyInstances are the instances of the story, which starts at start.
func storyInstances(start time.Time) []simcloud.Instance {
	year := start.AddDate(1, 0, 0)
	healthy := func(id, name string, expires time.Time) simcloud.Instance {
		return simcloud.Instance{ID: id, Name: name, Enabled: true, Validated: true, ExpiresAt: expires}
	}
	old := healthy("7f1d2c55-4e0b-4a53-9d2f-5b0c8a1e6f05", legacy, year)
	old.Unsupported = true
	return []simcloud.Instance{
		healthy("553a2516-b865-4159-b774-204dc0a36e01", orders, start.Add(34*time.Second)),
		healthy("0c6f7a9e-3d52-4b7e-8a41-92d1f3b7ce02", sessions, start.Add(15*time.Second)),
		healthy("9e1b5d34-7c2a-4f08-b6d3-1a4e8f20bd03", carts, year),
		healthy("2ab84c17-f6d0-4e9b-a35c-7d61e0c94f04", search, year),
		old,
		healthy("c4d9e83b-15a6-47f2-90be-6f3a2d7b1806", catalog, year),
	}
}

// step is something that happens in the story.
type step struct {
	at   time.Duration
	text string
	do   func(*sim.World, *process) error
}

// story is what the cloud does, and what befalls the daemon.
func story() []step {
	change := func(name string, f func(*simcloud.Instance)) func(*sim.World, *process) error {
		return func(w *sim.World, _ *process) error { return w.DCS.Change(name, f) }
	}
	renew := func(i *simcloud.Instance) { i.ExpiresAt = time.Now().AddDate(1, 0, 0) }
	const s = time.Second
	return []step{
		{0, "six instances; the daemon starts", func(_ *sim.World, d *process) error { return d.start() }},
		{5 * s, sessions + ": the certificate is renewed", change(sessions, renew)},
		{7 * s, carts + ": SSL is switched off", change(carts, func(i *simcloud.Instance) { i.Enabled = false })},
		{13 * s, carts + ": SSL is switched on again", change(carts, func(i *simcloud.Instance) { i.Enabled = true })},
		{20 * s, "Slack begins to refuse every message", func(w *sim.World, _ *process) error {
			return w.Slack.Fail("", simslack.ServerError.With("503"))
		}},
		{20*s + s/2, search + ": the certificate is no longer valid", change(search, func(i *simcloud.Instance) { i.Validated = false })},
		{23 * s, "the daemon is killed (kill -9)", func(_ *sim.World, d *process) error { return d.kill() }},
		{24 * s, "the daemon starts again, on its state file", func(_ *sim.World, d *process) error { return d.start() }},
		{25 * s, "Slack takes messages again", func(w *sim.World, _ *process) error { w.Slack.Heal(); return nil }},
		{29 * s, "the DCS API goes down", func(w *sim.World, _ *process) error { return w.DCS.AnswerAll(simcloud.AnswerInternal) }},
		{34 * s, orders + ": the certificate comes to its end", func(*sim.World, *process) error { return nil }},
		{37 * s, "the DCS API is back", func(w *sim.World, _ *process) error { w.DCS.Heal(); return nil }},
		{40 * s, orders + ": the certificate is renewed", change(orders, renew)},
		{41 * s, search + ": the certificate is valid again", change(search, func(i *simcloud.Instance) { i.Validated = true })},
	}
}

// expected is every notice that each receiver must get, exactly once.
func expected() []told {
	want := []told{
		{"FIRING", "certificate_expiring", sessions, "16s"},
		{"FIRING", "check_failing", legacy, ""},
		{"RESOLVED", "certificate_expiring", sessions, ""},
		{"FIRING", "ssl_disabled", carts, ""},
		{"FIRING", "certificate_expiring", orders, "24s"},
		{"RESOLVED", "ssl_disabled", carts, ""},
		{"FIRING", "certificate_expiring", orders, "16s"},
		{"FIRING", "ssl_invalid", search, ""},
		{"FIRING", "certificate_expiring", orders, "8s"},
	}
	blind := []string{orders, sessions, carts, search, catalog}
	for _, name := range blind {
		want = append(want, told{"FIRING", "check_failing", name, ""})
	}
	want = append(want, told{"FIRING", "certificate_expired", orders, ""})
	for _, name := range blind {
		want = append(want, told{"RESOLVED", "check_failing", name, ""})
	}
	return append(want,
		told{"RESOLVED", "certificate_expired", orders, ""},
		told{"RESOLVED", "ssl_invalid", search, ""},
	)
}
