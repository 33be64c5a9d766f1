package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// Kind is what a notice tells.
type Kind string

// The kinds of notices.
const (
	Firing    Kind = "firing"   // for the first time, or of another certificate
	Escalated Kind = "tighter"  // worse than what was told
	Reminder  Kind = "reminder" // nothing new, and it still stands
	Resolved  Kind = "resolved" // what was told is over
	Missed    Kind = "passed"   // it came and went while the receiver could not be reached
)

// fires reports whether the alert stands, in a notice of this kind.
func (k Kind) fires() bool { return k == Firing || k == Escalated || k == Reminder }

// Notice is one thing that one receiver has yet to hear.
type Notice struct {
	check.Alert
	Kind Kind
	// Told is what the receiver was told before, nil if nothing.
	Told *Told
	// Began is when what the notice is about began.
	Began time.Time
	// Owed is since when the receiver has been owed it.
	Owed time.Time
	// InDoubt is set when this very notice was sent before, and it is not known
	// whether it arrived.
	InDoubt *Doubt
	// Earlier are the IDs of the messages that told of what this one goes on
	// with, the first one first: of this alert, of what it ends, and of the
	// other alerts of the same certificate.
	Earlier []string
	// Reminder counts the repeat intervals since something new was told.
	Reminder int
	// Closes holds the conditions that a Resolved or Missed ends, those
	// that it hid among them.
	Closes []check.Condition
}

// Fires reports whether the alert stands.
func (n Notice) Fires() bool { return n.Kind.fires() }

// Solved reports whether what was told is known to be so no longer. What is
// no longer watched, or no longer probed, may go on unseen.
func (n Notice) Solved() bool {
	return !n.Fires() && n.Ending != check.Unwatched && n.Ending != check.Unprobed
}

// Replaced reports whether the certificate gave way to one that ends earlier.
func (n Notice) Replaced() bool {
	return n.Kind == Escalated && n.Condition.OfCertificate() && earlierThan(n.Alert, check.CertificateID(n.Told.Identity, n.Told.NotAfter))
}

// Uncovers reports whether this is the end of what hid an alert, or of what was
// told of an old certificate, and a notice is of that alert, or of the new one.
func (n Notice) Uncovers(alert Notice) bool {
	return !n.Fires() && alert.Fires() && n.Key() == alert.Key() &&
		(n.Condition == alert.Condition || n.Condition.Hides(alert.Condition))
}

// ID is the same for the same news, also when it is sent again after a
// crash, and another when it is news again later: a hexadecimal string.
func (n Notice) ID() string {
	what := string(n.Kind)
	switch n.Kind {
	case Firing, Escalated:
		what = strings.Join([]string{"firing", n.Threshold.String(), string(n.Severity)}, " ")
	case Reminder:
		what += " " + time.Duration(n.Reminder).String()
	}
	episode := n.Began
	if n.Condition.OfCertificate() {
		episode = n.CertificateID()
		if !n.Fires() {
			episode = n.PreviousNotAfter
		}
	}
	// Both are on disk before it is told.
	after := n.Owed
	if n.Told != nil {
		after = n.Told.Last
	}
	return digest(n.Key().String(), string(n.Condition), episode.Format(time.RFC3339Nano), what, after.Format(time.RFC3339Nano))
}

// digest returns a short hash of parts.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:12])
}

// MessageID identifies a message by the notices in it, in their order.
func MessageID(notices []Notice) string {
	ids := make([]string, len(notices))
	for i, n := range notices {
		ids[i] = n.ID()
	}
	return digest(ids...)
}

// owed returns what one receiver has yet to hear about one subject. standing
// holds the alerts of the subject, told the lines of the receiver's ledger,
// repeat the time between reminders, and clock what is known of the clock.
// At most one notice is returned for an alert; an alert is a condition of a
// subject, and where it is about a certificate, of that certificate.
func owed(standing []check.Alert, told Lines, who Audience, repeat map[check.Severity]time.Duration, clock check.Clock, now time.Time) []Notice {
	now = check.Wall(now)
	var vouched time.Time // the time, where the API agrees
	if clock.Trust == check.Vouched {
		vouched = now
	}
	notices := over(standing, told, vouched)
	for _, a := range standing {
		if a.State != check.Stands {
			continue
		}
		if !who.Hears(a) {
			continue
		}
		if n, owed := news(a, told, repeat, now, vouched); owed && !(clock.Holds() && n.timely()) {
			notices = append(notices, n)
		}
	}
	for i, n := range notices {
		notices[i].Earlier = n.earlier(told)
		notices[i].Owed = now
		if waits := told[n.Condition].Pending; waits != nil {
			notices[i].Owed = waits.Since
			if d := waits.InDoubt; d != nil && d.Notice == notices[i].ID() {
				notices[i].InDoubt = d
			}
		}
	}
	return notices
}

