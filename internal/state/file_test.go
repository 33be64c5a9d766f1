package state

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// holdEnv makes the test binary a process that opens a state file, says so,
// and holds it until its standard input ends.
const holdEnv = "SSLWATCH_TEST_HOLD_STATE"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		if _, _, _, err := Open(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestWriteAndOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sslwatch", "state.json") // its directory is made
	f, s, notes, err := Open(path)
	if err != nil || len(notes) > 0 {
		t.Fatal(notes, err)
	}
	if s.Version != Version || s.Records == nil || s.Ledgers == nil || len(s.Records)+len(s.Ledgers) > 0 {
		t.Errorf("a fresh state is %+v", s)
	}
	for n := 1; n <= 3; n++ {
		if err := f.Commit(numbered(n).Changes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	if err := f.Commit(numbered(4).Changes()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a write without the lock: %v", err)
	}
	f, s, notes, err = Open(path)
	if err != nil || len(notes) > 0 {
		t.Fatal(notes, err)
	}
	defer f.Close()
	if diff := cmp.Diff(numbered(3), s); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}

	var names []string
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		names = append(names, e.Name())
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	if diff := cmp.Diff([]string{"state.json", "state.json.lock", "state.json.previous"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if info, _ := os.Stat(filepath.Dir(path)); info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v", info.Mode())
	}
	if data, _ := os.ReadFile(path + ".previous"); string(data) != encoded(t, 2) {
		t.Error("the generation before is not the one before")
	}
}

func TestNothingIsWrittenByAClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f, _, _, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(numbered(1).Changes()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(path); string(data) != encoded(t, 1) {
		t.Error("the state changed")
	}
}

func TestTwoInOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	var wg sync.WaitGroup
	files, errs := make([]*File, 20), make([]error, 20)
	for i := range files {
		wg.Go(func() { files[i], _, _, errs[i] = Open(path) })
	}
	wg.Wait()
	var holder *File
	for i, f := range files {
		if f != nil {
			if holder != nil {
				t.Fatal("two hold the lock")
			}
			holder = f
			continue
		}
		if _, ok := errors.AsType[*InUseError](errs[i]); !ok {
			t.Errorf("%T: %v", errs[i], errs[i])
		}
	}
	if holder == nil {
		t.Fatal("nobody holds the lock")
	}
	_, _, _, err := Open(path)
	want := fmt.Sprintf("state %s: in use by process %d: stop that one first, or give this one another [state] file", path, os.Getpid())
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	f, _, _, err := Open(path)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	f.Close()
}

func TestTwoProcessesAndOneThatIsKilled(t *testing.T) {
	real := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(real, []byte(encoded(t, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.json") // another name shares the lock
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), holdEnv+"="+link)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "held\n" {
		t.Fatalf("the other process says %q", line)
	}
	_, _, _, err = Open(real)
	if e, ok := errors.AsType[*InUseError](err); !ok || e.PID != child.Process.Pid || e.Path != real {
		t.Errorf("beside process %d: %#v", child.Process.Pid, err)
	}
	if s, notes, err := Read(real); err != nil || number(s) != 1 || len(notes) > 0 {
		t.Errorf("a look at it: state %d, %v, %v", number(s), notes, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	f, _, _, err := Open(link)
	if err != nil {
		t.Fatalf("after the other was killed: %v", err)
	}
	defer f.Close()
	if err := f.Commit(numbered(2).Changes()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the symbolic link was replaced: %v, %v", info.Mode(), err)
	}
	if s, _, err := Read(link); err != nil || number(s) != 2 {
		t.Errorf("state %d, %v", number(s), err)
	}
}

func TestOpenWhereNoStateCanBe(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "no", "such", "state.json"): "make the directory " + filepath.Join(dir, "no", "such"),
		filepath.Join(plain, "state.json"):             plain + " must be a directory",
		dir:                                            "[state] file must name a file",
	} {
		f, _, _, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Open(%s): %v", path, err)
		}
		if f != nil {
			t.Errorf("Open(%s) returns a file", path)
		}
	}
}

// The state goes to where the links lead, whether there is a file yet or not,
// and all that stands beside it as well.
func TestASymbolicLinkIsFollowed(t *testing.T) {
	for name, links := range map[string][]string{ // each to the next
		"to a file that is not there": {"state.json", "disk/real.json"},
		"by an absolute name":         {"state.json", "/disk/real.json"},
		"to a link":                   {"state.json", "links/a", "../links/b", "../disk/real.json"},
		"in a directory that is one":  {"dir/state.json", "../disk/real.json"},
	} {
		for _, exists := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", there is a file: ", exists), func(t *testing.T) {
				root := t.TempDir()
				for _, dir := range []string{"disk", "links"} {
					if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Symlink("links", filepath.Join(root, "dir")); err != nil {
					t.Fatal(err)
				}
				if exists {
					if err := os.WriteFile(filepath.Join(root, "disk", "real.json"), []byte(encoded(t, 2)), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				at := filepath.Join(root, links[0])
				for _, to := range links[1:] {
					target := to
					if filepath.IsAbs(to) {
						target = filepath.Join(root, to)
					}
					if err := os.Symlink(target, at); err != nil {
						t.Fatal(err)
					}
					if at = target; !filepath.IsAbs(target) {
						at = filepath.Join(root, "links", target)
					}
					if links[0] == "state.json" && !filepath.IsAbs(to) && !strings.HasPrefix(to, "..") {
						at = filepath.Join(root, target)
					}
				}
				path := filepath.Join(root, links[0])
				f, s, notes, err := Open(path)
				if err != nil || len(notes) > 0 || exists != (number(s) == 2) {
					t.Fatal(number(s), notes, err)
				}
				defer f.Close()
				if err := f.Commit(numbered(3).Changes()); err != nil {
					t.Fatal(err)
				}
				if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
					t.Errorf("the link was replaced: %v", err)
				}
				if s, _, err := Read(path); err != nil || number(s) != 3 {
					t.Errorf("read back: %d, %v", number(s), err)
				}
				for _, beside := range []string{"", ".lock", ".previous"} {
					if _, err := os.Stat(filepath.Join(root, "disk", "real.json"+beside)); err != nil {
						t.Error(err)
					}
				}
				if _, _, _, err := Open(filepath.Join(root, "disk", "real.json")); !errors.As(err, new(*InUseError)) {
					t.Errorf("by its own name: %v", err)
				}
			})
		}
	}
}

