package dcs

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

var (
	errAway     = &Error{Kind: Failed, Reason: reason.New(reason.MetadataNotReached, reason.Args{"fault": reason.Text("nothing listens")})}
	errNoAgency = &Error{Kind: Unauthenticated, Reason: reason.New(reason.NoAgency, nil)}
	errSick     = &Error{Kind: Failed, Reason: reason.New(reason.NoAgencyCredential, reason.Args{"service": "it", "answer": "HTTP 500"})}
	errPod      = &Error{Kind: Unauthenticated, Reason: reason.New(reason.PodIdentityRefused, reason.Args{"service": "the agent", "answer": "HTTP 403"})}
)

// fakeChain is a chain of two fake issuers, and the links that it told of.
type fakeChain struct {
	*Chain
	agency, pod *fakeIssuer
	told        [][]Link
}

func newFakeChain(agency, pod error) *fakeChain {
	f := &fakeChain{agency: &fakeIssuer{life: time.Hour, err: agency}, pod: &fakeIssuer{life: time.Hour, err: pod}}
	f.Chain = NewChain(ChainOptions{
		Environment: reason.New(reason.NoHome, nil), Profile: reason.New(reason.NoHome, nil), PodURI: "http://127.0.0.1:1/", PodTokenFile: "token",
		Taken: func(links []Link) { f.told = append(f.told, links) },
	})
	f.Chain.agency = &temporary{name: "ECS agency", fetch: f.agency.fetch}
	f.Chain.pod = &temporary{name: "pod identity", fetch: f.pod.fetch}
	return f
}

func (f *fakeChain) taken() string {
	for _, l := range f.Links() {
		if l.Taken {
			return l.Name
		}
	}
	return "none"
}

func TestChainTakesTheFirstLinkThatHasACredential(t *testing.T) {
	for rule, test := range map[string]struct {
		agency, pod error
		taken       string
		podAsked    int
		kind        Kind
		reason      string
	}{
		"the agency":                       {nil, nil, LinkAgency, 0, 0, ""},
		"the pod where no agency is":       {errNoAgency, nil, LinkPod, 1, 0, ""},
		"the pod where no metadata is":     {errAway, nil, LinkPod, 1, 0, ""},
		"none while the metadata is sick":  {errSick, nil, "none", 0, Failed, "HTTP 500"},
		"none, and it may pass":            {errAway, errPod, "none", 1, Failed, "ECS agency: nothing listens; pod identity: the agent gave no credential"},
		"none, and a person must mend one": {errNoAgency, errPod, "none", 1, Unauthenticated, "ECS agency: no agency is bound to this ECS; pod identity: the agent"},
	} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeChain(test.agency, test.pod)
				_, err := f.Credential(t.Context())
				if f.taken() != test.taken || f.pod.count() != test.podAsked || f.Decided() != (err == nil) || (len(f.told) == 1) != (err == nil) {
					t.Errorf("took %s, told %v, asked the pod %d times", f.taken(), f.told, f.pod.count())
				}
				if test.reason == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if code := f.Links()[3].Why.Code(); (code == reason.LinkWaits) != (test.agency == errSick) {
					t.Errorf("of the pod it says %s", code)
				}
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Kind != test.kind || !strings.Contains(e.Reason.String(), test.reason) {
					t.Errorf("%v, want %s, %q", err, test.kind, test.reason)
				}
			})
		})
	}
}

// A daemon may start before the metadata service answers.
func TestChainGoesOnUntilALinkIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeChain(errAway, errPod)
		for range 60 { // ten minutes
			if _, err := f.Credential(t.Context()); err == nil {
				t.Fatal("a credential from nowhere")
			}
			<-time.After(10 * time.Second)
		}
		if n := f.agency.count(); n < 3 || n > 10 {
			t.Errorf("asked %d times", n)
		}
		f.agency.set(func(i *fakeIssuer) { i.err = nil })
		<-time.After(lastPause)
		if _, err := f.Credential(t.Context()); err != nil || f.taken() != LinkAgency {
			t.Errorf("%v, took %s", err, f.taken())
		}
	})
}

// As whom is asked must not depend on which service had a bad moment.
func TestChainKeepsToItsLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeChain(errAway, nil)
		first, err := f.Credential(t.Context())
		if err != nil || f.taken() != LinkPod {
			t.Fatalf("%v, took %s", err, f.taken())
		}
		f.agency.set(func(i *fakeIssuer) { i.err = nil })
		f.pod.set(func(i *fakeIssuer) { i.err = errPod })
		<-time.After(2 * time.Hour)
		if cred, err := f.Credential(t.Context()); err == nil {
			t.Errorf("%v of another link", cred)
		}
		if _, err := f.Refresh(t.Context(), first); err == nil || f.taken() != LinkPod || f.agency.count() != 1 || len(f.told) != 1 {
			t.Errorf("%v, took %s, asked the agency %d times, told %d times", err, f.taken(), f.agency.count(), len(f.told))
		}
	})
}

// The first of two answers counts, whichever of those who wait it reaches.
func TestChainTakesOneLinkForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeChain(errAway, nil)
		f.agency.takes = time.Second
		f.pod.takes = 3 * time.Second
		var wait sync.WaitGroup
		ask := func() {
			wait.Go(func() {
				if _, err := f.Credential(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		ask()
		<-time.After(2 * time.Second) // the first waits for the pod by now
		f.agency.set(func(i *fakeIssuer) { i.err = nil })
		<-time.After(firstPause)
		for range 100 {
			ask()
		}
		wait.Wait()
		if f.taken() != LinkPod || len(f.told) != 1 || f.pod.count() != 1 {
			t.Errorf("took %s, told %d times, %d fetches", f.taken(), len(f.told), f.pod.count())
		}
		// Both at once.
		f = newFakeChain(nil, nil)
		for range 100 {
			ask()
		}
		wait.Wait()
		if f.taken() != LinkAgency || len(f.told) != 1 || f.agency.count() != 1 || f.pod.count() != 0 {
			t.Errorf("took %s, told %d times, %d fetches", f.taken(), len(f.told), f.agency.count())
		}
	})
}

// One who took a link late is answered by the one that was taken.
func TestChainAnswersWithTheLinkThatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeChain(nil, nil)
		fromAgency, err := f.Chain.agency.Credential(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fromPod, err := f.Chain.pod.Credential(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fromPod.accessKey = secret.New("AKPOD")
		if _, err := f.take(t.Context(), f.Chain.agency, fromAgency); err != nil {
			t.Fatal(err)
		}
		f.agency.set(func(i *fakeIssuer) { i.err = errAway })
		if got, err := f.take(t.Context(), f.Chain.pod, fromPod); err != nil || !got.same(fromAgency) || f.taken() != LinkAgency {
			t.Errorf("%v, %v, took %s", got, err, f.taken())
		}
	})
}
