package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/slack"
	"github.com/sslwatch/sslwatch/internal/notify/webhook"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// load reads the configuration with what is needed of that which it refers
// to, and prints what is odd about it.
func (a *app) load(ctx context.Context, need config.Need, warn func(config.Problem)) (*config.Config, error) {
	c, err := config.Load(ctx, a.config(), a.Getenv, need)
	if bad, ok := errors.AsType[*config.Error](err); ok && bad.Passing() {
		return nil, &exitError{exitTemporary, badConfig(err)}
	}
	if err != nil {
		return nil, &exitError{exitBadConfig, badConfig(err)}
	}
	for _, p := range c.Warnings {
		warn(p)
	}
	return c, nil
}

// badConfig words the refusal of a configuration.
func badConfig(err error) error {
	var problems *config.Error
	if !errors.As(err, &problems) || len(problems.Problems) == 1 {
		return fmt.Errorf("bad configuration:\n%w", err)
	}
	return fmt.Errorf("bad configuration, %d problems:\n%w", len(problems.Problems), err)
}

// logWarnings says in the log what is odd about a configuration.
func logWarnings(log *slog.Logger) func(config.Problem) {
	return func(p config.Problem) { log.Warn("configuration warning", "problem", p.String()) }
}

// options wires a configuration to the parts that do the work.
func (a *app) options(c *config.Config) (watch.Options, error) {
	o, err := a.asking(c)
	if err != nil {
		return o, err
	}
	proxies, err := a.proxies()
	if err != nil {
		return o, err
	}
	var carriers []configuredCarrier
	for _, r := range c.Receivers {
		if r.Alertmanager != nil {
			o.Observers = append(o.Observers, r.Receiver)
			continue
		}
		carrier, err := a.carrier(r, proxies)
		if err != nil {
			return o, fmt.Errorf("receiver %s: %w", r.ID, err)
		}
		carriers = append(carriers, configuredCarrier{r, carrier})
		o.Receivers = append(o.Receivers, watch.Receiver{Receiver: r.Receiver, Sender: carrier, Wording: r.Wording})
	}
	a.carriers = carriers
	return o, nil
}

// asking is options without anybody to tell.
func (a *app) asking(c *config.Config) (watch.Options, error) {
	o := watch.Options{
		Policy:      c.Policy,
		Interval:    c.Loop.Interval,
		Concurrency: c.Loop.Concurrency,
		Backoff:     c.Loop.Backoff,
		Terms:       c.Terms,
		Footer:      footer(),
		Watched:     c.Watched,
		Discoveries: c.Discoveries,
		Trust:       c.Trust,
	}
	proxies, err := a.proxies()
	if err != nil {
		return o, err
	}
	// Projects with the same credential share it, so that a temporary one is
	// fetched once.
	shared := map[config.Credentials]dcs.Credentials{}
	for _, p := range c.Projects {
		if shared[p.Credentials] == nil {
			shared[p.Credentials] = a.credentials(c, p.Credentials, proxies)
		}
		client, err := dcs.New(dcs.Options{
			Endpoint:    p.Endpoint,
			ProjectID:   p.ID,
			Credentials: shared[p.Credentials],
			Timeout:     c.Loop.Timeout,
			UserAgent:   "sslwatch",
			Proxies:     proxies,
		})
		if err != nil {
			return o, fmt.Errorf("project %s: %w", p.Name, err)
		}
		o.Projects = append(o.Projects, watch.Project{
			ID: p.ID, API: client, Lister: client, Rate: c.Loop.Rate, Credential: p.Credentials.Fingerprint(),
		})
	}
	return o, nil
}

// proxies reads what the environment says about proxies, or says which
// variable can't be read: to go on without a proxy would be to go a way that
// somebody meant to be closed.
func (a *app) proxies() (*httpclient.Proxies, error) {
	p := httpclient.ReadProxies(func(name string) string {
		value, _ := a.Getenv(name)
		return value
	})
	return p, errors.Join(p.Problems()...)
}

// configuredCarrier is what carries messages to a receiver, and what it was
// made of.
type configuredCarrier struct {
	of config.Receiver
	notify.Sender
}

// carrier returns what carries messages to a receiver: the one that there is,
// if nothing changed, so that a reload ends no delivery without need.
func (a *app) carrier(r config.Receiver, proxies *httpclient.Proxies) (notify.Sender, error) {
	for _, c := range a.carriers {
		if reflect.DeepEqual(c.of.Slack, r.Slack) && reflect.DeepEqual(c.of.Email, r.Email) && reflect.DeepEqual(c.of.Webhook, r.Webhook) {
			return c.Sender, nil
		}
	}
	switch {
	case r.Slack != nil:
		settings := *r.Slack
		settings.Proxies = proxies
		return slack.New(settings)
	case r.Webhook != nil:
		settings := *r.Webhook
		settings.Proxies = proxies
		return webhook.New(settings)
	}
	return a.mail.Receiver(*r.Email)
}
