package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/text"
)

func newValidate(a *app) *cobra.Command {
	var withoutSecrets bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration, and print what it means",
		Long: "Check the configuration: all its problems at once, each with its line. If there are\n" +
			"none, print what would be watched, which address would be asked and with what kind of\n" +
			"credential, who would be told, and where the state and HTTP are. Nothing is asked or sent,\n" +
			"but where auth = \"default\" comes to the metadata service or the identity of the pod, which\n" +
			"are asked whether they have a credential.\n\n" +
			"With --without-secrets, neither the secrets nor other files that it refers to have\n" +
			"to be there: for where the configuration is changed and not run, such as CI.\n\n" +
			"Exit codes: 0 the configuration can be used; 78 it can't.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.validate(cmd.Context(), withoutSecrets) },
	}
	cmd.Flags().BoolVar(&withoutSecrets, "without-secrets", false, "don't look at the secrets and files that it refers to")
	return cmd
}

func (a *app) validate(ctx context.Context, withoutSecrets bool) error {
	need := config.Everything
	if withoutSecrets {
		need = config.Nothing
	}
	c, err := a.load(ctx, need, func(p config.Problem) { fmt.Fprintf(a.Stderr, "warning: %s\n", text.CleanLines(p.String())) })
	if err != nil {
		return &exitError{exitBadConfig, errors.Unwrap(err)}
	}
	if !withoutSecrets {
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
	}
	fmt.Fprintf(a.Stdout, "%s can be used.\n", text.Clean(a.config()))
	a.sayWatched(c)
	a.sayAsked(ctx, c)
	a.sayTold(c)
	fmt.Fprintf(a.Stdout, "\nIt remembers in\n  %s\nand serves %s.\n", text.Clean(c.State), httpInWords(c.HTTP))
	return nil
}

// sayWatched prints what is watched.
func (a *app) sayWatched(c *config.Config) {
	usual := usualTerms(c.Watched)
	fmt.Fprintf(a.Stdout, "\nIt watches, every %s", check.Duration(c.Loop.Interval))
	if usual != "" {
		fmt.Fprintf(a.Stdout, ", and tells at %s", usual)
	}
	fmt.Fprintln(a.Stdout, ":")
	instances := table{head: []string{"INSTANCE", "ID", "SSL REQUIRED"}}
	for _, w := range c.Watched {
		required := "yes"
		var own []string
		if !w.Terms.RequireSSL {
			required = "no"
		}
		if terms := termsOf(w.Terms); terms != usual {
			own = append(own, "told at "+terms)
		}
		if w.Terms.Probe {
			own = append(own, probeInWords(c, w.Key()))
		}
		instances.add(strings.Join(own, "; "), w.Project+"/"+w.Instance, w.InstanceID, required)
	}
	if len(c.Watched) > 0 {
		instances.print(a.Stdout, a.width(), 0)
	}
	for _, d := range c.Discoveries {
		words := discoveryInWords(d)
		if d.Terms.Probe {
			words += "; " + probeInWords(c, d.Project.Key())
		}
		fmt.Fprintf(a.Stdout, "  %s\n", words)
	}
}

// sayAsked prints who is asked, and as whom.
func (a *app) sayAsked(ctx context.Context, c *config.Config) {
	fmt.Fprintf(a.Stdout, "\nIt asks:\n")
	projects := table{head: []string{"PROJECT", "REGION", "ADDRESS"}}
	for _, p := range c.Projects {
		projects.add("with "+credentialInWords(p.Credentials), p.Name, p.Region, p.Endpoint)
	}
	projects.print(a.Stdout, a.width(), 2)
	a.explainChain(ctx, c)
}

// sayTold prints who is told.
func (a *app) sayTold(c *config.Config) {
	fmt.Fprintf(a.Stdout, "\nIt tells:\n")
	receivers := table{head: []string{"RECEIVER", "FROM", "OF"}}
	for _, r := range c.Receivers {
		heard := 0
		for _, w := range c.Watched {
			if r.Audience.Concerns(check.Alert{Subject: w.Subject}) {
				heard++
			}
		}
		var more []string
		if r.Fallback != "" {
			more = append(more, fmt.Sprintf("fallback: %s after %s", r.Fallback, check.Duration(r.FallbackAfter)))
		}
		if zone := r.Wording.Zone; zone != nil {
			more = append(more, fmt.Sprintf("times also in %s, which is %s now", zone, text.Offset(time.Now(), zone)))
		}
		var of []string
		if len(c.Watched) > 0 {
			of = append(of, fmt.Sprintf("%d of %d instances", heard, len(c.Watched)))
		}
		switch {
		case len(c.Discoveries) > 0 && len(r.Audience.Match) == 0:
			of = append(of, "all that are discovered")
		case len(c.Discoveries) > 0:
			of = append(of, "those discovered that fit its match")
		}
		receivers.add(strings.Join(more, "; "), r.ID, string(r.Audience.MinSeverity), strings.Join(of, ", "))
	}
	receivers.print(a.Stdout, a.width(), 0)
}

// probeInWords says that an instance is probed, and whom ca_file has it trust.
func probeInWords(c *config.Config, key check.Key) string {
	cas, own := c.Trust[key]
	if !own {
		cas = c.Trust[key.OfProject()]
	}
	if len(cas) == 0 {
		return "probed"
	}
	return "probed, and trusted by " + text.Cut(text.Clean(cas[0].Subject.String()), 80) + ", which ends on " + text.Date(cas[0].NotAfter)
}

// discoveryInWords says which instances of a project are discovered.
func discoveryInWords(d check.Discovery) string {
	s := fmt.Sprintf("%s: every instance of its list that can have SSL", text.Clean(d.Project.Project))
	if len(d.Names) > 0 {
		s += ", with a name like " + text.Clean(strings.Join(d.Names, " or "))
	}
	for _, tag := range slices.Sorted(maps.Keys(d.Tags)) {
		s += text.Clean(fmt.Sprintf(", tagged %s=%s", tag, d.Tags[tag]))
	}
	return s + fmt.Sprintf("; looked for every %s, told at %s", check.Duration(d.Interval), termsOf(d.Terms))
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

// termsOf says when an instance is told of.
func termsOf(t check.Terms) string {
	return fmt.Sprintf("%s, critical at %s", ladder(t.Expiry), t.Critical)
}

// usualTerms are those of the most instances, and of the first of those that
// are as many.
func usualTerms(watched []check.Watched) string {
	count, usual := map[string]int{}, ""
	for _, w := range watched {
		count[termsOf(w.Terms)]++
	}
	for _, w := range watched {
		if terms := termsOf(w.Terms); count[terms] > count[usual] {
			usual = terms
		}
	}
	return usual
}

// ladder writes thresholds, the widest first.
func ladder(expiry []check.Duration) string {
	var words []string
	for _, d := range slices.Backward(slices.Sorted(slices.Values(expiry))) {
		words = append(words, d.String())
	}
	return strings.Join(words, " ")
}
