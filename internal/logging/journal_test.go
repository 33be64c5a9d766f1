package logging

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
)

func TestTheJournalGetsAPriorityBeforeEachLine(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newJournalHandler(&out, func(w io.Writer) slog.Handler {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
	}))
	log.Error("e")
	log.With("a", 1).Warn("w\nw")
	log.WithGroup("g").Info("i")
	log.Debug("d")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i, want := range []string{"<3>{", "<4>{", "<6>{", "<7>{"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %s…", i, lines[i], want)
		}
	}
}

func TestOnlyTheStreamThatWasAnnouncedIsTheJournal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, stream := range []string{"", "1:2", "nonsense", ":"} {
		if IsJournal(f, stream) {
			t.Errorf("%q is taken for the journal", stream)
		}
	}
	if IsJournal(&bytes.Buffer{}, "1:2") {
		t.Error("a buffer is taken for the journal")
	}
}