// earlier returns the messages that a notice goes on with.
func (n Notice) earlier(told Lines) []string {
	var first []*Told
	for c, line := range told {
		same := check.SameCertificate(line.certificate(), n.CertificateID())
		switch {
		case line.Told == nil || line.Told.Message == "":
			continue
		case c == n.Condition: // another certificate is another story, once the old one ended
			if n.Kind == Firing && c.OfCertificate() && !same {
				continue
			}
		case !n.Fires() && slices.Contains(n.Closes, c):
		case !n.Fires() || !same || !concernsCertificate(c) || !concernsCertificate(n.Condition):
			continue
		}
		first = append(first, line.Told)
	}
	slices.SortFunc(first, func(a, b *Told) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Message, b.Message)) })
	var ids []string
	for _, t := range first {
		if !slices.Contains(ids, t.Message) {
			ids = append(ids, t.Message)
		}
	}
	return ids
}

// concernsCertificate reports whether a condition is about a certificate that
// is in use.
func concernsCertificate(c check.Condition) bool { return c.OfCertificate() || c == check.SSLInvalid }

// laterThan reports whether the certificate of an alert took the place of
// another, of which this is the identity, and ends later; earlierThan, that
// it ends earlier.
func laterThan(a check.Alert, id time.Time) bool {
	return a.CertificateID().After(id) && !check.SameCertificate(a.CertificateID(), id)
}

func earlierThan(a check.Alert, id time.Time) bool {
	return a.CertificateID().Before(id) && !check.SameCertificate(a.CertificateID(), id)
}

// timely reports whether it may be time alone that brought a notice.
func (n Notice) timely() bool {
	return n.Kind == Reminder || n.Timely() ||
		n.Condition == check.CheckFailing && n.Kind == Escalated // its severity follows the time left
}

// tooEarly reports whether a line says of a certificate what is not so yet:
// it was told by a clock that was ahead. vouched is the time where the API
// agrees with it, and zero where it is not sure that it is right now.
func (l Line) tooEarly(c check.Condition, vouched time.Time) bool {
	if !c.OfCertificate() || vouched.IsZero() {
		return false
	}
	var due time.Time
	switch {
	case l.Told != nil:
		due = l.Told.NotAfter.Add(-time.Duration(l.Told.Threshold))
	case l.Pending != nil:
		due = l.Pending.NotAfter.Add(-time.Duration(l.Pending.Threshold))
	}
	return due.Sub(vouched) > check.MaxSkew
}

// news works out what is new in an alert that stands.
func news(a check.Alert, lines Lines, repeat map[check.Severity]time.Duration, now, vouched time.Time) (n Notice, owed bool) {
	line := lines[a.Condition]
	n = Notice{Alert: a, Kind: Firing, Told: line.Told, Began: a.Since}
	if line.Pending != nil && line.Told == nil && check.SameCertificate(line.certificate(), a.CertificateID()) {
		n.Began = line.Pending.Began
	}
	told := line.Told
	if told == nil || line.Tried == Resolved {
		// Its date moved back over the present: that is not a story.
		expired := lines[check.CertificateExpired]
		return n, a.Condition != check.CertificateExpiring || expired.Told == nil || expired.Tried == Resolved ||
			!check.SameCertificate(expired.certificate(), a.CertificateID()) || expired.tooEarly(check.CertificateExpired, vouched)
	}
	if a.Condition.OfCertificate() && laterThan(a, line.certificate()) || line.tooEarly(a.Condition, vouched) {
		return n, true
	}
	n.Began = told.Since
	if a.Condition.OfCertificate() && earlierThan(a, line.certificate()) {
		n.Kind, n.Began = Escalated, a.Since
		return n, true
	}
	if a.Threshold < told.Threshold || a.Severity.Compare(told.Severity) > 0 {
		n.Kind = Escalated
		return n, true
	}
	every := repeat[a.Severity]
	if every <= 0 {
		return n, false
	}
	n.Kind, n.Reminder = Reminder, int(now.Sub(told.LastNews)/every)
	return n, n.Reminder > told.reminders(every)
}

