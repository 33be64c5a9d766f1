package web

import (
	"errors"
	"net/http"
	"os"
	"sync"
	"syscall"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"

	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// protection refuses requests when the file that is to protect them no longer
// does. The toolkit reads the file anew for each request, and one that is
// empty asks for no password.
type protection struct {
	file string
	next http.Handler
	// password and clientCert are what was asked for when serving began.
	password, clientCert bool

	mu   sync.Mutex
	seen stamp // of the file as it was last found to protect
}

// stamp changes whenever a file does.
type stamp struct {
	device, inode uint64
	size          int64
	changed       syscall.Timespec
}

// protect returns next, protected by what the file asks for now.
func protect(file string, next http.Handler) (http.Handler, error) {
	p := &protection{file: file, next: next}
	var err error
	if p.seen, err = stampOf(file); err != nil {
		return nil, err
	}
	p.password, p.clientCert, err = asksFor(file)
	return p, err
}

// ServeHTTP implements http.Handler. The toolkit comes before it. Whether the
// toolkit has seen the same file is not known when that has changed since the
// last request; so such a request is refused, and the next one is not.
func (p *protection) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.unchanged() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the file that protects this page has changed, or protects it no longer", http.StatusServiceUnavailable)
		return
	}
	p.next.ServeHTTP(w, r)
}

// unchanged reports whether the file is the one that was last found to
// protect. One that is another, and protects, is that from now on.
func (p *protection) unchanged() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, err := stampOf(p.file)
	if err != nil {
		return false
	}
	if now == p.seen {
		return true
	}
	password, clientCert, err := asksFor(p.file)
	if err == nil && (password || !p.password) && (clientCert || !p.clientCert) && toolkit.Validate(p.file) == nil {
		p.seen = now
	}
	return false
}

// largestConfig is far above any such file.
const largestConfig = 4 << 20

// asksFor reports what a file of the toolkit asks of those who ask.
func asksFor(file string) (password, clientCert bool, err error) {
	f, err := smallfile.ReadNow(file, largestConfig)
	if err != nil {
		return false, false, err
	}
	var c toolkit.Config
	if err := yaml.Unmarshal(f.Data, &c); err != nil {
		return false, false, errors.New("it is not valid")
	}
	auth := c.TLSConfig.ClientAuth
	return len(c.Users) > 0, auth != "" && auth != "NoClientCert" && auth != "RequestClientCert", nil
}

func stampOf(file string) (stamp, error) {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, errors.New("it is not a file")
	}
	return stamp{device: uint64(s.Dev), inode: s.Ino, size: s.Size, changed: s.Ctim}, nil
}
