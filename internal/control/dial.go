package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// NoDaemonError says that no daemon with a configuration was found.
type NoDaemonError struct{ Config string }

var _ error = (*NoDaemonError)(nil)

func (e *NoDaemonError) Error() string {
	return fmt.Sprintf("no daemon with the configuration %s was found on this machine: it does not run, or not as this user, or it was started with another path for its configuration", e.Config)
}

// Answer is what the daemon said.
type Answer struct {
	Status int    // of HTTP
	Text   string // without the line feed at its end
}

// largestAnswer bounds what is read.
const largestAnswer = 1 << 20

// Ask sends a request to the daemon with a configuration, and returns its
// answer. The error is a *NoDaemonError if there is none.
func Ask(ctx context.Context, config string, around []Place, method, path string) (Answer, error) {
	conn, err := dial(ctx, config, slices.Concat(around, usual))
	if err != nil {
		return Answer{}, err
	}
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, "http://sslwatch"+path, nil)
	if err != nil {
		conn.Close()
		return Answer{}, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return Answer{}, errors.Unwrap(err) // without the URL, which is nobody's
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer))
	if err != nil {
		return Answer{}, err
	}
	return Answer{Status: resp.StatusCode, Text: strings.TrimRight(string(body), "\n")}, nil
}

// dial connects to the daemon with a configuration.
func dial(ctx context.Context, config string, places []Place) (net.Conn, error) {
	link, err := linkName(config)
	if err != nil {
		return nil, err
	}
	var refused error
	for _, p := range places {
		socket, err := follow(filepath.Join(p.Dir, link), p.shared)
		if err != nil {
			continue
		}
		var conn net.Conn
		err = within(socket, func(name string) (err error) {
			var d net.Dialer
			conn, err = d.DialContext(ctx, "unix", name)
			return err
		})
		if err == nil {
			if err = check(conn); err == nil {
				return conn, nil
			}
			conn.Close()
		}
		if errors.Is(err, os.ErrPermission) || refused == nil && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) {
			refused = fmt.Errorf("the daemon can't be asked at %s: %w: ask as the user that it runs as, or as root", socket, err)
		}
	}
	if refused != nil {
		return nil, refused
	}
	return nil, &NoDaemonError{Config: config}
}

// follow returns where a link leads. In a directory where others can write
// it must be this user's.
func follow(link string, shared bool) (string, error) {
	if shared {
		info, err := os.Lstat(link)
		if err != nil {
			return "", err
		}
		if !ours(info) {
			return "", os.ErrPermission
		}
	}
	return os.Readlink(link)
}

// check returns an error unless it is this user's process that listens, or
// this user is root.
func check(conn net.Conn) error {
	peer, err := peerOf(conn)
	if err != nil {
		return err
	}
	if me := os.Geteuid(); me != 0 && int(peer.Uid) != me {
		return errors.New("it belongs to another user")
	}
	return nil
}
