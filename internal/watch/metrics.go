package watch

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/state"
)

// Metrics counts what the loop does. What the loop knows is in a Snapshot.
type Metrics struct {
	checks        *prometheus.CounterVec
	checkDuration prometheus.Histogram
	lists         *prometheus.CounterVec
	probes        *prometheus.CounterVec
	notifications *prometheus.CounterVec
	writeDuration prometheus.Histogram
	writesFailed  prometheus.Counter
}

// The results that are counted.
const (
	resultSuccess = "success"
	resultFailure = "failure"
	resultUnknown = "unknown"
)

// NewMetrics returns metrics that are registered with r, or with none if r
// is nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	f := promauto.With(r)
	return &Metrics{
		checks: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sslwatch_checks_total",
			Help: "Checks of instances, by project and result: success, failed, missing, unsupported, refused or forbidden.",
		}, []string{"project", "result"}),
		checkDuration: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "sslwatch_check_duration_seconds",
			Help:    "How long one check of one instance took.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30},
		}),
		lists: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sslwatch_lists_total",
			Help: "Readings of the list of a project's instances, by project and result: success, failed, refused or forbidden.",
		}, []string{"project", "result"}),
		probes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sslwatch_probes_total",
			Help: "Handshakes with instances that are probed, by project and result: success, or failure if an address could not be reached.",
		}, []string{"project", "result"}),
		notifications: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sslwatch_notifications_total",
			Help: "Messages that were tried to be delivered, by receiver, recipient and result: success, failure, or unknown if no answer came.",
		}, []string{"receiver", "recipient", "result"}),
		writeDuration: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "sslwatch_state_write_duration_seconds",
			Help:    "How long it took to write the state file and have it on disk.",
			Buckets: []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30},
		}),
		writesFailed: f.NewCounter(prometheus.CounterOpts{
			Name: "sslwatch_state_writes_failed_total",
			Help: "Writes of the state file that failed. While they do, an alert may be told again after a restart.",
		}),
	}
}

// expect makes the counters of a configuration exist before they count, so
// that their absence says something.
func (m *Metrics) expect(projects, receivers []string) {
	for _, p := range projects {
		for _, result := range []string{resultSuccess, "failed", "missing", "unsupported", "refused", "forbidden"} {
			m.checks.WithLabelValues(p, result)
		}
	}
	for _, r := range receivers {
		name, recipient := state.SplitID(r)
		for _, result := range []string{resultSuccess, resultFailure, resultUnknown} {
			m.notifications.WithLabelValues(name, recipient, result)
		}
	}
}

// expectLists does so for a project that is discovered.
func (m *Metrics) expectLists(project string) {
	for _, result := range []string{resultSuccess, "failed", "refused", "forbidden"} {
		m.lists.WithLabelValues(project, result)
	}
}

// expectProbes does so for a project in which hands are shaken.
func (m *Metrics) expectProbes(project string) {
	for _, result := range []string{resultSuccess, resultFailure} {
		m.probes.WithLabelValues(project, result)
	}
}

func (m *Metrics) probed(project string, results []probe.Result) {
	result := resultSuccess
	if slices.ContainsFunc(results, func(r probe.Result) bool { return !r.Reached() }) {
		result = resultFailure
	}
	m.probes.WithLabelValues(project, result).Inc()
}

func (m *Metrics) listed(project, cause string) {
	m.lists.WithLabelValues(project, cmp.Or(cause, resultSuccess)).Inc()
}

func (m *Metrics) checked(project, cause string, took time.Duration) {
	if cause == "" {
		cause = resultSuccess
	}
	m.checks.WithLabelValues(project, cause).Inc()
	m.checkDuration.Observe(took.Seconds())
}

func (m *Metrics) delivered(receiver string, err error) {
	result := resultSuccess
	switch {
	case isUnknown(err):
		result = resultUnknown
	case err != nil:
		result = resultFailure
	}
	name, recipient := state.SplitID(receiver)
	m.notifications.WithLabelValues(name, recipient, result).Inc()
}

func (m *Metrics) wrote(took time.Duration) { m.writeDuration.Observe(took.Seconds()) }

func (m *Metrics) unwritten() { m.writesFailed.Inc() }
