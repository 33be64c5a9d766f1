package email

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/secret"
)

const (
	// fewConnections is how many connections a server gets at once, whatever
	// the number of recipients.
	fewConnections = 3
	// patience is how long a connection keeps others waiting: each recipient
	// waits for its own answers alone.
	patience = 20 * time.Second
	// narrowed is for how long a server that refused a connection beside
	// others gets no more than those.
	narrowed = 10 * time.Minute
	// settling is how long a server may take to notice that a connection ended.
	settling = 2 * time.Second
	// refusedFor is how long a refused login stands for those who came at the
	// same time: too many refusals lock an account.
	refusedFor = 3 * time.Second
)

// Servers is what the receivers of a process share: their connections to
// each mail server. The zero value is ready.
type Servers struct {
	// Dial connects; nil for the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu       sync.Mutex
	byServer map[string]*server
}

// dialTimeout bounds a connection's coming about.
const dialTimeout = 30 * time.Second

func (s *Servers) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := s.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return dial(ctx, "tcp", address)
}

// server returns what is shared about a server.
func (s *Servers) server(address string) *server {
	address = strings.ToLower(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byServer == nil {
		s.byServer = map[string]*server{}
	}
	if s.byServer[address] == nil {
		s.byServer[address] = &server{changed: make(chan struct{}), logins: map[account]*loginState{}}
	}
	return s.byServer[address]
}

// account is who logs in.
type account struct {
	user     string
	password secret.Text
}

// loginState is how an account stands with a server.
type loginState struct {
	way     string // that was accepted last
	refused *notify.Failure
	at      time.Time // of the refusal
}

// server is one mail server, and the connections to it.
type server struct {
	mu      sync.Mutex
	open    int // connections
	counted int // those of them that keep others waiting
	most    int // as it showed, until then; 0 if it did not
	until   time.Time
	ended   time.Time // when the last connection did that brought a mail
	logins  map[account]*loginState
	changed chan struct{} // closed when something above did
}

// slot is the right to one connection.
type slot struct {
	of      *server
	counted bool // guarded by of.mu
	timer   *time.Timer
}

// acquire waits for a slot. A login that was never accepted is tried alone.
func (s *server) acquire(ctx context.Context, who account) (*slot, error) {
	for {
		s.mu.Lock()
		most := fewConnections
		if who.user != "" && s.login(who).way == "" {
			most = 1
		}
		if s.most > 0 && time.Now().After(s.until) {
			s.most = 0
		}
		if s.counted < most && (s.most == 0 || s.open < s.most) {
			s.open++
			s.counted++
			sl := &slot{of: s, counted: true}
			sl.timer = time.AfterFunc(patience, sl.discount)
			s.mu.Unlock()
			return sl, nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// login returns how an account stands. The caller holds mu.
func (s *server) login(who account) *loginState {
	if s.logins[who] == nil {
		s.logins[who] = &loginState{}
	}
	return s.logins[who]
}

// change has those who wait look again. The caller holds mu.
func (s *server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// discount has the connection keep nobody waiting any longer.
func (sl *slot) discount() {
	sl.of.mu.Lock()
	defer sl.of.mu.Unlock()
	if sl.counted {
		sl.counted = false
		sl.of.counted--
		sl.of.change()
	}
}

// release gives the slot back.
func (sl *slot) release() {
	sl.timer.Stop()
	sl.discount()
	sl.of.mu.Lock()
	defer sl.of.mu.Unlock()
	sl.of.open--
	sl.of.change()
}

// crowded notes that the server refused this connection, and reports whether
// others were open beside it, or may be to the server: then there are as many
// as it takes.
func (sl *slot) crowded() bool {
	s := sl.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open < 2 && time.Since(s.ended) > settling {
		return false
	}
	if most := max(1, s.open-1); s.most == 0 || most < s.most {
		s.most = most
	}
	s.until = time.Now().Add(narrowed)
	return true
}

// delivered notes that a connection brought a mail, and is over.
func (s *server) delivered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = time.Now()
}

// accepted notes the way in which a login succeeded.
func (s *server) accepted(who account, way string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.login(who)
	l.way, l.refused = way, nil
	s.change()
}

// refusedLogin notes that a login was refused.
func (s *server) refusedLogin(who account, f *notify.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.login(who); f.Refused {
		l.way, l.refused, l.at = "", f, time.Now()
	}
}

// refusal returns a refusal that still stands, and the way that was accepted
// last.
func (s *server) refusal(who account) (*notify.Failure, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.login(who)
	if l.refused != nil && time.Since(l.at) < refusedFor {
		return l.refused, ""
	}
	return nil, l.way
}
