package dcs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// fakeIssuer issues numbered credentials in a synctest bubble.
type fakeIssuer struct {
	mu    sync.Mutex
	n     int
	takes time.Duration
	life  time.Duration // 0: it does not say
	same  bool          // it gives the same credential each time
	err   error
}

func (i *fakeIssuer) fetch(ctx context.Context) (Credential, error) {
	i.mu.Lock()
	i.n++
	n, takes, life, err := i.n, i.takes, i.life, i.err
	if i.same {
		n = 1
	}
	i.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return Credential{}, ended(ctx)
	}
	if err != nil {
		return Credential{}, err
	}
	c := issued(fmt.Sprintf("AK%d", n), "temporary-secret", "temporary-token", "", reason.New(reason.AgencyCredential, nil))
	if life != 0 {
		c.expires = time.Now().Add(life).Round(0)
	}
	return c, nil
}

func (i *fakeIssuer) set(change func(*fakeIssuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *fakeIssuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.n
}

func TestTemporaryCredentialIsReplacedBeforeItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{life: 2 * time.Hour}
		c := &temporary{fetch: i.fetch}
		const early = 24 * time.Minute // a fifth
		ask := func(want string) {
			t.Helper()
			got, err := c.Credential(t.Context())
			if err != nil || got.accessKey.Reveal() != want {
				t.Fatalf("%v, %v, want %s", got, err, want)
			}
		}
		ask("AK1")
		<-time.After(2*time.Hour - early - 1)
		ask("AK1")
		<-time.After(1)
		ask("AK2")

		// What works stays in use while the issuer fails, and it is left
		// alone between the attempts.
		i.set(func(i *fakeIssuer) { i.err = errors.New("down") })
		<-time.After(2*time.Hour - early)
		ask("AK2")
		ask("AK2")
		if i.count() != 3 {
			t.Errorf("%d attempts, want 3", i.count())
		}
		<-time.After(firstPause)
		ask("AK2")
		if i.count() != 4 {
			t.Errorf("%d attempts, want 4", i.count())
		}
		<-time.After(early - firstPause)
		for range 2 {
			if got, err := c.Credential(t.Context()); err == nil {
				t.Errorf("%v after its end", got)
			}
		}
		if i.count() != 5 {
			t.Errorf("%d attempts, want 5", i.count())
		}
		i.set(func(i *fakeIssuer) { i.err = nil })
		<-time.After(4 * firstPause)
		ask("AK6")
	})
}

// An issuer may give the same credential until shortly before its end.
func TestTemporaryCredentialIsReplacedInProportionToItsLife(t *testing.T) {
	for rule, test := range map[string]struct {
		life, ages time.Duration
	}{
		"a day":              {24*time.Hour + 7, 19*time.Hour + 12*time.Minute + 6},
		"six hours":          {6 * time.Hour, 4*time.Hour + 48*time.Minute},
		"15 minutes":         {15*time.Minute + 3, 12*time.Minute + 3},
		"a minute":           {time.Minute, 48 * time.Second},
		"12 seconds":         {12 * time.Second, firstPause},
		"less than a moment": {time.Second, firstPause},
	} {
		t.Run(rule, func(t *testing.T) {
			now := time.Date(2026, 11, 3, 9, 41, 7, 123456789, time.UTC)
			if got := agesAt(now.Add(test.life), now).Sub(now); got != test.ages {
				t.Errorf("after %s, want %s", got, test.ages)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{life: time.Hour}
		end := time.Now().Add(time.Hour)
		c := &temporary{fetch: func(ctx context.Context) (Credential, error) {
			cred, err := i.fetch(ctx)
			if time.Now().Before(end.Add(-time.Second)) {
				cred.accessKey, cred.expires = secret.New("AK1"), end
			}
			return cred, err
		}}
		for time.Now().Before(end) { // a request each second
			if got, err := c.Credential(t.Context()); err != nil || got.accessKey.Reveal() != "AK1" {
				t.Fatalf("%v, %v", got, err)
			}
			<-time.After(time.Second)
		}
		if n := i.count(); n > 7 {
			t.Errorf("asked %d times for the same credential", n)
		}
		if got, err := c.Credential(t.Context()); err != nil || got.accessKey.Reveal() == "AK1" {
			t.Errorf("%v, %v after the end", got, err)
		}
	})
}

func TestTemporaryCredentialWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{}
		c := &temporary{fetch: i.fetch}
		for range 3 {
			if _, err := c.Credential(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i.count() != 1 {
			t.Errorf("%d fetches, want 1", i.count())
		}
		<-time.After(unsaid * 4 / 5)
		if got, _ := c.Credential(t.Context()); got.accessKey.Reveal() != "AK2" {
			t.Errorf("%v, want another", got)
		}
	})
}

// An issuer that has nothing of use to give is asked at a pace, and not for
// each request, as is one whose credentials the API refuses.
func TestIssuerOfNothingOfUseIsAskedAtAPace(t *testing.T) {
	for rule, issuer := range map[string]*fakeIssuer{
		"a new one that has expired, each time": {life: -time.Hour},
		"the same one, which has expired":       {life: -time.Hour, same: true},
		"the same one, which is refused":        {life: time.Hour, same: true},
		"a new one that is refused, each time":  {life: time.Hour},
		"nothing":                               {err: errors.New("down")},
	} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &temporary{name: "ECS agency", fetch: issuer.fetch}
				const requests = 360 // an hour, one each 10 s, all refused by the API
				for range requests {
					if cred, err := c.Credential(t.Context()); err == nil {
						c.Refresh(t.Context(), cred)
					} else if _, ok := errors.AsType[*Error](err); !ok && issuer.err == nil {
						t.Fatalf("%v is no *Error", err)
					}
					<-time.After(10 * time.Second)
				}
				// 10 s, 20 s, 40 s and so on up to 5 minutes.
				if n := issuer.count(); n < 10 || n > 20 {
					t.Errorf("%d fetches", n)
				}
				// When the issuer is mended, that is noticed in time.
				issuer.set(func(i *fakeIssuer) { i.life, i.same, i.err = 2*time.Hour, false, nil })
				<-time.After(lastPause)
				cred, err := c.Credential(t.Context())
				if err == nil && !cred.expires.After(time.Now()) {
					cred, err = c.Refresh(t.Context(), cred)
				}
				if err != nil || !cred.expires.After(time.Now()) {
					t.Errorf("then %v until %v, %v", cred, cred.expires, err)
				}
			})
		})
	}
}

