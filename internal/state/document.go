package state

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// document is the state file in memory: a line for each record, for what each
// receiver knows of each subject, for each message. A line is encoded when
// its value changes, and copied otherwise.
type document struct {
	written                              time.Time
	records, projects, clocks, receivers table
	ledgers, messages                    tables // by receiver
}

// apply makes changes. A value that can't be encoded leaves the line as it
// was, and is in the error; all others are taken.
func (d *document) apply(c Changes) error {
	d.written = c.At
	var errs []error
	put := func(t *table, key string, v any) {
		if err := t.set(key, v); err != nil {
			errs = append(errs, err)
		}
	}
	for key, r := range c.Records {
		put(&d.records, key.String(), orNil(r))
	}
	for id, p := range c.Projects {
		put(&d.projects, id, orNil(p))
	}
	for id, clock := range c.Clocks {
		put(&d.clocks, id, orNil(clock))
	}
	for id, r := range c.Receivers {
		put(&d.receivers, id, orNil(r))
	}
	for at, lines := range c.Lines {
		var v any
		if len(lines) > 0 {
			v = lines
		}
		put(d.ledgers.of(at.Receiver), at.Subject.String(), v)
	}
	for at, m := range c.Messages {
		put(d.messages.of(at.Receiver), at.Message, orNil(m))
	}
	return errors.Join(errs...)
}

// orNil returns a pointer as any, which is nil where the pointer is.
func orNil[V any](v *V) any {
	if v == nil {
		return nil
	}
	return v
}

// WriteTo writes the document: JSON that a person can read, the same for the
// same state.
func (d *document) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	b := bufio.NewWriterSize(counted, 1<<16)
	fmt.Fprintf(b, "{\"version\": %d,\n", Version)
	if !d.written.IsZero() {
		fmt.Fprintf(b, "\"written\": %q,\n", d.written.Format(time.RFC3339Nano))
	}
	b.WriteString(`"records": `)
	d.records.write(b)
	for _, section := range []struct {
		name string
		table
	}{{"projects", d.projects}, {"clocks", d.clocks}} {
		if len(section.lines) > 0 {
			fmt.Fprintf(b, ",\n%q: ", section.name)
			section.write(b)
		}
	}
	b.WriteString(",\n\"ledgers\": ")
	d.ledgers.write(b)
	if len(d.messages) > 0 {
		b.WriteString(",\n\"messages\": ")
		d.messages.write(b)
	}
	if len(d.receivers.lines) > 0 {
		b.WriteString(",\n\"receivers\": ")
		d.receivers.write(b)
	}
	b.WriteString("}\n")
	err := b.Flush() // the first error of all
	return counted.n, err
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// table is an object of which each member is a line.
type table struct {
	lines  map[string]*line
	sorted []*line // by key; nil where that is to be made anew
}

// line is a member. A write goes from one to the next without looking any up:
// with ten thousand of them, that is most of what it costs.
type line struct {
	key    string
	member []byte // "key": value
}

// set replaces a member; nil removes it.
func (t *table) set(key string, v any) error {
	if v == nil {
		delete(t.lines, key)
		t.sorted = nil
		return nil
	}
	value, err := marshal(v)
	if err != nil {
		return fmt.Errorf("encode %q: %w", key, err)
	}
	if t.lines == nil {
		t.lines = map[string]*line{}
	}
	l := t.lines[key]
	if l == nil {
		l = &line{key: key}
		t.lines[key], t.sorted = l, nil
	}
	l.member = slices.Concat(quoted(key), []byte(": "), value)
	return nil
}

// quoted returns a key as JSON. What is no UTF-8 in it is replaced.
func quoted(key string) []byte {
	q, err := marshal(key)
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return q
}

// marshal encodes a value in one line, without escaping what is no matter
// outside HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (t *table) write(b *bufio.Writer) {
	if t.sorted == nil {
		t.sorted = slices.SortedFunc(maps.Values(t.lines), func(a, b *line) int { return cmp.Compare(a.key, b.key) })
	}
	object(b, t.sorted, func(l *line) { b.Write(l.member) })
}

// tables are objects by name, each there while it has members.
type tables map[string]*table

func (t *tables) of(name string) *table {
	if *t == nil {
		*t = tables{}
	}
	if (*t)[name] == nil {
		(*t)[name] = &table{}
	}
	return (*t)[name]
}

func (t tables) write(b *bufio.Writer) {
	maps.DeleteFunc(t, func(_ string, one *table) bool { return len(one.lines) == 0 })
	object(b, slices.Sorted(maps.Keys(t)), func(name string) {
		b.Write(quoted(name))
		b.WriteString(": ")
		t[name].write(b)
	})
}

// object writes an object with a line for each member.
func object[M any](b *bufio.Writer, members []M, write func(M)) {
	b.WriteString("{")
	for i, m := range members {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n")
		write(m)
	}
	if len(members) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("}")
}
