package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

// item puts a notice into words.
func item(n ledger.Notice, t telling) Item {
	i := Item{Notice: n, What: text.Clean(what(n, t)), Where: text.Clean(where(n.Alert)), Name: Name(n.Subject), ID: text.Clean(idOf(n.Subject))}
	i.Line = text.Clean(fmt.Sprintf("%s %s %s %s: %s (%s)", status(n.Fires()), n.Severity, n.Condition, Name(n.Subject), i.What, i.Where))
	return i
}

// status is the word that a line begins with.
func status(fires bool) string {
	if fires {
		return "FIRING"
	}
	return "RESOLVED"
}

// Name is what people call a subject within its project.
func Name(s check.Subject) string {
	if s.IsProject() {
		return "project " + project(s)
	}
	return text.Clean(cmp.Or(s.Instance, s.InstanceID))
}

// called is what people call a subject where the project is not named beside
// it: two instances of one name in two projects never look alike.
func called(s check.Subject) string {
	if s.IsProject() {
		return Name(s)
	}
	return project(s) + "/" + Name(s)
}

// project is what people call the project of a subject.
func project(s check.Subject) string { return text.Clean(cmp.Or(s.Project, s.ProjectID)) }

// where names project and region, where clients reach the instance, and its
// ID; or for a whole project the project ID.
func where(a check.Alert) string {
	parts := []string{"project " + project(a.Subject)}
	if a.Region != "" {
		parts = append(parts, "region "+a.Region)
	}
	if a.IsProject() {
		return strings.Join(append(parts, "project ID "+a.ProjectID), ", ")
	}
	if at, known := addressOf(a.Endpoint); known {
		parts = append(parts, "at "+at.String())
	}
	return strings.Join(append(parts, "instance "+a.InstanceID), ", ")
}

// what says what is so.
func what(n ledger.Notice, t telling) string {
	switch n.Kind {
	case ledger.Resolved:
		return overWords(n, t) + fmt.Sprintf("; open for %s", text.Span(t.now.Sub(n.Told.First)))
	case ledger.Missed:
		if n.Ending == check.Unwatched || n.Ending == check.Unprobed || n.Ending == check.Deleted {
			return overWords(n, t) + fmt.Sprintf("; the alert began %s, and this receiver could not be reached until now", t.stamp(n.Began))
		}
		return overWords(n, t) + fmt.Sprintf("; it began %s, and was over before this receiver could be reached", t.stamp(n.Began))
	}
	s := standsWords(n, t)
	if n.Kind == ledger.Reminder {
		s = fmt.Sprintf("reminder: %s; first told %s", s, t.ago(n.Told.First))
	}
	return s
}

// standsWords says what stands.
func standsWords(n ledger.Notice, t telling) string {
	switch n.Condition {
	case check.SSLDisabled:
		s := "SSL is off, first seen off " + t.ago(n.Since)
		if n.NoInfo {
			s += " (HTTP 204: no SSL information)"
		}
		return s + verified(n.Alert, t)
	case check.CertificateExpired:
		s := "the certificate expired " + t.ago(n.NotAfter)
		if n.Replaced() {
			s = replaced(n, t)
		}
		return s + verified(n.Alert, t)
	case check.SSLInvalid:
		s := "the cloud says that the certificate is not valid, first " + t.ago(n.Since)
		if !n.NotAfter.IsZero() {
			s += "; it expires " + t.end(n.NotAfter)
		}
		return s + verified(n.Alert, t)
	case check.CertificateExpiring:
		s := "the certificate expires " + t.end(n.NotAfter)
		if n.Replaced() {
			s = replaced(n, t)
		}
		return fmt.Sprintf("%s (threshold %s)%s", s, n.Threshold, verified(n.Alert, t))
	case check.EndpointMismatch:
		return mismatchWords(n, t)
	case check.EndpointUnreachable:
		return unreachableWords(n, t)
	}
	return blindWords(n, t)
}

// Describe says what is so about an alert that stands, with times in UTC
// alone.
func Describe(a check.Alert, now time.Time) string {
	return text.Clean(standsWords(ledger.Notice{Alert: a, Kind: ledger.Firing}, Wording{}.at(now)))
}

// replaced says that a certificate gave way to one that ends earlier.
func replaced(n ledger.Notice, t telling) string {
	verb := "ends"
	if !n.NotAfter.After(t.now) {
		verb = "ended"
	}
	return fmt.Sprintf("the certificate was replaced by one that %s earlier: %s (before: %s)",
		verb, t.end(n.NotAfter), t.stamp(n.Told.NotAfter))
}

// verified says from when the knowledge is.
func verified(a check.Alert, t telling) string {
	return "; last checked " + t.ago(a.Verified)
}

