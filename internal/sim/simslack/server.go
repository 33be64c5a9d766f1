// Package simslack is Slack, simulated: the calls of its Web API that a bot
// needs, with the limits that the real one has, and an incoming webhook.
package simslack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// Options say what a Server is made of.
type Options struct {
	Token       string   // the bot's; default "xoxb-sim-token"
	Channels    []string // names, with or without '#'; default "#redis-oncall"
	WebhookPath string   // default "/services/T0SIM/B0SIM/webhook-secret"; posts to the first channel

	// OnePerSecond holds posts to Slack's limit of one a second for each channel.
	OnePerSecond bool

	// EditWindow is for how long a message can be edited; 0 is for ever.
	EditWindow time.Duration

	// OnMessage is called with every message and every edit, in order, outside all
	// locks, and before the client has its answer. It may call back.
	OnMessage func(Event)
}

// A Server is a workspace with a bot in it: chat.postMessage, chat.update,
// auth.test, and an incoming webhook. It listens nowhere until Listen or Serve,
// and is an http.Handler as well.
type Server struct {
	simserver.Endpoint
	bell   simserver.Bell
	events simserver.Events[Event]

	token        string
	webhook      string
	onePerSecond bool
	editWindow   time.Duration

	mu       sync.Mutex
	channels []*channelLog
	messages []*Message // in the order of their ts, all channels together
	script   simserver.Script[Fault]
	calls    map[string]int
	lastTS   time.Time
}

type channelLog struct {
	id, name string // the name without '#'
	lastPost time.Time
}

var _ http.Handler = (*Server)(nil)

// New returns a Server that does not listen yet.
func New(o Options) (*Server, error) {
	s := &Server{
		token:        cmp.Or(o.Token, "xoxb-sim-token"),
		webhook:      cmp.Or(o.WebhookPath, "/services/T0SIM/B0SIM/webhook-secret"),
		onePerSecond: o.OnePerSecond,
		editWindow:   o.EditWindow,
		calls:        make(map[string]int),
	}
	if !strings.HasPrefix(s.webhook, "/services/") {
		return nil, fmt.Errorf("sim: webhook path %q does not start with /services/", s.webhook)
	}
	s.Init(s)
	s.events.Call = o.OnMessage
	names := o.Channels
	if len(names) == 0 {
		names = []string{"#redis-oncall"}
	}
	for n, name := range names {
		name = strings.TrimPrefix(name, "#")
		if name == "" {
			return nil, fmt.Errorf("sim: a channel needs a name")
		}
		s.channels = append(s.channels, &channelLog{id: fmt.Sprintf("C0SIM%05d", n+1), name: name})
	}
	return s, nil
}

// APIURL is the address of the API, with the slash at the end that slack-go
// wants.
func (s *Server) APIURL() string { return s.URL() + "/api/" }

// WebhookURL is the address of the incoming webhook.
func (s *Server) WebhookURL() string { return s.URL() + s.webhook }

// Token is the bot's token.
func (s *Server) Token() string { return s.token }

// Channels are the names of the channels, with '#'.
func (s *Server) Channels() []string {
	names := make([]string, 0, len(s.channels))
	for _, c := range s.channels {
		names = append(names, "#"+c.name)
	}
	return names
}

// Messages returns copies of the messages of a channel, named "#name", "name"
// or by ID, or of all channels for "", oldest first.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.messages {
		if c := s.channel(channel); channel == "" || c != nil && c.id == m.ChannelID {
			all = append(all, m.clone())
		}
	}
	return all
}

// Delete takes a message away, as a person could.
func (s *Server) Delete(channel, ts string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.message(s.channel(channel), ts)
	if m == nil {
		return fmt.Errorf("sim: no message %s in %q", ts, channel)
	}
	s.messages = slices.DeleteFunc(s.messages, func(o *Message) bool { return o == m })
	return nil
}

// Calls counts the calls of each method; the webhook's name is "webhook". Calls
// that were refused or came to grief count too.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Wait returns when until is satisfied with all messages, which it is asked
// after every message and edit, or with the cause when ctx is done.
func (s *Server) Wait(ctx context.Context, until func([]Message) bool) error {
	return s.bell.Await(ctx, func() bool { return until(s.Messages("")) })
}

// channel finds one by "#name", "name" or ID. It needs no lock.
func (s *Server) channel(name string) *channelLog {
	for _, c := range s.channels {
		if name == c.id || strings.TrimPrefix(name, "#") == c.name {
			return c
		}
	}
	return nil
}

// message needs the lock.
func (s *Server) message(c *channelLog, ts string) *Message {
	for _, m := range s.messages {
		if c != nil && m.ChannelID == c.id && m.TS == ts {
			return m
		}
	}
	return nil
}

// newTS returns a timestamp that no message has, whatever the clock does.
func (s *Server) newTS(now time.Time) string {
	now = now.Round(0).Truncate(time.Microsecond)
	if !now.After(s.lastTS) {
		now = s.lastTS.Add(time.Microsecond)
	}
	s.lastTS = now
	return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)
}
