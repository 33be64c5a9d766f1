package dcs_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

const (
	projectID  = "0123456789abcdef0123456789abcdef"
	otherID    = "fedcba9876543210fedcba9876543210"
	instanceID = "553a2516-b865-4159-b774-204dc0a36e37"
)

var ends = time.Date(2027, 6, 15, 2, 21, 18, 669e6, time.UTC)

// cloud returns a simulated DCS that listens, with one instance in each of two
// projects.
func cloud(t *testing.T) *simcloud.DCS {
	t.Helper()
	instance := simcloud.Instance{ID: instanceID, ProjectID: projectID, IP: "192.168.0.5", Enabled: true, Validated: true, ExpiresAt: ends}
	other := instance
	other.ProjectID = otherID
	d, err := simcloud.New(simcloud.Options{
		Projects: []string{projectID, otherID}, Keys: []simcloud.Key{{Access: "AKEXAMPLE", Secret: "secret-key-of-tests"}},
		Instances: []simcloud.Instance{instance, other}, Echo: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Listen(""); err != nil {
		t.Fatal(err)
	}
	return d
}

func caller(t *testing.T, d *simcloud.DCS, project string, keys dcs.Credentials) *dcs.Client {
	t.Helper()
	c, err := dcs.New(dcs.Options{Endpoint: d.URL(), ProjectID: project, Credentials: keys, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func keys() dcs.Credentials { return dcs.Keys("AKEXAMPLE", "secret-key-of-tests", "") }

// The client and the simulated cloud were written apart from each other: each
// answer of the one has to mean to the other what the API page says.
func TestEachAnswerOfTheSimulatedCloudMeansWhatItShould(t *testing.T) {
	on := dcs.SSL{Enabled: true, Validated: true, ExpiresAt: ends, IP: "192.168.0.5", Port: "6379", Domain: "redis-" + instanceID + ".dcs.example.com"}
	invalid := on
	invalid.Validated, invalid.ExpiresAt = false, time.Time{}
	type meaning struct {
		ssl    dcs.SSL
		kind   dcs.Kind
		reason string // empty for a state
	}
	failed := func(reason string) meaning { return meaning{kind: dcs.Failed, reason: reason} }
	meanings := map[simcloud.Answer]meaning{
		simcloud.AnswerTruth:        {ssl: on},
		simcloud.AnswerOK:           {ssl: on},
		simcloud.AnswerNumberPort:   {ssl: on},
		simcloud.Answer("surplus"):  {ssl: on}, // what comes behind the answer is not a part of it
		simcloud.AnswerOff:          {},
		simcloud.AnswerOffEmpty:     {},
		simcloud.AnswerOff204:       {ssl: dcs.SSL{NoInfo: true}},
		simcloud.AnswerUndated:      {ssl: invalid},
		simcloud.AnswerUnsupported:  {kind: dcs.Unsupported, reason: "can't have SSL"},
		simcloud.AnswerMissing:      {kind: dcs.Missing, reason: "no such instance"},
		simcloud.AnswerErrorObject:  {kind: dcs.Missing, reason: "no such instance"},
		simcloud.AnswerForbidden:    {kind: dcs.Forbidden, reason: "grant dcs:ssl:get"},
		simcloud.AnswerForbiddenIAM: {kind: dcs.Forbidden, reason: "grant dcs:ssl:get"},
		simcloud.AnswerUnauthorized: {kind: dcs.Unauthenticated, reason: "refused the access key"},
		simcloud.AnswerThrottled:    {kind: dcs.Throttled, reason: "asked too often"},
		simcloud.AnswerInternal:     failed("the API failed with HTTP 500"),
		simcloud.AnswerBusy:         failed("busy"),
		simcloud.AnswerProxy:        failed("answered 502 with an HTML page"),
		simcloud.AnswerRedirect:     failed("a redirect to login.sim.invalid"),
		simcloud.AnswerHang:         failed("did not answer within"),
		simcloud.AnswerReset:        failed("cut the connection"),
		simcloud.AnswerCut:          failed("cut the connection"),
		simcloud.AnswerEndless:      failed("more than 1 MiB"),
		simcloud.AnswerEmpty:        failed("an empty body"),
		simcloud.AnswerNull:         failed("JSON of another form"),
		simcloud.AnswerArray:        failed("JSON of another form"),
		simcloud.AnswerBody:         failed("an empty body"),
		simcloud.AnswerForeign:      failed("without a field enabled, but with one that the API does not have (“message”)"),
		simcloud.AnswerNumberDate:   failed("not a string"),
		simcloud.AnswerNoDate:       failed("without ssl_expired_at"),
		simcloud.AnswerZeroDate:     failed("not a believable date"),
		simcloud.AnswerFarDate:      failed("not a believable date"),
		simcloud.AnswerGarbageDate:  failed("not a believable date"),
		simcloud.AnswerNumericCode:  failed("111400800"),
	}
	d := cloud(t)
	for _, answer := range append(simcloud.Answers(), simcloud.AnswerTruth) {
		t.Run(string(answer), func(t *testing.T) {
			if err := d.AnswerProject(projectID, answer); err != nil {
				t.Fatal(err)
			}
			options := dcs.Options{Endpoint: d.URL(), ProjectID: projectID, Credentials: keys(), Timeout: 5 * time.Second}
			if answer == simcloud.AnswerHang {
				options.Timeout = 50 * time.Millisecond
			}
			c, err := dcs.New(options)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseIdleConnections()
			ssl, err := c.SSL(t.Context(), instanceID)
			if answer == simcloud.AnswerSliding { // its date is another one each time
				if left := time.Until(ssl.ExpiresAt); err != nil || left < 4*24*time.Hour || left > 5*24*time.Hour {
					t.Errorf("%+v, %v", ssl, err)
				}
				return
			}
			want, known := meanings[answer]
			if !known {
				t.Fatal("what it should mean is not written down here")
			}
			if want.reason == "" {
				if ssl.Clock != (dcs.Clock{Known: true}) {
					t.Errorf("of our clock it says %+v", ssl.Clock)
				}
				if ssl.Clock = (dcs.Clock{}); err != nil || ssl != want.ssl {
					t.Errorf("%+v, %v\nwant %+v", ssl, err, want.ssl)
				}
				return
			}
			e, ok := errors.AsType[*dcs.Error](err)
			if !ok || e.Kind != want.kind || !strings.Contains(e.Reason.String(), want.reason) || ssl != (dcs.SSL{}) {
				t.Errorf("%+v, %v\nwant %s, %q", ssl, err, want.kind, want.reason)
			}
			// The other project does not feel it.
			ssl, err = caller(t, d, otherID, keys()).SSL(t.Context(), instanceID)
			if ssl.Clock = (dcs.Clock{}); err != nil || ssl != on {
				t.Errorf("the other project: %+v, %v", ssl, err)
			}
		})
	}
}

func TestTheGatewayOfTheSimulatedCloudJudgesTheClient(t *testing.T) {
	d := cloud(t)
	refused := func(rule string, c *dcs.Client, reason string) {
		t.Helper()
		_, err := c.SSL(t.Context(), instanceID)
		e, ok := errors.AsType[*dcs.Error](err)
		if !ok || e.Kind != dcs.Unauthenticated || !strings.Contains(e.Reason.String(), reason) {
			t.Errorf("%s: %v, want %q", rule, err, reason)
			return
		}
		// The gateway echoes what was sent.
		for _, secret := range []string{"secret-key-of-tests", "token-of-tests", "another-secret"} {
			if strings.Contains(e.Error()+e.Message, secret) {
				t.Errorf("%s: %v holds a secret", rule, e)
			}
		}
	}
	refused("an unknown key", caller(t, d, projectID, dcs.Keys("AKOTHER", "another-secret", "")), "does not know the access key")
	refused("exchanged keys", caller(t, d, projectID, dcs.Keys("secret-key-of-tests", "AKEXAMPLE", "")), "does not know the access key")
	refused("an unknown token", caller(t, d, projectID, dcs.Token("token-of-tests")), "refused the token")
	refused("a security token too many", caller(t, d, projectID, dcs.Keys("AKEXAMPLE", "secret-key-of-tests", "token-of-tests")), "refused the temporary access key")
	refused("another project", caller(t, d, strings.Repeat("0", 32), keys()), "refused the access key")
	for range 6 {
		refused("a wrong secret", caller(t, d, projectID, dcs.Keys("AKEXAMPLE", "another-secret", "")), "the access key")
	}
	refused("a locked key", caller(t, d, projectID, keys()), "has locked the access key for five minutes")
	d.SetTokens("token-of-tests")
	if _, err := caller(t, d, projectID, dcs.Token("token-of-tests")).SSL(t.Context(), instanceID); err != nil {
		t.Error(err)
	}
}

func TestAWindowOfTheGatewaySaysWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := simcloud.New(simcloud.Options{
			Projects: []string{projectID}, Keys: []simcloud.Key{{Access: "AKEXAMPLE", Secret: "secret-key-of-tests"}},
			Instances: []simcloud.Instance{{ID: instanceID, Enabled: true, Validated: true, ExpiresAt: ends}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		d.Window(3, 5*time.Minute)
		c, err := dcs.New(dcs.Options{
			Endpoint: "http://dcs.sim", ProjectID: projectID, Credentials: keys(),
			Transport: direct{d}, // time stands still while a socket is read
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseIdleConnections()
		var waits []time.Duration
		for range 8 {
			_, err := c.SSL(t.Context(), instanceID)
			if e, ok := errors.AsType[*dcs.Error](err); ok && e.Kind == dcs.Throttled {
				waits = append(waits, e.RetryAfter)
				<-time.After(e.RetryAfter)
			} else if err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
		}
		if want := []time.Duration{2 * time.Minute, 2 * time.Minute}; !slices.Equal(waits, want) {
			t.Errorf("waits of %s, want %s", waits, want)
		}
	})
}

// direct hands requests to a handler without a socket.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	served := r.Clone(r.Context())
	served.Host, served.Body = r.URL.Host, http.NoBody
	d.ServeHTTP(w, served)
	return w.Result(), nil
}
