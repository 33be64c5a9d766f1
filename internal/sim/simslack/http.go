package simslack

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

func methods() []string { return []string{"auth.test", "chat.postMessage", "chat.update"} }

// maxPost is far above what any message may be.
const maxPost = 4 << 20

// A problem is an error of the API, by its name.
type problem struct {
	name     string
	messages []string // what Slack puts into response_metadata
}

// A dialect is one of the two dialects: the API's and the webhook's.
type dialect interface {
	refuse(http.ResponseWriter, *problem)
	accept(http.ResponseWriter, string)
	answer(Message) string
}

// ServeHTTP answers one call. The base path of the API is not looked at, so a
// client may be pointed at the server with or without "/api/".
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPost))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if strings.HasPrefix(r.URL.Path, "/services/") {
		s.serveWebhook(w, r, raw)
		return
	}
	s.serveAPI(w, r, raw)
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, raw []byte) {
	dialect := apiDialect{}
	method := path.Base(r.URL.Path)
	p, bad := parseParams(r, raw)
	f := s.begin(method, p.channel)
	if s.failBefore(w, r, dialect, f) {
		return
	}
	token, inHeader := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !inHeader {
		token = p.token
	}
	switch {
	case bad != nil:
	case token == "":
		bad = &problem{name: "not_authed"}
	case token != s.token:
		bad = &problem{name: "invalid_auth"}
	}
	if bad == nil {
		bad = p.tooLong(f)
	}
	if bad != nil {
		dialect.refuse(w, bad)
		return
	}
	switch method {
	case "auth.test":
		simserver.SendJSON(w, 200, map[string]any{
			"ok": true, "url": s.URL() + "/", "team": "Sim", "team_id": "T0SIM",
			"user": "sslwatch", "user_id": "U0SIM", "bot_id": "B0SIM", "is_enterprise_install": false,
		})
	case "chat.postMessage":
		s.take(w, r, dialect, f, func(now time.Time) (*Message, bool, *problem) { return s.post(p, now, false) })
	case "chat.update":
		s.take(w, r, dialect, f, func(now time.Time) (*Message, bool, *problem) { return s.update(p, now) })
	default:
		dialect.refuse(w, &problem{name: "unknown_method"})
	}
}

func (s *Server) serveWebhook(w http.ResponseWriter, r *http.Request, raw []byte) {
	dialect := webhookDialect{}
	f := s.begin(webhookMethod, s.channels[0].id)
	if s.failBefore(w, r, dialect, f) {
		return
	}
	p, bad := parseParams(r, raw)
	switch {
	case r.URL.Path != s.webhook:
		bad = &problem{name: "no_service"}
	case bad != nil || r.Method != http.MethodPost:
		bad = &problem{name: "invalid_payload"}
	default:
		bad = p.tooLong(f)
	}
	if bad != nil {
		dialect.refuse(w, bad)
		return
	}
	p.channel = s.channels[0].id
	s.take(w, r, dialect, f, func(now time.Time) (*Message, bool, *problem) { return s.post(p, now, true) })
}

// begin counts a call and says what is to happen to it.
func (s *Server) begin(method, channel string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	targets := []string{simserver.Everything, method}
	if c := s.channel(channel); c != nil {
		targets = append(targets, "#"+c.name)
	}
	return s.script.Take(targets...)
}

// take lets do change the workspace under the lock, tells those who listen, and
// then answers, unless the fault is about the answer.
func (s *Server) take(w http.ResponseWriter, r *http.Request, a dialect, f Fault,
	do func(time.Time) (m *Message, edited bool, bad *problem)) {

	now := time.Now().Round(0)
	s.mu.Lock()
	m, edited, bad := do(now)
	var seen Message
	if bad == nil {
		seen = m.clone()
		s.events.Put(Event{Message: seen, Edited: edited, Time: now})
	}
	s.mu.Unlock()

	if bad != nil {
		a.refuse(w, bad)
		return
	}
	s.bell.Ring()
	s.events.Drain()
	answer := a.answer(seen)
	if !s.failAfter(w, r, f, answer) {
		a.accept(w, answer)
	}
}

