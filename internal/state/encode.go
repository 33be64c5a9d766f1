package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Encode returns a state as it is written.
func Encode(s State) ([]byte, error) {
	var d document
	if err := d.apply(s.Changes()); err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	var b bytes.Buffer
	_, err := d.WriteTo(&b)
	return b.Bytes(), err
}

// future is a version that this program does not know.
type future int

var _ error = (*future)(nil)

func (v *future) Error() string { return fmt.Sprintf("version %d", int(*v)) }

// Decode reads what Encode wrote. What can't be read of it (a record, a line
// of a ledger, a message) is left out, and bad says what and why. A *future
// error is not damage; every other one says in what way the whole is not a
// state.
func Decode(data []byte) (s State, bad []string, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return State{}, nil, errors.New("it is empty")
	}
	// The version first: the rest may have changed its shape with it.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return State{}, nil, damage(err, len(data))
	}
	if v := future(head.Version); v > Version {
		return State{}, nil, &v
	}
	var raw rawState
	if err := json.Unmarshal(data, &raw); err != nil {
		return State{}, nil, damage(err, len(data))
	}
	switch {
	case head.Version < 1:
		return State{}, nil, errors.New("it has no version")
	case raw.Records == nil:
		return State{}, nil, errors.New("it has no records")
	case raw.Ledgers == nil:
		return State{}, nil, errors.New("it has no ledgers")
	}
	if head.Version == 1 {
		raw.upgrade()
	}
	s, bad = raw.sound()
	return s, bad, nil
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
	return fmt.Errorf("it is not a state: %w", err)
}
