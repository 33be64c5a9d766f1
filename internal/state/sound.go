package state

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// rawState is a State of which the parts are not read yet, so that each can
// be set aside by itself.
type rawState struct {
	Written   json.RawMessage            `json:"written"`
	Records   map[string]json.RawMessage `json:"records"`
	Projects  json.RawMessage            `json:"projects"`
	Ledgers   map[string]json.RawMessage `json:"ledgers"`
	Messages  json.RawMessage            `json:"messages"`
	Receivers json.RawMessage            `json:"receivers"`
	Clocks    json.RawMessage            `json:"clocks"`
}

// sound returns what can be read, and what can't be and why.
func (raw rawState) sound() (State, []string) {
	var bad faults
	s := State{Version: Version, Records: map[check.Key]check.Record{}, Ledgers: map[string]ledger.Ledger{}}
	if raw.Written != nil {
		// For people, and nothing is worked out from it.
		var at time.Time
		if err := json.Unmarshal(raw.Written, &at); err != nil || at.Year() > 9999 {
			bad.add(errors.New("it is not a time"), "written")
		} else {
			s.Written = at
		}
	}
	readMembers(&bad, keyed(&bad, raw.Records, "record"), s.Records, check.Record.Sound, "record %q")
	if projects := bad.object(raw.Projects, "projects"); len(projects) > 0 {
		s.Projects = map[string]check.ProjectRecord{}
		readMembers(&bad, projects, s.Projects, check.ProjectRecord.Sound, "project %q")
	}
	for _, id := range slices.Sorted(maps.Keys(raw.Ledgers)) {
		s.Ledgers[id] = bad.ledger(id, raw.Ledgers[id])
	}
	s.Messages = bad.messages(raw.Messages)
	if receivers := bad.object(raw.Receivers, "receivers"); len(receivers) > 0 {
		s.Receivers = map[string]ReceiverState{}
		readMembers(&bad, receivers, s.Receivers, ReceiverState.sound, "receiver %q")
	}
	if clocks := bad.object(raw.Clocks, "clocks"); len(clocks) > 0 {
		s.Clocks = check.Clocks{}
		readMembers(&bad, clocks, s.Clocks, check.Clock.Sound, "clock of project %q")
	}
	return s, bad
}

// faults are what could not be read.
type faults []string

func (f *faults) add(err error, format string, args ...any) {
	*f = append(*f, fmt.Sprintf(format, args...)+" ("+err.Error()+")")
}

// object reads a JSON object without its members. What is missing is empty.
func (f *faults) object(raw json.RawMessage, format string, args ...any) map[string]json.RawMessage {
	if raw == nil {
		return nil
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(raw, &members)
	if err == nil && members == nil {
		err = errors.New("it is null")
	}
	if err != nil {
		f.add(err, format, args...)
	}
	return members
}

func (f *faults) ledger(id string, raw json.RawMessage) ledger.Ledger {
	out := ledger.Ledger{}
	subjects := f.object(raw, "ledger of %q", id)
	about := keyed(f, subjects, "ledger of %q about", id)
	for _, key := range slices.SortedFunc(maps.Keys(about), check.Key.Compare) {
		subject := about[key]
		raw := map[check.Condition]json.RawMessage{}
		for c, line := range f.object(subject, "ledger of %q about %q", id, key) {
			raw[check.Condition(c)] = line
		}
		lines := ledger.Lines{}
		readMembers(f, raw, lines, ledger.Line.Sound, "line of %q about %q, %q", id, key)
		if len(lines) > 0 {
			out[key] = lines
		}
	}
	return out
}

func (f *faults) messages(raw json.RawMessage) map[string]map[string]ledger.Sent {
	out := map[string]map[string]ledger.Sent{}
	receivers := f.object(raw, "messages")
	for _, id := range slices.Sorted(maps.Keys(receivers)) {
		sent := map[string]ledger.Sent{}
		readMembers(f, f.object(receivers[id], "messages of %q", id), sent,
			func(s ledger.Sent, _ string) error { return s.Sound() }, "message of %q, %q", id)
		if len(sent) > 0 {
			out[id] = sent
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// keyed reads the keys of members; format and args name one, but for its key.
func keyed(f *faults, members map[string]json.RawMessage, format string, args ...any) map[check.Key]json.RawMessage {
	out := map[check.Key]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var key check.Key
		if err := key.UnmarshalText([]byte(name)); err != nil {
			f.add(err, format+" %q", append(slices.Clone(args), name)...)
			continue
		}
		out[key] = members[name]
	}
	return out
}

// readMembers reads the members of an object into a map, but for those that are not
// sound. format names one of them, with args and its key.
func readMembers[K comparable, V any](f *faults, members map[K]json.RawMessage, into map[K]V, fault func(V, K) error, format string, args ...any) {
	inOrder := func(a, b K) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	for _, key := range slices.SortedFunc(maps.Keys(members), inOrder) {
		var v V
		err := json.Unmarshal(members[key], &v)
		if err == nil {
			err = fault(v, key)
		}
		if err != nil {
			f.add(err, format, append(slices.Clone(args), key)...)
			continue
		}
		into[key] = v
	}
}
