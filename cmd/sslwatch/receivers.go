package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/text"
)

// receiverRow is how one receiver does, in the report of status.
type receiverRow struct {
	Verdict      check.Verdict `json:"status"` // ok, or warning where the last delivery failed
	Receiver     string        `json:"receiver"`
	Recipient    string        `json:"recipient,omitempty"`
	Healthy      bool          `json:"healthy"`
	Owed         int           `json:"owed"`
	OwedSince    *time.Time    `json:"owed_since"`
	FailingSince *time.Time    `json:"failing_since"`
	LastError    string        `json:"last_error"`
	LastSuccess  *time.Time    `json:"last_success"`
	observes     bool          // it is shown what stands, and owed nothing
}

// receiverRows reports the receivers of the configuration.
func receiverRows(c *config.Config, s state.State) []receiverRow {
	given := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	var rows []receiverRow
	for _, configured := range c.Receivers {
		h := s.Receivers[configured.ID]
		r := receiverRow{
			Verdict: check.VerdictOK, Healthy: h.Healthy(), Owed: h.Owed, LastError: h.Failure,
			OwedSince: given(h.OwedSince), FailingSince: given(h.FailingSince), LastSuccess: given(h.Succeeded), observes: configured.Alertmanager != nil,
		}
		r.Receiver, r.Recipient = state.SplitID(configured.ID)
		if !r.Healthy {
			r.Verdict = check.VerdictWarning
		}
		rows = append(rows, r)
	}
	return rows
}

// failing counts the receivers whose last delivery failed, in words; empty for
// none.
func failing(rows []receiverRow) string {
	n := 0
	for _, r := range rows {
		if !r.Healthy {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "1 receiver fails"
	}
	return fmt.Sprintf("%d receivers fail", n)
}

// printReceivers prints how the receivers do, for a person.
func printReceivers(w io.Writer, rows []receiverRow, now time.Time, width int) {
	fmt.Fprintln(w, "\nRECEIVERS")
	for _, r := range rows {
		head := "ok"
		if !r.Healthy {
			head = "FAILING"
		}
		name := r.Receiver
		if r.Recipient != "" {
			name += " (" + r.Recipient + ")"
		}
		fmt.Fprintf(w, "%-*s%s\n", indent, head, text.Clean(name))
		for _, l := range wrapWords(text.Clean(r.what(now)), width-indent) {
			fmt.Fprintf(w, "%*s%s\n", indent, "", l)
		}
	}
}

// what says what it is owed, why, and when it last took something.
func (r receiverRow) what(now time.Time) string {
	at := func(t time.Time) string {
		return fmt.Sprintf("%s (%s ago)", text.Stamp(t), text.Span(now.Sub(t)))
	}
	parts := []string{"nothing is owed to it"}
	if r.observes {
		parts[0] = "it is shown what stands, every minute"
	}
	if r.Owed > 0 {
		parts[0] = fmt.Sprintf("%s owed to it", map[bool]string{true: "1 notice is", false: fmt.Sprintf("%d notices are", r.Owed)}[r.Owed == 1])
		if r.OwedSince != nil {
			parts[0] += ", since " + at(*r.OwedSince)
		}
	}
	if r.FailingSince != nil {
		parts = append(parts, "failing since "+at(*r.FailingSince))
	}
	if r.LastSuccess != nil {
		parts = append(parts, "last message taken "+at(*r.LastSuccess))
	} else {
		parts = append(parts, "no message was taken yet")
	}
	if r.LastError != "" {
		parts = append(parts, r.LastError)
	}
	return strings.Join(parts, "; ")
}
