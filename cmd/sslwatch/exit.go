package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/text"
)

// The exit codes, beside those that a command documents.
const (
	exitOK        = 0
	exitFailure   = 1
	exitTemporary = 75 // EX_TEMPFAIL: it may pass by itself
	exitBadConfig = 78 // EX_CONFIG: only an edit can mend it
)

// exitError ends the process with a code, and says why if err is not nil.
type exitError struct {
	code int
	err  error
}

var _ error = (*exitError)(nil)

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the reason.
func (e *exitError) Unwrap() error { return e.err }

// end says why a command failed, where those who run it look for it, and
// returns the exit code. Every end of the process that is not a crash or a
// second signal comes by here.
func (a *app) end(cmd *cobra.Command, args []string, err error) int {
	code := exitOK
	if err != nil {
		code = exitFailure
		if exit, ok := errors.AsType[*exitError](err); ok {
			code, err = exit.code, exit.err
		}
	}
	if broken := a.out.broken(); broken != nil && errors.Is(err, broken) {
		code, err = exitOK, nil // told of below
	}
	verdict := isVerdict(cmd)
	if cmd == cmd.Root() && err != nil {
		err, verdict = wrongLine(cmd, args, err)
	}
	switch {
	case err == nil:
	case cmd.Name() == "run":
		a.lastWords(err, code)
	case verdict:
		code = exitOf(check.VerdictUnknown) // 1 would be a warning
		a.unknown(cmd, err)
	default:
		fmt.Fprintf(a.Stderr, "sslwatch: %s\n", text.CleanLines(err.Error()))
	}
	if err := a.out.failure(); err != nil {
		fmt.Fprintf(a.Stderr, "sslwatch: the output could not be written: %v\n", err)
		switch {
		case verdict:
			code = exitOf(check.VerdictUnknown)
		case code == exitOK:
			code = exitFailure
		}
	}
	if a.log != nil {
		a.log.Close(logPatience)
	}
	return code
}

// lastWords says in the log why the daemon ends.
func (a *app) lastWords(err error, code int) {
	log := a.openLog()
	if bad, ok := errors.AsType[*config.Error](err); ok {
		logProblems(log.Logger, bad)
		err = errors.New("bad configuration: " + brief(bad))
	}
	log.Error("ended by an error", "err", err, "exit", code)
}

// logProblems says in the log why a configuration can't be used.
func logProblems(log *slog.Logger, bad *config.Error) {
	for _, p := range bad.Problems {
		log.Error("bad configuration", "file", p.File, "line", p.Line, "key", p.Key, "problem", p.Text)
	}
}

// unknown is the verdict of a command that failed.
func (a *app) unknown(cmd *cobra.Command, err error) {
	long := text.CleanLines(err.Error())
	short := long
	if bad, ok := errors.AsType[*config.Error](err); ok {
		short = "bad configuration: " + text.Clean(brief(bad))
	}
	a.say(check.VerdictUnknown, short, long, cmd.Flags().Changed("json"))
}

// say says a verdict in one line on standard output, where monitoring reads
// it, unless that is to be JSON; and on standard error what is the matter, if
// anything is and the line does not say it on the same screen.
func (a *app) say(v check.Verdict, line, matter string, asJSON bool) {
	line, _, _ = strings.Cut(line, "\n")
	if !asJSON {
		// What follows a bar would be performance data.
		fmt.Fprintf(a.Stdout, "%s: %s\n", strings.ToUpper(string(v)), strings.ReplaceAll(line, "|", "/"))
	}
	oneScreen := isTerminal(a.Stdout) && isTerminal(a.Stderr)
	if matter != "" && (asJSON || !oneScreen || !strings.HasPrefix(line, matter)) {
		fmt.Fprintf(a.Stderr, "sslwatch: %s\n", matter)
	}
}

// isVerdict reports whether a command's exit code is a verdict on the fleet,
// as of a Nagios plugin.
func isVerdict(cmd *cobra.Command) bool { return cmd.Name() == "check" || cmd.Name() == "status" }

// wrongLine words what is wrong with a command line that names no command of
// ours, and reports whether it nearly names one whose exit code is a verdict.
func wrongLine(root *cobra.Command, args []string, err error) (_ error, verdict bool) {
	word := commandWord(root, args)
	if word == "" {
		// The library takes the value of an unknown flag for a command.
		if wrong := root.ParseFlags(args); wrong != nil {
			err = wrong
		}
		return err, false
	}
	meant := root.SuggestionsFor(word)
	hint := `"sslwatch --help" lists them`
	if len(meant) > 0 {
		hint = "did you mean " + strings.Join(meant, " or ") + "?"
	}
	return fmt.Errorf("there is no command %q: %s", word, hint), slices.Contains(meant, "check") || slices.Contains(meant, "status")
}

// commandWord returns the word of a command line that names the command.
func commandWord(root *cobra.Command, args []string) string {
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "--")
		switch {
		case isFlag && root.PersistentFlags().Lookup(name) != nil:
			i++ // its value
		case strings.HasPrefix(args[i], "-"):
		default:
			return args[i]
		}
	}
	return ""
}
