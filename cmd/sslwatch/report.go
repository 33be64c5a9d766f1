package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/text"
)

// exitOf is a verdict's exit code by the convention of Nagios plugins.
func exitOf(v check.Verdict) int {
	return map[check.Verdict]int{check.VerdictOK: 0, check.VerdictWarning: 1, check.VerdictCritical: 2, check.VerdictUnknown: 3}[v]
}

// worse returns the worse of two verdicts.
func worse(a, b check.Verdict) check.Verdict {
	if a.Compare(b) >= 0 {
		return a
	}
	return b
}

// row is one instance or project in a report.
type row struct {
	Verdict      check.Verdict `json:"status"`
	Project      string        `json:"project"`
	Region       string        `json:"region"`
	Instance     string        `json:"instance,omitempty"`
	InstanceID   string        `json:"instance_id,omitempty"`
	SSLEnabled   *bool         `json:"ssl_enabled"`
	SSLValidated *bool         `json:"ssl_validated"`
	ExpiresAt    *time.Time    `json:"ssl_expired_at"`
	VerifiedAt   *time.Time    `json:"verified_at"`
	IP           string        `json:"ip,omitempty"`
	IPv6         string        `json:"ipv6,omitempty"`
	Port         string        `json:"port,omitempty"`
	Domain       string        `json:"domain_name,omitempty"`
	Endpoint     *rowEndpoint  `json:"endpoint,omitempty"`
	Alerts       []rowAlert    `json:"alerts"`
	Reason       string        `json:"reason,omitempty"` // why the last check failed
}