// reminders counts the repeat intervals, since something new was told, that
// what was told last stands for. What came late stands for the interval that
// is nearer, so that the next does not follow at once.
func (t Told) reminders(every time.Duration) int {
	d := t.Last.Sub(t.LastNews)
	n := int(d / every)
	if d%every >= every-every/2 { // and no sum of the two, which can overflow
		n++
	}
	return max(n, 0)
}

// nextReminder returns when a reminder will be due if nothing changes; zero
// if none will.
func nextReminder(standing []check.Alert, told Lines, repeat map[check.Severity]time.Duration) time.Time {
	var next time.Time
	for _, a := range standing {
		t, every := told[a.Condition].Told, repeat[a.Severity]
		if a.State != check.Stands || t == nil || every <= 0 {
			continue
		}
		at := t.LastNews.Add(time.Duration(t.reminders(every)+1) * every)
		next = soonest(next, at)
	}
	return next
}

// over works out which of the lines have ended. What ended together and hid
// one another is told once, for the condition that was in sight.
func over(standing []check.Alert, told Lines, vouched time.Time) []Notice {
	var notices []Notice
	var topTold, topTried *check.Alert
	for i := range standing {
		a := &standing[i]
		line, ok := told[a.Condition]
		if !ok || a.Condition.Beside() {
			continue
		}
		if line.Told != nil && before(a, topTold) {
			topTold = a
		}
		if line.Told == nil && line.Pending != nil && line.Tried == Firing && before(a, topTried) {
			topTried = a
		}
	}
	if topTold != nil && ended(*topTold, told[topTold.Condition], vouched) {
		notices = append(notices, resolved(*topTold, standing, told, vouched))
	}
	if topTried != nil && passed(*topTried, told, vouched) && before(topTried, topTold) {
		notices = append(notices, resolved(*topTried, standing, told, vouched))
	}
	for _, a := range standing {
		line := told[a.Condition]
		if a.Condition.Beside() && (line.Told != nil && ended(a, line, vouched) || passed(a, told, vouched)) {
			notices = append(notices, resolved(a, standing, told, vouched))
		}
	}
	return notices
}

func before(a, b *check.Alert) bool {
	return b == nil || a.Condition.Compare(b.Condition) < 0
}

// ended reports whether what a line is about is over. Neither time nor other
// thresholds cure a certificate: only a later one does, or a clock that is
// right again.
func ended(a check.Alert, line Line, vouched time.Time) bool {
	if a.Condition.OfCertificate() && (a.State != check.Over || a.Ending == check.Renewed) {
		return laterThan(a, line.certificate()) || line.tooEarly(a.Condition, vouched)
	}
	return a.State == check.Over
}

// passed reports whether an alert came and went while its receiver could not
// be reached.
func passed(a check.Alert, told Lines, vouched time.Time) bool {
	line := told[a.Condition]
	return line.Told == nil && line.Pending != nil && line.Tried == Firing && ended(a, line, vouched)
}

// resolved builds the notice that a condition, and what it hid, has ended.
func resolved(a check.Alert, standing []check.Alert, told Lines, vouched time.Time) Notice {
	line := told[a.Condition]
	n := Notice{Alert: a, Kind: Resolved, Told: line.Told}
	if a.State != check.Over {
		n.State, n.Ending, n.Cause, n.Reason = check.Over, check.Renewed, "", reason.Reason{}
	}
	if n.Ending == check.Renewed && !laterThan(a, line.certificate()) && line.tooEarly(a.Condition, vouched) {
		n.Ending = check.TooEarly
	}
	if line.Told != nil {
		n.Severity, n.Threshold, n.Began = line.Told.Severity, line.Told.Threshold, line.Told.Since
		n.PreviousNotAfter = line.Told.NotAfter
	} else {
		n.Kind = Missed
		n.Severity, n.Threshold, n.Began = line.Pending.Severity, line.Pending.Threshold, line.Pending.Began
		n.PreviousNotAfter = line.Pending.NotAfter
	}
	for _, other := range standing {
		l, ok := told[other.Condition]
		if !ok || (other.Condition != a.Condition && !a.Condition.Hides(other.Condition)) {
			continue
		}
		if n.Kind == Missed && l.Told != nil {
			continue // that one has a resolution of its own
		}
		if ended(other, l, vouched) {
			n.Closes = append(n.Closes, other.Condition)
		}
	}
	return n
}

// soonest returns the earlier of two times, of which zero is none.
func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
