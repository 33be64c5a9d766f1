package simcloud

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// A Request is one that a DCS answered.
type Request struct {
	Time       time.Time // of its arrival
	Method     string
	Path       string
	Query      string
	ProjectID  string
	InstanceID string // empty for a listing
	Access     string // the access key that it names, right or wrong
	Header     http.Header

	// Outcome is the name of the answer that it got, the argument left out; an
	// AnswerTruth appears as what it turned out to be. The gateway's own refusals
	// are OutcomeUnauthenticated, OutcomeLocked and OutcomeUnknownPath.
	Outcome string
	Detail  string // why it was refused
}

// Outcomes that are not answers.
const (
	OutcomeUnauthenticated = "unauthenticated"
	OutcomeLocked          = "locked"
	OutcomeUnknownPath     = "unknown-path"
	OutcomeListed          = "listed"
)

// Counts are what a DCS has seen since it was made, or since Forget.
type Counts struct {
	Total      int
	Peak       int            // the most that were in flight at once
	ByInstance map[string]int // by ID
	ByOutcome  map[string]int
}

func newCounts() Counts {
	return Counts{ByInstance: make(map[string]int), ByOutcome: make(map[string]int)}
}

// Counts returns a copy of the counts. A request counts once its answer has
// been decided on, which is before it is sent.
func (d *DCS) Counts() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.counts
	c.ByInstance = maps.Clone(c.ByInstance)
	c.ByOutcome = maps.Clone(c.ByOutcome)
	return c
}

// Requests returns the latest requests, oldest first, as many as LogLimit
// allows.
func (d *DCS) Requests() []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// Forget empties the counts and the log.
func (d *DCS) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log, d.counts = nil, newCounts()
}

// note takes a request into the log and the counts. It needs the lock.
func (d *DCS) note(r Request) {
	d.counts.Total++
	d.counts.ByOutcome[r.Outcome]++
	if r.InstanceID != "" {
		d.counts.ByInstance[r.InstanceID]++
	}
	d.log = append(d.log, r)
	if over := len(d.log) - d.logLimit; over > 0 {
		d.log = slices.Delete(d.log, 0, over)
	}
}

// enter counts a request in, and leave counts it out.
func (d *DCS) enter() (requestID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inFlight++
	d.counts.Peak = max(d.counts.Peak, d.inFlight)
	d.serial++
	return fmt.Sprintf("%032x", d.serial)
}

func (d *DCS) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inFlight--
}
