package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sslwatch/sslwatch/internal/config"
)

// healthTimeout bounds one question.
const healthTimeout = 5 * time.Second

func newHealthcheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the daemon on this machine whether it is well",
		Long: "Ask /healthz of the daemon on this machine, where [http] listen says: for a\n" +
			"container without a shell.\n\n" +
			"Exit codes: 0 it is well; 1 it is not, or can't be asked.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.healthcheck(cmd.Context()) },
	}
}

func (a *app) healthcheck(ctx context.Context) error {
	c, err := a.load(func(config.Problem) {})
	if err != nil {
		return &exitError{exitFailure, errors.Unwrap(err)}
	}
	if c.HTTP.Listen == "" {
		return errors.New("[http] listen is \"\", so there is nobody to ask")
	}
	where, err := healthAddress(c.HTTP.Listen)
	if err != nil {
		return err
	}
	client := &http.Client{
		Timeout: healthTimeout,
		Transport: &http.Transport{
			// It is this machine, by address: there is no name to verify.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
		},
	}
	if c.HTTP.WebConfigFile == "" {
		return askHealth(ctx, client, "http://"+where)
	}
	// The file may hold TLS, a password, or both.
	err = askHealth(ctx, client, "https://"+where)
	if noTLS := (tls.RecordHeaderError{}); errors.As(err, &noTLS) || err != nil && strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return askHealth(ctx, client, "http://"+where)
	}
	return err
}

func askHealth(ctx context.Context, client *http.Client, base string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
	switch {
	case err != nil:
		return fmt.Errorf("not healthy: %w", err)
	case resp.StatusCode == http.StatusUnauthorized:
		return errors.New("can't be asked: web_config_file demands a password, which a health check has not")
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("not healthy: HTTP %d: %s", resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return nil
}

// healthAddress is where the daemon answers on this machine.
func healthAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	ip := net.ParseIP(host)
	switch {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
