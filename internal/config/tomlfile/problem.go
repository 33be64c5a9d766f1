package tomlfile

import "fmt"

// Problem is what is wrong, or odd, about one place of the file.
type Problem struct {
	File string
	Line int    // 0 where there is none, since something is missing
	Key  string // with its tables, such as check.interval; may be empty
	Text string // what is wrong, and what would be right
	// Passing says that it may pass without an edit of the configuration: it
	// is about another file, which somebody may be about to write.
	Passing bool
}

// String returns the problem as one line: file:line: key: text.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	if p.Key != "" {
		s += ": " + p.Key
	}
	return s + ": " + p.Text
}
