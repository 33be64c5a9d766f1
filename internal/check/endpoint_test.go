package check_test

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/probe"
	"github.com/sslwatch/sslwatch/internal/reason"
)

var at = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

// handshake is an address that serves a certificate until a time, with these
// findings.
func handshake(address string, ends time.Time, codes ...reason.Code) probe.Result {
	r := probe.Result{Address: address, Version: tls.VersionTLS13, Leaf: &x509.Certificate{NotAfter: ends, DNSNames: []string{"redis.example.com"}}}
	for _, code := range codes {
		r.Findings = append(r.Findings, probe.Finding{Breaks: true, Reason: reason.New(code, nil)})
	}
	return r
}

// What a handshake shows becomes what is remembered: each thing once, at the
// address where it was seen first, and the worst first.
func TestWhatHandshakesShowIsRemembered(t *testing.T) {
	year := at.Add(365 * check.Day)
	p := check.Policy{Confirm: 1}
	for rule, tc := range map[string]struct {
		date    time.Time // that the API tells
		results []probe.Result
		want    string // codes, critical ones with an exclamation mark, and where
		ends    time.Time
	}{
		"all is well":                 {year, []probe.Result{handshake("4", year)}, "", year},
		"at both addresses, once":     {year, []probe.Result{handshake("4", year, reason.ProbeOldTLS), handshake("6", year, reason.ProbeOldTLS)}, "probe_old_tls 4", year},
		"at the second address":       {year, []probe.Result{handshake("4", year), handshake("6", at.Add(check.Day))}, "endpoint_other_date! 6", at.Add(check.Day)},
		"the worst first":             {year, []probe.Result{handshake("4", year, reason.ProbeOldTLS), handshake("6", at.Add(check.Day))}, "endpoint_other_date! 6, probe_old_tls 4", at.Add(check.Day)},
		"another end, which is past":  {year, []probe.Result{handshake("4", at.Add(-check.Day), reason.ProbeExpired)}, "endpoint_other_date! 4", at.Add(-check.Day)},
		"an end without a date":       {time.Time{}, []probe.Result{handshake("4", at.Add(-check.Day), reason.ProbeExpired)}, "probe_expired! 4", at.Add(-check.Day)},
		"an end that nobody lives to": {year, []probe.Result{handshake("4", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))}, "endpoint_other_date 4", time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC)},
		"an end before computers":     {year, []probe.Result{handshake("4", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))}, "endpoint_other_date! 4", time.Unix(0, 0).UTC()},
	} {
		t.Run(rule, func(t *testing.T) {
			r := check.Record{Subject: check.Subject{ProjectID: "p", InstanceID: "i"}, Terms: check.Terms{Probe: true}}
			r = check.Learn(r, check.Observation{SSL: dcs.SSL{Enabled: true, Validated: !tc.date.IsZero(), ExpiresAt: tc.date}}, p, at)
			r = check.LearnHandshake(r, tc.results, p, at)
			var got []string
			for _, f := range r.Probed.Findings {
				mark := ""
				if f.Critical {
					mark = "!"
				}
				got = append(got, string(f.Reason.Code())+mark+" "+f.Address)
			}
			if s := strings.Join(got, ", "); s != tc.want {
				t.Errorf("found %q, want %q", s, tc.want)
			}
			if shown := r.Probed; !shown.NotAfter.Equal(tc.ends) || shown.Protocol != "TLS 1.3" || shown.Names != "redis.example.com" || !shown.Reached.Equal(at) {
				t.Errorf("%+v", shown)
			}
			if err := r.Sound(r.Key()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is to be confirmed is asked for soon, and only as long as that brings
// it further.
func TestOnlyWhatIsUnsureIsAskedForSoon(t *testing.T) {
	p, year := check.Policy{Confirm: 2}, at.Add(365*check.Day)
	r := check.Record{Subject: check.Subject{ProjectID: "p", InstanceID: "i"}, Terms: check.Terms{Probe: true}}
	r = check.Learn(r, check.Observation{SSL: dcs.SSL{Enabled: true, Validated: true, ExpiresAt: year}}, p, at)
	silent := probe.Result{Address: "6", Findings: []probe.Finding{{Breaks: true, Reason: reason.New(reason.ConnectTimeout, nil)}}}
	well, odd := handshake("4", year), handshake("6", year, reason.ProbeOldTLS)
	for i, step := range []struct {
		results []probe.Result
		unsure  bool
	}{
		{[]probe.Result{well}, false},
		{[]probe.Result{well, odd}, true},    // seen once
		{[]probe.Result{well, silent}, true}, // that it is unreachable was
		{[]probe.Result{well, silent}, false},
		{[]probe.Result{well, silent}, false}, // and what it showed is not known
		{[]probe.Result{well, odd}, true},     // seen twice, and reached once
		{[]probe.Result{well, odd}, false},
		{[]probe.Result{well}, true},
		{[]probe.Result{well}, false},
	} {
		before := r
		r = check.LearnHandshake(r, step.results, p, at.Add(time.Duration(i)*time.Minute))
		if got := r.ProbeUnsure(before); got != step.unsure {
			t.Errorf("step %d: unsure %t, want %t: %+v", i, got, step.unsure, r.Probed)
		}
	}
}

func TestWhatHandshakesShowedIsNotModified(t *testing.T) {
	p, year := check.Policy{Confirm: 2}, at.Add(365*check.Day)
	r := check.Record{Subject: check.Subject{ProjectID: "p", InstanceID: "i"}, Terms: check.Terms{Probe: true}}
	r = check.LearnHandshake(r, []probe.Result{handshake("4", year, reason.ProbeOldTLS, reason.ProbeOtherName)}, p, at)
	before, findings := *r.Probed, slices.Clone(r.Probed.Findings)
	for _, results := range [][]probe.Result{{handshake("4", year, reason.ProbeOldTLS)}, {handshake("4", year)}, {handshake("4", at)}} {
		check.LearnHandshake(r, results, p, at.Add(time.Minute))
		check.Standing(r, p, at.Add(time.Minute))
		r.Rewind(at.Add(-time.Hour))
	}
	if !slices.Equal(findings, r.Probed.Findings) || before.At != r.Probed.At || before.NotAfter != r.Probed.NotAfter {
		t.Errorf("was %+v, is %+v", before, *r.Probed)
	}
}

func TestAClockThatIsSetBackBoundsWhatHandshakesShowed(t *testing.T) {
	p, year := check.Policy{Confirm: 1}, at.Add(365*check.Day)
	r := check.LearnHandshake(check.Record{}, []probe.Result{handshake("4", year, reason.ProbeOldTLS)}, p, at)
	back := at.Add(-time.Hour)
	shown := r.Rewind(back).Probed
	if !shown.At.Equal(back) || !shown.Reached.Equal(back) || !shown.Findings[0].Since.Equal(back) || !shown.NotAfter.Equal(year) {
		t.Errorf("%+v", shown)
	}
}

func TestWhereAnInstanceIsReached(t *testing.T) {
	for rule, tc := range map[string]struct {
		of   check.Endpoint
		want []check.Address
	}{
		"by its name":           {check.Endpoint{Domain: "redis.example.com", IP: "192.0.2.5", IPv6: "2001:db8::5", Port: "6379"}, []check.Address{{"redis.example.com", true, "6379"}}},
		"a name with a dot":     {check.Endpoint{Domain: "redis.example.com.", Port: "6379"}, []check.Address{{"redis.example.com", true, "6379"}}},
		"by both addresses":     {check.Endpoint{IP: "192.0.2.5", IPv6: "2001:db8::5", Port: "6379"}, []check.Address{{"192.0.2.5", false, "6379"}, {"2001:db8::5", false, "6379"}}},
		"a name that is none":   {check.Endpoint{Domain: "x; rm -rf /", IP: "192.0.2.5", Port: "6379"}, []check.Address{{"192.0.2.5", false, "6379"}}},
		"an address for a name": {check.Endpoint{Domain: "192.0.2.7", IP: "192.0.2.5", Port: "6379"}, []check.Address{{"192.0.2.7", false, "6379"}}},
		"without a port":        {check.Endpoint{IP: "192.0.2.5", Port: "0"}, []check.Address{{"192.0.2.5", false, ""}}},
		"nowhere":               {check.Endpoint{IP: "0.0.0.0", IPv6: "fe80::1%eth0", Port: "6379"}, nil},
	} {
		t.Run(rule, func(t *testing.T) {
			if got := tc.of.Addresses(); !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
