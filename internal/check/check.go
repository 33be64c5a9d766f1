// Package check is the judgement of sslwatch, and it is pure: no clock, no
// network, no goroutine, no log. What was seen goes in, what is to be said
// comes out.
//
//	Learn           one answer of the API, or a failure, taken into a record
//	LearnHandshake  likewise what the instance itself showed
//	Standing        what is true of an instance now
//
// What is to be said of it, and to whom, is judged by package ledger.
//
// No function changes its arguments. Every time that is stored or compared
// is in UTC and has no monotonic reading.
package check

import (
	"cmp"
	"slices"
	"time"
)

// Condition names what can be wrong. The names are the same in messages,
// state, metrics and documentation.
type Condition string

// The conditions. For one instance the earlier of the first four hides the
// later ones; the others stand beside them.
const (
	SSLDisabled         Condition = "ssl_disabled"
	CertificateExpired  Condition = "certificate_expired"
	SSLInvalid          Condition = "ssl_invalid"
	CertificateExpiring Condition = "certificate_expiring"
	EndpointMismatch    Condition = "endpoint_mismatch"
	EndpointUnreachable Condition = "endpoint_unreachable"
	CheckFailing        Condition = "check_failing"
)

// Conditions returns all conditions, the one that hides first.
func Conditions() []Condition {
	return []Condition{SSLDisabled, CertificateExpired, SSLInvalid, CertificateExpiring, EndpointMismatch, EndpointUnreachable, CheckFailing}
}

// rank orders the conditions: a lower rank hides a higher one.
func (c Condition) rank() int {
	for i, known := range Conditions() {
		if c == known {
			return i
		}
	}
	return len(Conditions())
}

// Compare orders conditions, the one that hides first.
func (c Condition) Compare(d Condition) int { return cmp.Compare(c.rank(), d.rank()) }

// Known reports whether c is one of the conditions.
func (c Condition) Known() bool { return slices.Contains(Conditions(), c) }

// Beside reports whether c stands beside the others: it hides none of them,
// and has a beginning and an end of its own.
func (c Condition) Beside() bool {
	return c == EndpointMismatch || c == EndpointUnreachable || c == CheckFailing
}

// Hides reports whether c, while it stands, hides d.
func (c Condition) Hides(d Condition) bool {
	return c.rank() < d.rank() && !c.Beside() && !d.Beside()
}

// OfCertificate reports whether c is about one certificate, so that another
// ssl_expired_at is another alert.
func (c Condition) OfCertificate() bool {
	return c == CertificateExpired || c == CertificateExpiring
}

// Severity is how loud an alert is.
type Severity string

// The severities.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Compare orders severities, the milder first. An unknown one, the empty one
// among them, is the mildest.
func (s Severity) Compare(t Severity) int { return cmp.Compare(s.rank(), t.rank()) }

// Known reports whether s is one of the severities.
func (s Severity) Known() bool { return s.rank() > 0 }

func (s Severity) rank() int {
	switch s {
	case Critical:
		return 2
	case Warning:
		return 1
	}
	return 0
}

// Subject is whom an alert is about: an instance, or with an empty
// InstanceID the whole project.
type Subject struct {
	ProjectID  string `json:"project_id"`
	InstanceID string `json:"instance_id,omitempty"`
	// The rest is wording from the configuration and no part of an identity.
	Project  string            `json:"project,omitempty"`
	Region   string            `json:"region,omitempty"`
	Instance string            `json:"instance,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	// Console is where the cloud's console shows the project's instances. The
	// configuration tells it at each start.
	Console string `json:"-"`
}

// Key returns what identifies the subject.
func (s Subject) Key() Key { return Key{ProjectID: s.ProjectID, InstanceID: s.InstanceID} }

// IsProject reports whether the subject is a whole project.
func (s Subject) IsProject() bool { return s.InstanceID == "" }

// Policy is the part of the judgement that is the same for every instance.
type Policy struct {
	// Confirm is how many observations in a row it takes to believe that
	// SSL is off, that it is invalid, that an instance is missing or can't
	// have SSL, that access is denied, that the instance itself shows
	// something else, and that any of it has ended.
	Confirm int
	// FailingAfter is how long checks must have failed before it is told.
	FailingAfter time.Duration
	// Awake is since when the loop has run without a gap. What was due
	// before then is late because nobody was there to ask.
	Awake time.Time
	// Clocks is what is known of this machine's clock.
	Clocks Clocks
}

// Wall strips what must not be stored or compared: the monotonic reading,
// which stands still while a machine sleeps, and the zone.
func Wall(t time.Time) time.Time { return t.Round(0).UTC() }
