package simslack

import (
	"encoding/json"
	"slices"
	"time"
)

// A Message is a message as it stands in a channel.
type Message struct {
	Time      time.Time
	Channel   string // "#name"
	ChannelID string
	TS        string
	ThreadTS  string // of the message that it replies to
	Broadcast bool   // a reply that the channel sees too
	Webhook   bool   // came by the webhook

	Text        string
	Blocks      json.RawMessage // an array, or nil
	Attachments json.RawMessage // an array, or nil
	Metadata    json.RawMessage // {"event_type":…,"event_payload":…}, or nil

	Edits []Edit // what it was before each edit, oldest first
}

// A Edit is what a message was until it was edited.
type Edit struct {
	Until       time.Time
	Text        string
	Blocks      json.RawMessage
	Attachments json.RawMessage
	Metadata    json.RawMessage
}

// clone shares nothing that we would write to: raw JSON is only ever replaced.
func (m *Message) clone() Message {
	c := *m
	c.Edits = slices.Clone(m.Edits)
	return c
}

// Event is a message that reached people, or the edit of one.
type Event struct {
	Time    time.Time
	Message Message
	Edited  bool // Message is from before, as it reads now
}
