package dcs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeIssuer issues numbered credentials in a synctest bubble.
type fakeIssuer struct {
	mu    sync.Mutex
	n     int
	takes time.Duration
	life  time.Duration // 0: it does not say
	err   error
}

func (i *fakeIssuer) fetch(ctx context.Context) (Credential, error) {
	i.mu.Lock()
	i.n++
	n, takes, life, err := i.n, i.takes, i.life, i.err
	i.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return Credential{}, ended(ctx)
	}
	if err != nil {
		return Credential{}, err
	}
	c := issued(fmt.Sprintf("AK%d", n), "temporary-secret", "temporary-token", "", fromAgency)
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
		ask := func(want string) {
			t.Helper()
			got, err := c.Credential(t.Context())
			if err != nil || got.accessKey != want {
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
		<-time.After(between)
		ask("AK2")
		if i.count() != 4 {
			t.Errorf("%d attempts, want 4", i.count())
		}
		<-time.After(early - between)
		if got, err := c.Credential(t.Context()); err == nil {
			t.Errorf("%v after its end", got)
		}
		i.set(func(i *fakeIssuer) { i.err = nil })
		ask("AK6")
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
		<-time.After(unsaid - early)
		if got, _ := c.Credential(t.Context()); got.accessKey != "AK2" {
			t.Errorf("%v, want another", got)
		}
	})
}

// Our clock may be the one that is wrong.
func TestTemporaryCredentialThatComesExpiredIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &temporary{fetch: (&fakeIssuer{life: -time.Hour}).fetch}
		if got, err := c.Credential(t.Context()); err != nil || got.accessKey != "AK1" {
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
					if (err != nil) != wantErr || got.accessKey != want {
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
		refused, _ = c.Credential(t.Context())
		i.set(func(i *fakeIssuer) { i.err = errors.New("down") })
		together(func(ctx context.Context) (Credential, error) { return c.Refresh(ctx, refused) }, "", true)
		if i.count() != 3 {
			t.Errorf("%d fetches, want 3", i.count())
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
		<-time.After(time.Hour - early)
		i.set(func(i *fakeIssuer) { i.takes = time.Minute })
		var wait sync.WaitGroup
		wait.Go(func() { c.Credential(t.Context()) })
		synctest.Wait()
		start := time.Now()
		if got, err := c.Credential(t.Context()); err != nil || got.accessKey != "AK1" {
			t.Errorf("%v, %v", got, err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %s", waited)
		}
		wait.Wait()
	})
}

// One who gives up must not take the others along.
func TestFetchOfACallerWhoLeavesIsTakenOver(t *testing.T) {
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
				if got, err := c.Credential(t.Context()); err != nil || got.accessKey != "AK2" {
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
		if i.count() != 2 {
			t.Errorf("%d fetches, want 2", i.count())
		}
	})
}
