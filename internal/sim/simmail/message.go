package simmail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// A Message is a message that was taken.
type Message struct {
	Hello      string   // the name that the client gave
	Extensions []string // that MAIL asked for

	Time time.Time
	From string   // of the envelope
	To   []string // of the envelope
	User string   // who authenticated
	TLS  bool

	Raw       []byte
	Header    mail.Header // encoded words as they came
	Subject   string      // decoded
	MessageID string      // without the angle brackets
	Text      string      // the first text/plain part, decoded, lines ended by \n
	HTML      string      // the first text/html part

	// Problem says why the rest could not be read. A message with a problem was
	// taken all the same.
	Problem string
}

func parseMail(raw []byte) Message {
	m := Message{Raw: raw}
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		m.Problem = fmt.Sprintf("read headers: %v", err)
		return m
	}
	m.Header = parsed.Header
	m.MessageID = strings.Trim(parsed.Header.Get("Message-Id"), "<> ")
	m.Subject = parsed.Header.Get("Subject")
	if s, err := new(mime.WordDecoder).DecodeHeader(m.Subject); err == nil {
		m.Subject = s
	}
	if err := m.part(parsed.Header, parsed.Body, 0); err != nil {
		m.Problem = err.Error()
	}
	return m
}

// part takes what it can use from a part and those within it.
func (m *Message) part(h interface{ Get(string) string }, body io.Reader, depth int) error {
	if depth > 5 {
		return fmt.Errorf("parts are nested too deep")
	}
	kind, params := "text/plain", map[string]string(nil)
	if v := h.Get("Content-Type"); v != "" {
		var err error
		if kind, params, err = mime.ParseMediaType(v); err != nil {
			return fmt.Errorf("read Content-Type: %w", err)
		}
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read %s: %w", kind, err)
			}
			if err := m.part(p.Header, p, depth+1); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read %s: %w", kind, err)
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = text
	case kind == "text/html" && m.HTML == "":
		m.HTML = text
	}
	return nil
}
