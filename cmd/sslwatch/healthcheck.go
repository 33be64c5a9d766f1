package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/control"
)

// healthTimeout bounds one question.
const healthTimeout = 5 * time.Second

func newHealthcheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the daemon on this machine whether it is well",
		Long: "Ask the daemon that was started on this machine with this --config whether its loop\n" +
			"goes round: for a container without a shell. It is found by the path of the\n" +
			"configuration, whose content does not matter; no secret is needed, and HTTP may be\n" +
			"off. What fails beside the watching is printed, and is no reason to fail.\n\n" +
			"Exit codes: 0 it is well; 1 it is not, or can't be asked.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.healthcheck(cmd.Context()) },
	}
}

func (a *app) healthcheck(ctx context.Context) error {
	answer, err := a.ask(ctx, healthTimeout, http.MethodGet, "/healthz")
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("not healthy: %s", answer.Text)
	}
	fmt.Fprintln(a.Stdout, answer.Text)
	return nil
}

// ask asks the daemon that has this configuration.
func (a *app) ask(ctx context.Context, patience time.Duration, method, path string) (control.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := control.Ask(ctx, a.config(), control.Surroundings(a.Getenv), method, path)
	if errors.Is(err, context.DeadlineExceeded) {
		return answer, fmt.Errorf("the daemon gave no answer within %s: it hangs, or is stopped", patience)
	}
	return answer, err
}
