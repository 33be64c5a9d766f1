package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/text"
)

// Set by the linker in packages and images; "go install" leaves them empty,
// and what the module and its repository say is taken.
var version, commit, date string

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print module, version, commit and Go version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.Stdout, build())
			return err
		},
	}
}

// build describes this binary in one line.
func build() string {
	module, goVersion := "sslwatch", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		module, goVersion = info.Main.Path, info.GoVersion
	}
	v, c, d := identity()
	return fmt.Sprintf("%s %s (commit %s of %s, %s)", module, v, c, d, goVersion)
}

// footer says in each message which sslwatch sent it: of two, on two
// machines, one may be forgotten.
func footer() string {
	v, _, _ := identity()
	s := "sslwatch " + v
	if host, err := os.Hostname(); err == nil {
		s += " on " + host
	}
	return text.Clean(s)
}

// identity returns the version, the commit and its date of this binary.
func identity() (v, c, d string) {
	v, c, d = version, commit, date
	info, ok := debug.ReadBuildInfo()
	if ok && v == "" {
		v = info.Main.Version
	}
	settings := map[string]string{}
	if ok {
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
	}
	if c == "" {
		c = cmp.Or(settings["vcs.revision"], "unknown")
		if settings["vcs.modified"] == "true" {
			c += " with changes"
		}
	}
	return v, c, cmp.Or(d, settings["vcs.time"], "an unknown date")
}
