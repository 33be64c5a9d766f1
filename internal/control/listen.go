package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Server answers commands. Make one with Listen.
type Server struct {
	// Socket is the path of the socket.
	Socket   string
	listener net.Listener
	links    []string
}

// Listen makes the socket of the daemon with a configuration. beside is the
// directory of its state file, whose lock it holds. The first directory that
// can have a socket gets it.
func Listen(config, beside string, around []Place) (*Server, error) {
	link, err := linkName(config)
	if err != nil {
		return nil, err
	}
	if beside, err = filepath.Abs(beside); err != nil {
		return nil, err
	}
	var failed []error
	for _, socket := range candidates(beside, link, around) {
		l, err := bind(socket)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		s := &Server{Socket: socket, listener: l}
		for _, p := range around {
			if s.leave(filepath.Join(p.Dir, link)) == nil {
				s.links = append(s.links, filepath.Join(p.Dir, link))
			}
		}
		if len(s.links) == 0 {
			s.Close()
			return nil, fmt.Errorf("no directory could be written in which commands look for %s", s.Socket)
		}
		return s, nil
	}
	return nil, errors.Join(failed...)
}

// candidates are the paths for the socket, the best first. Where another
// daemon has its socket already, the name of the link makes the difference.
func candidates(beside, link string, around []Place) []string {
	dirs := []string{beside}
	for _, p := range around {
		if p.runtime {
			dirs = slices.Insert(dirs, 0, p.Dir)
		} else if !p.shared {
			dirs = append(dirs, p.Dir)
		}
	}
	var out []string
	for _, dir := range dirs {
		out = append(out, filepath.Join(dir, socketName), filepath.Join(dir, link+".sock"))
	}
	return out
}

// bind makes a socket, in place of one that a dead process has left.
func bind(socket string) (l net.Listener, err error) {
	err = within(socket, func(name string) error {
		if conn, err := net.DialTimeout("unix", name, time.Second); err == nil {
			conn.Close()
			return fmt.Errorf("%s is in use by another process", socket)
		} else if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l, err = net.Listen("unix", name)
		if err != nil {
			return err
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false) // its name may be one of within
		return os.Chmod(name, 0o600)
	})
	if err != nil && l != nil {
		l.Close()
	}
	return l, err
}

// leave leaves a link to the socket, in place of an older link.
func (s *Server) leave(link string) error {
	if info, err := os.Lstat(link); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return fs.ErrExist
	}
	fresh := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(s.Socket, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, link); err != nil {
		os.Remove(fresh)
		return err
	}
	return nil
}

// Serve answers with a handler until ctx ends or the socket fails.
func (s *Server) Serve(ctx context.Context, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(trusting{s.listener}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close removes the socket and what leads there.
func (s *Server) Close() {
	s.listener.Close()
	for _, link := range s.links {
		if to, err := os.Readlink(link); err == nil && to == s.Socket {
			os.Remove(link)
		}
	}
	os.Remove(s.Socket)
}

// trusting accepts connections of the same user and of root only, whatever
// the mode of the socket was when it was made.
type trusting struct{ net.Listener }

// Accept implements net.Listener.
func (t trusting) Accept() (net.Conn, error) {
	for {
		conn, err := t.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if peer, err := peerOf(conn); err == nil && (int(peer.Uid) == os.Geteuid() || peer.Uid == 0) {
			return conn, nil
		}
		conn.Close()
	}
}

// peerOf returns who is at the other end.
func peerOf(conn net.Conn) (*syscall.Ucred, error) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("not a socket of this machine")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *syscall.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) {
		peer, asked = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return peer, asked
}
