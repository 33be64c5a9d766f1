package state

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

const main, previous = "/d/state.json", "/d/state.json.previous"

var now = time.Date(2026, 3, 1, 12, 30, 15, 123456789, time.UTC)

// numbered returns a state that can be told from others.
func numbered(n int) State {
	r := check.Record{
		Subject:  check.Subject{ProjectID: "p", InstanceID: "i", Instance: "orders <cache>", Labels: map[string]string{"team": "payments"}},
		Terms:    check.Terms{Expiry: []check.Duration{check.Duration(check.Week)}, RequireSSL: true},
		NotAfter: now.AddDate(0, 0, n),
	}
	told := &ledger.Told{Severity: check.Critical, Threshold: check.Duration(check.Day), NotAfter: now.AddDate(0, 0, n), First: now, LastNews: now, Last: now}
	return State{
		Version: Version,
		Written: now.Add(time.Duration(n) * time.Second),
		Records: map[check.Key]check.Record{r.Key(): r},
		Ledgers: map[string]ledger.Ledger{"oncall": {r.Key(): {check.CertificateExpiring: {Told: told}}}},
	}
}

func encoded(t testing.TB, n int) string {
	t.Helper()
	data, err := Encode(numbered(n))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// number tells which state it is, 0 for an empty one.
func number(s State) int {
	if s.Written.IsZero() {
		return 0
	}
	return int(s.Written.Sub(now) / time.Second)
}

// start opens a disk that is in order again, and returns which state it gives.
func start(t *testing.T, d *fakeDisk) (*File, int, []Note) {
	t.Helper()
	d.rule, d.torn, d.locked = nil, false, false
	f, s, notes, err := open(d, main, now)
	if err != nil {
		t.Fatalf("does not start: %v; files %v", err, slices.Sorted(maps.Keys(d.files())))
	}
	if diff := cmp.Diff(numbered(number(s)), s); number(s) != 0 && diff != "" {
		t.Fatalf("the state is not whole (-want +got):\n%s", diff)
	}
	return f, number(s), notes
}

// A write that is cut off after any operation, by a kill or by a power cut,
// leaves the old state or the new one, nothing to complain of, and a file
// that can be written.
func TestCrashInAWriteLeavesTheOldStateOrTheNew(t *testing.T) {
	files := map[string]string{main: encoded(t, 2), previous: encoded(t, 1)}
	for _, torn := range []bool{false, true} {
		for k := 0; ; k++ {
			d := newFakeDisk(files)
			f, _, _ := start(t, d)
			before := len(d.log)
			d.rule, d.torn = crashAfter(before+k), torn
			err := f.Commit(numbered(3).Changes())
			done := len(d.log) <= before+k
			if torn && err == nil {
				t.Fatal("a short write is no error")
			}
			for i, after := range append(d.cut(), d.killed()) {
				where := fmt.Sprintf("after %q, disk %d", d.log[before:min(before+k, len(d.log))], i)
				f, n, notes := start(t, after)
				if n != 2 && n != 3 || err == nil && n != 3 {
					t.Errorf("%s: state %d; write said %v", where, n, err)
				}
				if len(notes) > 0 {
					t.Errorf("%s: %v", where, notes)
				}
				if err := f.Commit(numbered(4).Changes()); err != nil {
					t.Errorf("%s: the next write: %v", where, err)
				}
				want := map[string]string{main: encoded(t, 4), previous: encoded(t, n)}
				if diff := cmp.Diff(want, after.files()); diff != "" {
					t.Errorf("%s: after the next write (-want +got):\n%s", where, diff)
				}
			}
			if done {
				break
			}
		}
	}
}

// A start that is cut off after any operation loses nothing that the start
// would have found, and nothing that is broken.
func TestCrashInAStartLosesNothing(t *testing.T) {
	good, older := encoded(t, 2), encoded(t, 1)
	for name, test := range map[string]struct {
		files map[string]string
		want  int
	}{
		"nothing":           {nil, 0},
		"good":              {map[string]string{main: good, previous: older}, 2},
		"good, no previous": {map[string]string{main: good}, 2},
		"broken":            {map[string]string{main: good[:50], previous: older}, 1},
		"missing":           {map[string]string{previous: older}, 1},
		"both broken":       {map[string]string{main: good[:50], previous: older[:40]}, 0},
		"leftovers":         {map[string]string{main: good, previous: older, main + ".new": good[:9], main + ".keep": older}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for k := 0; ; k++ {
				d := newFakeDisk(test.files)
				d.rule = crashAfter(k)
				_, _, _, err := open(d, main, now)
				for i, after := range append(d.cut(), d.killed()) {
					_, n, _ := start(t, after)
					if n != test.want {
						t.Errorf("after %q, disk %d: state %d, want %d", d.log[:min(k, len(d.log))], i, n, test.want)
					}
				}
				for file, data := range test.files {
					_, _, whole := Decode([]byte(data))
					kept := slices.Collect(maps.Values(d.files()))
					if whole != nil && !strings.Contains(file, ".new") && !slices.Contains(kept, data) {
						t.Errorf("after %q: the broken %s is gone", d.log[:min(k, len(d.log))], file)
					}
				}
				if err == nil {
					break
				}
			}
		})
	}
}

