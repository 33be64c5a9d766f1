package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim"
	"github.com/sslwatch/sslwatch/internal/text"
)

// told is one notice, as far as the demo compares notices.
type told struct{ status, condition, instance, threshold string }

func (t told) String() string {
	s := t.status + " " + t.condition + " " + t.instance
	if t.threshold != "" {
		s += " (" + t.threshold + ")"
	}
	return s
}

// alertLine is the line that stands for an alert in every text.
var alertLine = regexp.MustCompile(`^(FIRING|RESOLVED) (?:warning|critical) (\w+) ([^:]+): (.*)$`)

// listHead heads a list of a digest; in it, listed is a line for each alert.
var (
	listHead = regexp.MustCompile(`^(FIRING|RESOLVED) (?:warning|critical) (\w+), (.*): \d+$`)
	listed   = regexp.MustCompile(`^(\S+) [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// thresholdOf is where an alert line names the threshold.
var thresholdOf = regexp.MustCompile(`\(threshold (\w+)\)`)

// channels are where people are told.
var channels = []string{"slack", "mail"}

// board shows what the cloud does and what people receive, side by side, and
// counts. It is safe for concurrent use.
type board struct {
	out    io.Writer
	start  time.Time
	colour bool

	mu    sync.Mutex
	got   map[string]map[told]int // by channel
	edits int
}

func newBoard(out io.Writer, start time.Time, colour bool) *board {
	b := &board{out: out, start: start, colour: colour, got: map[string]map[told]int{}}
	for _, c := range channels {
		b.got[c] = map[told]int{}
	}
	return b
}

// leftWidth is the width of the cloud's column.
const leftWidth = 46

func (b *board) open() {
	fmt.Fprintf(b.out, "sslwatch demo: a real daemon, a simulated world, weeks told in seconds.\n\n")
	fmt.Fprintf(b.out, "%5s  %-*s %s\n", "time", leftWidth, "what happens", "what the people on call receive")
}

// cloud says what happens.
func (b *board) cloud(change string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.out, "%5s  %s\n", b.time(), change)
}

// receive takes what reached people. The sim calls it, in order.
func (b *board) receive(e sim.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	channel, body := "mail", ""
	switch {
	case e.Edited:
		b.edits++
		return
	case e.Slack != nil:
		channel, body = "slack", e.Slack.Text
	default:
		body = e.Mail.Text
	}
	list := []string{"", "", "", ""}
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		switch m := alertLine.FindStringSubmatch(line); {
		case m != nil:
			b.told(channel, told{status: m[1], condition: m[2], instance: m[3]}, m[4])
		case listHead.MatchString(line):
			list = listHead.FindStringSubmatch(line)
		case list[1] != "" && listed.MatchString(line):
			b.told(channel, told{status: list[1], condition: list[2], instance: listed.FindStringSubmatch(line)[1]}, list[3])
		default:
			list[1] = ""
		}
	}
}

// told takes one notice.
func (b *board) told(channel string, t told, what string) {
	if th := thresholdOf.FindStringSubmatch(what); th != nil && t.status == "FIRING" {
		t.threshold = th[1]
	}
	b.got[channel][t]++
	fmt.Fprintf(b.out, "%5s  %-*s %-5s  %s %s: %s\n", b.time(), leftWidth, "", channel, b.paint(t.status), t.instance, text.Cut(what, 96))
}

func (b *board) time() string {
	return fmt.Sprintf("%.1fs", time.Since(b.start).Seconds())
}

func (b *board) paint(status string) string {
	if !b.colour {
		return status
	}
	if status == "FIRING" {
		return "\x1b[31m" + status + "\x1b[0m"
	}
	return "\x1b[32m" + status + "\x1b[0m"
}

// complete reports whether every expected notice has come.
func (b *board) complete() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range channels {
		for _, t := range expected() {
			if b.got[c][t] == 0 {
				return false
			}
		}
	}
	return true
}

// summary prints how often each notice came, and reports whether each expected
// one came exactly once and no other did.
func (b *board) summary(requests int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	good := true
	result := table{head: []string{"NOTICE", "SLACK", "MAIL", ""}}
	count := func(t told, want int) {
		cells := []string{t.String()}
		verdict := "exactly once"
		for _, c := range channels {
			n := b.got[c][t]
			cells = append(cells, fmt.Sprint(n))
			switch {
			case n < want:
				verdict, good = "MISSING", false
			case n > want && want == 0:
				verdict, good = "NOT EXPECTED", false
			case n > want:
				verdict, good = "REPEATED", false
			}
		}
		result.add("", append(cells, verdict)...)
	}
	known := map[told]bool{}
	for _, t := range expected() {
		known[t] = true
		count(t, 1)
	}
	for _, c := range channels {
		for t := range b.got[c] {
			if !known[t] {
				known[t] = true
				count(t, 0)
			}
		}
	}
	fmt.Fprintln(b.out)
	result.print(b.out, narrowest, 0)
	fmt.Fprintln(b.out)
	if good {
		said := fmt.Sprintf("%d notices, each exactly once on Slack and by mail, across an outage of the API, a refusing Slack "+
			"and a kill -9; %s said nothing but that it could not be checked. The API was asked %d times, and the "+
			"first Slack messages were edited %d times to say how things stand. It took %s.",
			len(expected()), catalog, requests, b.edits, strings.TrimSuffix(b.time(), "s")+" seconds")
		fmt.Fprintln(b.out, strings.Join(wrapWords(said, narrowest), "\n"))
	}
	return good
}
