package state

import (
	"maps"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// Store keeps the state. It has one writer at a time.
type Store interface {
	// Commit makes changes durable, and those of all Commits before. When it
	// fails, what was durable before still is, and its changes may or may not
	// be: hand them over again with the next. The values are not changed after
	// they were handed over. Commits are made one after the other.
	Commit(Changes) error
}

// Changes are what a Commit makes durable: new values, by key; nil, or no
// lines, where one is gone.
type Changes struct {
	// At is when they were made.
	At        time.Time
	Records   map[check.Key]*check.Record
	Projects  map[string]*check.ProjectRecord // by project_id
	Clocks    map[string]*check.Clock         // by project_id
	Lines     map[ledger.Place]ledger.Lines
	Messages  map[MessageKey]*ledger.Sent
	Receivers map[string]*ReceiverState // by ID
}

// MessageKey says which message of which receiver.
type MessageKey struct {
	Receiver string // its ID
	Message  string // its ID
}

// Add adds later changes.
func (c *Changes) Add(later Changes) {
	c.At = later.At
	merge(&c.Records, later.Records)
	merge(&c.Projects, later.Projects)
	merge(&c.Clocks, later.Clocks)
	merge(&c.Lines, later.Lines)
	merge(&c.Messages, later.Messages)
	merge(&c.Receivers, later.Receivers)
}

func merge[K comparable, V any](into *map[K]V, from map[K]V) {
	if *into == nil {
		*into = make(map[K]V, len(from))
	}
	maps.Copy(*into, from)
}

// Empty reports whether there are none.
func (c Changes) Empty() bool {
	return len(c.Records)+len(c.Projects)+len(c.Clocks)+len(c.Lines)+len(c.Messages)+len(c.Receivers) == 0
}

// Changes returns a state as changes of an empty one.
func (s State) Changes() Changes {
	c := Changes{
		At: s.Written, Records: map[check.Key]*check.Record{}, Projects: map[string]*check.ProjectRecord{}, Clocks: map[string]*check.Clock{},
		Lines: map[ledger.Place]ledger.Lines{}, Messages: map[MessageKey]*ledger.Sent{}, Receivers: map[string]*ReceiverState{},
	}
	for key, r := range s.Records {
		c.Records[key] = &r
	}
	for id, p := range s.Projects {
		c.Projects[id] = &p
	}
	for id, clock := range s.Clocks {
		c.Clocks[id] = &clock
	}
	for id, book := range s.Ledgers {
		for key, lines := range book {
			c.Lines[ledger.Place{Receiver: id, Subject: key}] = lines
		}
	}
	for id, sent := range s.Messages {
		for message, m := range sent {
			c.Messages[MessageKey{id, message}] = &m
		}
	}
	for id, r := range s.Receivers {
		c.Receivers[id] = &r
	}
	return c
}

// Apply makes changes to a state.
func (s *State) Apply(c Changes) {
	s.Version, s.Written = Version, c.At
	changeAll(&s.Records, c.Records)
	changeAll(&s.Projects, c.Projects)
	changeAll((*map[string]check.Clock)(&s.Clocks), c.Clocks)
	changeAll(&s.Receivers, c.Receivers)
	for at, lines := range c.Lines {
		var v *ledger.Lines
		if len(lines) > 0 {
			v = &lines
		}
		member(&s.Ledgers, at.Receiver, at.Subject, v)
	}
	for at, m := range c.Messages {
		member(&s.Messages, at.Receiver, at.Message, m)
	}
}

func changeAll[K comparable, V any](into *map[K]V, changes map[K]*V) {
	for key, v := range changes {
		set(into, key, v)
	}
}

func set[K comparable, V any](into *map[K]V, key K, v *V) {
	if v == nil {
		delete(*into, key)
		return
	}
	if *into == nil {
		*into = map[K]V{}
	}
	(*into)[key] = *v
}

// member sets a member of one of several maps, each of which is there while
// it has members.
func member[M ~map[K]V, K comparable, V any](maps *map[string]M, name string, key K, v *V) {
	one := map[K]V((*maps)[name])
	if set(&one, key, v); len(one) == 0 {
		delete(*maps, name)
		return
	}
	if *maps == nil {
		*maps = map[string]M{}
	}
	(*maps)[name] = M(one)
}
