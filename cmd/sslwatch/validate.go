package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/text"
)

func newValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration, and print what it means",
		Long: "Check the configuration: all its problems at once, each with its line. If there are\n" +
			"none, print what would be watched, which address would be asked and with what kind of\n" +
			"credential, who would be told, and where the state and HTTP are. Nothing is asked or sent.\n\n" +
			"Exit codes: 0 the configuration can be used; 78 it can't.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.validate() },
	}
}

func (a *app) validate() error {
	c, err := a.load(func(p config.Problem) { fmt.Fprintf(a.Stderr, "warning: %s\n", text.CleanLines(p.String())) })
	if err != nil {
		return err
	}
	if _, err := a.options(c); err != nil {
		return &exitError{exitBadConfig, err}
	}
	proxies, err := a.proxies()
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	for _, w := range proxies.Warnings {
		fmt.Fprintf(a.Stderr, "warning: %s\n", w)
	}
	fmt.Fprintf(a.Stdout, "%s can be used.\n\nIt watches, every %s:\n", text.Clean(a.config()), check.Duration(c.Loop.Interval))
	table := [][]string{{"PROJECT", "INSTANCE", "ID", "SSL REQUIRED", "TOLD AT", "CRITICAL AT"}}
	for _, w := range c.Watched {
		required := "yes"
		if !w.Terms.RequireSSL {
			required = "no"
		}
		table = append(table, []string{w.Project, w.Instance, w.InstanceID, required, ladder(w.Terms.Expiry), w.Terms.Critical.String()})
	}
	plain := func(_ int, cell string) string { return cell }
	printColumns(a.Stdout, table, plain)

	fmt.Fprintf(a.Stdout, "\nIt asks:\n")
	table = [][]string{{"PROJECT", "REGION", "ADDRESS", "WITH"}}
	for _, p := range c.Projects {
		table = append(table, []string{p.Name, p.Region, p.Endpoint, credentialInWords(p.Credentials)})
	}
	printColumns(a.Stdout, table, plain)

	fmt.Fprintf(a.Stdout, "\nIt tells:\n")
	table = [][]string{{"RECEIVER", "FROM", "OF", "FALLBACK"}}
	for _, r := range c.Receivers {
		heard := 0
		for _, w := range c.Watched {
			if r.Audience.Concerns(check.Alert{Subject: w.Subject}) {
				heard++
			}
		}
		fallback := "-"
		if r.Fallback != "" {
			fallback = fmt.Sprintf("%s after %s", r.Fallback, check.Duration(r.FallbackAfter))
		}
		table = append(table, []string{
			r.ID, string(r.Audience.MinSeverity), fmt.Sprintf("%d of %d instances", heard, len(c.Watched)), fallback,
		})
	}
	printColumns(a.Stdout, table, plain)

	fmt.Fprintf(a.Stdout, "\nIt remembers in %s, and serves %s.\n", text.Clean(c.State), httpInWords(c.HTTP))
	return nil
}

// credentialInWords says what kind of credential it is.
func credentialInWords(c config.Credentials) string {
	switch {
	case c.Kind == config.Keys && !c.SecurityToken.IsZero():
		return "a temporary access key"
	case c.Kind == config.Keys:
		return "an access key"
	case c.Kind == config.Token:
		return "a token of IAM"
	case c.Kind == config.ECSAgency:
		return "the agency of this server"
	case c.Kind == config.PodIdentity:
		return "the identity of this pod"
	}
	return string(c.Kind)
}

// httpInWords says where HTTP is served.
func httpInWords(h config.HTTP) string {
	switch {
	case h.Listen == "":
		return "no HTTP"
	case h.WebConfigFile != "":
		return fmt.Sprintf("HTTP on %s, as %s says", h.Listen, text.Clean(h.WebConfigFile))
	}
	return fmt.Sprintf("HTTP on %s, without TLS and password", h.Listen)
}

// ladder writes thresholds, the widest first.
func ladder(expiry []check.Duration) string {
	var words []string
	for _, d := range slices.Backward(slices.Sorted(slices.Values(expiry))) {
		words = append(words, d.String())
	}
	return strings.Join(words, " ")
}
