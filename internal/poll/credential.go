package poll

import (
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// RefusalPause is how long a credential is left alone after a 401 at the
// least: more than five failures in a row lock an access key for five
// minutes.
const RefusalPause = 5 * time.Minute

// credential is what projects with the same access key share.
type credential struct {
	accepted bool // since it was loaded, or since it was last refused
	inflight int
	resumes  time.Time     // after a 401; has a monotonic reading
	reason   reason.Reason // of the 401
	// probe is the target that tries again after a 401: always
	// the same, so that its refusals count in a row.
	probe Target
	pace  *backoff.ExponentialBackOff
	delay Backoff
}

func newCredential(b Backoff) *credential {
	b.Initial = RefusalPause
	b.Max = max(b.Max, RefusalPause)
	return &credential{pace: b.Exponential(), delay: b}
}

// longest returns the longest pause.
func (c *credential) longest() time.Duration { return c.delay.Longest() }

// heard takes in what an answer says about the credential.
func (c *credential) heard(a Answer, now time.Time) (o Outcome) {
	switch {
	case a.Err == nil || a.Err.Kind == dcs.Missing || a.Err.Kind == dcs.Unsupported || a.Err.Kind == dcs.Forbidden:
		c.accepted, c.probe, o.Accepted = true, Target{}, true
		c.pace.Reset()
	case a.Err.Kind == dcs.Unauthenticated && now.Before(c.resumes):
		// It was under way when the first was refused.
	case a.Err.Kind == dcs.Unauthenticated:
		o.Refused = true
		c.accepted, c.probe, c.reason = false, a.Target, a.Err.Reason
		c.resumes = now.Add(max(c.pace.NextBackOff(), RefusalPause))
	default:
		c.free(a.Target) // it can't tell
	}
	return o
}

// free has another target try the credential where this one was to do so.
func (c *credential) free(t Target) {
	if c.probe == t {
		c.probe = Target{}
	}
}
