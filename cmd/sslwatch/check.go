package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/watch"
)

func newCheck(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [INSTANCE...]",
		Short: "Ask about every instance once, and print a table",
		Long: "Ask about every instance once, or about those named (by name or ID), and print a\n" +
			"table, the worst first. Nothing is remembered and nobody is told.\n\n" +
			"Exit codes, as of a Nagios plugin: 0 all is well; 1 warning; 2 critical;\n" +
			"3 unknown, also when the configuration can't be used.",
		RunE: func(cmd *cobra.Command, names []string) error {
			return exitWith(a.check(cmd.Context(), names, asJSON))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// exitWith makes a verdict the exit code.
func exitWith(v check.Verdict, err error) error {
	if err != nil || v == check.VerdictOK {
		return err
	}
	return &exitError{code: exitOf(v)}
}

func (a *app) check(ctx context.Context, names []string, asJSON bool) (check.Verdict, error) {
	c, err := a.load(ctx, config.Projects, func(config.Problem) {}) // validate and run say it
	if err != nil {
		return "", err
	}
	o, err := a.asking(c)
	if err != nil {
		return "", err
	}
	if o.Watched, err = named(o.Watched, names); err != nil {
		return "", err
	}
	// One look is all there is, so one look is believed.
	o.Policy.Confirm, o.Policy.FailingAfter = 1, 0
	o.Policy.Awake = time.Now()

	expected := len(o.Watched) + len(o.Discoveries)
	progress := a.progress(expected)
	learnt, err := watch.Pass(ctx, o, func(n, of int) {
		expected = of
		progress(n, of)
	})
	progress(-1, 0)
	stopped := ""
	if err != nil { // by a signal: what is known so far is worth as much as before
		stopped = fmt.Sprintf("stopped after %d of %d instances", len(learnt.Records), expected-len(o.Discoveries))
	}
	now := time.Now()
	o.Policy.Clocks = learnt.Clocks.Believed(now)
	rows := make([]row, 0, len(learnt.Records))
	of := map[string][]check.Record{}
	for _, r := range learnt.Records {
		rows = append(rows, rowOf(r, o.Policy, now, true))
		of[r.ProjectID] = append(of[r.ProjectID], r)
	}
	for _, p := range o.Projects {
		seen := check.ProjectRecord{Seen: now, Listing: learnt.Listings[p.ID]}
		if r, stands := projectRow(seen, subjectOf(p.ID, o.Discoveries), of[p.ID], o.Policy, now); stands {
			if seen.Listing.Failing.Count > 0 {
				r.Verdict = check.VerdictUnknown // as of a check that failed
			}
			rows = append(rows, r)
		}
	}
	v, err := a.report(rows, nil, nil, now, asJSON, stopped)
	if err == nil && !asJSON {
		a.sayCoverage(o.Discoveries, learnt.Listings)
	}
	return v, err
}

// subjectOf returns the project with an ID, where it is discovered.
func subjectOf(projectID string, discoveries []check.Discovery) check.Subject {
	for _, d := range discoveries {
		if d.Project.ProjectID == projectID {
			return check.Subject{ProjectID: projectID, Project: d.Project.Project, Region: d.Project.Region}
		}
	}
	return check.Subject{}
}

// report prints rows and returns the worst verdict. What is the matter with
// the rows as a whole makes it unknown, and comes first; troubles are parts of
// the daemon that fail beside the watching.
func (a *app) report(rows []row, receivers []receiverRow, troubles []string, now time.Time, asJSON bool, matter string) (check.Verdict, error) {
	v, first := worst(rows), summary(rows)
	if fails := failing(receivers); fails != "" {
		// Whatever else is well: who is to be told is not.
		v, first = worse(v, check.VerdictWarning), first+", "+fails
	}
	for _, trouble := range troubles {
		v, first = worse(v, check.VerdictWarning), first+", "+trouble
	}
	if matter != "" {
		known := first
		v, first = check.VerdictUnknown, matter
		if len(rows) > 0 {
			first += "; as far as is known: " + known
		}
	}
	a.say(v, first, matter, asJSON)
	if asJSON {
		if err := printJSON(a.Stdout, rows, receivers); err != nil && a.out.broken() == nil {
			return "", err
		}
		return v, nil
	}
	if len(rows) > 0 {
		printTable(a.Stdout, rows, now, a.colours(), a.width())
	}
	if len(receivers) > 0 {
		printReceivers(a.Stdout, receivers, now, a.width())
	}
	return v, nil
}

// named returns the instances with the names or IDs, or all without any.
func named(all []check.Watched, names []string) ([]check.Watched, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []check.Watched
	for _, name := range names {
		matches := slices.DeleteFunc(slices.Clone(all), func(w check.Watched) bool {
			return w.Instance != name && w.InstanceID != name
		})
		if len(matches) == 0 {
			return nil, fmt.Errorf("no instance %q in the configuration; there are: %s", name, list(all))
		}
		for _, m := range matches {
			if !slices.ContainsFunc(out, func(w check.Watched) bool { return w.Key() == m.Key() }) {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// list names instances, not too many.
func list(all []check.Watched) string {
	const most = 20
	var names []string
	for _, w := range all {
		names = append(names, w.Instance)
	}
	slices.Sort(names)
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(", and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// progress returns a function that shows how many instances were asked, on
// a terminal, and with -1 wipes that away.
func (a *app) progress(total int) func(n, of int) {
	if !isTerminal(a.Stderr) || total < 2 {
		return func(int, int) {}
	}
	return func(n, of int) {
		if n < 0 {
			fmt.Fprint(a.Stderr, "\r\x1b[K")
			return
		}
		fmt.Fprintf(a.Stderr, "\r\x1b[Kasked %d of %d", n, of)
	}
}
