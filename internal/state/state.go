package state

import "github.com/sslwatch/sslwatch/internal/check"

// Version is the version of the state file that this program writes.
const Version = 1

// State is everything that sslwatch remembers.
type State struct {
	Version int `json:"version"`
	// Records holds what was seen, by project_id/instance_id.
	Records map[string]check.Record `json:"records"`
	// Ledgers holds what was said, by the receiver's name.
	Ledgers map[string]check.Ledger `json:"ledgers"`
	// Messages holds, by the receiver's name and the message's ID, the
	// messages that something may yet follow.
	Messages map[string]map[string]check.Sent `json:"messages,omitempty"`
}
