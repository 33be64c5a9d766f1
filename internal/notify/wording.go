package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/text"
)

// ago writes when something was, and how long that is.
func ago(t, now time.Time) string {
	return fmt.Sprintf("%s, %s ago", text.Stamp(t), text.Span(now.Sub(t)))
}

// end writes when a certificate ends or ended.
func end(t, now time.Time) string {
	if left := t.Sub(now); left > 0 {
		return fmt.Sprintf("%s, in %s", text.Stamp(t), text.Span(left))
	}
	return ago(t, now)
}

// item puts a notice into words.
func item(n check.Notice, now time.Time) Item {
	status := "FIRING"
	if !n.Fires() {
		status = "RESOLVED"
	}
	i := Item{Notice: n, What: what(n, now), Where: where(n.Subject)}
	i.Line = text.Clean(fmt.Sprintf("%s %s %s %s: %s (%s)", status, n.Severity, n.Condition, Name(n.Subject), i.What, i.Where))
	return i
}

// Name is what people call a subject.
func Name(s check.Subject) string {
	switch {
	case s.IsProject():
		return "project " + s.Project
	case s.Instance != "":
		return s.Instance
	}
	return s.InstanceID
}

// where names project and region, and the instance ID or for a whole
// project the project ID.
func where(s check.Subject) string {
	project := s.Project
	if project == "" {
		project = s.ProjectID
	}
	parts := []string{"project " + project}
	if s.Region != "" {
		parts = append(parts, "region "+s.Region)
	}
	if s.IsProject() {
		return strings.Join(append(parts, "project ID "+s.ProjectID), ", ")
	}
	return strings.Join(append(parts, "instance "+s.InstanceID), ", ")
}

// what says what is so.
func what(n check.Notice, now time.Time) string {
	switch n.Kind {
	case check.Resolved:
		return overWords(n, now) + fmt.Sprintf("; was open %s", text.Span(now.Sub(n.Told.First)))
	case check.Passed:
		if n.Ending == check.Unwatched || n.Ending == check.Deleted {
			return overWords(n, now) + fmt.Sprintf("; the alert began %s, and this receiver could not be reached until now", text.Stamp(n.Began))
		}
		return overWords(n, now) + fmt.Sprintf("; it began %s, and was over before this receiver could be reached", text.Stamp(n.Began))
	}
	s := standsWords(n, now)
	if n.Kind == check.Reminder {
		s = fmt.Sprintf("still so: %s; first told %s", s, ago(n.Told.First, now))
	}
	return s
}

// standsWords says what stands.
func standsWords(n check.Notice, now time.Time) string {
	switch n.Condition {
	case check.SSLDisabled:
		s := "SSL is off, first seen off " + ago(n.Since, now)
		if n.NoInfo {
			s += " (the API has no SSL info)"
		}
		return s + verified(n.Alert, now)
	case check.CertificateExpired:
		return replaced(n) + "the certificate expired " + ago(n.Certificate, now) + verified(n.Alert, now)
	case check.SSLInvalid:
		s := "the cloud says that the certificate is not valid, first " + ago(n.Since, now)
		if !n.Certificate.IsZero() {
			s += "; it expires " + end(n.Certificate, now)
		}
		return s + verified(n.Alert, now)
	case check.CertificateExpiring:
		return fmt.Sprintf("%sthe certificate expires %s (threshold %s)%s",
			replaced(n), end(n.Certificate, now), n.Threshold, verified(n.Alert, now))
	}
	return blindWords(n, now)
}

// Describe says what is so about an alert that stands.
func Describe(a check.Alert, now time.Time) string {
	return text.Clean(standsWords(check.Notice{Alert: a, Kind: check.Firing}, check.Wall(now)))
}

// replaced says that a certificate gave way to one that ends earlier.
func replaced(n check.Notice) string {
	if !n.Replaced() {
		return ""
	}
	return fmt.Sprintf("replaced by one that ends earlier than %s: ", text.Stamp(n.Told.Certificate))
}

// verified says from when the knowledge is.
func verified(a check.Alert, now time.Time) string {
	return "; last verified " + ago(a.Verified, now)
}

