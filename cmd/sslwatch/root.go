package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/logging"
	"github.com/sslwatch/sslwatch/internal/notify/email"
)

// app is what the commands share: the system and the global flags.
type app struct {
	system
	out        *stdout      // what Stdout is
	log        *logging.Log // nil until there is something for it
	configFile string
	logLevel   string
	logFormat  string
	mail       email.Servers       // what the receivers of mail share
	carriers   []configuredCarrier // of the configuration that was wired last
	chain      *dcs.Chain          // nil until auth = "default" needs it
	links      string              // that were logged last; owned as the configuration is
	metadata   string              // the address of the metadata service; empty for the true one
}

// defaultConfig is where the configuration is unless told otherwise.
const defaultConfig = "/etc/sslwatch/config.toml"

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sslwatch",
		Short: "Watches the SSL certificates of Redis instances on Huawei Cloud DCS",
		Long: "sslwatch asks the DCS API about the SSL of every configured Redis instance, and tells\n" +
			"the people on call, once each time something changes, on Slack and by e-mail.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       build(),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			_, err := a.logOptions() // wrong ones are refused by all, whether they log or not
			return err
		},
		RunE: func(*cobra.Command, []string) error {
			return errors.New("no command: \"sslwatch --help\" lists them")
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SuggestionsMinimumDistance = 2

	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "configuration `file` (default $SSLWATCH_CONFIG, else "+defaultConfig+")")
	flags.StringVar(&a.logLevel, "log-level", "info", "how much to log: debug, info, warn, error")
	flags.StringVar(&a.logFormat, "log-format", "", "how to log: text or json (default text on a terminal, else json)")

	root.AddCommand(
		newRun(a), newCheck(a), newValidate(a), newTestNotify(a), newStatus(a), newProbe(a), newDemo(a), newHealthcheck(a), newReload(a), newVersion(a),
	)
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	refuseUnknown(root)
	a.complete(root)
	return root
}

// refuseUnknown has those commands refuse a wrong word that the library makes
// for us, and answers with help and success.
func refuseUnknown(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Run, cmd.RunE = nil, func(_ *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err == nil && len(rest) > 0 {
					err = fmt.Errorf("there is no help about %q", strings.Join(args, " "))
				}
				if err != nil {
					return err
				}
				about.InitDefaultHelpFlag()
				about.InitDefaultVersionFlag()
				return about.Help()
			}
		case "completion":
			cmd.Args = nil // an unknown shell is an unknown command
			cmd.RunE = func(*cobra.Command, []string) error {
				return errors.New("for which shell? \"sslwatch completion --help\" lists them")
			}
		}
	}
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, and got %q", cmd.Name(), args[0])
	}
	return nil
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

// isTerminal reports whether a stream is a person's screen.
func isTerminal(stream any) bool {
	if o, ok := stream.(*stdout); ok {
		stream = o.to
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colours reports whether what is written to standard out may be coloured.
// See no-color.org.
func (a *app) colours() bool {
	no, _ := a.Getenv("NO_COLOR")
	return no == "" && isTerminal(a.Stdout)
}
