package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/sim"
)

func newDemo(a *app) *cobra.Command {
	var world bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the whole daemon at work against a simulated world, in under a minute",
		Long: "Run the real daemon against a simulated DCS API, Slack and mail server, over real\n" +
			"sockets on this machine, with thresholds of seconds. Certificates come to their end\n" +
			"and are renewed, SSL is switched off and on, the API and Slack fail, and the daemon\n" +
			"is killed in the middle. Nothing outside this machine is touched.\n\n" +
			"With --world, serve the simulated world alone, print the configuration that reaches\n" +
			"it, and take commands on standard input (try: help), to play with run and check.\n\n" +
			"Exit codes: 0 each expected notice came exactly once; 1 anything else.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.out.whileRead(cmd.Context())
			defer cancel()
			if world {
				return a.demoWorld(ctx)
			}
			return a.demo(ctx)
		},
	}
	cmd.Flags().BoolVar(&world, "world", false, "serve the simulated world alone, to play with")
	return cmd
}

// demo plays the story and checks what people were told.
func (a *app) demo(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "sslwatch-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "config.toml")
	d := &process{config: config, log: filepath.Join(dir, "log")}
	defer func() {
		d.kill()
		if err != nil {
			d.printLog(a.Stdout)
		}
	}()

	start := time.Now()
	board := newBoard(a.Stdout, start, a.colours())
	world, err := sim.New(sim.Options{Instances: storyInstances(start), OnEvent: board.receive})
	if err != nil {
		return fmt.Errorf("can't simulate the world: %w", err)
	}
	defer world.Close()
	text := worldConfig(world.Settings(), storyPace, filepath.Join(dir, "state.json"), "", world.DCS.Instances()...)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}

	board.open()
	for _, step := range story() {
		if err := d.sleepUntil(ctx, start.Add(step.at)); err != nil {
			return err
		}
		board.cloud(step.text)
		if err := step.do(world, d); err != nil {
			return fmt.Errorf("%s: %w", step.text, err)
		}
	}
	for time.Now().Before(start.Add(storyDeadline)) && !board.complete() {
		if err := d.sleepUntil(ctx, time.Now().Add(storyGlance)); err != nil {
			return err
		}
	}
	// Whatever came twice would come now.
	if err := d.sleepUntil(ctx, time.Now().Add(storyEpilogue)); err != nil {
		return err
	}
	stopErr := d.stop()
	good := board.summary(world.DCS.Counts().Total)
	if stopErr != nil {
		good = false
		fmt.Fprintf(a.Stdout, "\nThe daemon did not stop as it should: %v\n", stopErr)
	}
	if !good {
		return errors.New("the demo failed: not every expected notice came exactly once")
	}
	return nil
}
