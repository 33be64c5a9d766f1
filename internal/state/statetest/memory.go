// Package statetest tests stores of the state: a suite that every store has
// to pass, and a store in memory, for the tests of whoever uses a store.
package statetest

import (
	"fmt"
	"sync"

	"github.com/sslwatch/sslwatch/internal/state"
)

// Memory is a store in memory. It is safe for concurrent use, and its zero
// value is empty.
type Memory struct {
	mu      sync.Mutex
	state   state.State
	commits int
}

var _ state.Store = (*Memory)(nil)

// Commit implements state.Store.
func (m *Memory) Commit(c state.Changes) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Apply(c)
	m.commits++
	return nil
}

// Encoded returns what is durable as it is written to a file.
func (m *Memory) Encoded() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return state.Encode(m.state)
}

// State returns what is durable, as it is read from a file.
func (m *Memory) State() (state.State, error) {
	data, err := m.Encoded()
	if err != nil {
		return state.State{}, err
	}
	s, bad, err := state.Decode(data)
	if err == nil && len(bad) > 0 {
		err = fmt.Errorf("what was written can't be read: %q", bad)
	}
	return s, err
}

// Replace has another state be durable.
func (m *Memory) Replace(s state.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
}

// Commits returns how many there were.
func (m *Memory) Commits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits
}
