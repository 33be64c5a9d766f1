package main

import (
	"context"
	"log/slog"
	"reflect"
	"sync"

	"github.com/sslwatch/sslwatch/internal/alertmanager"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/watch"
)

// observers are the receivers that are shown what stands. One that a reload
// does not change goes on as it is.
type observers struct {
	watch   *watch.Watch
	log     *slog.Logger
	running map[string]observing // by name
	group   *sync.WaitGroup      // of all that runs beside the loop
}

// observing is an observer, and what it was made of.
type observing struct {
	of   []config.Receiver
	stop context.CancelFunc
}

// configure ends those that are no longer configured so, and starts the others.
// They end with ctx at the latest.
func (o *observers) configure(ctx context.Context, receivers []config.Receiver, proxies *httpclient.Proxies) {
	wanted := map[string][]config.Receiver{}
	for _, r := range receivers {
		if r.Alertmanager != nil {
			wanted[r.Name] = append(wanted[r.Name], r)
		}
	}
	for name, r := range o.running {
		if !reflect.DeepEqual(r.of, wanted[name]) {
			r.stop()
			delete(o.running, name)
		}
	}
	for name, of := range wanted {
		if _, runs := o.running[name]; runs {
			continue
		}
		var members []alertmanager.Member
		for _, r := range of {
			m := alertmanager.Member{ID: r.ID, Settings: *r.Alertmanager}
			m.Proxies, m.Wording = proxies, r.Wording
			members = append(members, m)
		}
		observer := alertmanager.New(name, of[0].Audience, members, o.watch, o.log, o.watch.Observed)
		limited, stop := context.WithCancel(ctx)
		o.running[name] = observing{of, stop}
		o.group.Go(func() { observer.Run(limited) })
	}
}
