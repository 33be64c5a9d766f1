package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Encode returns a state as it is written: JSON that a person can read, the
// same for the same state.
func Encode(s State) ([]byte, error) {
	s.Version = Version
	if s.Records == nil {
		s.Records = map[string]check.Record{}
	}
	if s.Ledgers == nil {
		s.Ledgers = map[string]check.Ledger{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b) // ends with a newline
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	return b.Bytes(), nil
}

// future is a version that this program does not know.
type future int

var _ error = (*future)(nil)

func (v *future) Error() string { return fmt.Sprintf("version %d", int(*v)) }

// decode reads what Encode wrote. A *future error is not damage; every other
// one says in what way the data is no state.
func decode(data []byte) (State, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return State{}, errors.New("it is empty")
	}
	// The version first: the rest may have changed its shape with it.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return State{}, damage(err, len(data))
	}
	if v := future(head.Version); v > Version {
		return State{}, &v
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, damage(err, len(data))
	}
	return s, s.plausible()
}

// damage puts an error of the decoder in words.
func damage(err error, size int) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		if syntax.Offset >= int64(size) {
			return fmt.Errorf("it is cut off after %d bytes", size)
		}
		return fmt.Errorf("it is not JSON at byte %d: %w", syntax.Offset, err)
	}
	return fmt.Errorf("it is no state: %w", err)
}

// plausible finds what no state that was ever written says.
func (s State) plausible() error {
	switch {
	case s.Version < 1:
		return errors.New("it has no version")
	case s.Records == nil:
		return errors.New("it has no records")
	case s.Ledgers == nil:
		return errors.New("it has no ledgers")
	}
	for _, key := range slices.Sorted(maps.Keys(s.Records)) {
		r := s.Records[key]
		if r.ProjectID == "" || r.InstanceID == "" {
			return fmt.Errorf("the record %q has no project_id or no instance_id", key)
		}
		if r.Key() != key {
			return fmt.Errorf("the record %q is about %q", key, r.Key())
		}
	}
	for _, receiver := range slices.Sorted(maps.Keys(s.Ledgers)) {
		if s.Ledgers[receiver] == nil {
			return fmt.Errorf("the ledger of %q is null", receiver)
		}
	}
	return nil
}
