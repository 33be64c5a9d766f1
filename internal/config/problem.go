package config

import (
	"fmt"
	"slices"
	"strings"
)

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

// Error is a configuration that can't be used: everything that is wrong with
// it, sorted by line.
type Error struct {
	Problems []Problem
	// Files are those that were read, or should have been, as they were.
	Files []File
	// Err is the cause when the file could not be read at all.
	Err error
}

var _ error = (*Error)(nil)

// Error returns a line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Passing reports whether all of it may pass without an edit.
func (e *Error) Passing() bool {
	return !slices.ContainsFunc(e.Problems, func(p Problem) bool { return !p.Passing })
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
