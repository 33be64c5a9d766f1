package watch

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/sslwatch/sslwatch/internal/dcs"
)

const (
	// throttlePause is how long a project is left alone after a 429 at the
	// least. The gateway's limits are per minute.
	throttlePause = time.Minute
	// refusalPause is how long a credential is left alone after a 401 at
	// the least: more than five failures in a row lock an access key for
	// five minutes.
	refusalPause = 5 * time.Minute
)

// API is what is asked about one project.
type API interface {
	// SSL returns the state of an instance's SSL. The error is a *dcs.Error
	// unless ctx ended.
	SSL(ctx context.Context, instanceID string) (dcs.SSL, error)
}

// Project is a project to watch.
type Project struct {
	ID   string
	API  API
	Rate float64 // requests per second
	// Credential is comparable, and equal for projects that authenticate
	// with the same key.
	Credential any
}

// project is a project with its queue.
type project struct {
	Project
	queue   *queue // of record keys, by when a check is due
	limit   *rate.Limiter
	key     *credential
	resumes time.Time // after a 429; has a monotonic reading
}

// credential is what projects with the same access key share.
type credential struct {
	accepted bool // since it was loaded, or since it was last refused
	inflight int
	resumes  time.Time // after a 401; has a monotonic reading
	// probe is the record that tries again after a 401: always the same,
	// so that its refusals count in a row.
	probe string
	pace  *backoff.ExponentialBackOff
}

func newCredential(b Backoff) *credential {
	b.Initial = refusalPause
	b.Max = max(b.Max, refusalPause)
	return &credential{pace: b.exponential()}
}

// pick takes the record out of the queue that is to be checked now. If there
// is none, it returns when to come back; zero if nothing is queued.
func (p *project) pick(now time.Time) (key string, later time.Time) {
	key, due := p.queue.next()
	if p.key.probe != "" && !p.key.accepted {
		it, ours := p.queue.index[p.key.probe]
		if !ours {
			return "", time.Time{} // in flight, or another project's
		}
		key, due = it.key, it.at
	}
	switch {
	case due.IsZero():
		return "", time.Time{}
	case !p.key.accepted && p.key.inflight > 0:
		return "", time.Time{} // its answer will wake us
	case due.After(now):
		return "", due
	case now.Before(p.key.resumes):
		return "", p.key.resumes
	case now.Before(p.resumes):
		return "", p.resumes
	}
	r := p.limit.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return "", now.Add(wait)
	}
	p.queue.set(key, time.Time{})
	return key, time.Time{}
}

// heard takes in what an answer says about the credential and the project,
// beyond the instance.
func (p *project) heard(key string, err *dcs.Error, now time.Time) {
	switch {
	case err == nil || err.Kind == dcs.Missing || err.Kind == dcs.Unsupported || err.Kind == dcs.Forbidden:
		p.key.accepted, p.key.probe = true, ""
		p.key.pace.Reset()
	case err.Kind == dcs.Unauthenticated && now.Before(p.key.resumes):
		// It was in flight when the first was refused.
	case err.Kind == dcs.Unauthenticated:
		p.key.accepted, p.key.probe = false, key
		p.key.resumes = now.Add(max(p.key.pace.NextBackOff(), refusalPause))
	case err.Kind == dcs.Throttled:
		p.resumes = now.Add(max(err.RetryAfter, throttlePause))
	}
	if err != nil && err.Kind != dcs.Unauthenticated && p.key.probe == key {
		p.key.probe = "" // it can't tell; let another try
	}
}
