package ledger_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// The stories in testdata/stories are read and written by this test: each line
// that is not indented is a command, and what is indented under it is what the
// book made of it. To write one, give the commands and run with -update; then
// read whether what it says is right.
//
//	receiver NAME [to FALLBACK after DURATION] [from critical]
//	observer NAME [the same]
//	absent NAME           it can't be shown what stands
//	back NAME             it can again
//	handed NAME           what is handed to an observer
//	see INSTANCE on DURATION | off | invalid DURATION | failed | missing
//	wait DURATION         time passes; the book is updated whenever it asked to be
//	ready RECEIVER        what it may be sent now
//	send RECEIVER         a message of all that is begun; what must be on disk first is said
//	took RECEIVER         the message arrived
//	unknown RECEIVER      no answer came
//	failed RECEIVER       it did not arrive
//	crash                 a new book goes on with what was on disk
//	lines RECEIVER        what it knows
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newStory(t)
			for line := range strings.Lines(string(data)) {
				switch {
				case strings.HasPrefix(line, "\t"):
				case strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
					s.out.WriteString(line)
				default:
					s.out.WriteString(line)
					s.do(strings.Fields(line))
				}
			}
			golden.Assert(t, s.out.String(), strings.TrimPrefix(file, "testdata/"))
		})
	}
}

// story is a book, and what happens to it.
type story struct {
	t         *testing.T
	out       strings.Builder
	now       time.Time
	book      *ledger.Book
	receivers []ledger.Receiver
	observers map[string]ledger.Receiver
	records   map[string]check.Record
	due       map[string]time.Time // by instance
	sending   map[string][]ledger.Notice
	messages  int
	policy    check.Policy
}

func newStory(t *testing.T) *story {
	s := &story{
		t: t, now: birth, records: map[string]check.Record{}, observers: map[string]ledger.Receiver{}, due: map[string]time.Time{}, sending: map[string][]ledger.Notice{},
		policy: check.Policy{Confirm: 2, FailingAfter: hour, Awake: birth},
	}
	s.open(nil)
	return s
}

// open begins a book with what is remembered.
func (s *story) open(remembered map[string]ledger.Ledger) {
	s.book = ledger.New(remembered, nil)
	s.book.Awake(s.now)
	s.configure()
}

func (s *story) configure() {
	s.book.Configure(s.receivers, ledger.Terms{
		GroupWait: 10 * time.Second, Repeat: map[check.Severity]time.Duration{check.Critical: day, check.Warning: 7 * day},
	})
	for name := range s.records {
		s.update(name)
	}
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(&s.out, "\t"+format+"\n", args...) }

func (s *story) duration(text string) time.Duration {
	s.t.Helper()
	if d, err := check.ParseDuration(text); err == nil {
		return time.Duration(d)
	}
	d, err := time.ParseDuration(text) // with a sign
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s *story) do(words []string) {
	s.t.Helper()
	name := ""
	if len(words) > 1 {
		name = words[1]
	}
	switch words[0] {
	case "receiver", "observer":
		r := ledger.Receiver{ID: name, Name: name, FallbackAfter: 5 * time.Minute}
		for i := 2; i+1 < len(words); i += 2 {
			switch words[i] {
			case "to":
				r.Fallback = words[i+1]
			case "after":
				r.FallbackAfter = s.duration(words[i+1])
			case "from":
				r.Audience.MinSeverity = check.Severity(words[i+1])
			}
		}
		if words[0] == "observer" {
			s.observers[name] = r
			return
		}
		s.receivers = append(s.receivers, r)
		s.configure()
	case "absent":
		s.book.Absent([]ledger.Absent{{Receiver: s.observers[name], Since: s.now}})
		s.configure()
	case "back":
		s.book.Absent(nil)
		s.configure()
	case "handed":
		handed := s.book.Handed(name)
		for _, key := range slices.SortedFunc(maps.Keys(handed), check.Key.Compare) {
			s.say("%s: %s", key.InstanceID, handed[key])
		}
	case "see":
		s.see(name, words[2:])
	case "wait":
		s.wait(s.duration(name))
	case "ready":
		ready := s.book.Ready(name, s.now)
		for _, n := range ready.Notices {
			s.say("%s: %s", n.Instance, brief(n))
		}
		if len(ready.Notices) == 0 {
			s.say("nothing%s", s.until(ready.Wake))
		}
	case "send":
		batch := s.book.Ready(name, s.now).Notices
		if len(batch) == 0 {
			s.say("nothing to send")
			return
		}
		for !s.book.Begin(name, batch) {
			s.say("to disk first: %s", s.changes())
			batch = s.book.Ready(name, s.now).Notices
		}
		s.sending[name] = batch
		s.messages++
		for _, n := range batch {
			s.say("sent: %s: %s", n.Instance, brief(n))
		}
	case "took", "unknown", "failed":
		s.ended(words[0], name)
	case "crash":
		s.sending = map[string][]ledger.Notice{}
		s.open(s.remembered())
	case "lines":
		s.lines(name)
	default:
		s.t.Fatalf("what is %q?", words)
	}
}

