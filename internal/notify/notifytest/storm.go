package notifytest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/ledger/ledgertest"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// Crowd is a fleet to which much happens at once, and what one receiver was
// told of it.
type Crowd struct {
	lives []*life
	of    map[check.Key]*life // by subject
	sent  map[string]ledger.Sent
}

// NewCrowd returns n instances of several projects: to some of them each kind
// of thing has happened. Their names have 20 to 40 characters; with long, 64
// Chinese ones. The same seed makes the same fleet.
func NewCrowd(n int, seed uint64, long bool) *Crowd {
	c := &Crowd{of: map[check.Key]*life{}}
	chance := rand.New(rand.NewPCG(seed, uint64(n)))
	for i := range n {
		l := born(name(i, chance, long), fmt.Sprintf("%08x", chance.Uint32()))
		l.record.InstanceID = fmt.Sprintf("%s%012x", l.record.InstanceID[:24], i)
		project := chance.IntN(4)
		l.record.Project = []string{"prod", "payments-prod", "staging", "analytics"}[project]
		l.record.ProjectID = fmt.Sprintf("%032x", project+1)
		happens(l, chance)
		c.lives, c.of[l.record.Key()] = append(c.lives, l), l
	}
	return c
}

// name is that of an instance.
func name(i int, chance *rand.Rand, long bool) string {
	if long {
		return fmt.Sprintf("%s%05d", strings.Repeat("缓", 59), i)
	}
	s := []string{"orders", "checkout_sessions", "search-suggestions", "carts", "rate-limiter"}[chance.IntN(5)] + "-" +
		[]string{"cache", "redis", "hot-keys-replica"}[chance.IntN(3)]
	if most := 40 - len("-eu-00000"); len(s) < most {
		s = (s + "-eu-west-101-blue-green-x")[:max(len(s), 11+chance.IntN(most-11))]
	}
	return fmt.Sprintf("%s-%05d", strings.TrimRight(s, "-"), i)
}

// happens has something happen to an instance.
func happens(l *life, chance *rand.Rand) {
	left := time.Duration(chance.IntN(14*24)) * time.Hour
	day := Now.Add(-26 * time.Hour)
	switch chance.IntN(10) {
	case 0:
		l.sees(Now, until(200*check.Day), check.Observation{}, check.Observation{})
	case 1:
		l.sees(Now, until(-left-time.Hour))
	case 2:
		failed := check.Observation{Cause: check.CauseFailed, Reason: reason.Text("the API answered HTTP 500 (DCS.5010: Failed to operate SSL in database.)")}
		l.sees(Now, until(200*check.Day), failed, failed)
	case 3: // renewed
		l.sees(day, until(5*check.Day))
		l.told("m1", day)
		l.sees(Now, until(400*check.Day))
	case 4: // taken out of the configuration
		l.sees(day, until(5*check.Day))
		l.told("m1", day)
		l.record.Left = check.Unwatched
	case 5: // reminded of
		l.sees(day, until(5*check.Day))
		l.told("m1", day)
	default:
		l.sees(Now, until(left+time.Hour))
	}
}

// told has the receiver hear what is owed.
func (l *life) told(message string, at time.Time) {
	for _, n := range l.owed(at) {
		l.lines = ledgertest.Told(l.lines, n, message, at)
	}
}

// Owed is what the receiver has yet to hear.
func (c *Crowd) Owed(at time.Time) []ledger.Notice {
	var all []ledger.Notice
	for _, l := range c.lives {
		all = append(all, l.owed(at)...)
	}
	return all
}

// Next composes the next message within the limits of a receiver, and returns
// the notices that it tells; none if nothing is owed.
func (c *Crowd) Next(limits notify.Limits, at time.Time) (notify.Message, []ledger.Notice) {
	batch := notify.Wording{}.Batch(c.Owed(at), limits, at)
	if len(batch) == 0 {
		return notify.Message{}, nil
	}
	m := notify.Wording{}.Compose(batch, c.sent, at)
	m.Footer = "sslwatch v1.2.3 on mon-1"
	return m, batch
}

// Took takes in that the receiver has a message.
func (c *Crowd) Took(m notify.Message, batch []ledger.Notice, receipt json.RawMessage, at time.Time) {
	var ids []string
	c.sent, ids = notify.Wording{}.Keep(c.sent, m, batch, receipt, at)
	for i, n := range batch {
		l := c.of[n.Key()]
		l.lines = ledgertest.Told(l.lines, n, ids[i], at)
	}
}

// Stale is what the receiver's earlier messages are to say now.
func (c *Crowd) Stale(at time.Time) []notify.Revision {
	var all []notify.Revision
	for _, id := range notify.Stale(c.sent) {
		r := notify.Wording{}.Revise(id, c.sent[id], at)
		r.Footer = "sslwatch v1.2.3 on mon-1"
		all = append(all, r)
	}
	return all
}

// Renew has a share of the instances get a certificate for a year.
func (c *Crowd) Renew(oneIn int, at time.Time) {
	for i, l := range c.lives {
		if i%oneIn == 0 {
			l.sees(at, until(at.Sub(Now)+365*check.Day))
		}
	}
}
