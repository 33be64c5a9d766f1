package dcs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

const (
	idpID    = "cce-prod"
	idToken  = "eyJhbGciOiJSUzI1NiJ9.identity-of-tests.signature-of-tests"
	podToken = "pod-identity-of-tests"
)

// issuer returns a simulated issuer that listens, and gives all kinds of
// credentials.
func issuer(t *testing.T, d *simcloud.DCS) *simcloud.Issuer {
	t.Helper()
	i, err := simcloud.NewIssuer(simcloud.IssuerOptions{
		DCS: d, Life: 6 * time.Hour, Sessions: true, Agency: true, PodToken: podToken, IdpID: idpID, IDToken: idToken,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	if err := i.Listen(""); err != nil {
		t.Fatal(err)
	}
	return i
}

// tokenFile returns a file with a token in it.
func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kinds are all kinds of credentials that are issued.
func kinds(t *testing.T, i *simcloud.Issuer) map[string]dcs.Credentials {
	return map[string]dcs.Credentials{
		"ECS agency":   dcs.ECSAgency(i.URL()),
		"pod identity": dcs.PodIdentity(i.URL()+"/v1/credentials", tokenFile(t, podToken)),
		"chain":        dcs.NewChain(dcs.ChainOptions{MetadataURL: i.URL()}),
		"OIDC":         dcs.OIDC(dcs.OIDCOptions{IAM: i.URL(), IdpID: idpID, TokenFile: tokenFile(t, idToken)}),
	}
}

// A hundred requests whose credential is refused at once: one fetches its
// successor, for all, and nobody ever signs with the key of one and the token
// of another.
func TestHundredRequestsShareEachCredentialWhole(t *testing.T) {
	for name := range kinds(t, issuer(t, cloud(t))) {
		t.Run(name, func(t *testing.T) {
			d := cloud(t)
			i := issuer(t, d)
			c := caller(t, d, projectID, kinds(t, i)[name])
			const rounds = 2 // what is refused again at once is replaced at a pace
			for round := range rounds {
				var wait sync.WaitGroup
				for range 100 {
					wait.Go(func() {
						if ssl, err := c.SSL(t.Context(), instanceID); err != nil || !ssl.Enabled {
							t.Errorf("round %d: %+v, %v", round, ssl, err)
						}
					})
				}
				wait.Wait()
				if n := i.Issued(); n != round+1 {
					t.Fatalf("round %d: %d credentials were issued", round, n)
				}
				i.Revoke()
			}
			if n := i.Most(); n != 1 {
				t.Errorf("%d requests to the issuer at once", n)
			}
			for _, r := range d.Requests() {
				if r.Outcome == simcloud.OutcomeUnauthenticated && r.Detail != "unknown access key" {
					t.Errorf("a request was refused: %s", r.Detail)
				}
			}
		})
	}
}

func TestMetadataServiceWithAndWithoutSessions(t *testing.T) {
	d := cloud(t)
	i := issuer(t, d)
	const put, get = "/meta-data/latest/api/token", "/openstack/latest/securitykey"
	agency := dcs.ECSAgency(i.URL())
	refresh := func(wantPuts, wantGets int) {
		t.Helper()
		cred, err := agency.Credential(t.Context())
		if err == nil {
			_, err = agency.Refresh(t.Context(), cred)
		}
		if err != nil {
			t.Fatal(err)
		}
		if puts, gets := i.Asked("PUT", put), i.Asked("GET", get); puts != wantPuts || gets != wantGets {
			t.Fatalf("%d sessions and %d credentials were asked for, want %d and %d", puts, gets, wantPuts, wantGets)
		}
	}
	i.Set(func(o *simcloud.IssuerOptions) { o.Sessions = false })
	refresh(1, 2) // the first version has none: that is asked once a day
	agency = dcs.ECSAgency(i.URL())
	if _, err := agency.Credential(t.Context()); err != nil {
		t.Fatal(err)
	}
	i.Set(func(o *simcloud.IssuerOptions) { o.Sessions = true })
	refresh(3, 5) // one that wants them since refuses, and is asked again
}

func TestOIDCFailures(t *testing.T) {
	d := cloud(t)
	i := issuer(t, d)
	good := dcs.OIDCOptions{IAM: i.URL(), IdpID: idpID, TokenFile: tokenFile(t, idToken)}
	for rule, test := range map[string]struct {
		change func(*dcs.OIDCOptions)
		kind   dcs.Kind
		reason string
	}{
		"no file":             {func(o *dcs.OIDCOptions) { o.TokenFile += "x" }, dcs.Unauthenticated, "there is no file"},
		"another token":       {func(o *dcs.OIDCOptions) { o.TokenFile = tokenFile(t, "identity-of-tests.expired") }, dcs.Unauthenticated, "did not take the identity token in "},
		"another provider":    {func(o *dcs.OIDCOptions) { o.IdpID = "cce-test" }, dcs.Unauthenticated, "knows no identity provider cce-test"},
		"nobody listens":      {func(o *dcs.OIDCOptions) { o.IAM = "http://127.0.0.1:1" }, dcs.Failed, "check iam_endpoint"},
		"not a URL":           {func(o *dcs.OIDCOptions) { o.IAM = "iam" }, dcs.Unauthenticated, "the address of IAM is not a URL"},
		"not IAM, but a page": {func(o *dcs.OIDCOptions) { o.IAM += "/other" }, dcs.Unauthenticated, "did not take the identity token"},
	} {
		t.Run(rule, func(t *testing.T) {
			o := good
			test.change(&o)
			_, err := caller(t, d, projectID, dcs.OIDC(o)).SSL(t.Context(), instanceID)
			e, ok := errors.AsType[*dcs.Error](err)
			if !ok || e.Kind != test.kind || e.Status != 0 || !strings.Contains(e.Reason.String(), test.reason) {
				t.Fatalf("%v, want %s, %q", err, test.kind, test.reason)
			}
			for _, hidden := range []string{"identity-of-tests", "unscoped-"} {
				if strings.Contains(e.Reason.String()+e.Error(), hidden) {
					t.Errorf("%q holds a secret", e.Reason)
				}
			}
		})
	}
	if n := i.Issued(); n != 0 {
		t.Errorf("%d credentials were issued", n)
	}
}

// Kubernetes replaces the token long before it ends.
func TestIdentityTokenIsReadAnewForEachExchange(t *testing.T) {
	d := cloud(t)
	i := issuer(t, d)
	file := tokenFile(t, idToken)
	c := dcs.OIDC(dcs.OIDCOptions{IAM: i.URL(), IdpID: idpID, TokenFile: file})
	first, err := c.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i.Set(func(o *simcloud.IssuerOptions) { o.IDToken = "the next one" })
	if err := os.WriteFile(file, []byte("the next one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Refresh(t.Context(), first); err != nil {
		t.Error(err)
	}
}

// Who gives up is told so, and not that the issuer failed.
func TestIssuerThatIsNotWaitedFor(t *testing.T) {
	d := cloud(t)
	for name, c := range kinds(t, issuer(t, d)) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Credential(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
