package check

import (
	"maps"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
)

// MaxSkew is by how much this machine's clock may differ from the API's.
const MaxSkew = 15 * time.Minute

// Clocks holds what the API of each project says of this machine's clock, by
// the project's ID. It is never changed in place.
type Clocks map[string]Clock

// With returns the clocks with one that is another.
func (c Clocks) With(projectID string, clock Clock) Clocks {
	out := maps.Clone(c)
	if out == nil {
		out = Clocks{}
	}
	out[projectID] = clock
	return out
}

// Off returns the clocks that are off, which is what is remembered.
func (c Clocks) Off() Clocks {
	off := maps.Clone(c)
	maps.DeleteFunc(off, func(_ string, clock Clock) bool { return !clock.Off })
	return off
}

// Believed returns the clocks where one look is all there is: what one answer
// says is so.
func (c Clocks) Believed(now time.Time) Clocks {
	out := maps.Clone(c)
	for id, clock := range out {
		if clock.Suspicions > 0 && !clock.Off {
			clock.Off, clock.Since = true, Wall(now)
			out[id] = clock
		}
	}
	return out
}

// Clock is what one API says of this machine's clock.
type Clock struct {
	// Off is set once two answers in a row said so, or the API refused a
	// signature because of its time, until an answer says otherwise. Since
	// is when that was seen.
	Off   bool      `json:"off,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Ahead is by how much it is ahead, as far as is known.
	Ahead Offset `json:"ahead,omitempty"`

	// The rest is not remembered: a new start asks anew.

	Trust Trust `json:"-"`
	// Suspicions counts the answers in a row that said that it is off.
	Suspicions int `json:"-"`
}

// Trust is how far a clock that is not known to be off is believed.
type Trust int

// The degrees of trust.
const (
	// Assumed means that nothing speaks against it. Time fires, and takes
	// nothing back.
	Assumed Trust = iota
	// Doubted means that it must show first that it is right: the daemon has
	// just begun to look at it, it has jumped, or an answer spoke against it.
	Doubted
	// Vouched means that the latest answer said that it is right.
	Vouched
)

// Hear returns the clock after an answer.
func (c Clock) Hear(says dcs.Clock, now time.Time) Clock {
	switch {
	case !says.Known && (c.Off || c.Suspicions > 0):
		return c
	case !says.Known && c.Trust == Doubted:
		return Clock{} // who does not tell the time can't vouch for it
	case !says.Known:
		return c
	case says.Ahead.Abs() <= MaxSkew && !says.Refused:
		return Clock{Trust: Vouched}
	}
	c.Ahead, c.Suspicions = Offset(says.Ahead), c.Suspicions+1
	if c.Off || c.Suspicions > 1 || says.Refused {
		if !c.Off {
			c.Off, c.Since = true, Wall(now)
		}
		c.Trust = Assumed
		return c
	}
	c.Trust = Doubted
	return c
}

// Jumped returns the clock after it was set by so much, or the machine slept.
func (c Clock) Jumped(by time.Duration) Clock {
	c.Ahead, c.Trust, c.Suspicions = c.Ahead+Offset(by), Doubted, 0
	return c
}

// Unanswered returns the clock after no answer came for long: time must fire
// although the API is down.
func (c Clock) Unanswered() Clock {
	if c.Off {
		c.Trust = Assumed
		return c
	}
	return Clock{}
}

// Holds reports whether nothing is to be told that time alone would bring.
func (c Clock) Holds() bool { return c.Trust == Doubted || c.Off && c.Ahead.beyond() }

// True returns the time that it is by the API's clock, as far as is known.
func (c Clock) True(now time.Time) time.Time {
	if c.Ahead.beyond() {
		return now.Add(-time.Duration(c.Ahead))
	}
	return now
}

// Clock returns what is known of this machine's clock where a project is
// concerned. It is one clock: where the project's own API has not said
// anything, another's word counts.
func (p Policy) Clock(projectID string) Clock {
	own := p.Clocks[projectID]
	if own.Off || own.Trust == Vouched || own.Suspicions > 0 {
		return own
	}
	for _, other := range p.Clocks {
		if other.Off && other.Holds() {
			return Clock{Trust: Doubted, Ahead: other.Ahead}
		}
	}
	return own
}

// Offset is a difference of clocks.
type Offset time.Duration

func (o Offset) beyond() bool { return time.Duration(o).Abs() > MaxSkew }

// MarshalText writes the offset for people, such as "1440h0m0s".
func (o Offset) MarshalText() ([]byte, error) { return []byte(time.Duration(o).String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Offset) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*o = Offset(d)
	return err
}
