package slack

import (
	slackgo "github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/notify"
)

// metadata says for machines what a message tells. The IDs make a message
// that was sent again after a crash recognisable. Others read it: its
// names are a contract.
func metadata(m notify.Message) (slackgo.SlackMetadata, bool) {
	var alerts []map[string]any
	for _, g := range m.Groups {
		for _, i := range g.Items {
			status := "resolved"
			if i.Notice.Fires() {
				status = "firing"
			}
			alerts = append(alerts, map[string]any{
				"id":          i.Notice.ID(),
				"project":     i.Notice.Project,
				"instance":    i.Notice.Instance,
				"instance_id": i.Notice.InstanceID,
				"condition":   string(i.Notice.Condition),
				"status":      status,
				"severity":    string(i.Notice.Severity),
			})
		}
	}
	return slackgo.SlackMetadata{
		EventType:    "sslwatch_alert",
		EventPayload: map[string]any{"alerts": alerts},
	}, len(alerts) > 0
}
