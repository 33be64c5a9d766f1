package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker in packages; "go install" leaves it empty,
// and the module's own version is taken.
var version string

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print module, version, commit and Go version",
		Args:  cobra.NoArgs,
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
	v, commit := identity()
	return fmt.Sprintf("%s %s (commit %s, %s)", module, v, commit, goVersion)
}

// identity returns the version and the commit of this binary.
func identity() (v, commit string) {
	v, commit = version, "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v, commit
	}
	if v == "" {
		v = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += " with changes"
		}
	}
	return v, commit
}
