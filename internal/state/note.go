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
	// Recovered means that the generation before was taken.
	Recovered Kind = "recovered"
	// Lost means that nothing could be read, and all is forgotten.
	Lost Kind = "lost"
)

// note says what loading found, nil if all was well.
func (l loaded) note(path string, aside []string) []Note {
	if l.from == fromMain || l.from == fromNothing {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", path, l.main)
	n := Note{Kind: Recovered, SetAside: aside}
	if l.from == fromPrevious {
		b.WriteString("; the generation before it was taken")
		if !l.state.Written.IsZero() {
			b.WriteString(", written " + text.Stamp(l.state.Written))
		}
		b.WriteString("; what was told since then may be told once more")
	} else {
		n.Kind = Lost
		fmt.Fprintf(&b, ", and the generation before it %s; everything is forgotten, and every alert that stands will be told once more", l.previous)
	}
	if len(aside) > 0 {
		b.WriteString("; kept for examination: " + strings.Join(aside, ", "))
	}
	n.Text = b.String()
	return []Note{n}
}