// Where the disk behind a link is not mounted, no state is begun in its place.
func TestALinkThatLeadsNowhereIsSaid(t *testing.T) {
	root := t.TempDir()
	for link, to := range map[string]string{"state.json": "mnt/sslwatch/state.json", "circle.json": "circle.json", "chain.json": "state.json"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for link, says := range map[string]string{
		"state.json":  "symbolic link to " + filepath.Join(root, "mnt/sslwatch/state.json") + ", and there is no directory " + filepath.Join(root, "mnt/sslwatch"),
		"chain.json":  "there is no directory " + filepath.Join(root, "mnt/sslwatch"),
		"circle.json": "in a circle",
	} {
		_, _, _, err := Open(filepath.Join(root, link))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", link, err)
		}
		if _, _, err := Read(filepath.Join(root, link)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("a look at %s: %v", link, err)
		}
	}
	if entries, _ := os.ReadDir(root); len(entries) != 3 {
		t.Errorf("%v", entries)
	}
}

// Whoever may write to the directory must not reach, by a link, a file that
// only we may write.
func TestALockThatLeadsElsewhereIsNotWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	intact := func() bool {
		data, err := os.ReadFile(precious)
		return err == nil && string(data) == "precious"
	}
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, lead := range map[string]func(lock string) error{
		"link":          func(lock string) error { return os.Symlink(precious, lock) },
		"dangling link": func(lock string) error { return os.Symlink(filepath.Join(dir, "new"), lock) },
		"second name":   func(lock string) error { return os.Link(precious, lock) },
	} {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := lead(path + ".lock"); err != nil {
			t.Fatal(err)
		}
		f, _, _, err := Open(path)
		if f != nil {
			f.Close()
		}
		if isLink := name != "second name"; isLink != (err != nil) || isLink && !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil || !intact() {
			t.Errorf("%s: it was written through", name)
		}
	}
}

func TestALinkOfSomebodyElseInADirectoryOfAllIsNotFollowed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a link of somebody else")
	}
	precious := filepath.Join(t.TempDir(), "precious")
	for name, tc := range map[string]struct {
		mode     fs.FileMode
		owner    int
		followed bool
	}{
		"of somebody else, in a directory of all": {0o777 | fs.ModeSticky, 12345, false},
		"of ours, in a directory of all":          {0o777 | fs.ModeSticky, 0, true},
		"of somebody else, in ours":               {0o755, 12345, true},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "state.json")
		if err := errors.Join(os.Symlink(precious, path), os.Lchown(path, tc.owner, tc.owner), os.Chmod(dir, tc.mode)); err != nil {
			t.Fatal(err)
		}
		f, _, _, err := Open(path)
		if f != nil {
			f.Close()
		}
		if (err == nil) != tc.followed || err != nil && !strings.Contains(err.Error(), "another user") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(precious); (err == nil) != tc.followed {
			t.Errorf("%s: %v", name, err)
		}
		os.Remove(precious)
		os.Remove(precious + ".lock")
	}
}

