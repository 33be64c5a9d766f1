package main

import (
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app is what the commands share: the system and the global flags.
type app struct {
	system
	configFile string
	logLevel   string
	logFormat  string
}

// defaultConfig is where the configuration is unless told otherwise.
const defaultConfig = "/etc/sslwatch/config.toml"

func newRoot(sys system) *cobra.Command {
	a := &app{system: sys}
	root := &cobra.Command{
		Use:   "sslwatch",
		Short: "Watches the SSL certificates of Redis instances on Huawei Cloud DCS",
		Long: "sslwatch asks the DCS API about the SSL of every configured Redis instance, and tells\n" +
			"the people on call, once each time something changes, on Slack and by e-mail.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd.Name() == "check" || cmd.Name() == "status" {
			return &exitError{verdictUnknown.exit(), err} // 1 would be a warning
		}
		return err
	})

	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "configuration `file` (default $SSLWATCH_CONFIG, else "+defaultConfig+")")
	flags.StringVar(&a.logLevel, "log-level", "info", "how much to log: debug, info, warn, error")
	flags.StringVar(&a.logFormat, "log-format", "", "how to log: text or json (default text on a terminal, else json)")

	root.AddCommand(
		newRun(a), newCheck(a), newValidate(a), newTestNotify(a), newStatus(a), newDemo(a), newHealthcheck(a), newReload(a), newVersion(a),
	)
	return root
}

// config returns the file to read the configuration from.
func (a *app) config() string {
	if a.configFile != "" {
		return a.configFile
	}
	if f, ok := a.Getenv("SSLWATCH_CONFIG"); ok && f != "" {
		return f
	}
	return defaultConfig
}

// isTerminal tells whether a stream is a person's screen.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colours tells whether what is written to standard out may be coloured.
// See no-color.org.
func (a *app) colours() bool {
	no, _ := a.Getenv("NO_COLOR")
	return no == "" && isTerminal(a.Stdout)
}
