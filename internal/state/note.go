package state

import (
	"fmt"
	"strings"

	"github.com/sslwatch/sslwatch/internal/text"
)

// Note says that something was wrong with what was remembered, and how it
// was mended.
type Note struct {
	Kind Kind
	// Text says it for people, with what it means for them.
	Text string
	// SetAside are the broken files under their new names.
	SetAside []string
}

// Kind is how much was lost, for metrics.
type Kind string

// The kinds of notes.
const (
	// Damaged means that parts of the state could not be read, and are
	// forgotten.
	Damaged Kind = "damaged"
	// Recovered means that the generation before was taken.
	Recovered Kind = "recovered"
	// Lost means that nothing could be read, and all is forgotten.
	Lost Kind = "lost"
)

// Kinds returns all kinds of notes.
func Kinds() []Kind { return []Kind{Damaged, Recovered, Lost} }

// note says what loading found, nil if all was well.
func (l loaded) note(path string, aside []string) []Note {
	var b strings.Builder
	n := Note{SetAside: aside}
	switch {
	case l.from == fromMain && len(l.bad) > 0:
		n.Kind = Damaged
		b.WriteString(path)
	case l.from == fromMain, l.from == fromNothing:
		return nil
	case l.from == fromPrevious:
		n.Kind = Recovered
		fmt.Fprintf(&b, "%s %s; the generation before it was taken", path, l.main)
		if !l.state.Written.IsZero() {
			b.WriteString(", written " + text.Stamp(l.state.Written))
		}
		b.WriteString("; what was told since then may be told once more")
		if len(l.bad) > 0 {
			b.WriteString("; of it")
		}
	default:
		n.Kind = Lost
		fmt.Fprintf(&b, "%s %s, and the generation before it %s; everything is forgotten, and every alert that stands will be told once more", path, l.main, l.previous)
	}
	if len(l.bad) > 0 {
		b.WriteString(" " + listed(l.bad) + " can't be read: what they say is forgotten, and may be told once more, or not be told to be over")
	}
	if len(aside) > 0 {
		b.WriteString("; kept for examination: " + strings.Join(aside, ", "))
	}
	n.Text = b.String()
	return []Note{n}
}

// listed names some of what is bad, and counts the rest.
func listed(bad []string) string {
	const most = 3
	if len(bad) <= most {
		return strings.Join(bad, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(bad[:most], ", "), len(bad)-most)
}
