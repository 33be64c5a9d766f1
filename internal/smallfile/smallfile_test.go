package smallfile

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnlyPlainFilesOfASaneSizeAreRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(at(name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	write("fits", strings.Repeat("x", 1024))
	write("empty", "")
	write("too-large", strings.Repeat("x", 1025))
	if err := os.Truncate(at("too-large"), 300<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("fits"), at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("fifo"), at("link-to-fifo")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	for name, want := range map[string]string{
		at("fits"): "", at("empty"): "", at("link"): "",
		at("too-large"):      "it is too large: at most 1 KiB",
		at("fifo"):           "it is a pipe, not a plain file",
		at("link-to-fifo"):   "it is a pipe, not a plain file",
		at("socket"):         "it is a socket, not a plain file",
		dir:                  "is a directory",
		"/dev/zero":          "it is a device, not a plain file",
		at("missing"):        "no such file or directory",
		at("fits/not-a-dir"): "not a directory",
	} {
		f, err := Read(t.Context(), name, 1024)
		if want == "" {
			if err != nil || name != at("empty") && (len(f.Data) != 1024 || f.Mode.Perm()&^0o022 != 0o640) {
				t.Errorf("%s: %d bytes, %v, %v", name, len(f.Data), f.Mode, err)
			}
			continue
		}
		var path *fs.PathError
		if !errors.As(err, &path) || path.Err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// A hung network file system: no flag of open helps against it.
func TestAFileSystemThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		answer := make(chan struct{})
		_, err := within(ctx, "/nfs/secret", func() (File, error) {
			<-answer
			return File{}, nil
		})
		if !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "/nfs/secret") {
			t.Errorf("got %v", err)
		}
		close(answer)
	})
}
