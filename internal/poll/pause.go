package poll

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// Pause is what holds the requests of a project up.
type Pause struct {
	Why    Why
	Until  time.Time // zero for Hanging and Slow
	Reason reason.Reason
}

// Why is a kind of pause.
type Why string

// The kinds of pauses.
const (
	Refused   Why = "refused"   // the credential is not accepted
	Throttled Why = "throttled" // the API is asked too often
	Hanging   Why = "hanging"   // the API takes long, and then brings nothing
	Slow      Why = "slow"      // the API takes long
)

// pause returns what holds the requests up.
func (p *project) pause(now time.Time) Pause {
	c := p.credential
	switch {
	case now.Before(c.resumes) && !c.resumes.Before(p.resumes):
		return Pause{Refused, c.resumes, c.reason}
	case now.Before(p.resumes):
		return Pause{Throttled, p.resumes, p.reason}
	}
	return p.long
}

// resume has a pause go on.
func (p *project) resume(pause Pause, now time.Time) {
	left := pause.Until.Sub(now.Round(0))
	if left <= 0 {
		return
	}
	switch pause.Why {
	case Refused:
		if until := now.Add(min(left, p.credential.longest())); until.After(p.credential.resumes) {
			p.credential.resumes, p.credential.reason = until, pause.Reason
		}
	case Throttled:
		p.resumes, p.throttled = now.Add(min(left, longestThrottle)), true
		p.reason = pause.Reason
	}
}
