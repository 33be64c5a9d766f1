package state

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// However short the file was cut, the generation before is taken, and it is
// said, and the broken file is kept.
func TestFileCutAtEveryByte(t *testing.T) {
	whole, older := encoded(t, 2), encoded(t, 1)
	for n := range len(whole) {
		d := newFakeDisk(map[string]string{main: whole[:n], previous: older})
		_, s, notes, err := open(d, main, now)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if n == len(whole)-1 { // only the last newline is gone
			if number(s) != 2 || len(notes) > 0 {
				t.Errorf("cut at %d: state %d, %v", n, number(s), notes)
			}
			continue
		}
		if number(s) != 1 {
			t.Errorf("cut at %d: state %d", n, number(s))
		}
		if len(notes) != 1 || notes[0].Kind != Recovered || len(notes[0].SetAside) != 1 {
			t.Fatalf("cut at %d: %+v", n, notes)
		}
		if got := d.files()[notes[0].SetAside[0]]; got != whole[:n] {
			t.Errorf("cut at %d: set aside was %q", n, got)
		}
		if _, s, notes, err := reopen(d); err != nil || number(s) != 1 || len(notes) > 0 {
			t.Errorf("cut at %d, the next start: state %d, %v, %v", n, number(s), notes, err)
		}
	}
}

func reopen(d *fakeDisk) (*File, State, []Note, error) {
	d.locked = false
	return open(d, main, now)
}

func TestWhatIsSaidAboutABrokenFile(t *testing.T) {
	older := encoded(t, 1)
	const (
		taken = "; the generation before it was taken, written 2026-03-01 12:30:16 UTC; what was told since then may be told once more"
		kept  = "; kept for examination: /d/state.json.corrupt-20260301T123015Z"
		lost  = "; everything is forgotten, and every alert that stands will be told once more"
	)
	for name, test := range map[string]struct {
		files map[string]string
		kind  Kind
		text  string
	}{
		"empty":   {map[string]string{main: "", previous: older}, Recovered, "can't be read: it is empty" + taken + kept},
		"cut off": {map[string]string{main: older[:100], previous: older}, Recovered, "can't be read: it is cut off after 100 bytes" + taken + kept},
		"no JSON": {map[string]string{main: "version: 1\n", previous: older}, Recovered, "can't be read: it is not JSON at byte 1: invalid character 'v' looking for beginning of value" + taken + kept},
		"missing": {map[string]string{previous: older}, Recovered, "is missing" + taken},
		"no generation before": {map[string]string{main: "{}"}, Lost,
			"can't be read: it has no version, and the generation before it is missing" + lost + kept},
		"both": {map[string]string{main: "\x00\x00", previous: "[]"}, Lost,
			"can't be read: it is not JSON at byte 1: invalid character '\\x00' looking for beginning of value, and the generation before it can't be read: " +
				"it is not a state: json: cannot unmarshal array into Go value of type struct { Version int \"json:\\\"version\\\"\" }" + lost + kept + ", /d/state.json.corrupt-20260301T123015Z-previous"},
		"only a broken generation before": {map[string]string{previous: "{}"}, Lost,
			"is missing, and the generation before it can't be read: it has no version" + lost + kept + "-previous"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeDisk(test.files)
			_, _, notes, err := open(d, main, now)
			if err != nil || len(notes) != 1 {
				t.Fatal(notes, err)
			}
			if notes[0].Kind != test.kind {
				t.Errorf("kind %q", notes[0].Kind)
			}
			if diff := cmp.Diff("/d/state.json "+test.text, notes[0].Text); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, aside := range notes[0].SetAside {
				if _, ok := d.files()[aside]; !ok {
					t.Errorf("%s is not there", aside)
				}
			}
			if _, _, again, err := reopen(d); err != nil || len(again) > 0 {
				t.Errorf("the next start: %v, %v", again, err)
			}
		})
	}
}