func TestALockThatIsAPipeOrAStateThatIsNoFileHangsNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	if err := syscall.Mkfifo(path+".lock", 0o600); err != nil {
		t.Fatal(err)
	}
	if f, _, _, err := Open(path); err == nil {
		f.Close()
	}
	os.Remove(path)
	os.Remove(path + ".lock")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := Open(path); err == nil || !strings.Contains(err.Error(), "a pipe") {
		t.Errorf("a state that is a pipe: %v", err)
	}
	if _, _, err := Read(path); err == nil || !strings.Contains(err.Error(), "a pipe") {
		t.Errorf("a state that is a pipe: %v", err)
	}
}

// slowDisk is a disk that does not answer a write until it is told to.
type slowDisk struct {
	Disk
	answer chan struct{}
}

func (d slowDisk) Create(name string) (DiskFile, error) {
	<-d.answer
	return d.Disk.Create(name)
}

func TestAWriteThatHangsHoldsUpNoClose(t *testing.T) {
	d := slowDisk{osDisk{}, make(chan struct{})}
	f := &File{disk: d, path: filepath.Join(t.TempDir(), "state.json"), lock: fakeLock{newFakeDisk(nil)}}
	done := make(chan error)
	go func() { done <- f.Commit(Changes{}) }()
	for f.mu.TryLock() { // until the write has it
		f.mu.Unlock()
		runtime.Gosched()
	}
	if err := f.Close(); err == nil {
		t.Error("closed under a write")
	}
	close(d.answer)
	<-done
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// A lock file that is removed or replaced, or whose directory is gone, keeps
// nobody out. The daemon that runs takes it anew, before another one can; and
// if one was faster, knows it, and writes nothing over what that wrote.
func TestALockThatIsRemovedIsTakenAnew(t *testing.T) {
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path + ".lock"); err != nil {
			t.Fatal(err)
		}
	}
	for name, row := range map[string]struct {
		lose func(t *testing.T, path string)
	}{
		"removed": {lose: remove},
		"replaced": {lose: func(t *testing.T, path string) {
			remove(t, path)
			if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		"moved away with its directory": {lose: func(t *testing.T, path string) {
			old := filepath.Join(filepath.Dir(filepath.Dir(path)), fmt.Sprint("old-", time.Now().UnixNano()))
			if err := os.Rename(filepath.Dir(path), old); err != nil {
				t.Fatal(err)
			}
		}},
		"removed with its directory": {lose: func(t *testing.T, path string) {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "d", "state.json")
			f, _, _, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if again, err := f.Guard(); again || err != nil {
				t.Fatalf("while it is held: %v, %v", again, err)
			}
			row.lose(t, path)
			if again, err := f.Guard(); !again || err != nil {
				t.Fatalf("taken anew: %v, %v", again, err)
			}
			if _, _, _, err := Open(path); !errors.As(err, new(*InUseError)) {
				t.Errorf("another one: %v", err)
			}
			row.lose(t, path)
			if err := f.Commit(numbered(2).Changes()); err != nil { // a write looks first
				t.Fatal(err)
			}
			if s, _, err := Read(path); err != nil || number(s) != 2 {
				t.Errorf("%d, %v", number(s), err)
			}
			row.lose(t, path)
			other, _, _, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if again, err := f.Guard(); again || !errors.As(err, new(*InUseError)) {
				t.Errorf("another one was faster: %v, %v", again, err)
			}
			if err := other.Commit(numbered(3).Changes()); err != nil {
				t.Fatal(err)
			}
			if err := f.Commit(numbered(4).Changes()); !errors.As(err, new(*InUseError)) {
				t.Errorf("a write without the lock: %v", err)
			}
			if s, _, err := Read(path); err != nil || number(s) != 3 {
				t.Errorf("%d, %v", number(s), err)
			}
		})
	}
}

// BenchmarkCommit is what a write costs: of one record, of all, on a disk
// that syncs as the machine's does.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1000, 3000, 10_000} {
		var all Changes
		for i := range n {
			one := numbered(1 + i%300).Changes()
			for _, r := range one.Records {
				r.InstanceID = fmt.Sprintf("553a2516-b865-4159-b774-%012d", i)
				all.Add(Changes{At: now, Records: map[check.Key]*check.Record{r.Key(): r}})
				for _, lines := range one.Lines {
					all.Add(Changes{At: now, Lines: map[ledger.Place]ledger.Lines{{Receiver: "oncall", Subject: r.Key()}: lines}})
				}
			}
		}
		var one Changes
		for key, r := range all.Records {
			one = Changes{At: now, Records: map[check.Key]*check.Record{key: r}}
			break
		}
		for name, c := range map[string]Changes{"one": one, "all": all} {
			b.Run(fmt.Sprintf("%s-of-%d", name, n), func(b *testing.B) {
				f, _, _, err := Open(filepath.Join(b.TempDir(), "state.json"))
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				if err := f.Commit(all); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := f.Commit(c); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
