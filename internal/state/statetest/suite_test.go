package statetest_test

import (
	"path/filepath"
	"testing"

	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/state/statetest"
)

func TestTheFileIsAStore(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Opened {
		o, _ := onDisk(t, filepath.Join(t.TempDir(), "state.json"))
		return o
	})
}

func onDisk(t *testing.T, path string) (statetest.Opened, state.State) {
	t.Helper()
	file, s, notes, err := state.Open(path)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	t.Cleanup(func() { file.Close() })
	return statetest.Opened{Store: file, Again: func(t *testing.T) (statetest.Opened, state.State) {
		t.Helper()
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		return onDisk(t, path)
	}}, s
}

func TestMemoryIsAStore(t *testing.T) {
	statetest.Run(t, func(*testing.T) statetest.Opened { return inMemory(&statetest.Memory{}) })
}

func inMemory(m *statetest.Memory) statetest.Opened {
	return statetest.Opened{Store: m, Again: func(t *testing.T) (statetest.Opened, state.State) {
		t.Helper()
		s, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		another := &statetest.Memory{}
		another.Replace(s)
		return inMemory(another), s
	}}
}
