package web

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v4"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// The delays between attempts to serve.
const (
	firstRetry   = time.Second
	longestRetry = time.Minute
)

// Server serves a handler over TCP, for as long as it is told to.
type Server struct {
	Listen string // host:port
	// ConfigFile is a file of exporter-toolkit, for TLS and basic auth;
	// empty for neither.
	ConfigFile string
	Handler    http.Handler
	Log        *slog.Logger
	ErrorLog   *log.Logger // for what net/http prints
	// Report is called with why it can't serve, nil when it does.
	Report func(error)
}

// Run serves until ctx ends. A port that is taken, or a file that can't be
// used, is tried again: it must not keep anyone from watching.
func (s *Server) Run(ctx context.Context) {
	delays := backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstRetry),
		backoff.WithMaxInterval(longestRetry), backoff.WithMaxElapsedTime(0))
	said := ""
	for {
		err := s.serve(ctx, delays.Reset)
		if ctx.Err() != nil {
			return
		}
		s.Report(err)
		if err.Error() != said {
			said = err.Error()
			s.Log.Error("http is not served: watching goes on, and it is tried again", "err", err)
		}
		timer := time.NewTimer(delays.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// serve serves until ctx ends or it fails, and calls began once it serves.
func (s *Server) serve(ctx context.Context, began func()) error {
	handler := s.Handler
	if s.ConfigFile != "" {
		if err := toolkit.Validate(s.ConfigFile); err != nil {
			return fmt.Errorf("web_config_file can't be used: %w", err)
		}
		var err error
		if handler, err = protect(s.ConfigFile, handler); err != nil {
			return fmt.Errorf("web_config_file can't be used: %w", err)
		}
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("%w: change [http] listen, or set it to \"\" for none", err)
	}
	server := newServer(handler)
	server.ErrorLog = s.ErrorLog
	s.Log.Info("serving http", "address", l.Addr().String(), "tls_or_auth", s.ConfigFile != "")
	s.Report(nil)
	began()

	ended := make(chan error, 1)
	// The toolkit's own words are about flags that sslwatch has not.
	quiet := slog.New(slog.DiscardHandler)
	go func() { ended <- toolkit.Serve(l, server, &toolkit.FlagConfig{WebConfigFile: &s.ConfigFile}, quiet) }()
	select {
	case err := <-ended:
		l.Close()
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(last) != nil {
		server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

// newServer returns a server with limits, for a handler.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         newConnections(mostConnections()).changed,
	}
}