// blindWords says why nothing is seen, and what was known last.
func blindWords(n ledger.Notice, t telling) string {
	var s string
	reason := because(n.Reason)
	switch n.Cause {
	case check.CauseMissing:
		s = fmt.Sprintf("%s; first seen missing %s", reason, t.ago(n.Since))
	case check.CauseUnsupported:
		s = reason
	case check.CauseRefused:
		s = fmt.Sprintf("no instance of the project can be checked (%d watched), since %s: %s", n.Affected, t.ago(n.Since), reason)
	case check.CauseForbidden:
		if !n.IsProject() {
			s = fmt.Sprintf("access to it is forbidden, since %s: %s", t.ago(n.Since), reason)
			break
		}
		s = fmt.Sprintf("%s can't be checked, since %s: %s", text.Count(n.Affected, "instance"), t.ago(n.Since), reason)
	case check.CauseClock:
		s = fmt.Sprintf("this machine's clock is %s, by the API's time, noticed %s: until it is right, nothing is told that time alone would bring (expiry dates, reminders)",
			offBy(n.Ahead), t.stamp(n.Since))
	case check.CauseUnlisted:
		s = fmt.Sprintf("the list of its instances can't be read, since %s: %s", t.ago(n.Since), cmp.Or(reason, pauseWords(n.Pause, t)))
	case check.CauseOverdue:
		s = overdueWords(n, t)
	default:
		s = fmt.Sprintf("checks have failed since %s: %s", t.ago(n.Since), reason)
	}
	switch {
	case n.Verified.IsZero():
		s += "; no check of it has ever succeeded"
	case n.IsProject():
		s += "; last success " + t.ago(n.Verified)
	case n.NotAfter.IsZero(): // on, it would have had one
		s += "; as last known SSL is off" + verified(n.Alert, t)
	case n.NotAfter.After(t.now):
		s += "; as last known the certificate expires " + t.end(n.NotAfter) + verified(n.Alert, t)
	default:
		s += "; as last known the certificate expired " + t.end(n.NotAfter) + verified(n.Alert, t)
	}
	return s
}

// because returns a reason in words, so that a sentence can go on behind it.
func because(why reason.Reason) string { return strings.TrimRight(why.String(), ".") }

// overdueWords says that checks are not made, and why.
func overdueWords(n ledger.Notice, t telling) string {
	are, they := "are", "they"
	if n.Affected == 1 {
		are, they = "is", "it"
	}
	why := cmp.Or(because(n.Reason), pauseWords(n.Pause, t))
	return fmt.Sprintf("%s %s overdue since %s: %s could not be asked, because %s",
		text.Count(n.Affected, "check"), are, t.ago(n.Since), they, why)
}

// pauseWords says why nothing of a project can be asked in time.
func pauseWords(p check.Pause, t telling) string {
	reason := because(p.Reason)
	switch p.Why {
	case check.PauseRefused, check.PauseThrottled:
		return fmt.Sprintf("the project is paused until %s: %s", t.stamp(p.Until), reason)
	case check.PauseHanging:
		return "the API hangs: " + reason
	case check.PauseSlow:
		return "the API is slow: " + reason
	}
	return "more is due than check.rate and check.concurrency allow"
}

// unsolved says what is left to itself when an instance is no longer watched.
func unsolved(n ledger.Notice, t telling) string {
	const known = "not solved: as last known "
	switch {
	case n.Condition == check.CheckFailing:
		return "not solved: checks did not succeed up to the end"
	case n.Condition == check.EndpointMismatch:
		return "not solved: the last handshake still showed it"
	case n.Condition == check.EndpointUnreachable:
		return "not solved: handshakes failed up to the end"
	case n.Condition == check.SSLDisabled:
		return known + "SSL is off"
	case n.NotAfter.IsZero():
		return "not solved"
	}
	s := known + "it expires " + t.end(n.NotAfter)
	if !n.NotAfter.After(t.now) {
		s = known + "it expired " + t.end(n.NotAfter)
	}
	if n.Condition == check.SSLInvalid {
		s = known + "the certificate is not valid; " + strings.TrimPrefix(s, known)
	}
	return s
}

// offBy writes by how much a clock is off, in its largest unit, so that it is
// the same each time.
func offBy(ahead time.Duration) string {
	direction := "ahead"
	if ahead < 0 {
		direction = "behind"
	}
	d := ahead.Abs()
	switch {
	case d >= 2*check.Day:
		return fmt.Sprintf("about %d days %s", d.Round(check.Day)/check.Day, direction)
	case d >= 2*time.Hour:
		return fmt.Sprintf("about %d hours %s", d.Round(time.Hour)/time.Hour, direction)
	}
	return fmt.Sprintf("about %d minutes %s", d.Round(time.Minute)/time.Minute, direction)
}

