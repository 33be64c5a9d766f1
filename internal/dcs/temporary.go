package dcs

import (
	"context"
	"sync"
	"time"
)

const (
	// early is how long before its end a credential is replaced. Issuers
	// grant at least 15 minutes.
	early = 10 * time.Minute
	// unsaid is the life of a credential that comes without a readable end.
	unsaid = 15 * time.Minute
	// between is how long an issuer is left alone while what it gave works.
	between = time.Minute
)

// temporary is a credential that somebody issues for some hours. It is
// fetched when first wanted, replaced before its end, and replaced at once
// when it was refused. Callers who want one at the same time share a fetch.
type temporary struct {
	name  string // for String
	fetch func(ctx context.Context) (Credential, error)

	mu     sync.Mutex
	held   Credential
	asked  time.Time // when fetch last returned
	flight *flight   // the fetch under way, if any
}

// flight is a fetch. Its other fields are set when done is closed.
type flight struct {
	done      chan struct{}
	cred      Credential
	err       error
	abandoned bool // the caller who fetched gave up, which says nothing to the others
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
	for {
		t.mu.Lock()
		if t.held.same(refused) {
			t.held = Credential{} // not to be shown again unless the issuer insists
		}
		now := time.Now()
		held := t.held
		works := now.Before(held.expires)
		fresh := now.Before(held.expires.Add(-early)) || now.Before(t.asked.Add(between))
		// While another replaces what still works, nobody needs to wait.
		if works && (fresh || t.flight != nil) {
			t.mu.Unlock()
			return held, nil
		}
		f := t.flight
		if f == nil {
			f = &flight{done: make(chan struct{})}
			t.flight = f
			t.mu.Unlock()
			t.fly(ctx, f, held, works)
			return f.cred, f.err
		}
		t.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return Credential{}, ended(ctx)
		}
		if !f.abandoned {
			return f.cred, f.err
		}
	}
}

// fly fetches. If that fails and what is held still works, it stays in use:
// there is time to try again, and the end of it will not go unnoticed.
func (t *temporary) fly(ctx context.Context, f *flight, held Credential, works bool) {
	cred, err := t.fetch(ctx)
	now := time.Now()
	if err == nil && cred.expires.IsZero() {
		cred.expires = now.Add(unsaid).Round(0)
	}
	switch {
	case err == nil:
		f.cred = cred // even one that is past by our clock: the API decides
	case ctx.Err() != nil:
		f.err, f.abandoned = ended(ctx), true
	case works && now.Before(held.expires):
		f.cred = held
	default:
		f.err = err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.held = cred
	}
	if !f.abandoned {
		t.asked = now
	}
	t.flight = nil
	close(f.done)
}

// String returns the kind of credential.
func (t *temporary) String() string { return t.name }

// errorKind sorts the status of an issuer's answer: what it refuses a person
// must mend, what it fails at may pass.
func errorKind(status int) Kind {
	if 400 <= status && status < 500 && status != 408 && status != 429 {
		return Unauthenticated
	}
	return Failed
}
