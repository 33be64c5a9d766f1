package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/text"
)

// testTimeout bounds one test message.
const testTimeout = 30 * time.Second

func newTestNotify(a *app) *cobra.Command {
	var alert string
	cmd := &cobra.Command{
		Use:   "test-notify [RECEIVER...]",
		Short: "Send a test message through each receiver, and print how each answered",
		Long: "Send a test message through each receiver, or through those named, and print how\n" +
			"each answered. The message says that it is a test. With --alert it looks, threads and\n" +
			"mentions as a true alert does, of severity warning or critical, and says so too.\n\n" +
			"Exit codes: 0 every receiver took it; 1 one did not; 78 the configuration can't be used.",
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
		return err
	}
	receivers, err := chosen(c.Receivers, names)
	if err != nil {
		return err
	}
	proxies, err := a.proxies()
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	failed := 0
	for _, r := range receivers {
		carrier, err := a.carrier(r, proxies)
		if err == nil {
			err = deliverTest(ctx, carrier, alert)
		}
		if err != nil {
			failed++
			fmt.Fprintf(a.Stdout, "%s: FAILED: %s\n", text.Clean(r.ID), text.Clean(err.Error()))
			continue
		}
		fmt.Fprintf(a.Stdout, "%s: taken\n", text.Clean(r.ID))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d receivers did not take the test message", failed, len(receivers))
	}
	return nil
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

func deliverTest(ctx context.Context, carrier notify.Receiver, alert check.Severity) error {
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	m := notify.Test(rand.Text(), time.Now())
	if alert != "" {
		m = notify.Sample(alert, rand.Text(), time.Now())
	}
	m.Footer = footer()
	_, err := carrier.Deliver(ctx, m)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", testTimeout)
	}
	return err
}
