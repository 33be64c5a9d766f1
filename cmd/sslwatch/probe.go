package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/smallfile"
	"github.com/sslwatch/sslwatch/internal/text"
)

func newProbe(a *app) *cobra.Command {
	var caFile, serverName string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "probe HOST:PORT",
		Short: "Shake hands with an instance as a client does, and print what it serves",
		Long: "Make a TLS handshake with an instance, over IPv4 and IPv6 where it has both, and\n" +
			"print what it serves and what a client that verifies would object to. No command is\n" +
			"sent over TLS, and no password is needed.\n\n" +
			"Exit codes: 0 all is well; 1 something to look at; 2 clients that verify what they\n" +
			"connect to can't connect, or nothing could be asked.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("probe takes one HOST:PORT, such as redis.example.com:6379 or [2001:db8::1]:6379")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.probe(cmd.Context(), args[0], caFile, serverName, asJSON)
		},
	}
	cmd.Flags().StringVar(&caFile, "ca-file", "", "trust the authorities in this `file`, such as the ca.crt of the console, and no others")
	cmd.Flags().StringVar(&serverName, "server-name", "", "the `name` that the certificate has to be for (default HOST)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) probe(ctx context.Context, address, caFile, serverName string, asJSON bool) error {
	host, port, err := net.SplitHostPort(address)
	if n, atoi := strconv.Atoi(port); err != nil || host == "" || atoi != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%q is not a valid HOST:PORT: write redis.example.com:6379 or [2001:db8::1]:6379", text.Cut(address, 80))
	}
	o := probe.Options{Host: host, Port: port, ServerName: serverName}
	if caFile != "" {
		if o.CAs, err = readCAs(ctx, caFile); err != nil {
			return &exitError{exitOf(check.VerdictCritical), err}
		}
	}
	now := time.Now()
	results := probe.Do(ctx, o, now)
	verdict := check.VerdictOK
	for _, r := range results {
		switch {
		case r.Breaks():
			verdict = worse(verdict, check.VerdictCritical)
		case len(r.Findings) > 0:
			verdict = worse(verdict, check.VerdictWarning)
		}
	}
	if asJSON {
		if err := a.printProbeJSON(results); err != nil {
			return err
		}
	} else {
		a.say(verdict, probeInShort(address, results), "", false)
		for _, r := range results {
			a.printProbe(r, now)
		}
	}
	return exitWith(verdict, nil)
}

// readCAs reads the certificates of a PEM file.
func readCAs(ctx context.Context, path string) ([]*x509.Certificate, error) {
	f, err := smallfile.Read(ctx, path, probe.LargestCAs)
	if err != nil {
		return nil, fmt.Errorf("the CA file can't be read: %w", err)
	}
	all, err := probe.ParseCAs(f.Data)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return all, nil
}

// probeInShort is the line of the verdict.
func probeInShort(address string, results []probe.Result) string {
	for _, r := range results {
		if len(r.Findings) > 0 {
			return fmt.Sprintf("%s: %s", r.Address, r.Findings[0].Reason.Says())
		}
	}
	return fmt.Sprintf("%s serves a certificate that clients can verify", address)
}

// printProbe prints what one address serves.
func (a *app) printProbe(r probe.Result, now time.Time) {
	fmt.Fprintf(a.Stdout, "\n%s\n", r.Address)
	if r.Leaf != nil {
		left := "expired"
		if r.Leaf.NotAfter.After(now) {
			left = "in " + text.Span(r.Leaf.NotAfter.Sub(now))
		}
		fmt.Fprintf(a.Stdout, "  protocol  %s\n  for       %s\n  issuer    %s\n  expires   %s, %s\n",
			r.Protocol(), r.Names(), r.Issuer(), text.Stamp(r.Leaf.NotAfter), left)
	}
	for _, f := range r.Findings {
		level := "warning"
		if f.Breaks {
			level = "CRITICAL"
		}
		fmt.Fprintf(a.Stdout, "  %s: %s\n", level, text.CleanLines(f.Reason.String()))
	}
}

// probeJSON is a result for a program.
type probeJSON struct {
	Address  string             `json:"address"`
	Protocol string             `json:"protocol,omitempty"`
	Names    string             `json:"names,omitempty"`
	Issuer   string             `json:"issuer,omitempty"`
	NotAfter *time.Time         `json:"not_after"`
	Findings []probeFindingJSON `json:"findings"`
}

type probeFindingJSON struct {
	Breaks bool   `json:"breaks"`
	Code   string `json:"code"`
	Text   string `json:"text"`
}

func (a *app) printProbeJSON(results []probe.Result) error {
	all := make([]probeJSON, 0, len(results))
	for _, r := range results {
		out := probeJSON{Address: r.Address, Findings: []probeFindingJSON{}}
		if r.Leaf != nil {
			end := r.Leaf.NotAfter.UTC()
			out.Protocol, out.Names, out.Issuer, out.NotAfter = r.Protocol(), r.Names(), r.Issuer(), &end
		}
		for _, f := range r.Findings {
			out.Findings = append(out.Findings, probeFindingJSON{f.Breaks, string(f.Reason.Code()), f.Reason.String()})
		}
		all = append(all, out)
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.Stdout, strings.TrimSpace(string(text.EscapeJSON(data))))
	return err
}
