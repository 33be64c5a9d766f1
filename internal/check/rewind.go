package check

import "time"

// Slept returns the record after nobody could look for so long: that time
// does not count as failing. It is negative where the clock was set back.
func (r Record) Slept(d time.Duration) Record {
	r.Failing = r.Failing.Slept(d)
	return r
}

// Slept does for a run of failures what it does for a record.
func (f Failing) Slept(d time.Duration) Failing {
	if f.Count > 0 {
		f.Since, f.Last = f.Since.Add(d), f.Last.Add(d)
	}
	return f
}

// Rewind bounds by the present what the record says was: after the clock was
// set back, a time that lies ahead would hold things up until it is reached.
func (r Record) Rewind(now time.Time) Record {
	r = r.clone()
	Bound(Wall(now), &r.Due, &r.Checked, &r.Verified, &r.Failing.Since, &r.Failing.Last)
	for _, f := range []*Flag{&r.Off, &r.Invalid, &r.Missing, &r.Unsupported, &r.Denied} {
		Bound(Wall(now), &f.Since, &f.StreakSince)
	}
	if r.Probed != nil {
		back := r.Probed.rewind(Wall(now))
		r.Probed = &back
	}
	return r
}

// Rewind does for a project what it does for a record.
func (p ProjectRecord) Rewind(now time.Time) ProjectRecord {
	Bound(Wall(now), &p.Seen, &p.Forbidden, &p.Denied, &p.Refused.Since, &p.Refused.StreakSince,
		&p.Listing.Read, &p.Listing.Failing.Since, &p.Listing.Failing.Last)
	return p
}

// Bound sets times that lie ahead of the present to it.
func Bound(now time.Time, times ...*time.Time) {
	for _, t := range times {
		if t.After(now) {
			*t = now
		}
	}
}
