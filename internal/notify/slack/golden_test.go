package slack_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// What Slack is sent, whole. Read a difference as someone woken at three.
func TestMessagesAsSent(t *testing.T) {
	alone := func(m notify.Message) func(json.RawMessage) (notify.Message, notify.Revision) {
		return func(json.RawMessage) (notify.Message, notify.Revision) { return m, notify.Revision{} }
	}
	repeat := notifytest.Firing()
	repeat.Note = "This may be a repeat."
	for name, compose := range map[string]func(json.RawMessage) (notify.Message, notify.Revision){
		"firing":     alone(notifytest.Firing()),
		"zone":       alone(notifytest.FiringIn(time.FixedZone("", 8*60*60))),
		"repeat":     alone(repeat),
		"digest":     alone(notifytest.Digest()),
		"tighter":    notifytest.TighterThen,
		"resolution": notifytest.ResolutionThen,
		"test":       alone(utc.Test("golden", notifytest.Now)),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			b := newBot(t, s.APIURL(), "@here", "S0123456789")
			var receipt json.RawMessage
			var err error
			if name == "tighter" || name == "resolution" {
				receipt, err = b.Deliver(t.Context(), notifytest.Firing())
				must(t, err)
			}
			m, then := compose(receipt)
			_, err = b.Deliver(t.Context(), m)
			must(t, err)
			if then.ID != "" {
				must(t, b.Edit(t.Context(), then))
			}
			var out bytes.Buffer
			for i, m := range s.Messages("") {
				switch {
				case len(m.Edits) > 0:
					out.WriteString("== the first message, edited\n")
				case m.ThreadTS != "":
					out.WriteString("== a reply\n")
				case i == 0:
					out.WriteString("== a message\n")
				}
				out.Write(asSent(t, m))
			}
			golden.Assert(t, out.String(), name+".golden")
		})
	}
}

// asSent writes what of a message was ours.
func asSent(t *testing.T, m simslack.Message) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("-- text\n" + m.Text + "\n-- as read\n" + m.Plain() + "\n")
	for _, part := range []struct {
		name string
		raw  json.RawMessage
	}{{"blocks", m.Blocks}, {"attachments", m.Attachments}, {"metadata", m.Metadata}} {
		if part.raw == nil {
			continue
		}
		out.WriteString("-- " + part.name + "\n")
		var v any
		must(t, json.Unmarshal(part.raw, &v))
		e := json.NewEncoder(&out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		must(t, e.Encode(v))
	}
	return out.Bytes()
}
