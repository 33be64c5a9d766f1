package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/config"
)

// configured offers words from the configuration that are not given yet, and
// no files where it can't be read.
func (a *app) configured(words func(*config.Config) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		c, err := config.Load(ctx, a.config(), a.Getenv, config.Nothing)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all := words(c)
		slices.Sort(all)
		all = slices.DeleteFunc(slices.Compact(all), func(w string) bool { return slices.Contains(given, w) })
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// instanceNames are the names of the instances that are watched.
func instanceNames(c *config.Config) []string {
	var names []string
	for _, w := range c.Watched {
		names = append(names, w.Instance)
	}
	return names
}

// receiverNames are the names of the receivers, as they are configured.
func receiverNames(c *config.Config) []string {
	var names []string
	for _, r := range c.Receivers {
		names = append(names, r.Name)
	}
	return names
}

// complete has the shell offer the right words, and files for --config only.
func (a *app) complete(root *cobra.Command) {
	words := map[string]cobra.CompletionFunc{
		"check":       a.configured(instanceNames),
		"test-notify": a.configured(receiverNames),
	}
	for _, cmd := range root.Commands() {
		if cmd.ValidArgsFunction == nil && cmd.Name() != "help" && cmd.Name() != "completion" {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		if of := words[cmd.Name()]; of != nil {
			cmd.ValidArgsFunction = of
		}
	}
	for flag, words := range map[string][]string{"log-level": {"debug", "info", "warn", "error"}, "log-format": {"text", "json"}} {
		// It fails for a flag that is not there, or is told of twice.
		if err := root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err)
		}
	}
	if err := root.MarkPersistentFlagFilename("config", "toml"); err != nil {
		panic(err)
	}
}
