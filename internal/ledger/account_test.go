package ledger_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// account is what one receiver heard, kept by other rules than those of the
// code under test.
type account struct {
	open       map[check.Condition]time.Time // the certificate that it was told of
	thresholds map[string]bool               // certificate and threshold
	last       map[check.Condition]time.Time
	ended      map[check.Condition]bool // an end was tried to be told
}

func newAccount() *account {
	return &account{open: map[check.Condition]time.Time{}, thresholds: map[string]bool{}, last: map[check.Condition]time.Time{}, ended: map[check.Condition]bool{}}
}

// take checks a notice against what was heard before.
func (a *account) take(n ledger.Notice, repeat map[check.Severity]time.Duration, now time.Time) error {
	certificate, open := a.open[n.Condition]
	switch n.Kind {
	case ledger.Firing, ledger.Escalated:
		if n.Replaced() {
			a.forget(n.Told.NotAfter)
		}
		if n.Kind == ledger.Firing && a.ended[n.Condition] {
			a.forget(certificate) // it may be taken for over
			open = false
		}
		delete(a.ended, n.Condition)
		if n.Condition == check.CertificateExpiring {
			key := fmt.Sprintf("%v %v %v", n.NotAfter, n.Threshold, n.Severity)
			if a.thresholds[key] {
				return fmt.Errorf("threshold %v of %v was told before", n.Threshold, n.NotAfter)
			}
			a.thresholds[key] = true
		} else if n.Kind == ledger.Firing && open {
			return fmt.Errorf("%s fires and was open", n.Condition)
		}
		a.open[n.Condition] = n.NotAfter
	case ledger.Reminder:
		if !open {
			return fmt.Errorf("reminder of %s, which was never told", n.Condition)
		}
		if since := now.Sub(a.last[n.Condition]); since < repeat[n.Severity]/2 {
			return fmt.Errorf("reminder of %s after %v", n.Condition, since)
		}
	case ledger.Resolved:
		if !open {
			return fmt.Errorf("%s is resolved and was not open", n.Condition)
		}
		if n.Condition == check.CertificateExpiring && !n.PreviousNotAfter.Equal(certificate) {
			return fmt.Errorf("the end of %v is told, what was told was of %v", n.PreviousNotAfter, certificate)
		}
		for _, c := range n.Closes {
			a.forget(a.open[c])
			delete(a.open, c)
			delete(a.ended, c)
		}
	case ledger.Missed:
		if open {
			return fmt.Errorf("%s passed and was told", n.Condition)
		}
	}
	a.last[n.Condition] = now
	return nil
}

// miss notes what was tried to be told.
func (a *account) miss(n ledger.Notice) {
	for _, c := range n.Closes {
		if _, open := a.open[c]; open {
			a.ended[c] = true
		}
	}
}

// forget drops a certificate that was replaced: should it come back, its
// story begins anew.
func (a *account) forget(certificate time.Time) {
	maps.DeleteFunc(a.thresholds, func(key string, _ bool) bool { return strings.HasPrefix(key, certificate.String()) })
}

// step judges and delivers as the loop does, and checks what must hold each
// time: at most one notice for an alert, nothing owed after a delivery, and
// what was given is as it was.
func (l *life) step(acc *account) error {
	alerts := check.Standing(l.record, l.policy, l.now)
	before := l.copyLines()
	notices := ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now)
	next := ledger.Await(l.lines, alerts, notices, l.now)
	if !reflect.DeepEqual(before, l.lines) {
		return fmt.Errorf("the lines were modified: %v, before %v", l.lines, before)
	}
	l.lines = next
	seen := map[string]bool{}
	for _, n := range notices {
		alert := fmt.Sprintf("%s %v %v", n.Condition, n.Fires(), n.NotAfter)
		if seen[alert] {
			return fmt.Errorf("two notices for one alert: %v", notices)
		}
		seen[alert] = true
		if l.down {
			l.lines = ledger.Try(l.lines, n)
			acc.miss(n)
			continue
		}
		if err := acc.take(n, l.repeat, l.now); err != nil {
			return err
		}
		l.lines = ledger.Tell(l.lines, n, "m", l.now)
	}
	if l.down {
		return nil
	}
	if again := ledger.Owed(alerts, l.lines, l.who, l.repeat, l.policy.Clock("p"), l.now); len(again) > 0 {
		return fmt.Errorf("owed after delivery: %v", again)
	}
	return nil
}

// copyLines returns a copy that shares nothing.
func (l *life) copyLines() ledger.Lines {
	if l.lines == nil {
		return nil
	}
	out := ledger.Lines{}
	for c, line := range l.lines {
		if line.Told != nil {
			t := *line.Told
			line.Told = &t
		}
		if line.Pending != nil {
			w := *line.Pending
			line.Pending = &w
		}
		out[c] = line
	}
	return out
}
