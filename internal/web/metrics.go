package web

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/fleet"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/view"
)

// collector turns a snapshot into metrics at each scrape. So the series of
// an instance that is gone are gone too.
type collector struct{ source view.Source }

var instanceLabels = []string{"project", "instance_id", "instance"}

// receiverLabels name a receiver as it is configured, and which of its
// recipients it is; empty where there is but one.
var receiverLabels = []string{"receiver", "recipient"}

var (
	enabledDesc = prometheus.NewDesc("sslwatch_instance_ssl_enabled",
		"Whether SSL is on, as last seen.", instanceLabels, nil)
	validatedDesc = prometheus.NewDesc("sslwatch_instance_ssl_validated",
		"Whether the cloud says that the certificate is valid, as last seen while SSL was on.", instanceLabels, nil)
	notAfterDesc = prometheus.NewDesc("sslwatch_instance_certificate_not_after_timestamp_seconds",
		"When the certificate ends, as last seen. It stays while the API fails.", instanceLabels, nil)
	endpointNotAfterDesc = prometheus.NewDesc("sslwatch_instance_endpoint_not_after_timestamp_seconds",
		"When the certificate ends that the instance itself showed last, where it is probed.", instanceLabels, nil)
	probedDesc = prometheus.NewDesc("sslwatch_instance_last_handshake_timestamp_seconds",
		"When an instance that is probed last showed what it serves; 0 if it never did.", instanceLabels, nil)
	requiredDesc = prometheus.NewDesc("sslwatch_instance_ssl_required",
		"Whether SSL that is off is an alert (require_ssl).", instanceLabels, nil)
	instanceAlertDesc = prometheus.NewDesc("sslwatch_instance_alert",
		"1 for each alert that stands about an instance; absent otherwise.", append(instanceLabels, "condition", "severity"), nil)
	projectAlertDesc = prometheus.NewDesc("sslwatch_project_alert",
		"1 for each alert that stands about a whole project; absent otherwise.", []string{"project", "condition", "severity"}, nil)
	listedDesc = prometheus.NewDesc("sslwatch_project_instances",
		"Instances in the last complete list of a project that is discovered, by whether they are watched.", []string{"project", "watched"}, nil)
	lastListDesc = prometheus.NewDesc("sslwatch_project_last_list_timestamp_seconds",
		"When the list of a project that is discovered was last read to its end; 0 if it never was.", []string{"project"}, nil)
	intervalDesc = prometheus.NewDesc("sslwatch_check_interval_seconds",
		"The time between two successful checks of one instance (check.interval).", nil, nil)
	lastSuccessDesc = prometheus.NewDesc("sslwatch_instance_last_success_timestamp_seconds",
		"When a check last brought the state of SSL; 0 if none ever did.", instanceLabels, nil)
	firingDesc = prometheus.NewDesc("sslwatch_alerts_firing",
		"Alerts that stand, those that a worse one hides left out.", []string{"condition", "severity"}, nil)
	pendingDesc = prometheus.NewDesc("sslwatch_notifications_pending",
		"Notices that a receiver has yet to get.", receiverLabels, nil)
	healthyDesc = prometheus.NewDesc("sslwatch_receiver_healthy",
		"Whether the last message to a receiver was taken.", receiverLabels, nil)
	owedSinceDesc = prometheus.NewDesc("sslwatch_receiver_owed_since_timestamp_seconds",
		"Since when a receiver has been owed the oldest notice that it has yet to get; 0 if none.", receiverLabels, nil)
	succeededDesc = prometheus.NewDesc("sslwatch_receiver_last_success_timestamp_seconds",
		"When a message to a receiver was last taken; 0 if none ever was.", receiverLabels, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		enabledDesc, requiredDesc, validatedDesc, notAfterDesc, endpointNotAfterDesc, probedDesc, lastSuccessDesc,
		instanceAlertDesc, projectAlertDesc, listedDesc, lastListDesc, intervalDesc, firingDesc, pendingDesc, healthyDesc, owedSinceDesc, succeededDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. If the loop does not answer, the
// scrape fails: nothing is better than what may be old.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.source.Snapshot(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(lastSuccessDesc, err)
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(intervalDesc, s.Interval.Seconds())
	for _, r := range s.Records {
		if r.Left != "" {
			continue
		}
		labels := []string{r.Project, r.InstanceID, r.Instance}
		gauge(lastSuccessDesc, unix(r.Verified), labels...)
		gauge(requiredDesc, truth(r.RequiresSSL()), labels...)
		if r.Verified.IsZero() {
			continue
		}
		gauge(enabledDesc, truth(!r.Off.Set), labels...)
		if !r.NotAfter.IsZero() {
			gauge(validatedDesc, truth(!r.Invalid.Set), labels...)
			gauge(notAfterDesc, unix(r.NotAfter), labels...)
		}
		if p := r.Probed; p != nil && r.Terms.Probe {
			gauge(probedDesc, unix(p.Reached), labels...)
			if !p.NotAfter.IsZero() {
				gauge(endpointNotAfterDesc, unix(p.NotAfter), labels...)
			}
		}
	}
	for _, r := range s.Firing {
		for _, a := range s.Of(r) {
			gauge(instanceAlertDesc, 1, a.Project, a.InstanceID, a.Instance, string(a.Condition), string(a.Severity))
		}
	}
	for _, a := range s.OfProjects() {
		gauge(projectAlertDesc, 1, a.Project, string(a.Condition), string(a.Severity))
	}
	for id, seen := range s.Projects {
		l, project := seen.Listing, s.Totals[id].Subject.Project
		if l.Due.IsZero() {
			continue
		}
		gauge(lastListDesc, unix(l.Read), project)
		if c := l.Coverage; c != nil {
			gauge(listedDesc, float64(c.Watched), project, "true")
			gauge(listedDesc, float64(c.Instances-c.Watched), project, "false")
		}
	}
	for _, condition := range check.Conditions() {
		for _, severity := range []check.Severity{check.Warning, check.Critical} {
			n := s.Counts.Firing[fleet.Firing{Condition: condition, Severity: severity}]
			gauge(firingDesc, float64(n), string(condition), string(severity))
		}
	}
	for _, r := range s.Receivers {
		name, recipient := state.SplitID(r.ID)
		gauge(pendingDesc, float64(r.Owed), name, recipient)
		gauge(healthyDesc, truth(r.Healthy()), name, recipient)
		gauge(owedSinceDesc, unix(r.OwedSince), name, recipient)
		gauge(succeededDesc, unix(r.Succeeded), name, recipient)
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
