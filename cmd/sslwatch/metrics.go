package main

import (
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/sslwatch/sslwatch/internal/state"
)

// daemonMetrics are those of the daemon as a whole.
type daemonMetrics struct {
	reloadSuccessful prometheus.Gauge
	reloadTime       prometheus.Gauge
}

func newDaemonMetrics(r prometheus.Registerer, notes []state.Note) *daemonMetrics {
	f := promauto.With(r)
	m := &daemonMetrics{
		reloadSuccessful: f.NewGauge(prometheus.GaugeOpts{
			Name: "sslwatch_config_last_reload_successful",
			Help: "Whether the last attempt to read the configuration succeeded.",
		}),
		reloadTime: f.NewGauge(prometheus.GaugeOpts{
			Name: "sslwatch_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration in force was read.",
		}),
	}
	m.reloaded(nil, time.Now())
	mended := f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sslwatch_state_mended",
		Help: "Whether the state file could not be read at the start: damaged in parts, recovered from the generation before, or lost.",
	}, []string{"kind"})
	for _, kind := range state.Kinds() {
		mended.WithLabelValues(string(kind))
	}
	for _, n := range notes {
		mended.WithLabelValues(string(n.Kind)).Set(1)
	}
	goVersion := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
	}
	v, revision, _ := identity()
	f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sslwatch_build_info",
		Help: "1, with what this binary was built from.",
	}, []string{"version", "commit", "go_version"}).WithLabelValues(v, revision, goVersion).Set(1)
	return m
}

func (m *daemonMetrics) reloaded(err error, now time.Time) {
	if err != nil {
		m.reloadSuccessful.Set(0)
		return
	}
	m.reloadSuccessful.Set(1)
	m.reloadTime.Set(float64(now.Unix()))
}
