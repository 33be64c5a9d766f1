package dcs

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/singleflight"

	"github.com/sslwatch/sslwatch/internal/reason"
)

const (
	// lastPart says when a credential is replaced: when this part of the life
	// with which it came is left, a fifth. Of a day those are nearly five
	// hours, of the 15 minutes that issuers grant at least, three minutes.
	lastPart = 5
	// unsaid is the life of a credential that comes without a readable end.
	unsaid = 15 * time.Minute
	// An issuer that gives nothing of use is asked again after firstPause, and
	// then ever more rarely, up to lastPause.
	firstPause = 10 * time.Second
	lastPause  = 5 * time.Minute
)

// temporary is a credential that somebody issues for some hours. It is
// fetched when first wanted, replaced before its end, and replaced at once
// when it was refused. Callers who want one at the same time share a fetch.
//
// An issuer can fail, give a credential that has expired, or one that the API
// refuses, for hours. It is asked at a pace then, not for each request.
type temporary struct {
	name    string // for String
	fetch   func(ctx context.Context) (Credential, error)
	flights singleflight.Group

	mu      sync.Mutex
	held    Credential
	ageing  time.Time                   // from then on what is held is to be replaced
	refused bool                        // the API refused what is held
	failure error                       // why the last fetch brought nothing
	renewal bool                        // somebody replaces what still works
	next    time.Time                   // before it the issuer is not asked
	pace    *backoff.ExponentialBackOff // nil after a fetch that was of use
}

func (t *temporary) Credential(ctx context.Context) (Credential, error) {
	return t.get(ctx, Credential{})
}

func (t *temporary) Refresh(ctx context.Context, refused Credential) (Credential, error) {
	return t.get(ctx, refused)
}

// get returns a credential that is not the refused one, if the issuer has
// another.
func (t *temporary) get(ctx context.Context, refused Credential) (Credential, error) {
	// Nothing is begun for one who has left: atHand counts on a fetch.
	if ctx.Err() != nil {
		return Credential{}, ended(ctx)
	}
	if cred, err, ok := t.atHand(refused, false); ok {
		return cred, err
	}
	// One who gives up must not take the others along. A fetch ends by itself:
	// its requests have a timeout.
	flight := t.flights.DoChan("", func() (any, error) { return t.fly(context.WithoutCancel(ctx), refused) })
	select {
	case result := <-flight:
		cred, _ := result.Val.(Credential)
		return cred, result.Err
	case <-ctx.Done():
		return Credential{}, ended(ctx)
	}
}

// fly fetches, unless a fetch ended between the look at what is at hand and
// now.
func (t *temporary) fly(ctx context.Context, refused Credential) (Credential, error) {
	if cred, err, ok := t.atHand(refused, true); ok {
		return cred, err
	}
	return t.replace(ctx)
}

// atHand returns what there is without a fetch, and whether that is the answer:
// to the one who is about to fetch, or to one who may leave that to another.
func (t *temporary) atHand(refused Credential, fetching bool) (cred Credential, err error, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !refused.isZero() && t.held.same(refused) {
		t.refused = true
	}
	now := time.Now()
	may := !now.Before(t.next)
	switch {
	case t.works(now) && (now.Before(t.ageing) || t.renewal && !fetching || !may):
		return t.held, nil, true
	case may:
		t.renewal = t.works(now)
		return Credential{}, nil, false
	case t.failure != nil:
		return Credential{}, t.failure, true
	case !t.held.isZero() && !t.refused:
		return t.held, nil, true // past by our clock: the API decides
	case !refused.isZero():
		return refused, nil, true
	}
	return Credential{}, &Error{Kind: Unauthenticated, Reason: reason.New(reason.NoOtherCredential, reason.Args{"issuer": t.name})}, true
}

// works reports whether what is held has neither ended nor been refused.
func (t *temporary) works(now time.Time) bool { return !t.refused && now.Before(t.held.expires) }

// replace fetches. If that fails and what is held still works, it stays in
// use: there is time to try again, and the end of it will not go unnoticed.
func (t *temporary) replace(ctx context.Context) (Credential, error) {
	cred, err := t.fetch(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.renewal, t.failure = false, err
	if err != nil {
		t.slowDown(now)
		if t.works(now) {
			return t.held, nil
		}
		return Credential{}, err
	}
	if cred.expires.IsZero() {
		cred.expires = now.Add(unsaid).Round(0)
	}
	again := t.refused && cred.same(t.held)
	if t.refused || !now.Before(cred.expires) {
		t.slowDown(now)
	} else {
		t.pace, t.next = nil, time.Time{}
	}
	t.held, t.refused, t.ageing = cred, again, agesAt(cred.expires, now)
	return cred, nil
}

// agesAt returns when a credential that came now is to be replaced. An issuer
// that gives the same one until shortly before its end is asked ever more
// often towards it, but no more often than once every firstPause.
func agesAt(expires, now time.Time) time.Time {
	life := expires.Sub(now)
	return now.Add(max(life-life/lastPart, firstPause)).Round(0)
}

// slowDown has the issuer left alone, for longer each time.
func (t *temporary) slowDown(now time.Time) {
	if t.pace == nil {
		t.pace = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(firstPause), backoff.WithMaxInterval(lastPause), backoff.WithMultiplier(2),
			backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0))
	}
	t.next = now.Add(t.pace.NextBackOff()).Round(0)
}

// String returns the kind of credential.
func (t *temporary) String() string { return t.name }
