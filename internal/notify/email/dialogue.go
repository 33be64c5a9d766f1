package email

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// step is a step of the dialogue, in the words of a failure.
type step string

const (
	connect   step = "connect"
	welcome   step = "greeting"
	handshake step = "TLS handshake"
	hello     step = "EHLO"
	startTLS  step = "STARTTLS"
	login     step = "AUTH"
	sender    step = "MAIL FROM"
	recipient step = "RCPT TO"
	data      step = "DATA"
	content   step = "the mail itself"
	final     step = "end of DATA"
)

// How long the server may take, as RFC 5321, 4.5.3.2 has it: what seems slow
// is a server that looks up names, or has the mail examined.
const (
	perAnswer = 5 * time.Minute
	perData   = 2 * time.Minute
	perBlock  = 3 * time.Minute // of the mail
	perMail   = 10 * time.Minute
	// goodbye is how long to wait for an answer to QUIT: the mail is taken.
	goodbye = time.Second
	// lastWords is how long to wait for the reason of a server that hangs up
	// in the middle of the mail.
	lastWords = time.Second
	// perDelivery bounds it all, should a server take its time everywhere.
	perDelivery = time.Hour
)

const (
	// maxHeard bounds what a server may say in one dialogue.
	maxHeard = 1 << 20
	// caPatience is how long to wait for the CA file, of largestCA at most.
	caPatience = 5 * time.Second
	largestCA  = 4 << 20
)

var (
	// errNotOffered is a server that does not offer STARTTLS.
	errNotOffered = errors.New("STARTTLS is not offered")
	// errNoSMTPUTF8 is a server that takes no address like ours.
	errNoSMTPUTF8 = errors.New("SMTPUTF8 is not offered")
	// errTalksTooMuch is a server whose answers have no end.
	errTalksTooMuch = errors.New("the server's answers have no end")
)

// dialogue is one connection to the server, and one mail.
//
// It is held step by step here: go-mail's client has one deadline for all,
// takes a lost connection for a refusal, greets anew as HELO whatever the
// reason for which EHLO was refused, and asks for extensions that a mail in
// ASCII does not need.
type dialogue struct {
	*receiver
	server *server

	at      step // that is under way
	wait    time.Duration
	greeted string // the name that we gave
	raw     net.Conn
	conn    net.Conn // raw, or TLS over it
	text    *textproto.Conn
	offers  map[string]string // the server's extensions, by name in upper case
	refused []refusedWay      // to log in, on this connection or one before
}

