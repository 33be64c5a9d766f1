package simslack

import (
	"encoding/json"
	"strings"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// Slack's limits on attachments.
const (
	maxAttachments    = 100   // documented
	maxAttachmentText = 8_000 // characters; the rest is cut off without a word
)

// checkAttachments returns nil for attachments that Slack would take.
func checkAttachments(raw json.RawMessage) *problem {
	var all []map[string]json.RawMessage
	switch {
	case raw == nil:
	case json.Unmarshal(raw, &all) != nil:
		return &problem{name: "invalid_attachments"}
	case len(all) > maxAttachments:
		return &problem{name: "too_many_attachments"}
	}
	return nil
}

// cutAttachments cuts off what Slack cuts off.
func cutAttachments(raw json.RawMessage) json.RawMessage {
	var all []map[string]any
	if !some(raw) || json.Unmarshal(raw, &all) != nil {
		return raw
	}
	cut := false
	for _, a := range all {
		if text, _ := a["text"].(string); len([]rune(text)) > maxAttachmentText {
			a["text"], cut = string([]rune(text)[:maxAttachmentText]), true
		}
	}
	if !cut {
		return raw
	}
	return json.RawMessage(simserver.ToJSON(all))
}

// plainAttachments is what attachments look like once they are unfolded.
func plainAttachments(raw json.RawMessage) string {
	var all []struct{ Title, Text string }
	if raw == nil || json.Unmarshal(raw, &all) != nil {
		return ""
	}
	var lines []string
	for _, a := range all {
		for _, s := range []string{a.Title, plainMrkdwn(a.Text)} {
			if s != "" {
				lines = append(lines, s)
			}
		}
	}
	return strings.Join(lines, "\n")
}