// Whatever operation fails, with whatever error: before the rename both
// generations are as they were and no temporary file stays; after it the new
// state is there. And the next write heals.
func TestFailedWriteHarmsNothing(t *testing.T) {
	files := map[string]string{main: encoded(t, 2), previous: encoded(t, 1)}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EACCES, syscall.EBUSY, syscall.EDQUOT, syscall.EPERM} {
		renamed := false
		for k := 1; ; k++ {
			d := newFakeDisk(files)
			f, _, _ := start(t, d)
			before := len(d.log)
			d.rule = failAt(before+k, errno)
			err := f.Commit(numbered(3).Changes())
			if len(d.log) < before+k {
				break
			}
			op := d.log[before+k-1]
			switch {
			case err == nil && errno == syscall.EPERM && strings.HasPrefix(op, "link"):
				continue // no hard links here; see TestFileSystemWithoutHardLinks
			case err == nil:
				t.Errorf("%s fails with %v, and the write says nothing", op, errno)
				continue
			case !errors.Is(err, errno):
				t.Errorf("%s: %v does not hold its cause %v", op, err, errno)
			}
			if !renamed {
				if diff := cmp.Diff(files, d.files()); diff != "" {
					t.Errorf("%s fails with %v (-before +after):\n%s", op, errno, diff)
				}
			} else if d.files()[main] != encoded(t, 3) {
				t.Errorf("%s fails with %v: the new state is gone", op, errno)
			}
			renamed = renamed || strings.HasPrefix(op, "rename")
			if err := f.Commit(numbered(4).Changes()); err != nil {
				t.Errorf("after %s failed: the next write: %v", op, err)
			}
			if _, n, notes := start(t, d); n != 4 || len(notes) > 0 {
				t.Errorf("after %s failed: state %d, %v", op, n, notes)
			}
		}
		if !renamed {
			t.Fatal("no rename was made to fail")
		}
	}
}

func TestShortWriteHarmsNothing(t *testing.T) {
	files := map[string]string{main: encoded(t, 2), previous: encoded(t, 1)}
	d := newFakeDisk(files)
	f, _, _ := start(t, d)
	d.torn = true
	if err := f.Commit(numbered(3).Changes()); err == nil {
		t.Error("a short write is no error")
	}
	if diff := cmp.Diff(files, d.files()); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

func TestFileSystemWithoutHardLinks(t *testing.T) {
	for _, files := range []map[string]string{
		{main: encoded(t, 2), previous: encoded(t, 1)},
		{main: "broken", previous: encoded(t, 2)},
	} {
		d := newFakeDisk(files)
		d.rule = func(_ int, op string) error {
			if strings.HasPrefix(op, "link") {
				return syscall.EPERM
			}
			return nil
		}
		f, s, _, err := open(d, main, now)
		if err != nil || number(s) != 2 {
			t.Fatal(number(s), err)
		}
		if err := f.Commit(numbered(3).Changes()); err != nil {
			t.Fatal(err)
		}
		got := d.files()
		if got[main] != encoded(t, 3) || got[previous] != encoded(t, 2) || got[main+".keep"] != "" {
			t.Errorf("files %v", slices.Sorted(maps.Keys(got)))
		}
	}
}

// A start whose disk refuses any operation refuses too, says what to do,
// gives the lock back, and loses nothing.
func TestStartOnADiskThatCannotBeWritten(t *testing.T) {
	files := map[string]string{main: encoded(t, 2), previous: encoded(t, 1)}
	for _, test := range []struct {
		errno syscall.Errno
		says  string
	}{
		{syscall.ENOSPC, "make room"},
		{syscall.EROFS, "a volume"},
		{syscall.EACCES, "let the user that sslwatch runs as own /d"},
		{syscall.EBUSY, "mount its directory instead"},
		{syscall.EDQUOT, "quota"},
	} {
		for k := 1; ; k++ {
			d := newFakeDisk(files)
			d.rule = failAt(k, test.errno)
			_, _, _, err := open(d, main, now)
			if len(d.log) < k {
				break
			}
			op := d.log[k-1]
			if err == nil || !errors.Is(err, test.errno) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s fails with %v: %v", op, test.errno, err)
			}
			if d.locked {
				t.Errorf("%s fails: the lock is still held", op)
			}
			if _, n, _ := start(t, d); n != 2 {
				t.Errorf("%s failed: state %d afterwards", op, n)
			}
		}
	}
}

func TestBadSectorIsDamageAndNoAccessIsNot(t *testing.T) {
	for errno, want := range map[syscall.Errno]int{syscall.EIO: 1, syscall.EACCES: 0, syscall.EISDIR: 0} {
		d := newFakeDisk(map[string]string{main: encoded(t, 2), previous: encoded(t, 1)})
		d.rule = func(_ int, op string) error {
			if op == "read "+main {
				return errno
			}
			return nil
		}
		_, s, notes, err := open(d, main, now)
		if want == 0 {
			if !errors.Is(err, errno) || len(d.files()) != 2 {
				t.Errorf("%v: %v, files %v", errno, err, slices.Sorted(maps.Keys(d.files())))
			}
			continue
		}
		if err != nil || number(s) != want || len(notes) != 1 {
			t.Errorf("%v: state %d, notes %v, error %v", errno, number(s), notes, err)
		}
	}
}