func TestWhatIsNoState(t *testing.T) {
	good := encoded(t, 1)
	for name, data := range map[string]string{
		"two documents":      good + good,
		"text for a number":  strings.Replace(good, `"version": 2`, `"version": "2"`, 1),
		"no such version":    strings.Replace(good, `"version": 2`, `"version": 0`, 1),
		"absurd version":     strings.Replace(good, `"version": 2`, `"version": 1e99`, 1),
		"records are a list": strings.Replace(good, `"records": {`, `"records": [], "x": {`, 1),
		"records are null":   strings.Replace(good, `"records": {`, `"records": null, "x": {`, 1),
		"no ledgers":         strings.Replace(good, `"ledgers"`, `"other"`, 1),
	} {
		if data == good {
			t.Fatalf("%s: the test changes nothing", name)
		}
		d := newFakeDisk(map[string]string{main: data, previous: good})
		if _, s, notes, err := open(d, main, now); err != nil || number(s) != 1 || len(notes) != 1 {
			t.Errorf("%s: state %d, %v, %v", name, number(s), notes, err)
		}
	}
}

// A part that can't be read is forgotten by itself, and the whole file is kept
// for examination. All that is sound in it stays.
func TestAPartThatCannotBeReadIsSetAsideByItself(t *testing.T) {
	const record, line, message = "record", "line of", "message of"
	for name, row := range map[string]struct{ old, new, says, because string }{
		"another's record":           {`"p/i": {`, `"p/j": {`, record, `about "p/i"`},
		"a record that is null":      {`"b/i": {`, `"x/y": null, "b/i": {`, record, "no project_id"},
		"a record that is a list":    {`"b/i": {`, `"x/y": [], "b/i": {`, record, "array"},
		"no date":                    {`"not_after":"2026`, `"not_after":"2026-`, record, "parsing time"},
		"a date far away":            {`"not_after":"2026`, `"not_after":"9876`, record, "not believable"},
		"no duration":                {`"7d"`, `"soon"`, record, "not a duration"},
		"a negative run":             {`"b/i": {`, `"b/i": {"off": {"streak": -1, "streak_since": "2026-03-01T12:30:15Z"},`, record, "off: streak: the counter is -1"},
		"a run without end":          {`"b/i": {`, `"b/i": {"denied": {"streak": 9223372036854775807, "streak_since": "2026-03-01T12:30:15Z"},`, record, "denied: streak"},
		"a negative count":           {`"b/i": {`, `"b/i": {"failing": {"count": -3},`, record, "failing: the counter"},
		"failing since never":        {`"b/i": {`, `"b/i": {"failing": {"count": 3},`, record, "failing, without a time"},
		"a negative comeback":        {`"b/i": {`, `"b/i": {"comeback": {"streak": -9},`, record, "comeback"},
		"left for no reason":         {`"b/i": {`, `"b/i": {"left": "home",`, record, "left"},
		"an ID with a slash":         {`"b/i": {`, `"c/d/e": {"project_id": "c", "instance_id": "d/e"}, "b/i": {`, record, "not a valid key"},
		"a line without its times":   {`"first"`, `"erst"`, line, "without the times"},
		"a line without the news":    {`"news"`, `"olds"`, line, "without the times"},
		"a line without the last":    {`"last"`, `"least"`, line, "without the times"},
		"a line of year one":         {`"last":"2026`, `"last":"0002`, line, "not believable"},
		"a line without severity":    {`"severity":"critical",`, ``, line, "severity"},
		"a line of another severity": {`"severity":"critical"`, `"severity":"loud"`, line, "severity"},
		"a line of no certificate":   {`"threshold":"1d","not_after":"2026`, `"threshold":"1d","zertifikat":"2026`, line, "without a date"},
		"a line of no known kind":    {`"certificate_expiring":{`, `"certificate_boring":{`, line, "does not know"},
		"an empty line":              {`"certificate_expiring":{`, `"ssl_invalid": {}, "certificate_expiring":{`, line, "says nothing"},
		"a null line":                {`"certificate_expiring":{`, `"ssl_invalid": null, "certificate_expiring":{`, line, "says nothing"},
		"an end without beginning":   {`"certificate_expiring":{`, `"ssl_invalid": {"tried": "resolved", "pending": {"severity": "critical", "since": "2026-03-01T12:30:15Z"}}, "certificate_expiring":{`, line, "it ended"},
		"waits since never":          {`"certificate_expiring":{`, `"ssl_invalid": {"pending": {"severity": "critical"}}, "certificate_expiring":{`, line, "waits, without a time"},
		"a beginning that is told":   {`"told":{`, `"tried":"firing","told":{`, line, "was tried"},
		"what nobody tries":          {`"told":{`, `"tried":"luck","told":{`, line, "was tried"},
		"lines of half a key":        {`"oncall": {`, `"oncall": {"x/": {"check_failing": {}},`, "ledger of", "not a valid key"},
		"lines of an empty key":      {`"oncall": {`, `"oncall": {"": {"check_failing": {}},`, "ledger of", "not a valid key"},
		"lines that are null":        {`"oncall": {`, `"oncall": {"x/y": null,`, "ledger of", "null"},
		"a ledger that is null":      {`"oncall": {`, `"mail": null, "oncall": {`, `ledger of "mail"`, "null"},
		"a ledger that is a text":    {`"oncall": {`, `"mail": "told", "oncall": {`, `ledger of "mail"`, "string"},
		"messages that are a list":   {`"oncall": {"2`, `"mail": [], "oncall": {"2`, "messages of", "array"},
		"a message without receipt":  {`"receipt"`, `"rezept"`, message, "no receipt"},
		"a message of half a key":    {`"key": "b/i"`, `"key": "b/"`, message, "not a valid key"},
		"a message of nothing":       {`"entries": [`, `"entries": [], "x": [`, message, "no entries"},
		"a time that is not one":     {`"written": "2026`, `"written": "heute`, "written", "not a time"},
	} {
		t.Run(name, func(t *testing.T) {
			good := strings.Replace(encoded(t, 1), `"records": {`, `"records": {
    "b/i": {"project_id": "b", "instance_id": "i", "terms": {"expiry": ["1d"], "critical": "0"}},`, 1)
			good = strings.TrimSuffix(good, "}\n") + `, "messages": {"oncall": {"2": {"receipt": {"ts": "1"}, "entries": [{"key": "b/i", "condition": "ssl_invalid", "severity": "critical", "line": "x"}]}}}}`
			if _, bad, err := Decode([]byte(good)); err != nil || len(bad) > 0 {
				t.Fatal(bad, err)
			}
			data := strings.Replace(good, row.old, row.new, 1)
			if data == good {
				t.Fatal("the test changes nothing")
			}
			d := newFakeDisk(map[string]string{main: data, previous: encoded(t, 2)})
			_, s, notes, err := open(d, main, now)
			if err != nil || len(notes) != 1 || notes[0].Kind != Damaged {
				t.Fatal(notes, err)
			}
			if text := notes[0].Text; !strings.Contains(text, row.says) || !strings.Contains(text, row.because) || !strings.Contains(text, "kept for examination") {
				t.Errorf("says %s", text)
			}
			if len(notes[0].SetAside) != 1 || d.files()[notes[0].SetAside[0]] != data {
				t.Errorf("set aside: %v", notes[0].SetAside)
			}
			count := func(s State) (records, lines, messages int) {
				for _, ledger := range s.Ledgers {
					for _, of := range ledger {
						lines += len(of)
					}
				}
				return len(s.Records), lines, len(s.Messages["oncall"])
			}
			whole, _, _ := Decode([]byte(good))
			wr, wl, wm := count(whole)
			r, l, m := count(s)
			if lost := wr - r + wl - l + wm - m; lost > 1 {
				t.Errorf("%d parts are lost", lost)
			}
			if _, again, notes, err := reopen(d); err != nil || len(notes) > 0 {
				t.Errorf("the next start: %v, %v", notes, err)
			} else if before, after := written(t, s), written(t, again); before != after {
				t.Errorf("the next start (-before +after):\n%s", cmp.Diff(before, after))
			}
		})
	}
}

