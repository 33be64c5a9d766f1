package main

import (
	"fmt"
	"log"
	"log/slog"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/logging"
)

// logPatience is how long the end of the process waits for the reader of the
// log.
const logPatience = 200 * time.Millisecond

// logOptions reads --log-level and --log-format. With an error, the options
// are those that are right, and the defaults for the rest.
func (a *app) logOptions() (logging.Options, error) {
	stream, _ := a.Getenv("JOURNAL_STREAM")
	o := logging.Options{Out: a.Stderr, Format: logging.JSON, Journal: logging.IsJournal(a.Stderr, stream)}
	if isTerminal(a.Stderr) {
		o.Format = logging.Text
	}
	switch f := logging.Format(a.logFormat); f {
	case logging.Text, logging.JSON:
		o.Format = f
	case "":
	default:
		return o, fmt.Errorf("--log-format %q: want text or json", a.logFormat)
	}
	if err := o.Level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return o, fmt.Errorf("--log-level %q: want debug, info, warn or error", a.logLevel)
	}
	return o, nil
}

// openLog has everything go into the log: ours, and what libraries print.
func (a *app) openLog() *logging.Log {
	if a.log == nil {
		o, _ := a.logOptions() // a wrong one was refused, or is about to be told
		a.log = logging.New(o)
		slog.SetDefault(a.log.Logger)
		log.SetFlags(0)
		log.SetOutput(a.log.Library("net/http", func(string) slog.Level { return slog.LevelWarn }).Writer())
	}
	return a.log
}

// serverLevel is how much what net/http's server prints matters: strangers
// break their connections at will.
func serverLevel(text string) slog.Level {
	switch {
	case strings.HasPrefix(text, "http: panic serving"):
		return slog.LevelError
	case strings.HasPrefix(text, "http: Accept error"):
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
