// Package control is how commands find the daemon on this machine and talk to
// it: HTTP over a socket in the file system, for the same user or root only.
//
// The socket is control.sock in $RUNTIME_DIRECTORY, or else beside the state
// file. It is found by the path of the configuration and by nothing that is
// written there, which may have changed since or be broken: the daemon leaves
// a link to its socket, named after that path, in each directory that it and
// the commands know from their surroundings.
package control

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// socketName is the name of the socket in its directory.
const socketName = "control.sock"

// Place is a directory in which the link of a daemon may be.
type Place struct {
	Dir string
	// runtime is set for $RUNTIME_DIRECTORY, shared where other users may
	// have put a link.
	runtime, shared bool
}

// Surroundings are the directories that a process knows from its
// environment. getenv is os.LookupEnv, or stands for it.
func Surroundings(getenv func(string) (string, bool)) []Place {
	var out []Place
	for _, name := range []string{"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "XDG_RUNTIME_DIR"} {
		dirs, _ := getenv(name)
		if dir, _, _ := strings.Cut(dirs, ":"); filepath.IsAbs(dir) { // systemd may name several
			out = append(out, Place{Dir: dir, runtime: name == "RUNTIME_DIRECTORY"})
		}
	}
	return append(out, Place{Dir: os.TempDir(), shared: true})
}

// usual is where the service of the packages has its directories, which a
// command that an administrator types is not told by the environment.
var usual = []Place{{Dir: "/run/sslwatch"}, {Dir: "/var/lib/sslwatch"}}

// linkName is the name of the link of the daemon with a configuration.
func linkName(config string) (string, error) {
	path, err := filepath.Abs(config)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(path))
	return "sslwatch-" + hex.EncodeToString(sum[:8]) + ".control", nil
}

// within calls do with a name for a socket that fits into a socket's
// address, which takes 107 bytes only.
func within(socket string, do func(name string) error) error {
	if len(socket) <= 100 {
		return do(socket)
	}
	dir, err := os.Open(filepath.Dir(socket))
	if err != nil {
		return err
	}
	defer dir.Close()
	return do(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(socket)))
}

// ours reports whether a file belongs to the user of this process.
func ours(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