// Else nobody would replace the credential until its end.
func TestOneWhoHasLeftKeepsNoOtherFromARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{life: 2 * time.Hour}
		c := &temporary{fetch: i.fetch}
		if _, err := c.Credential(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Minute) // it is to be replaced, and still works
		gone, leave := context.WithCancel(t.Context())
		leave()
		for range 10 {
			if got, err := c.Credential(gone); !errors.Is(err, context.Canceled) {
				t.Errorf("one who has left got %v, %v", got, err)
			}
		}
		if i.count() != 1 {
			t.Errorf("%d fetches for one who has left", i.count()-1)
		}
		if got, err := c.Credential(t.Context()); err != nil || got.accessKey.Reveal() != "AK2" {
			t.Errorf("then %v, %v, want AK2", got, err)
		}
	})
}

// Our clock may be the one that is wrong.
func TestTemporaryCredentialThatComesExpiredIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &temporary{fetch: (&fakeIssuer{life: -time.Hour}).fetch}
		if got, err := c.Credential(t.Context()); err != nil || got.accessKey.Reveal() != "AK1" {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestCallersShareAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{takes: time.Second, life: time.Hour}
		c := &temporary{fetch: i.fetch}
		together := func(get func(context.Context) (Credential, error), want string, wantErr bool) {
			t.Helper()
			var wait sync.WaitGroup
			for range 50 {
				wait.Go(func() {
					got, err := get(t.Context())
					if (err != nil) != wantErr || got.accessKey.Reveal() != want {
						t.Errorf("%v, %v, want %q", got, err, want)
					}
				})
			}
			wait.Wait()
		}
		together(c.Credential, "AK1", false)

		// Also when the API refused all of them at once, and by those who
		// hear of it later.
		refused, _ := c.Credential(t.Context())
		refresh := func(ctx context.Context) (Credential, error) { return c.Refresh(ctx, refused) }
		together(refresh, "AK2", false)
		together(refresh, "AK2", false)
		if i.count() != 2 {
			t.Errorf("%d fetches, want 2", i.count())
		}

		// And a failure.
		<-time.After(firstPause)
		refused, _ = c.Credential(t.Context())
		i.set(func(i *fakeIssuer) { i.err = errors.New("down") })
		together(func(ctx context.Context) (Credential, error) { return c.Refresh(ctx, refused) }, "", true)
		if i.count() != 3 {
			t.Errorf("%d fetches, want 3", i.count())
		}
	})
}

// Who saw that there is none may get to fetch only after another has.
func TestFetchThatCameTooLateIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{life: time.Hour}
		c := &temporary{fetch: i.fetch}
		late := func(refused Credential, want string) {
			t.Helper()
			if got, err := c.fly(t.Context(), refused); err != nil || got.accessKey.Reveal() != want {
				t.Errorf("%v, %v, want %s", got, err, want)
			}
		}
		first, _ := c.Credential(t.Context())
		late(Credential{}, "AK1")
		c.Refresh(t.Context(), first)
		late(first, "AK2")
		if i.count() != 2 {
			t.Errorf("%d fetches, want 2", i.count())
		}
		// And none is prevented by that.
		<-time.After(48 * time.Minute)
		late(Credential{}, "AK3")
		<-time.After(48 * time.Minute)
		if got, err := c.Credential(t.Context()); err != nil || got.accessKey.Reveal() != "AK4" {
			t.Errorf("%v, %v, want AK4", got, err)
		}
	})
}

func TestNobodyWaitsWhileWhatIsHeldWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{life: time.Hour}
		c := &temporary{fetch: i.fetch}
		if _, err := c.Credential(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(48 * time.Minute)
		i.set(func(i *fakeIssuer) { i.takes = time.Minute })
		var wait sync.WaitGroup
		wait.Go(func() { c.Credential(t.Context()) })
		synctest.Wait()
		start := time.Now()
		if got, err := c.Credential(t.Context()); err != nil || got.accessKey.Reveal() != "AK1" {
			t.Errorf("%v, %v", got, err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %s", waited)
		}
		wait.Wait()
	})
}

// One who gives up must not take the others along.
func TestFetchOfACallerWhoLeavesGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &fakeIssuer{takes: time.Second, life: time.Hour}
		c := &temporary{fetch: i.fetch}
		leaving, leave := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := c.Credential(leaving); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left got %v", err)
			}
		})
		synctest.Wait()
		for range 5 {
			wait.Go(func() {
				if got, err := c.Credential(t.Context()); err != nil || got.accessKey.Reveal() != "AK1" {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Credential(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one who did not wait got %v", err)
		}
		leave()
		wait.Wait()
		if i.count() != 1 {
			t.Errorf("%d fetches, want 1", i.count())
		}
	})
}
