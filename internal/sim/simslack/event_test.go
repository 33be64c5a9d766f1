package simslack_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/slack-go/slack"

	"github.com/sslwatch/sslwatch/internal/sim/simslack"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

// Many post at once, and the one who listens calls back: Events come one at a
// time, in the order of the channel, and without a deadlock.
func TestEventsInOrder(t *testing.T) {
	var s *simslack.Server
	var told []string
	s, c := newSlack(t, func(o *simslack.Options) {
		o.OnMessage = func(e simslack.Event) {
			told = append(told, e.Message.TS)
			if len(s.Messages("")) == 0 {
				t.Error("a message was told of before it was there")
			}
		}
	})
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			if _, _, err := c.PostMessageContext(t.Context(), "#oncall", slack.MsgOptionText(fmt.Sprint(n), false)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	simtest.Must(t, s.Close()) // the last of those who deliver is done
	var want []string
	for _, m := range s.Messages("") {
		want = append(want, m.TS)
	}
	if len(want) != 40 || !slices.IsSorted(want) || !slices.Equal(told, want) {
		t.Errorf("told %v\nwant %v", told, want)
	}
}
