package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxCount is more than any counter reaches: one observation a second for
// thirty years.
const maxCount = 1 << 30

// Sound returns what is wrong with a record that was read under a key, nil if
// sslwatch may have written it. What is not sound must not be judged: a
// negative counter never reaches what it counts to, and says nothing for ever.
func (r Record) Sound(key Key) error {
	if r.ProjectID == "" || r.InstanceID == "" {
		return errors.New("it has no project_id or no instance_id")
	}
	if r.Key() != key {
		return fmt.Errorf("it is about %q", r.Key())
	}
	if r.Left != "" && !slices.Contains([]Ending{Unwatched, Deleted}, r.Left) {
		return fmt.Errorf("left is %q, which sslwatch does not know", r.Left)
	}
	for _, f := range []struct {
		name string
		Flag
	}{{"off", r.Off}, {"invalid", r.Invalid}, {"missing", r.Missing}, {"unsupported", r.Unsupported}, {"denied", r.Denied}} {
		if err := f.sound(); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if err := count("comeback", r.Comeback.Streak); err != nil {
		return err
	}
	if err := count("absent", r.Absent); err != nil {
		return err
	}
	if r.Origin != Listed && r.Origin != Discovered {
		return fmt.Errorf("origin is %q, which sslwatch does not know", r.Origin)
	}
	if err := count("failing", r.Failing.Count); err != nil {
		return err
	}
	if r.Failing.Count > 0 && (r.Failing.Since.IsZero() || r.Failing.Last.IsZero()) {
		return errors.New("failing, without a time")
	}
	if r.Probed != nil {
		if err := r.Probed.sound(); err != nil {
			return fmt.Errorf("probed: %w", err)
		}
	}
	return SoundTimes(r.Due, r.Checked, r.Verified, r.NotAfter, r.Identity, r.PreviousNotAfter, r.Displaced, r.Comeback.NotAfter, r.Failing.Since, r.Failing.Last)
}

// Sound returns what is wrong with a project that was read under its ID, nil
// if sslwatch may have written it.
func (p ProjectRecord) Sound(projectID string) error {
	if projectID == "" || strings.Contains(projectID, "/") {
		return errors.New("its key is not that of a project")
	}
	if err := p.Refused.sound(); err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	if err := p.Listing.sound(); err != nil {
		return fmt.Errorf("listing: %w", err)
	}
	return SoundTimes(p.Seen, p.Forbidden, p.Denied, p.Pause.Until)
}

// sound returns what is wrong with a flag.
func (f Flag) sound() error {
	if err := count("streak", f.Streak); err != nil {
		return err
	}
	return SoundTimes(f.Since, f.StreakSince)
}

// Sound returns what is wrong with what was read of a clock, nil if sslwatch
// may have written it.
func (c Clock) Sound(projectID string) error {
	if projectID == "" || !c.Off {
		return errors.New("it is not off")
	}
	return SoundTimes(c.Since)
}

func count(name string, n int) error {
	if n < 0 || n > maxCount {
		return fmt.Errorf("%s: the counter is %d", name, n)
	}
	return nil
}

// SoundTimes returns what is wrong with times that may be zero. Within these
// years no difference overflows, and every sum can be written again.
func SoundTimes(times ...time.Time) error {
	for _, t := range times {
		if !t.IsZero() && (t.Year() < 1970 || t.Year() >= 2200) {
			return fmt.Errorf("the time %s is not believable", t.Format(time.RFC3339))
		}
	}
	return nil
}

// SoundBeginning is SoundTimes for when something began: for a certificate
// that is a threshold before its date, and a threshold can be centuries.
func SoundBeginning(t time.Time) error {
	if !t.IsZero() && (t.Year() < 1600 || t.Year() >= 2200) {
		return fmt.Errorf("the time %s is not believable", t.Format(time.RFC3339))
	}
	return nil
}
