// Package state is the memory of sslwatch: one JSON file that a person can
// read, written whole or not at all, by one process at a time. It has a line
// for each thing that is remembered:
//
//	{"version": 2,
//	"written": "2026-03-01T12:30:15Z",
//	"records": {
//	"p/i": {"project_id":"p","instance_id":"i","instance":"orders","terms":{"expiry":["7d"],"critical":"1d","require_ssl":true},"due":"2026-03-01T12:45:15Z","checked":"2026-03-01T12:30:15Z","verified":"2026-03-01T12:30:15Z","not_after":"2026-03-07T00:00:00Z"}
//	},
//	"projects": {
//	"p": {"credential":"0a1b","seen":"2026-03-01T12:30:15Z"}
//	},
//	"ledgers": {
//	"oncall": {
//	"p/i": {"certificate_expiring":{"told":{"severity":"warning","threshold":"7d","not_after":"2026-03-07T00:00:00Z","since":"2026-02-28T00:00:00Z","first":"2026-03-01T12:30:15Z","news":"2026-03-01T12:30:15Z","last":"2026-03-01T12:30:15Z","message":"0c"}}}
//	}
//	},
//	"receivers": {
//	"oncall": {"succeeded":"2026-03-01T12:30:15Z"}
//	}}
//
// "records" is what was seen (check.Record), "ledgers" what each receiver was
// told (ledger.Line); "messages", which is not shown, holds the messages that
// something may yet follow (ledger.Sent), and "clocks" what was said of this
// machine's clock, where it is off. Version 1 had other names, and is read;
// a version that this program does not know is refused.
//
// The loop hands over what changed, as Changes; what did not is not encoded
// anew. See Store for what a Commit guarantees.
//
// Beside the file state.json stand
//
//	state.json.lock            held by the daemon while it runs, never removed
//	state.json.previous        the generation before
//	state.json.new, .keep      a write that is under way, or was cut short
//	state.json.corrupt-<time>  what could not be read, kept for people
//
// A write goes to a new file that is synced before it takes the place of the
// old one, and the directory is synced after. So at every instant the file
// is the old state or the new one, complete. A file that can't be read all
// the same is not trusted in parts: the generation before is taken, and that
// is said.
package state

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// Version is the version of the state file that this program writes.
const Version = 2

// State is everything that sslwatch remembers.
type State struct {
	Version int `json:"version"`
	// Written is when it was written. Who encodes a state sets it.
	Written time.Time `json:"written,omitzero"`
	// Records holds what was seen, by project_id/instance_id.
	Records map[check.Key]check.Record `json:"records"`
	// Projects holds what was seen of projects as a whole, by project_id.
	Projects map[string]check.ProjectRecord `json:"projects,omitempty"`
	// Ledgers holds what was said, by the receiver's name.
	Ledgers map[string]ledger.Ledger `json:"ledgers"`
	// Clocks holds what was said of this machine's clock, where it is off, by
	// the project's ID.
	Clocks check.Clocks `json:"clocks,omitempty"`
	// Messages holds, by the receiver's name and the message's ID, the
	// messages that something may yet follow.
	Messages map[string]map[string]ledger.Sent `json:"messages,omitempty"`
	// Receivers holds how the receivers do, by their ID, for those who look.
	// The daemon itself goes by the ledgers, but for the past.
	Receivers map[string]ReceiverState `json:"receivers,omitempty"`
}
