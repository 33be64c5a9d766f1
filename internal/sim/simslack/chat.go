package simslack

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

const (
	rateLimited = "ratelimited"

	maxText      = 40_000 // characters
	maxMetadata  = 4_000  // bytes; measured by users: what is larger is dropped, with a warning
	maxEditText  = 4_000  // bytes, in an edit; measured by users
	ratePerPost  = time.Second
	emptyArray   = "[]"
	emptyPayload = "{}"
)

// post is chat.postMessage and the webhook. It needs the lock.
func (s *Server) post(p params, now time.Time, webhook bool) (*Message, bool, *problem) {
	c := s.channel(p.channel)
	if c == nil || p.channel == "" {
		return nil, false, &problem{name: "channel_not_found"}
	}
	text := ""
	if p.text != nil {
		text = *p.text
	}
	if text == "" && !some(p.blocks) && !some(p.attachments) {
		return nil, false, &problem{name: "no_text"}
	}
	if bad := p.check(); bad != nil {
		return nil, false, bad
	}
	p.shorten()
	if p.threadTS != "" {
		parent := s.message(c, p.threadTS)
		if parent == nil || parent.ThreadTS != "" {
			return nil, false, &problem{name: "thread_not_found"}
		}
	}
	if s.onePerSecond && now.Sub(c.lastPost) < ratePerPost {
		return nil, false, &problem{name: rateLimited}
	}
	c.lastPost = now
	m := &Message{
		Time: now, Channel: "#" + c.name, ChannelID: c.id, TS: s.newTS(now),
		ThreadTS: p.threadTS, Broadcast: p.broadcast && p.threadTS != "", Webhook: webhook,
		Text: text, Blocks: p.blocks, Attachments: p.attachments, Metadata: p.metadata,
	}
	s.messages = append(s.messages, m)
	return m, false, nil
}

// update is chat.update. What is not given stays; blocks and attachments go
// away when they are given empty. It needs the lock.
func (s *Server) update(p params, now time.Time) (*Message, bool, *problem) {
	c := s.channel(p.channel)
	if c == nil || c.id != p.channel { // a name will not do here
		return nil, false, &problem{name: "channel_not_found"}
	}
	m := s.message(c, p.ts)
	if m == nil {
		return nil, false, &problem{name: "message_not_found"}
	}
	if m.Webhook {
		return nil, false, &problem{name: "cant_update_message"}
	}
	if (p.text == nil || *p.text == "") && p.blocks == nil && p.attachments == nil {
		return nil, false, &problem{name: "no_text"}
	}
	if s.editWindow > 0 && now.Sub(m.Time) > s.editWindow {
		return nil, false, &problem{name: "edit_window_closed"}
	}
	if p.text != nil && len(*p.text) > maxEditText {
		return nil, false, &problem{name: "msg_too_long"}
	}
	if bad := p.check(); bad != nil {
		return nil, false, bad
	}
	p.shorten()
	m.Edits = append(m.Edits, Edit{
		Until: now, Text: m.Text, Blocks: m.Blocks, Attachments: m.Attachments, Metadata: m.Metadata,
	})
	if p.text != nil {
		m.Text = *p.text
	}
	for _, part := range []struct{ old, given *json.RawMessage }{
		{&m.Blocks, &p.blocks}, {&m.Attachments, &p.attachments}, {&m.Metadata, &p.metadata},
	} {
		switch {
		case some(*part.given):
			*part.old = *part.given
		case *part.given != nil:
			*part.old = nil
		}
	}
	return m, true, nil
}

// some reports whether structured content was given, and not empty.
func some(raw json.RawMessage) bool {
	return raw != nil && string(raw) != emptyArray && string(raw) != emptyPayload
}

// tooLong plays the fault of that name.
func (p params) tooLong(f Fault) *problem {
	mode, arg := simserver.Split(f)
	most, err := strconv.Atoi(arg)
	if err != nil {
		most = maxEditText
	}
	if mode != TooLong || p.text == nil || len(*p.text) <= most {
		return nil
	}
	return &problem{name: "msg_too_long"}
}

// check holds a message against Slack's limits.
func (p params) check() *problem {
	if p.text != nil && utf8.RuneCountInString(*p.text) > maxText {
		return &problem{name: "msg_too_long"}
	}
	if some(p.metadata) {
		var m struct {
			Type    string         `json:"event_type"`
			Payload map[string]any `json:"event_payload"`
		}
		if err := json.Unmarshal(p.metadata, &m); err != nil || m.Type == "" || m.Payload == nil {
			return &problem{name: "invalid_metadata_format"}
		}
	}
	if bad := checkAttachments(p.attachments); bad != nil || p.blocks == nil {
		return bad
	}
	return checkBlocks(p.blocks)
}

// shorten drops what Slack drops and takes the rest.
func (p *params) shorten() {
	if len(p.metadata) > maxMetadata {
		p.metadata = nil
	}
	p.attachments = cutAttachments(p.attachments)
}
