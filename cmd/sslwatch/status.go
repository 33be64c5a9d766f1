package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/text"
)

func newStatus(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Print what the daemon knows, from its state file",
		Long: "Print what the daemon knows, from its state file: a table, the worst first, and\n" +
			"how each receiver does. Nothing is asked and nothing is written.\n\n" +
			"Exit codes, as of a Nagios plugin: 0 all is well; 1 warning; 2 critical;\n" +
			"3 unknown, also when the state is so old that the daemon seems to be dead.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return exitWith(a.status(cmd.Context(), asJSON)) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) status(ctx context.Context, asJSON bool) (check.Verdict, error) {
	c, err := a.load(ctx, config.Nothing, func(config.Problem) {})
	if err != nil {
		return "", err
	}
	s, notes, err := state.Read(c.State)
	if err != nil {
		return "", err
	}
	for _, n := range notes {
		fmt.Fprintf(a.Stderr, "sslwatch: %s\n", text.Clean(n.Text))
	}
	now := time.Now()
	p := c.Policy
	p.Clocks = s.Clocks
	p.Awake = time.Time{} // whoever looks at a state has no excuse for what is late

	var rows []row
	byProject := map[string][]check.Record{}
	for _, key := range slices.SortedFunc(maps.Keys(s.Records), check.Key.Compare) {
		r := s.Records[key]
		if r.Left == "" {
			rows = append(rows, rowOf(r, p, now, false))
		}
		byProject[r.ProjectID] = append(byProject[r.ProjectID], r)
	}
	listings := map[string]check.Listing{}
	for id := range s.Projects {
		byProject[id] = append(byProject[id], []check.Record{}...) // one that has no instance, too
	}
	for _, id := range slices.Sorted(maps.Keys(byProject)) {
		listings[id] = s.Projects[id].Listing
		if r, stands := projectRow(s.Projects[id], subjectOf(id, c.Discoveries), byProject[id], p, now); stands {
			rows = append(rows, r)
		}
	}
	matter := ""
	if stale := now.Sub(busyUntil(s)); len(rows) == 0 && !anyRead(listings) {
		matter = "the state holds no instance yet: is the daemon running, and with this configuration?"
	} else if stale > staleAfter(c) {
		matter = fmt.Sprintf("the daemon seems not to run: the state was last written %s ago", text.Span(now.Sub(s.Written)))
	}
	v, err := a.report(rows, receiverRows(c, s), a.troubles(ctx), now, asJSON, matter)
	for _, id := range slices.Sorted(maps.Keys(byProject)) {
		if pause := s.Projects[id].Pause; err == nil && pause.In(now) && !asJSON {
			name := subjectOf(id, c.Discoveries).Project
			if records := byProject[id]; len(records) > 0 {
				name = records[0].Project
			}
			fmt.Fprintf(a.Stdout, "project %s: paused until %s, because %s\n", text.Clean(cmp.Or(name, id)), text.Stamp(pause.Until), text.Clean(pause.Reason.String()))
		}
	}
	if err == nil && !asJSON {
		a.sayCoverage(c.Discoveries, listings)
	}
	return v, err
}

// anyRead reports whether a list of instances was read: that it has none to be
// watched is an answer, too.
func anyRead(listings map[string]check.Listing) bool {
	for _, l := range listings {
		if !l.Read.IsZero() {
			return true
		}
	}
	return false
}

// askPatience is how long a living daemon may take to say what fails.
const askPatience = 2 * time.Second

// troubles returns what the daemon says fails beside the watching. A daemon
// that can't be asked, by this user or at all, has nothing to say here: the
// state reports whether it is dead.
func (a *app) troubles(ctx context.Context) []string {
	answer, err := a.ask(ctx, askPatience, http.MethodGet, "/healthz")
	if err != nil {
		return nil
	}
	if answer.Status != http.StatusOK {
		return []string{text.Clean(answer.Text)}
	}
	var troubles []string
	for _, line := range strings.Split(answer.Text, "\n")[1:] {
		troubles = append(troubles, text.Clean(line))
	}
	return troubles
}

// busyUntil is until when the daemon had no reason to write the state: when
// it last did, or when the first of its projects is asked again, if all pause.
func busyUntil(s state.State) time.Time {
	var first time.Time
	for _, r := range s.Records {
		if r.Left != "" {
			continue
		}
		pause := s.Projects[r.ProjectID].Pause
		if !pause.In(s.Written) {
			return s.Written
		}
		first = poll.Soonest(first, pause.Until)
	}
	return first
}

// staleAfter is how old a state may be before the daemon must be dead: every
// check changes it, and a failing one comes at the longest backoff.
func staleAfter(c *config.Config) time.Duration {
	return 2*max(c.Loop.Interval, c.Loop.Backoff.Max) + time.Minute
}
