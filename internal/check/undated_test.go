package check

import (
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
)

// The API can say that a certificate is not valid without a date that can be
// read. That is a good half of an answer: it is told, and the date stays.
func TestNotValidWithoutADateIsToldAndTheDateStays(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	p := Policy{Confirm: 2, FailingAfter: time.Hour}
	terms := Terms{Expiry: []Duration{Duration(30 * 24 * time.Hour)}, Critical: Duration(7 * 24 * time.Hour), RequireSSL: true}
	undated := Observation{SSL: dcs.SSL{Enabled: true, Port: "6380"}}
	for rule, test := range map[string]struct {
		known, want time.Time
		condition   Condition
	}{
		"of a date that is known":   {now.AddDate(1, 0, 0), now.AddDate(1, 0, 0), SSLInvalid},
		"of a date that has passed": {now.AddDate(-1, 0, 0), now.AddDate(-1, 0, 0), CertificateExpired},
		"where no date is known":    {time.Time{}, time.Time{}, SSLInvalid},
	} {
		t.Run(rule, func(t *testing.T) {
			r := Record{Terms: terms}
			if !test.known.IsZero() {
				r = Learn(r, Observation{SSL: dcs.SSL{Enabled: true, Validated: true, ExpiresAt: test.known}}, p, now.Add(-time.Hour))
			}
			r = Learn(r, undated, p, now)
			if !r.Unsure() {
				t.Error("it is not asked again soon")
			}
			r = Learn(r, undated, p, now.Add(10*time.Second))
			if !r.NotAfter.Equal(test.want) || !r.PreviousNotAfter.IsZero() || r.Failing.Count != 0 || r.Endpoint.Port != "6380" {
				t.Errorf("the record is %+v", r)
			}
			var stands []Condition
			for _, a := range Standing(r, p, now.Add(11*time.Second)) {
				if a.State == Stands {
					stands = append(stands, a.Condition)
				}
			}
			if len(stands) != 1 || stands[0] != test.condition {
				t.Errorf("stands: %v, want %v", stands, test.condition)
			}
			r = Learn(r, Observation{SSL: dcs.SSL{Enabled: true, Validated: true, ExpiresAt: now.AddDate(1, 0, 0)}}, p, now.Add(20*time.Second))
			if !r.NotAfter.Equal(now.AddDate(1, 0, 0)) {
				t.Errorf("then it expires %v", r.NotAfter)
			}
		})
	}
}
