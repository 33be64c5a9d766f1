package config

import (
	"slices"
	"strings"

	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
)

// Problem is what is wrong, or odd, about one place of the file.
type Problem = tomlfile.Problem

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
