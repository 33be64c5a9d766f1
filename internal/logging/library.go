package logging

import (
	"context"
	"log"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

// quoted finds what a library quotes. It may be what a peer has sent, and so
// hold a secret that is not known here, such as a temporary one.
var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")

// again is how long a library is not heard saying the same.
const again = time.Hour

// Library returns a logger for what a library prints: each text is an event
// of this log, without what it quotes, and at the level that level returns.
// What is said over and over is logged once an hour.
func (l *Log) Library(name string, level func(text string) slog.Level) *log.Logger {
	return log.New(&library{log: l.Logger, name: name, level: level}, "", 0)
}

type library struct {
	log   *slog.Logger
	name  string
	level func(string) slog.Level

	mu   sync.Mutex
	last string
	at   time.Time
}

// Write takes one text.
func (b *library) Write(p []byte) (int, error) {
	text := quoted.ReplaceAllString(strings.TrimSpace(string(p)), `"…"`)
	if b.repeats(text, time.Now()) {
		return len(p), nil
	}
	b.log.Log(context.Background(), b.level(text), "a library reports", "library", b.name, "text", text)
	return len(p), nil
}

func (b *library) repeats(text string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if text == b.last && now.Sub(b.at) < again {
		return true
	}
	b.last, b.at = text, now
	return false
}
