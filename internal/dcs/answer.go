package dcs

import (
	"fmt"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// SSL is what the API says of an instance's SSL encryption.
//
// Source: GET /v2/{project_id}/instances/{instance_id}/ssl, "Querying SSL
// Encryption of an Instance" in the DCS API reference.
type SSL struct {
	// Enabled is true only when the API says so. All other fields but
	// NoInfo are meaningful only then.
	Enabled bool
	// NoInfo tells a 204 "No SSL info" from a 200 without enabled.
	NoInfo bool
	// Validated is ssl_validated: whether the certificate is valid. What
	// exactly the cloud validates is not documented.
	Validated bool
	// ExpiresAt is ssl_expired_at, in UTC, without a monotonic reading. Its
	// year is from 1990 to 2199: anything else was not believed. It is zero
	// only where Validated is false and there was no date to be read.
	ExpiresAt time.Time
	// IP, IPv6, Port and Domain are where clients reach the instance with
	// SSL. Domain never carries the port. Any of them may be empty.
	IP, IPv6, Port, Domain string
	// Clock is what the answer says of this machine's clock.
	Clock Clock
}

// Kind is what an answer that is not an SSL state means for the caller.
type Kind int

const (
	// Failed means that nothing was learnt: a network error, a timeout, a
	// 5xx, a busy code, a redirect, or a body that can't be believed.
	Failed Kind = iota
	// Unsupported means that this instance can't have SSL (DCS.4201).
	Unsupported
	// Missing means that there is no such instance (DCS.3022).
	Missing
	// Unauthenticated means that the credential was not accepted (401), or
	// that there is none to show: no agency, no pod identity. It concerns
	// the project, not the instance, and after six in a row the cloud locks
	// the access key for five minutes.
	Unauthenticated
	// Forbidden means that the credential was accepted and may not do this (403).
	Forbidden
	// Throttled means that the project asks too often (429).
	Throttled
)

// String returns the name of a kind, in lower case.
func (k Kind) String() string {
	switch k {
	case Failed:
		return "failed"
	case Unsupported:
		return "unsupported"
	case Missing:
		return "missing"
	case Unauthenticated:
		return "unauthenticated"
	case Forbidden:
		return "forbidden"
	case Throttled:
		return "throttled"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Error is every outcome of a request that is not a value. Its text is for
// people and holds no secret, whatever the API echoed.
type Error struct {
	Kind Kind
	// Status is the HTTP status of the API, 0 when it gave no answer or was
	// not asked because no credential could be had.
	Status int
	// Code and Message are the API's own, redacted, on one line and short;
	// empty when it gave none. Code is as the API wrote it.
	Code, Message string
	// RequestID is what the cloud's support asks for. It is another one
	// each time.
	RequestID string
	// RetryAfter is how long the API asked to be left alone, at most an
	// hour; 0 if it did not say.
	RetryAfter time.Duration
	// Reason is what happened and, where it is known, what to do. What fails
	// twice in the same way has the same reason, as far as the API's message
	// is the same.
	Reason reason.Reason
	// Clock is what the answer says of this machine's clock, if the API gave one.
	Clock Clock
	// Err is the cause, for errors.Is and errors.As; nil when the answer
	// itself is the failure. Its text is redacted too.
	Err error
}

var _ error = (*Error)(nil)

// Error returns the reason and the request ID. To tell whether something
// new went wrong compare Reason, which has no request ID in it.
func (e *Error) Error() string {
	s := e.Reason.String()
	if e.RequestID != "" {
		s += fmt.Sprintf(" (request %s)", e.RequestID)
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
