package ledger

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Sound returns what is wrong with a line that was read for a condition, nil
// if sslwatch may have written it.
func (l Line) Sound(c check.Condition) error {
	switch {
	case !c.Known():
		return errors.New("sslwatch does not know this condition")
	case l.Told == nil && l.Pending == nil:
		return errors.New("it says nothing")
	case !slices.Contains([]Kind{"", Firing, Resolved}, l.Tried):
		return fmt.Errorf("%q was tried, which is not something that sslwatch tries", l.Tried)
	case l.Told == nil && l.Tried == Resolved:
		return errors.New("it ended, and was not told")
	case (l.Told != nil || l.Pending == nil) && l.Tried == Firing:
		return errors.New("its beginning was tried, and it does not wait for that")
	}
	if t := l.Told; t != nil {
		switch {
		case !t.Severity.Known():
			return fmt.Errorf("told, with the severity %q", t.Severity)
		case t.First.IsZero() || t.LastNews.IsZero() || t.Last.IsZero():
			return errors.New("told, without the times")
		case c.OfCertificate() && t.NotAfter.IsZero():
			return errors.New("told, of a certificate without a date")
		}
		if err := errors.Join(check.SoundTimes(t.NotAfter, t.Identity, t.First, t.LastNews, t.Last), check.SoundBeginning(t.Since)); err != nil {
			return fmt.Errorf("told: %w", err)
		}
	}
	if w := l.Pending; w != nil {
		switch {
		case !w.Severity.Known():
			return fmt.Errorf("waits, with the severity %q", w.Severity)
		case w.Since.IsZero():
			return errors.New("waits, without a time")
		case c.OfCertificate() && w.NotAfter.IsZero():
			return errors.New("waits, for a certificate without a date")
		}
		if err := errors.Join(check.SoundTimes(w.Since, w.NotAfter, w.Identity), check.SoundBeginning(w.Began)); err != nil {
			return fmt.Errorf("waits: %w", err)
		}
	}
	return nil
}

// Sound returns what is wrong with a message that was read, nil if sslwatch
// may have kept it.
func (s Sent) Sound() error {
	if len(s.Receipt) == 0 || string(s.Receipt) == "null" {
		return errors.New("it has no receipt")
	}
	if len(s.Entries) == 0 {
		return errors.New("it has no entries")
	}
	for _, e := range s.Entries {
		if e.Key == (check.Key{}) {
			return errors.New("it has an entry about nothing")
		}
		if !e.Condition.Known() || !e.Severity.Known() {
			return fmt.Errorf("it has an entry of the condition %q and the severity %q", e.Condition, e.Severity)
		}
	}
	return nil
}
