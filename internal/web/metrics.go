package web

import (
	"iter"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/view"
)

// family is a metric, a gauge, with all its series. They are made from a
// snapshot at each scrape, so the series of an instance that is gone are gone
// too.
type family struct {
	name, help string
	labels     []string
	add        func(s view.Snapshot, gauge func(value float64, labels ...string))
}

// ofInstance are the labels of what is of one instance; an alert has more.
var ofInstance = []string{"instance", "instance_id", "project"}

// ofReceiver name a receiver as it is configured, and which of its recipients
// it is; empty where there is but one.
var ofReceiver = []string{"receiver", "recipient"}

var families = []family{
	{"sslwatch_alerts_firing", "Alerts that stand, those that a worse one hides left out.", []string{"condition", "severity"},
		func(s view.Snapshot, gauge func(float64, ...string)) {
			for _, condition := range check.Conditions() {
				for _, severity := range []check.Severity{check.Warning, check.Critical} {
					n := s.Counts.Firing[fleet.Firing{Condition: condition, Severity: severity}]
					gauge(float64(n), string(condition), string(severity))
				}
			}
		}},
	{"sslwatch_check_interval_seconds", "The time between two successful checks of one instance (check.interval).", nil,
		func(s view.Snapshot, gauge func(float64, ...string)) { gauge(s.Interval.Seconds()) }},
	{"sslwatch_instance_alert", "1 for each alert that stands about an instance; absent otherwise.",
		[]string{"condition", "instance", "instance_id", "project", "severity"},
		func(s view.Snapshot, gauge func(float64, ...string)) {
			for _, r := range s.Firing {
				for _, a := range s.Of(r) {
					gauge(1, string(a.Condition), a.Instance, a.InstanceID, a.Project, string(a.Severity))
				}
			}
		}},
	instances("sslwatch_instance_certificate_not_after_timestamp_seconds", "When the certificate ends, as last seen. It stays while the API fails.",
		func(r *check.Record) (float64, bool) {
			return unix(r.NotAfter), !r.Verified.IsZero() && !r.NotAfter.IsZero()
		}),
	instances("sslwatch_instance_endpoint_not_after_timestamp_seconds", "When the certificate ends that the instance itself showed last, where it is probed.",
		func(r *check.Record) (float64, bool) {
			if !isProbed(r) || r.Probed.NotAfter.IsZero() {
				return 0, false
			}
			return unix(r.Probed.NotAfter), true
		}),
	instances("sslwatch_instance_last_handshake_timestamp_seconds", "When an instance that is probed last showed what it serves; 0 if it never did.",
		func(r *check.Record) (float64, bool) {
			if !isProbed(r) {
				return 0, false
			}
			return unix(r.Probed.Reached), true
		}),
	instances("sslwatch_instance_last_success_timestamp_seconds", "When a check last brought the state of SSL; 0 if none ever did.",
		func(r *check.Record) (float64, bool) { return unix(r.Verified), true }),
	instances("sslwatch_instance_ssl_enabled", "Whether SSL is on, as last seen.",
		func(r *check.Record) (float64, bool) { return truth(!r.Off.Set), !r.Verified.IsZero() }),
	instances("sslwatch_instance_ssl_required", "Whether SSL that is off is an alert (require_ssl).",
		func(r *check.Record) (float64, bool) { return truth(r.RequiresSSL()), true }),
	instances("sslwatch_instance_ssl_validated", "Whether the cloud says that the certificate is valid, as last seen while SSL was on.",
		func(r *check.Record) (float64, bool) {
			return truth(!r.Invalid.Set), !r.Verified.IsZero() && !r.NotAfter.IsZero()
		}),
	receivers("sslwatch_notifications_pending", "Notices that a receiver has yet to get.",
		func(r state.ReceiverState) float64 { return float64(r.Owed) }),
	{"sslwatch_project_alert", "1 for each alert that stands about a whole project; absent otherwise.", []string{"condition", "project", "severity"},
		func(s view.Snapshot, gauge func(float64, ...string)) {
			for _, a := range s.OfProjects() {
				gauge(1, string(a.Condition), a.Project, string(a.Severity))
			}
		}},
	{"sslwatch_project_instances", "Instances in the last complete list of a project that is discovered, by whether they are watched.", []string{"project", "watched"},
		func(s view.Snapshot, gauge func(float64, ...string)) {
			for project, l := range lists(s) {
				if c := l.Coverage; c != nil {
					gauge(float64(c.Watched), project, "true")
					gauge(float64(c.Instances-c.Watched), project, "false")
				}
			}
		}},
	{"sslwatch_project_last_list_timestamp_seconds", "When the list of a project that is discovered was last read to its end; 0 if it never was.", []string{"project"},
		func(s view.Snapshot, gauge func(float64, ...string)) {
			for project, l := range lists(s) {
				gauge(unix(l.Read), project)
			}
		}},
	receivers("sslwatch_receiver_healthy", "Whether the last message to a receiver was taken.",
		func(r state.ReceiverState) float64 { return truth(r.Healthy()) }),
	receivers("sslwatch_receiver_last_success_timestamp_seconds", "When a message to a receiver was last taken; 0 if none ever was.",
		func(r state.ReceiverState) float64 { return unix(r.Succeeded) }),
	receivers("sslwatch_receiver_owed_since_timestamp_seconds", "Since when a receiver has been owed the oldest notice that it has yet to get; 0 if none.",
		func(r state.ReceiverState) float64 { return unix(r.OwedSince) }),
}

