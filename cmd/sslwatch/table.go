package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/sslwatch/sslwatch/internal/text"
)

// narrowest is the width of what is not printed on a screen that is wider.
const narrowest = 80

// width returns how many columns a line of standard output may take.
func (a *app) width() int {
	if f, ok := a.out.to.(interface{ Fd() uintptr }); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return max(columns, narrowest)
		}
	}
	return narrowest
}

// table is printed with its columns aligned, as wide as they are shown and
// not as long as they are.
type table struct {
	head []string
	rows []tableRow
	// style is applied to a cell after it was measured; nil for none.
	style func(column int, cell string) string
}

// tableRow is one line, and what is said under it.
type tableRow struct {
	cells  []string
	detail string
}

// add adds a row.
func (t *table) add(detail string, cells ...string) {
	for i := range cells {
		cells[i] = text.Clean(cells[i])
	}
	t.rows = append(t.rows, tableRow{cells, text.Clean(detail)})
}

const (
	gap      = 2  // between columns
	indent   = 10 // of details
	leastRun = 12 // what a column that has to give way keeps
)

// cells are measured so whatever the locale: a terminal shows a character of
// ambiguous width in one column.
var cells = &runewidth.Condition{StrictEmojiNeutral: true}

// print prints the table within a width. The column flex gives way: its cells
// go on in the line below.
func (t *table) print(w io.Writer, width, flex int) {
	all := append([]tableRow{{cells: t.head}}, t.rows...)
	widths := make([]int, len(t.head))
	for _, r := range all {
		for i, cell := range r.cells {
			widths[i] = max(widths[i], cells.StringWidth(cell))
		}
	}
	total := -gap
	for _, n := range widths {
		total += n + gap
	}
	widths[flex] = min(widths[flex], max(widths[flex]-max(total-width, 0), leastRun))
	for n, r := range all {
		parts := wrapCell(r.cells[flex], widths[flex])
		for k, part := range parts {
			shown := make([]string, len(r.cells))
			if k == 0 {
				copy(shown, r.cells)
			}
			shown[flex] = part
			t.line(w, shown, widths, n == 0)
		}
		if r.detail != "" {
			for _, l := range wrapWords(r.detail, width-indent) {
				fmt.Fprintf(w, "%*s%s\n", indent, "", l)
			}
		}
	}
}

// line prints one line of cells.
func (t *table) line(w io.Writer, shown []string, widths []int, isHead bool) {
	var b strings.Builder
	for i, cell := range shown {
		styled := cell
		if t.style != nil && !isHead {
			styled = t.style(i, cell)
		}
		b.WriteString(styled)
		if i < len(shown)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-cells.StringWidth(cell)+gap))
		}
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// wrapCell breaks a cell into lines, where it has a slash if that fits.
func wrapCell(s string, width int) []string {
	if cells.StringWidth(s) <= width {
		return []string{s}
	}
	if before, after, ok := strings.Cut(s, "/"); ok && cells.StringWidth(before) < width {
		return append([]string{before + "/"}, wrapCell(after, width)...)
	}
	return strings.Split(cells.Wrap(s, width), "\n")
}

// wrapWords breaks a text into lines, between its words if those are not too
// long.
func wrapWords(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && cells.StringWidth(line)+1+cells.StringWidth(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		parts := strings.Split(cells.Wrap(word, width), "\n")
		lines = append(lines, parts[:len(parts)-1]...)
		line = parts[len(parts)-1]
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