// hold holds the dialogue. No error means that the server has the mail,
// whatever happened after it said so. The connection is closed at the end,
// and at once when ctx ends.
func (d *dialogue) hold(ctx context.Context, mail []byte) error {
	d.at = connect
	raw, err := d.servers.dial(ctx, d.address())
	if err != nil {
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	d.raw = &heard{Conn: raw, left: maxHeard}
	if err := d.open(ctx); err != nil {
		return err
	}
	if err := d.send(mail); err != nil {
		return err
	}
	if d.raw.SetDeadline(time.Now().Add(goodbye)) == nil {
		// The server ends the connection, and has room for the next by then.
		for err := d.text.PrintfLine("QUIT"); err == nil; {
			_, err = d.text.ReadLine()
		}
		_, _ = io.Copy(io.Discard, d.raw) // the end of TLS comes before that of the connection
	}
	return nil
}

// open gets as far as being allowed to send.
func (d *dialogue) open(ctx context.Context) error {
	config, err := d.tlsConfig(ctx)
	if err != nil {
		return err
	}
	d.conn = d.raw
	if d.settings.Security == Implicit {
		if err := d.secure(ctx, config); err != nil {
			return err
		}
	}
	d.text = textproto.NewConn(d.conn)
	d.begin(welcome, perAnswer)
	if _, _, err := d.text.ReadResponse(2); err != nil {
		return err
	}
	if err := d.hello(); err != nil {
		return err
	}
	if d.settings.Security == STARTTLS {
		if !d.offered("STARTTLS") {
			return errNotOffered
		}
		if _, _, err := d.ask(startTLS, perAnswer, 2, "STARTTLS"); err != nil {
			return err
		}
		if err := d.secure(ctx, config); err != nil {
			return err
		}
		d.text = textproto.NewConn(d.conn) // what came before TLS is forgotten
		if err := d.hello(); err != nil {
			return err
		}
	}
	if d.settings.Username != "" {
		return d.login()
	}
	return nil
}

// begin begins a step. Its deadline is for all that the server says in it.
func (d *dialogue) begin(at step, wait time.Duration) {
	d.at, d.wait = at, wait
	_ = d.raw.SetDeadline(time.Now().Add(wait)) // a closed connection shows at the next read
}

// ask sends a command as a step of its own, and reads the answer, which has
// to begin with the digits of expect.
func (d *dialogue) ask(at step, wait time.Duration, expect int, format string, args ...any) (int, string, error) {
	d.begin(at, wait)
	return d.command(expect, format, args...)
}

func (d *dialogue) command(expect int, format string, args ...any) (int, string, error) {
	if err := d.text.PrintfLine(format, args...); err != nil {
		return 0, "", err
	}
	return d.text.ReadResponse(expect)
}

// secure puts TLS over the connection.
func (d *dialogue) secure(ctx context.Context, config *tls.Config) error {
	d.begin(handshake, perAnswer)
	conn := tls.Client(d.raw, config)
	d.conn = conn
	return conn.HandshakeContext(ctx)
}

// hello greets the server, and learns what it offers. HELO is for servers
// that know no EHLO, and for no other refusal.
func (d *dialogue) hello() error {
	hostname, _ := os.Hostname() // without one, the address stands for it
	d.greeted = greeting(d.settings.HELO, hostname, d.raw.LocalAddr())
	d.offers = map[string]string{}
	_, said, err := d.ask(hello, perAnswer, 2, "EHLO %s", d.greeted)
	var no *textproto.Error
	if errors.As(err, &no) && (no.Code == 500 || no.Code == 502) {
		if _, _, again := d.ask(hello, perAnswer, 2, "HELO %s", d.greeted); again != nil {
			return err
		}
		return nil
	}
	if err != nil {
		return err
	}
	lines := strings.Split(said, "\n")
	for _, line := range lines[1:] {
		name, more, _ := strings.Cut(line, " ")
		d.offers[strings.ToUpper(name)] = more
	}
	return nil
}

// offered reports whether the server offers an extension.
func (d *dialogue) offered(name string) bool {
	_, ok := d.offers[name]
	return ok
}

// send sends the mail.
func (d *dialogue) send(mail []byte) error {
	extra := ""
	if !isASCII(d.from.Address) || !isASCII(d.to.Address) {
		if !d.offered("SMTPUTF8") {
			return errNoSMTPUTF8
		}
		extra = " SMTPUTF8"
	}
	if _, _, err := d.ask(sender, perAnswer, 2, "MAIL FROM:<%s>%s", d.from.Address, extra); err != nil {
		return err
	}
	if _, _, err := d.ask(recipient, perAnswer, 2, "RCPT TO:<%s>", d.to.Address); err != nil {
		return err
	}
	if _, _, err := d.ask(data, perData, 3, "DATA"); err != nil {
		return err
	}
	d.begin(content, perBlock)
	dots := textproto.NewWriter(bufio.NewWriter(blocks{d})).DotWriter()
	if _, err := bytes.NewReader(mail).WriteTo(dots); err != nil {
		return d.hungUp(err)
	}
	// From here on the server may have the mail, whatever else happens.
	d.begin(final, perMail)
	if err := dots.Close(); err != nil {
		return d.hungUp(err)
	}
	_, _, err := d.text.ReadResponse(2) // the server's yes
	return err
}

// blocks writes a mail in blocks, each in its own time.
type blocks struct{ *dialogue }

func (b blocks) Write(p []byte) (int, error) {
	if err := b.raw.SetDeadline(time.Now().Add(b.wait)); err != nil {
		return 0, err
	}
	return b.conn.Write(p)
}

// hungUp returns the reason that a server gave before it hung up in the
// middle of the mail, or else what broke.
func (d *dialogue) hungUp(broke error) error {
	if d.raw.SetReadDeadline(time.Now().Add(lastWords)) != nil {
		return broke
	}
	var no *textproto.Error
	if _, _, err := d.text.ReadResponse(2); errors.As(err, &no) {
		return err
	}
	return broke
}

// inDoubt reports whether the server may have the mail: all of it was sent,
// and there was no answer that says no.
func (d *dialogue) inDoubt(err error) bool {
	var no *textproto.Error
	return d.at == final && !(errors.As(err, &no) && no.Code >= 400 && no.Code <= 599)
}

// tlsConfig returns what TLS has to keep to. The CA is read each time: it may
// have been replaced.
func (d *dialogue) tlsConfig(ctx context.Context) (*tls.Config, error) {
	pool, err := roots(ctx, d.settings.CAFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{ServerName: d.settings.Host, RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// roots reads a CA file; nil stands for the system's authorities.
func roots(ctx context.Context, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, caPatience)
	defer cancel()
	f, err := smallfile.Read(ctx, file, largestCA)
	if err != nil {
		return nil, &caError{err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(f.Data) {
		return nil, &caError{fmt.Errorf("%s holds no certificate", file)}
	}
	return pool, nil
}

// caError is a CA file that is of no use.
type caError struct{ err error }

var _ error = (*caError)(nil)

func (e *caError) Error() string { return "ca_file: " + e.err.Error() }

// Unwrap returns why.
func (e *caError) Unwrap() error { return e.err }

// heard is a connection on which only so much is listened to: what reads the
// answers keeps all of a line, however long.
type heard struct {
	net.Conn
	left int
}

func (h *heard) Read(p []byte) (int, error) {
	if h.left <= 0 {
		return 0, errTalksTooMuch
	}
	n, err := h.Conn.Read(p[:min(len(p), h.left)])
	h.left -= n
	return n, err
}

// deliver holds dialogues until one has an outcome: a server that hangs up on
// a refused login is called again for the next way to log in, and one that
// takes no further connection beside others is waited for.
func (r *receiver) deliver(ctx context.Context, mail []byte) *notify.Failure {
	server := r.servers.server(r.address())
	who := account{r.settings.Username, r.settings.Password}
	d := dialogue{receiver: r, server: server}
	for {
		slot, err := server.acquire(ctx, who)
		if err != nil {
			return d.failure(ctx, errCrowded)
		}
		if f, _ := server.refusal(who); f != nil {
			slot.release()
			return f
		}
		tried := len(d.refused)
		err = d.hold(ctx, mail)
		crowded := err != nil && ctx.Err() == nil && d.isCrowded(err) && slot.crowded()
		if err == nil {
			server.delivered()
		}
		var no *loginError
		if errors.As(err, &no) {
			server.refusedLogin(who, d.failure(ctx, err)) // before the next one may try
		}
		slot.release()
		switch {
		case err == nil:
			return nil
		case crowded:
			select {
			case <-time.After(settling / 2):
			case <-ctx.Done():
			}
			continue
		case d.at == login && len(d.refused) > tried && isHangUp(err) && len(d.ways()) > 0:
			continue
		}
		return d.failure(ctx, err)
	}
}