// params are what a call carries, whichever way it was encoded.
type params struct {
	token, channel, ts, threadTS  string
	text                          *string // nil: not given
	blocks, attachments, metadata json.RawMessage
	broadcast                     bool
}

// parseParams reads a form, in which the structured values are JSON in strings,
// or a JSON object.
func parseParams(r *http.Request, raw []byte) (params, *problem) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		return parseJSONParams(raw)
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return params{}, &problem{name: "invalid_form_data"}
	}
	if payload := form.Get("payload"); payload != "" { // the webhook's own way
		return parseJSONParams([]byte(payload))
	}
	p := params{
		token: form.Get("token"), channel: form.Get("channel"), ts: form.Get("ts"), threadTS: form.Get("thread_ts"),
		broadcast: form.Get("reply_broadcast") == "true" || form.Get("reply_broadcast") == "1",
	}
	if form.Has("text") {
		p.text = new(form.Get("text"))
	}
	for name, to := range map[string]*json.RawMessage{
		"blocks": &p.blocks, "attachments": &p.attachments, "metadata": &p.metadata,
	} {
		if form.Get(name) != "" {
			*to = json.RawMessage(form.Get(name))
		}
	}
	return p, nil
}

func parseJSONParams(raw []byte) (params, *problem) {
	var j struct {
		Channel     string          `json:"channel"`
		TS          string          `json:"ts"`
		ThreadTS    string          `json:"thread_ts"`
		Broadcast   bool            `json:"reply_broadcast"`
		Text        *string         `json:"text"`
		Blocks      json.RawMessage `json:"blocks"`
		Attachments json.RawMessage `json:"attachments"`
		Metadata    json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return params{}, &problem{name: "invalid_json"}
	}
	given := func(m json.RawMessage) json.RawMessage {
		if bytes.Equal(m, []byte("null")) {
			return nil
		}
		return m
	}
	return params{
		channel: j.Channel, ts: j.TS, threadTS: j.ThreadTS, broadcast: j.Broadcast, text: j.Text,
		blocks: given(j.Blocks), attachments: given(j.Attachments), metadata: given(j.Metadata),
	}, nil
}

type apiDialect struct{}

func (apiDialect) refuse(w http.ResponseWriter, p *problem) {
	if p.name == rateLimited {
		throttle(w, "1")
		return
	}
	body := map[string]any{"ok": false, "error": p.name}
	if len(p.messages) > 0 {
		body["errors"] = p.messages
		body["response_metadata"] = map[string]any{"messages": p.messages}
	}
	if p.name == "missing_scope" {
		body["needed"], body["provided"] = "chat:write", "users:read"
	}
	simserver.SendJSON(w, 200, body)
}

func (apiDialect) accept(w http.ResponseWriter, answer string) {
	simserver.Reply(w, 200, "application/json", answer)
}

func (apiDialect) answer(m Message) string {
	message := map[string]any{
		"type": "message", "subtype": "bot_message", "ts": m.TS, "text": m.Text, "user": "U0SIM", "bot_id": "B0SIM",
	}
	if m.Blocks != nil {
		message["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		message["thread_ts"] = m.ThreadTS
	}
	if m.Metadata != nil {
		message["metadata"] = m.Metadata
	}
	// In the order of the real one, which matters where an answer is cut off.
	return `{"ok":true,"channel":` + simserver.ToJSON(m.ChannelID) + `,"ts":` + simserver.ToJSON(m.TS) + `,"message":` + simserver.ToJSON(message) + `}`
}

type webhookDialect struct{}

func (webhookDialect) refuse(w http.ResponseWriter, p *problem) {
	status := http.StatusBadRequest
	switch p.name {
	case rateLimited:
		throttle(w, "1")
		return
	case "no_service", "channel_not_found":
		status = http.StatusNotFound
	case "action_prohibited", "invalid_token", "posting_to_general_channel_denied":
		status = http.StatusForbidden
	case "channel_is_archived":
		status = http.StatusGone
	case "internal_error", "rollup_error":
		status = http.StatusInternalServerError
	}
	simserver.Reply(w, status, "text/html", p.name)
}

func (webhookDialect) accept(w http.ResponseWriter, answer string) {
	simserver.Reply(w, 200, "text/html", answer)
}

func (webhookDialect) answer(Message) string { return "ok" }