// overWords says why it is over.
func overWords(n ledger.Notice, t telling) string {
	switch n.Ending {
	case check.Enabled:
		return "SSL is on again"
	case check.NotRequired:
		return "SSL is off, and the configuration does not require it"
	case check.Renewed:
		return fmt.Sprintf("the certificate is renewed until %s (before: %s)", t.end(n.NotAfter), t.stamp(n.PreviousNotAfter))
	case check.Validated:
		return "the cloud says that the certificate is valid again"
	case check.Unwatched:
		return "no longer watched: it was taken out of the configuration; " + unsolved(n, t)
	case check.TooEarly:
		return "taken back: it was told by a clock that was wrong; the certificate expires " + t.end(n.NotAfter)
	case check.Deleted:
		return "deleted: it is no longer among the project's instances"
	case check.Agrees:
		return agreesWords(n, t)
	case check.Answers:
		return "TLS handshakes with it succeed again"
	case check.Unprobed:
		return "no longer probed: probe is off for it; " + unsolved(n, t)
	case check.Partly:
		return "access is no longer forbidden to all instances: those to which it still is are told one by one"
	}
	return "checks succeed again"
}

// short says what is so in a few words, for titles.
func short(n ledger.Notice, t telling) string {
	if !n.Fires() {
		switch n.Ending {
		case check.Enabled:
			return "SSL is on again"
		case check.NotRequired:
			return "SSL is off, and not required"
		case check.Renewed:
			return "certificate renewed until " + t.date(n.NotAfter)
		case check.Validated:
			return "certificate is valid again"
		case check.Unwatched:
			return "no longer watched, and not solved"
		case check.TooEarly:
			return "taken back, told by a wrong clock"
		case check.Deleted:
			return "deleted"
		case check.Agrees:
			return "shows what the API says"
		case check.Answers:
			return "TLS handshakes succeed again"
		case check.Unprobed:
			return "no longer probed, and not solved"
		case check.Partly:
			return "some instances can be checked again"
		}
		return "checks succeed again"
	}
	switch n.Condition {
	case check.SSLDisabled:
		return "SSL is off"
	case check.CertificateExpired:
		if n.Replaced() {
			return "certificate replaced by one that expired " + text.Span(t.now.Sub(n.NotAfter)) + " ago"
		}
		return "certificate expired " + text.Span(t.now.Sub(n.NotAfter)) + " ago"
	case check.SSLInvalid:
		return "certificate is not valid"
	case check.CertificateExpiring:
		if n.Replaced() {
			return "certificate replaced by one that ends earlier, in " + text.Span(n.NotAfter.Sub(t.now))
		}
		return "certificate expires in " + text.Span(n.NotAfter.Sub(t.now))
	case check.EndpointMismatch:
		return shortMismatch(n, t)
	case check.EndpointUnreachable:
		return "TLS handshakes fail"
	}
	switch n.Cause {
	case check.CauseMissing:
		return "no such instance"
	case check.CauseUnsupported:
		return "can't have SSL"
	case check.CauseRefused:
		return "credential refused, nothing can be checked"
	case check.CauseForbidden:
		if !n.IsProject() {
			return "access forbidden"
		}
		return "access forbidden, " + text.Count(n.Affected, "instance") + " can't be checked"
	case check.CauseClock:
		return "this machine's clock is " + offBy(n.Ahead)
	case check.CauseUnlisted:
		return "the list of instances can't be read"
	case check.CauseOverdue:
		return text.Count(n.Affected, "check") + " overdue"
	}
	return "checks fail"
}

// heading names what the items of a group have in common.
func heading(g Group) string {
	s := inShort(g.Condition, g.Firing)
	s = upper(s)
	switch {
	case !g.Firing && !g.Solved:
		s = "No longer watched, and not solved"
	case !g.Firing:
		s = solved + inShort(g.Condition, false)
	}
	if n := len(g.Items); n > 1 {
		s += counted(n)
	}
	return s
}

const solved = "Resolved: "

func counted(n int) string { return fmt.Sprintf(" (%d)", n) }

// summary is the heading for one item alone, beside which its status is told.
func (g Group) summary() string {
	return upper(strings.TrimSuffix(strings.TrimPrefix(g.Heading, solved), counted(len(g.Items))))
}

// upper begins a text of ours with a capital letter.
func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// inShort says in a few words that a condition stands, or that it stood.
func inShort(c check.Condition, stands bool) string {
	words := map[check.Condition][2]string{
		check.SSLDisabled:         {"SSL is off", "SSL was off"},
		check.CertificateExpired:  {"certificate expired", "certificate had expired"},
		check.SSLInvalid:          {"certificate not valid", "certificate was not valid"},
		check.CertificateExpiring: {"certificate expires soon", "certificate was about to expire"},
		check.EndpointMismatch:    {"instance shows what the API does not say", "instance showed what the API did not say"},
		check.EndpointUnreachable: {"TLS handshakes fail", "TLS handshakes failed"},
		check.CheckFailing:        {"can't be checked", "could not be checked"},
	}[c]
	if stands {
		return words[0]
	}
	return words[1]
}