// see takes two observations in, so that each is confirmed, and updates the book.
func (s *story) see(name string, what []string) {
	r, known := s.records[name]
	if !known {
		r = check.Record{
			Subject: check.Subject{ProjectID: "p", InstanceID: name, Project: "prod", Instance: name},
			Terms:   check.Terms{Expiry: ladder("30d", "14d", "7d"), Critical: span("7d"), RequireSSL: true},
		}
	}
	o := check.Observation{}
	switch what[0] {
	case "on", "invalid":
		o.SSL = dcs.SSL{Enabled: true, Validated: what[0] == "on", ExpiresAt: s.now.Add(s.duration(what[1]))}
	case "failed":
		o = check.Observation{Cause: check.CauseFailed, Reason: reason.Text("no")}
	case "missing":
		o = check.Observation{Cause: check.CauseMissing, Reason: reason.Text("no")}
	}
	r = check.Learn(check.Learn(r, o, s.policy, s.now), o, s.policy, s.now)
	s.records[name] = r
	s.update(name)
}

// update has the book know what is so of an instance.
func (s *story) update(name string) {
	r := s.records[name]
	next, handed := s.book.Update(r.Key(), check.Standing(r, s.policy, s.now), s.policy.Clock("p"), s.now)
	for _, h := range handed {
		s.say("%s: handed from %s to %s: %s", name, h.From, h.Fallback, h.Condition)
	}
	if at := check.Next(r, s.policy, s.now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	s.due[name] = next
}

// wait lets time pass, from one moment at which something changes to the next.
func (s *story) wait(d time.Duration) {
	end := s.now.Add(d)
	for {
		first := ""
		for name, due := range s.due {
			if !due.IsZero() && !due.After(end) && (first == "" || due.Before(s.due[first]) || due.Equal(s.due[first]) && name < first) {
				first = name
			}
		}
		if first == "" {
			break
		}
		s.now = later(s.now, s.due[first])
		s.update(first)
		if !s.due[first].After(s.now) {
			s.due[first] = time.Time{}
		}
	}
	s.now = end
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (s *story) ended(how, name string) {
	batch := s.sending[name]
	delete(s.sending, name)
	message := fmt.Sprint("m", s.messages)
	var subjects []check.Key
	switch how {
	case "took":
		belongs := slices.Repeat([]string{message}, len(batch))
		subjects = s.book.Delivered(name, batch, belongs, s.now)
	case "unknown":
		_, subjects = s.book.Doubted(name, batch, message, s.now)
	default:
		subjects = s.book.Failed(name, batch)
	}
	for _, key := range subjects {
		s.update(key.InstanceID)
	}
	if on := s.changes(); on != "" {
		s.say("to disk: %s", on)
	}
}

// changes returns what is new for the disk, in short.
func (s *story) changes() string {
	var all []string
	for at := range s.book.Changes() {
		all = append(all, at.Receiver+" of "+at.Subject.InstanceID)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// remembered is what a book leaves.
func (s *story) remembered() map[string]ledger.Ledger {
	out := map[string]ledger.Ledger{}
	for _, r := range s.receivers {
		out[r.ID] = ledger.Ledger{}
		for _, record := range s.records {
			if lines := s.book.Lines(r.ID, record.Key()); len(lines) > 0 {
				out[r.ID][record.Key()] = lines
			}
		}
	}
	return out
}

// lines says what a receiver knows, and is owed.
func (s *story) lines(name string) {
	var all []string
	for instance, record := range s.records {
		for condition, line := range s.book.Lines(name, record.Key()) {
			text := instance + ": " + string(condition)
			if line.Told != nil {
				text += ", told " + string(line.Told.Severity)
				if line.Told.Threshold > 0 {
					text += " " + line.Told.Threshold.String()
				}
			}
			if line.Pending != nil {
				text += ", pending"
				if line.Pending.InDoubt != nil {
					text += fmt.Sprintf(" in doubt after %d", line.Pending.InDoubt.Tries)
				}
				if line.Pending.HandedOn {
					text += ", handed on"
				}
			}
			if line.Tried != "" {
				text += ", tried " + string(line.Tried)
			}
			all = append(all, text)
		}
	}
	slices.Sort(all)
	for _, text := range all {
		s.say("%s", text)
	}
	if len(all) == 0 {
		s.say("none")
	}
}

func (s *story) until(wake time.Time) string {
	if wake.IsZero() {
		return ""
	}
	return ", until in " + wake.Sub(s.now).Round(time.Millisecond).String()
}