// instances is a family with a series for each instance that is watched and of
// which there is something to say.
func instances(name, help string, value func(*check.Record) (float64, bool)) family {
	return family{name, help, ofInstance, func(s view.Snapshot, gauge func(float64, ...string)) {
		for _, r := range s.Records {
			if r.Left != "" {
				continue
			}
			if v, known := value(r); known {
				gauge(v, r.Instance, r.InstanceID, r.Project)
			}
		}
	}}
}

// receivers is a family with a series for each receiver.
func receivers(name, help string, value func(state.ReceiverState) float64) family {
	return family{name, help, ofReceiver, func(s view.Snapshot, gauge func(float64, ...string)) {
		for _, r := range s.Receivers {
			name, recipient := state.SplitID(r.ID)
			gauge(value(r), name, recipient)
		}
	}}
}

// isProbed reports whether hands are shaken with an instance, and have been.
func isProbed(r *check.Record) bool {
	return !r.Verified.IsZero() && r.Probed != nil && r.Terms.Probe
}

// lists returns what the lists of the projects that are discovered were, by the
// name of the project.
func lists(s view.Snapshot) iter.Seq2[string, check.Listing] {
	return func(yield func(string, check.Listing) bool) {
		for id, seen := range s.Projects {
			if !seen.Listing.Due.IsZero() && !yield(s.Totals[id].Subject.Project, seen.Listing) {
				return
			}
		}
	}
}

// series is one, in the form in which it is encoded.
type series struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
	pairs  [mostLabels]dto.LabelPair
	texts  [mostLabels]string
}

// mostLabels is how many labels a series has at most.
const mostLabels = 5

func newSeries() *series {
	s := &series{}
	s.gauge.Value, s.metric.Gauge = &s.value, &s.gauge
	for i := range s.pairs {
		s.pairs[i].Value = &s.texts[i]
	}
	return s
}

// gather returns all that the families say of a snapshot. Each is good until the
// next is asked for, which is in the same memory: of a large fleet, a family
// has as many series as there are instances.
func gather(s view.Snapshot) iter.Seq[*dto.MetricFamily] {
	return func(yield func(*dto.MetricFamily) bool) {
		var all []*series
		for _, f := range families {
			one := &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: dto.MetricType_GAUGE.Enum()}
			f.add(s, func(value float64, texts ...string) {
				n := len(one.Metric)
				if n == len(all) {
					all = append(all, newSeries())
				}
				next := all[n]
				next.value, next.metric.Label = value, next.metric.Label[:0]
				for i, name := range f.labels {
					next.texts[i], next.pairs[i].Name = texts[i], &name
					next.metric.Label = append(next.metric.Label, &next.pairs[i])
				}
				one.Metric = append(one.Metric, &next.metric)
			})
			if len(one.Metric) > 0 && !yield(one) {
				return
			}
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// unix returns a time in seconds, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