// blindWords says why nothing is seen, and what was known last.
func blindWords(n check.Notice, now time.Time) string {
	var s string
	reason := strings.TrimRight(n.Reason, ".")
	switch n.Cause {
	case check.CauseMissing:
		s = fmt.Sprintf("%s; first seen missing %s", reason, ago(n.Since, now))
	case check.CauseUnsupported:
		s = reason
	case check.CauseRefused:
		s = fmt.Sprintf("no instance of the project can be checked (%d watched), since %s: %s", n.Affected, ago(n.Since, now), reason)
	case check.CauseForbidden:
		s = fmt.Sprintf("%s can't be checked, since %s: %s", text.Count(n.Affected, "instance"), ago(n.Since, now), reason)
	case check.CauseOverdue:
		s = fmt.Sprintf("%s should have been checked since %s and could not be asked: the project is paused, or more is due than check.rate allows",
			text.Count(n.Affected, "instance"), ago(n.Since, now))
	default:
		s = fmt.Sprintf("checks have failed since %s: %s", ago(n.Since, now), reason)
	}
	switch {
	case n.Verified.IsZero():
		s += "; SSL was never verified"
	case n.IsProject():
		s += "; last success " + ago(n.Verified, now)
	case n.Certificate.IsZero(): // on, it would have had one
		s += "; as last known SSL is off" + verified(n.Alert, now)
	case n.Certificate.After(now):
		s += "; as last known the certificate expires " + end(n.Certificate, now) + verified(n.Alert, now)
	default:
		s += "; as last known the certificate expired " + end(n.Certificate, now) + verified(n.Alert, now)
	}
	return s
}

// overWords says why it is over.
func overWords(n check.Notice, now time.Time) string {
	switch n.Ending {
	case check.Enabled:
		return "SSL is on again"
	case check.NotRequired:
		return "SSL is off, and not required"
	case check.Renewed:
		return fmt.Sprintf("the certificate is renewed until %s (before: %s)", end(n.Certificate, now), text.Stamp(n.Was))
	case check.Validated:
		return "the cloud says that the certificate is valid again"
	case check.Unwatched:
		return "no longer watched: it was taken out of the configuration"
	case check.Deleted:
		return "deleted: it is no longer among the project's instances"
	}
	return "checks succeed again"
}

// short says what is so in a few words, for titles.
func short(n check.Notice, now time.Time) string {
	if !n.Fires() {
		switch n.Ending {
		case check.Enabled:
			return "SSL is on again"
		case check.NotRequired:
			return "SSL is not required"
		case check.Renewed:
			return "certificate renewed until " + n.Certificate.Format(time.DateOnly)
		case check.Validated:
			return "certificate is valid again"
		case check.Unwatched:
			return "no longer watched"
		case check.Deleted:
			return "deleted"
		}
		return "checks succeed again"
	}
	switch n.Condition {
	case check.SSLDisabled:
		return "SSL is off"
	case check.CertificateExpired:
		return "certificate expired " + text.Span(now.Sub(n.Certificate)) + " ago"
	case check.SSLInvalid:
		return "certificate is not valid"
	case check.CertificateExpiring:
		return "certificate expires in " + text.Span(n.Certificate.Sub(now))
	}
	switch n.Cause {
	case check.CauseMissing:
		return "no such instance"
	case check.CauseUnsupported:
		return "can't have SSL"
	case check.CauseRefused:
		return "credential refused, nothing can be checked"
	case check.CauseForbidden:
		return "access forbidden, " + text.Count(n.Affected, "instance") + " can't be checked"
	case check.CauseOverdue:
		return text.Count(n.Affected, "check") + " overdue"
	}
	return "checks fail"
}

// heading names what the items of a group have in common.
func heading(c check.Condition, firing bool, n int) string {
	words := map[check.Condition]string{
		check.SSLDisabled:         "SSL is off",
		check.CertificateExpired:  "Certificate expired",
		check.SSLInvalid:          "Certificate not valid",
		check.CertificateExpiring: "Certificate expires soon",
		check.CheckFailing:        "Can't be checked",
	}
	ended := map[check.Condition]string{
		check.SSLDisabled:         "Resolved: SSL was off",
		check.CertificateExpired:  "Resolved: certificate had expired",
		check.SSLInvalid:          "Resolved: certificate was not valid",
		check.CertificateExpiring: "Resolved: certificate was to expire",
		check.CheckFailing:        "Resolved: could not be checked",
	}
	s := ended[c]
	if firing {
		s = words[c]
	}
	if n > 1 {
		s += fmt.Sprintf(" (%d)", n)
	}
	return s
}