// written returns a state as it is written.
func written(t *testing.T, s State) string {
	t.Helper()
	data, err := Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Of the generation before, too, only what can't be read is left out.
func TestAPartOfTheGenerationBeforeIsSetAsideByItself(t *testing.T) {
	bad := strings.Replace(encoded(t, 1), `"news"`, `"olds"`, 1)
	d := newFakeDisk(map[string]string{main: "broken", previous: bad})
	_, s, notes, err := open(d, main, now)
	if err != nil || len(notes) != 1 || notes[0].Kind != Recovered || len(notes[0].SetAside) != 2 || number(s) != 1 {
		t.Fatal(notes, err)
	}
	if !strings.Contains(notes[0].Text, "generation before it was taken") || !strings.Contains(notes[0].Text, "without the times") {
		t.Errorf("says %s", notes[0].Text)
	}
	if _, _, notes, err := reopen(d); err != nil || len(notes) > 0 {
		t.Errorf("the next start: %v, %v", notes, err)
	}
}

// What comes from the future is refused, and nothing is touched: not the
// files, and not what an interrupted write of the newer program left.
func TestStateFromTheFuture(t *testing.T) {
	future := `{"version":3,"records":[],"anything":true}`
	for name, files := range map[string]map[string]string{
		main:     {main: future, previous: encoded(t, 1), main + ".new": "x"},
		previous: {main: encoded(t, 1)[:10], previous: future},
	} {
		d := newFakeDisk(files)
		_, _, _, err := open(d, main, now)
		e, ok := errors.AsType[*FutureError](err)
		if !ok || e.Version != 3 || e.Path != name {
			t.Fatalf("%#v", err)
		}
		want := "state " + name + " was written by a newer sslwatch: it has version 3, and this one knows versions up to 2. " +
			"Upgrade sslwatch; or move the file and its .previous away, and every alert that stands is told once more"
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
		if diff := cmp.Diff(files, d.files()); diff != "" {
			t.Errorf("files (-before +after):\n%s", diff)
		}
		if _, _, err := read(d, main); err == nil {
			t.Error("Read takes it")
		}
	}
}

func TestBrokenFilesAreNeverOverwritten(t *testing.T) {
	taken := main + ".corrupt-20260301T123015Z"
	d := newFakeDisk(map[string]string{main: "broken", previous: encoded(t, 1), taken: "another", taken + "-2": "a third"})
	_, _, notes, err := open(d, main, now)
	if err != nil || len(notes) != 1 {
		t.Fatal(notes, err)
	}
	got := d.files()
	if got[taken] != "another" || got[taken+"-2"] != "a third" || got[taken+"-3"] != "broken" || notes[0].SetAside[0] != taken+"-3" {
		t.Errorf("%v; %v", slices.Sorted(maps.Keys(got)), notes)
	}
}

func TestReadWritesNothing(t *testing.T) {
	older := encoded(t, 1)
	for name, test := range map[string]struct {
		files map[string]string
		want  int
		notes int
	}{
		"good":         {map[string]string{main: encoded(t, 2), previous: older}, 2, 0},
		"broken":       {map[string]string{main: "x", previous: older}, 1, 1},
		"missing":      {map[string]string{previous: older}, 1, 1},
		"nothing":      {nil, -1, 0},
		"both broken":  {map[string]string{main: "x", previous: "y"}, -1, 0},
		"under a lock": {map[string]string{main: older}, 1, 0},
	} {
		d := newFakeDisk(test.files)
		d.locked = true
		s, notes, err := read(d, main)
		if (err != nil) != (test.want < 0) || err == nil && number(s) != test.want || len(notes) != test.notes {
			t.Errorf("%s: state %d, %v, %v", name, number(s), notes, err)
		}
		for _, n := range notes {
			if len(n.SetAside) > 0 {
				t.Errorf("%s: %v", name, n)
			}
		}
		for _, op := range d.log {
			if !strings.HasPrefix(op, "read ") {
				t.Errorf("%s: %s", name, op)
			}
		}
	}
	if _, _, err := Read(filepath.Join(t.TempDir(), "state.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("where nothing is: %v", err)
	}
}

func TestEncodeIsForPeopleAndAlwaysTheSame(t *testing.T) {
	got := encoded(t, 1)
	for range 20 {
		if encoded(t, 1) != got {
			t.Fatal("the same state is written differently")
		}
	}
	golden := filepath.Join("testdata", "state.json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the format changed; does Version have to? (-want +got)\n%s", diff)
	}
	empty, err := Encode(State{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Decode(empty); err != nil {
		t.Errorf("an empty state can't be read back: %v", err)
	}
}

// v1 returns a state file of version 1.
func v1(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A state of version 1 says in version 2 what it said, and is written as such
// by the start.
func TestAStateOfVersionOneIsReadAndWrittenAnew(t *testing.T) {
	for name, row := range map[string]struct {
		old, new string // in the file
		want     func(*State)
	}{
		"as it was": {"", "", func(*State) {}},
		"an end that was tried": {`"told": {`, `"ended": true, "told": {`, func(s *State) {
			reline(s, func(l *ledger.Line) { l.Tried = ledger.Resolved })
		}},
		"a beginning that was tried": {`"told": {`, `"waits": {"tried": true, "since": "2026-03-01T12:30:15Z", "severity": "warning", "certificate": "2026-03-02T12:30:15Z", "identity": "2026-03-02T11:30:15Z"}, "other": {`, func(s *State) {
			at := now.Truncate(time.Second)
			reline(s, func(l *ledger.Line) {
				*l = ledger.Line{Tried: ledger.Firing, Pending: &ledger.Pending{Since: at, Severity: check.Warning, NotAfter: at.AddDate(0, 0, 1), Identity: at.AddDate(0, 0, 1).Add(-time.Hour)}}
			})
		}},
		"all that has another name": {`"expires":`, `"identity": "2026-03-02T11:30:15Z", "was": "2026-02-02T11:30:15Z", "off": {"run": 1, "from": "2026-03-01T12:30:15Z"}, "comeback": {"run": 1, "expires": "2026-03-05T11:30:15Z"}, "expires":`, func(s *State) {
			for key, r := range s.Records {
				at := now.Truncate(time.Second)
				r.Identity, r.PreviousNotAfter = at.AddDate(0, 0, 1).Add(-time.Hour), at.AddDate(0, 0, -27).Add(-time.Hour)
				r.Off = check.Flag{Streak: 1, StreakSince: at}
				r.Comeback = check.Comeback{Streak: 1, NotAfter: at.AddDate(0, 0, 4).Add(-time.Hour)}
				s.Records[key] = r
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			data := v1(t)
			if row.old != "" {
				data = strings.Replace(data, row.old, row.new, 1)
			}
			want := numbered(1)
			row.want(&want)
			d := newFakeDisk(map[string]string{main: data})
			_, s, notes, err := open(d, main, now)
			if err != nil || len(notes) > 0 {
				t.Fatal(notes, err)
			}
			if diff := cmp.Diff(want, s); diff != "" {
				t.Errorf("-want +read:\n%s", diff)
			}
			if got := d.files()[main]; got != written(t, want) {
				t.Errorf("it is written as\n%s", got)
			}
		})
	}
}

// reline changes the one line of a numbered state.
func reline(s *State, how func(*ledger.Line)) {
	for _, book := range s.Ledgers {
		for _, lines := range book {
			line := lines[check.CertificateExpiring]
			how(&line)
			lines[check.CertificateExpiring] = line
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(encoded(f, 1)))
	f.Add([]byte(`{"version":1,"records":{},"ledgers":{},"messages":{"a":{"b":{"receipt":{"ts":"1"},"entries":[]}}}}`))
	f.Add([]byte(`{"version":3}`))
	f.Add([]byte(v1(f)))
	f.Add([]byte(encoded(f, 2)[:300]))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := Decode(data)
		if err != nil {
			return
		}
		once, err := Encode(s)
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		again, bad, err := Decode(once)
		if len(bad) > 0 {
			t.Fatalf("what was written can't be read: %v\n%s", bad, once)
		}
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, once)
		}
		twice, err := Encode(again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("changes when it is read and written: %v\n%s\n%s", err, once, twice)
		}
	})
}
