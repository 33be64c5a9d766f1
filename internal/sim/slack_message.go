package sim

import (
	"encoding/json"
	"slices"
	"time"
)

// A SlackMessage is a message as it stands in a channel.
type SlackMessage struct {
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

	Edits []SlackEdit // what it was before each edit, oldest first
}

// A SlackEdit is what a message was until it was edited.
type SlackEdit struct {
	Until       time.Time
	Text        string
	Blocks      json.RawMessage
	Attachments json.RawMessage
	Metadata    json.RawMessage
}

// clone shares nothing that we would write to: raw JSON is only ever replaced.
func (m *SlackMessage) clone() SlackMessage {
	c := *m
	c.Edits = slices.Clone(m.Edits)
	return c
}
