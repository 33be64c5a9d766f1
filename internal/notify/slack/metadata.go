package slack

import (
	"encoding/json"

	slackgo "github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/notify"
)

// maxMetadata is for what Slack takes as metadata: 4,000 bytes, measured by
// others (seratch/ChatGPT-in-Slack#17). What is larger it drops, and posts the
// message without it, with a warning that nobody reads (metadata_too_large).
const maxMetadata = 3_900

// metadata says for machines what a message tells. The IDs make a message
// that was sent again after a crash recognisable. Others read it: its
// names are a contract. Where it does not hold all alerts it holds the first
// of them, and says how many more there are: the message itself names each
// with its ID.
func metadata(m notify.Message) (slackgo.SlackMetadata, bool) {
	var alerts []map[string]any
	more := 0
	room := maxMetadata - len(`{"event_type":"sslwatch_alert","event_payload":{"alerts":[],"more":10000}}`)
	for _, g := range m.Groups {
		for _, i := range g.Items {
			if room < 0 {
				more++
				continue
			}
			status := "resolved"
			if i.Notice.Fires() {
				status = "firing"
			}
			alert := map[string]any{
				"id":          i.Notice.ID(),
				"project":     i.Notice.Project,
				"instance":    i.Notice.Instance,
				"instance_id": i.Notice.InstanceID,
				"condition":   string(i.Notice.Condition),
				"status":      status,
				"severity":    string(i.Notice.Severity),
			}
			if room -= encodedSize(alert) + 1; room < 0 {
				more++
				continue
			}
			alerts = append(alerts, alert)
		}
	}
	payload := map[string]any{"alerts": alerts}
	if more > 0 {
		payload["more"] = more
	}
	return slackgo.SlackMetadata{EventType: "sslwatch_alert", EventPayload: payload}, len(alerts) > 0
}

// encodedSize is the size of a value as JSON in ASCII, as Slack may count it.
func encodedSize(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		return maxMetadata
	}
	n := 0
	for _, r := range string(data) {
		switch {
		case r < 0x80:
			n++
		case r <= 0xFFFF:
			n += len(`\uXXXX`)
		default:
			n += 2 * len(`\uXXXX`)
		}
	}
	return n
}
