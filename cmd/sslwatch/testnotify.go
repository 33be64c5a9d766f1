package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/alertmanager"
	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/text"
)

const (
	// testTimeout bounds one test message, unless the receiver says otherwise.
	testTimeout = 30 * time.Second
	// testLate is when it is said who is still waited for.
	testLate = 15 * time.Second
)

func newTestNotify(a *app) *cobra.Command {
	var alert string
	cmd := &cobra.Command{
		Use:   "test-notify [RECEIVER...]",
		Short: "Send a test message through each receiver, and print how each answered",
		Long: "Send a test message through each receiver, or through those named, and print how\n" +
			"each answered. The message says that it is a test. With --alert it looks, threads and\n" +
			"mentions as a true alert does, of severity warning or critical, and says so too.\n\n" +
			"Exit codes: 0 every receiver took it; 1 one did not, or the configuration can't be used.",
		RunE: func(cmd *cobra.Command, names []string) error {
			severity := check.Severity(alert)
			if alert != "" && severity != check.Warning && severity != check.Critical {
				return fmt.Errorf("--alert=%s: want warning or critical", alert)
			}
			return a.testNotify(cmd.Context(), names, severity)
		},
	}
	cmd.Flags().StringVar(&alert, "alert", "", "send a test alert of that `severity`, with the looks of a true one (--alert alone: warning)")
	cmd.Flags().Lookup("alert").NoOptDefVal = string(check.Warning)
	return cmd
}

func (a *app) testNotify(ctx context.Context, names []string, alert check.Severity) error {
	c, err := a.load(ctx, config.Receivers, func(p config.Problem) { fmt.Fprintf(a.Stderr, "warning: %s\n", text.CleanLines(p.String())) })
	if err != nil {
		return &exitError{exitFailure, err}
	}
	receivers, err := chosen(c.Receivers, names)
	if err != nil {
		return err
	}
	proxies, err := a.proxies()
	if err != nil {
		return err
	}
	results := make(chan testResult)
	waiting := map[string]bool{}
	for _, r := range receivers {
		waiting[r.ID] = true
		go func() { results <- testResult{r.ID, a.testReceiver(ctx, r, proxies, alert)} }()
	}
	failed := 0
	late := time.NewTicker(testLate)
	defer late.Stop()
	for len(waiting) > 0 {
		select {
		case r := <-results:
			delete(waiting, r.receiver)
			if r.err != nil {
				failed++
				fmt.Fprintf(a.Stdout, "%s: FAILED: %s\n", text.Clean(r.receiver), text.Clean(r.err.Error()))
				continue
			}
			fmt.Fprintf(a.Stdout, "%s: taken\n", text.Clean(r.receiver))
		case <-late.C:
			fmt.Fprintf(a.Stderr, "still waiting for %s; a mail server may take minutes. Ctrl-C ends the wait, and says for what it was\n",
				text.Clean(strings.Join(slices.Sorted(maps.Keys(waiting)), ", ")))
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d receivers did not take the test message", failed, len(receivers))
	}
	return nil
}

// testResult is how a receiver answered.
type testResult struct {
	receiver string
	err      error
}

// testReceiver sends a test message, and gives the receiver the time that it
// has from the daemon.
func (a *app) testReceiver(ctx context.Context, r config.Receiver, proxies *httpclient.Proxies, alert check.Severity) error {
	if r.Alertmanager != nil {
		settings := *r.Alertmanager
		settings.Proxies = proxies
		return alertmanager.Test(ctx, settings, cmp.Or(alert, check.Warning), time.Now())
	}
	carrier, err := a.carrier(r, proxies)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(carrier.Limits().Timeout, testTimeout))
	defer cancel()
	m := r.Wording.Test(rand.Text(), time.Now())
	if alert != "" {
		m = r.Wording.Sample(alert, rand.Text(), time.Now())
	}
	m.Footer = footer()
	_, err = carrier.Deliver(ctx, m)
	return err
}

// chosen returns the receivers with the names or IDs, or all without any.
func chosen(all []config.Receiver, names []string) ([]config.Receiver, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []config.Receiver
	for _, name := range names {
		found := false
		for _, r := range all {
			if r.Name != name && r.ID != name {
				continue
			}
			found = true
			if !slices.ContainsFunc(out, func(o config.Receiver) bool { return o.ID == r.ID }) {
				out = append(out, r)
			}
		}
		if !found {
			var known []string
			for _, r := range all {
				known = append(known, r.ID)
			}
			return nil, fmt.Errorf("no receiver %q in the configuration; there are: %s", name, strings.Join(known, ", "))
		}
	}
	return out, nil
}