// rowEndpoint is what the instance itself showed, where it is probed.
type rowEndpoint struct {
	ProbedAt  time.Time  `json:"probed_at"`
	ReachedAt *time.Time `json:"reached_at"`
	NotAfter  *time.Time `json:"not_after"`
	Protocol  string     `json:"protocol,omitempty"`
	Names     string     `json:"names,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
}

// endpointOf reports what an instance showed, nil if it was not probed.
func endpointOf(r check.Record) *rowEndpoint {
	p := r.Probed
	if p == nil || !r.Terms.Probe {
		return nil
	}
	out := rowEndpoint{ProbedAt: p.At, Protocol: p.Protocol, Names: p.Names, Issuer: p.Issuer}
	if reached := p.Reached; !reached.IsZero() {
		out.ReachedAt = &reached
	}
	if end := p.NotAfter; !end.IsZero() {
		out.NotAfter = &end
	}
	return &out
}

// rowAlert is an alert of a row.
type rowAlert struct {
	Condition check.Condition `json:"condition"`
	Severity  check.Severity  `json:"severity"`
	Since     time.Time       `json:"since"`
	Text      string          `json:"text"`
}

// rowOf reports an instance. In a single pass a check that failed is unknown
// at once; a daemon says how bad it is once it has lasted.
func rowOf(r check.Record, p check.Policy, now time.Time, pass bool) row {
	out := row{
		Verdict: check.VerdictOK, Project: r.Project, Region: r.Region, Instance: r.Instance, InstanceID: r.InstanceID,
		IP: r.Endpoint.IP, IPv6: r.Endpoint.IPv6, Port: r.Endpoint.Port, Domain: r.Endpoint.Domain,
		Endpoint: endpointOf(r), Alerts: []rowAlert{}, Reason: r.Failing.Reason.String(),
	}
	if !r.Verified.IsZero() {
		on, valid, verified := !r.Off.Set, !r.Invalid.Set, r.Verified
		out.SSLEnabled, out.VerifiedAt = &on, &verified
		if on {
			out.SSLValidated = &valid
		}
	}
	if !r.NotAfter.IsZero() {
		expires := r.NotAfter
		out.ExpiresAt = &expires
	}
	alerts := check.Standing(r, p, now)
	for _, a := range alerts {
		if a.State == check.Stands {
			out.Alerts = append(out.Alerts, rowAlert{a.Condition, a.Severity, a.Since, notify.Describe(a, now)})
		}
	}
	if pass && r.Failing.Count > 0 {
		out.Verdict = check.VerdictUnknown
		alerts = slices.DeleteFunc(alerts, func(a check.Alert) bool { return a.Condition == check.CheckFailing })
	}
	out.Verdict = worse(out.Verdict, check.VerdictOf(r, alerts))
	return out
}

// projectRow reports a project if something stands against it.
// subject is its name where it has no records.
func projectRow(seen check.ProjectRecord, subject check.Subject, records []check.Record, p check.Policy, now time.Time) (row, bool) {
	sum := check.Sum(records, p, now)
	if sum.Records == 0 {
		sum.Subject = subject
	}
	for _, a := range check.Project(seen, sum, p, now) {
		if a.State == check.Stands {
			return row{
				Verdict: check.Verdict(a.Severity), Project: a.Project, Region: a.Region, Reason: a.Reason.String(),
				Alerts: []rowAlert{{a.Condition, a.Severity, a.Since, notify.Describe(a, now)}},
			}, true
		}
	}
	return row{}, false
}

// worst sorts rows, the worst first, and returns the worst verdict.
func worst(rows []row) check.Verdict {
	expires := func(r row) time.Time {
		if r.ExpiresAt == nil {
			return time.Time{}
		}
		return *r.ExpiresAt
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(b.Verdict.Compare(a.Verdict), expires(a).Compare(expires(b)),
			cmp.Compare(a.Project, b.Project), cmp.Compare(a.Instance, b.Instance))
	})
	if len(rows) == 0 {
		return check.VerdictUnknown
	}
	return rows[0].Verdict
}

// summary counts rows by verdict, the worst first.
func summary(rows []row) string {
	counts := map[check.Verdict]int{}
	for _, r := range rows {
		if r.Instance != "" || r.InstanceID != "" {
			counts[r.Verdict]++
		}
	}
	var parts []string
	for _, v := range check.Verdicts() {
		if n := counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no instance"}
	}
	return strings.Join(parts, ", ")
}

// printTable prints rows for a person.
func printTable(w io.Writer, rows []row, now time.Time, colour bool, width int) {
	t := table{head: []string{"STATUS", "INSTANCE", "SSL", "EXPIRES (UTC)", "LEFT", "CHECKED"}}
	if colour {
		t.style = func(i int, cell string) string {
			if i != 0 {
				return cell
			}
			return paint(cell)
		}
	}
	for _, r := range rows {
		isProject := r.Instance == "" && r.InstanceID == ""
		name := r.Project + "/" + cmp.Or(r.Instance, r.InstanceID)
		if isProject {
			name = r.Project + " (project)"
		}
		expires, left, checked := "-", "-", "never"
		if r.ExpiresAt != nil {
			expires, left = r.ExpiresAt.UTC().Format("2006-01-02 15:04"), short(r.ExpiresAt.Sub(now))
			if !r.ExpiresAt.After(now) {
				left = "expired"
			}
		}
		if r.VerifiedAt != nil {
			checked = short(now.Sub(*r.VerifiedAt)) + " ago"
		}
		if isProject {
			checked = "-"
		}
		t.add(r.what(), string(r.Verdict), name, r.ssl(), expires, left, checked)
	}
	t.print(w, width, 1)
}

// ssl says in a word what the cloud says of SSL.
func (r row) ssl() string {
	switch {
	case r.SSLEnabled == nil:
		return "-"
	case !*r.SSLEnabled:
		return "OFF"
	case r.SSLValidated != nil && !*r.SSLValidated:
		return "INVALID"
	}
	return "on"
}

// short writes a length of time in its two largest units, for a table.
func short(d time.Duration) string {
	if d < time.Second {
		return "<1s"
	}
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if d >= unit {
			return text.Duration(d.Truncate(map[time.Duration]time.Duration{
				24 * time.Hour: time.Hour, time.Hour: time.Minute, time.Minute: time.Second,
			}[unit]))
		}
	}
	return text.Duration(d.Truncate(time.Second))
}

// what says in a few words what stands, or why nothing is known.
func (r row) what() string {
	var parts []string
	for _, a := range r.Alerts {
		s := string(a.Condition)
		switch a.Condition {
		case check.CheckFailing:
			s += ": " + cmp.Or(r.Reason, a.Text)
		case check.EndpointMismatch, check.EndpointUnreachable:
			s += ": " + a.Text
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 && r.Reason != "" {
		parts = append(parts, r.Reason)
	}
	return strings.Join(parts, ", ")
}

// paint colours a verdict for a terminal.
func paint(cell string) string {
	code, ok := map[check.Verdict]int{check.VerdictOK: 32, check.VerdictWarning: 33, check.VerdictUnknown: 35, check.VerdictCritical: 31}[check.Verdict(cell)]
	if !ok {
		return cell
	}
	return "\x1b[" + strconv.Itoa(code) + "m" + cell + "\x1b[0m"
}

// printJSON prints rows for a program: one list, in which those that have a
// receiver are about that.
func printJSON(w io.Writer, rows []row, receivers []receiverRow) error {
	all := make([]any, 0, len(rows)+len(receivers))
	for _, r := range rows {
		all = append(all, r)
	}
	for _, r := range receivers {
		all = append(all, r)
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text.EscapeJSON(data), '\n'))
	return err
}
