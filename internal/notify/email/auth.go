package email

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

const (
	// maxWays is how many ways to log in are tried. Each that is refused may
	// count towards a lock of the account.
	maxWays = 4
	// maxRounds bounds what a server can have us compute for SCRAM.
	maxRounds = 1_000_000
)

// way is a way to log in.
type way struct {
	name string
	auth smtp.Auth
}

// refusedWay is a way to log in that the server refused, and what it said.
type refusedWay struct {
	name   string
	answer *textproto.Error // nil where the exchange broke on our side
	why    string
}

// loginError is a login that came about in no way.
type loginError struct {
	refused []refusedWay // empty if none could be tried
	offered []string
	why     string
}

var _ error = (*loginError)(nil)

func (e *loginError) Error() string { return e.why }

// ways returns the ways to log in that are offered and known, in the order in
// which they are tried: the one that was accepted last, the best of each kind,
// the rest. Those that were refused are left out.
//
// Within TLS, PLAIN is better than CRAM-MD5, for which the server has to keep
// the password itself, and which some offer to all and grant to few.
func (d *dialogue) ways() []way {
	user, password, host := d.settings.Username, d.settings.Password.Reveal(), d.settings.Host
	all := []way{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(user, password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(user, password)},
		{"PLAIN", smtp.PlainAuth("", user, password, host, false)},
		{"LOGIN", smtp.LoginAuth(user, password, host, false)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(user, password)},
	}
	if c, ok := d.conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		state := c.ConnectionState()
		all = slices.Insert(all, 0,
			way{"SCRAM-SHA-256-PLUS", smtp.ScramSHA256PlusAuth(user, password, &state)},
			way{"SCRAM-SHA-1-PLUS", smtp.ScramSHA1PlusAuth(user, password, &state)})
	}
	offers := d.authOffers()
	_, last := d.server.refusal(account{d.settings.Username, d.settings.Password})
	var first, best, rest []way
	kinds := map[string]bool{}
	for _, w := range all {
		kind, _, _ := strings.Cut(w.name, "-")
		switch {
		case !slices.Contains(offers, w.name), slices.ContainsFunc(d.refused, func(r refusedWay) bool { return r.name == w.name }):
			continue
		case w.name == last:
			first = append(first, w)
		case !kinds[kind]:
			best = append(best, w)
		default:
			rest = append(rest, w)
		}
		kinds[kind] = true
	}
	ways := slices.Concat(first, best, rest)
	return ways[:min(len(ways), max(0, maxWays-len(d.refused)))]
}

// authOffers returns the ways that the server offers. Old servers have a
// second form beside the one of the standard, and some that form alone.
func (d *dialogue) authOffers() []string {
	var offers []string
	for name, more := range d.offers {
		if first, ok := strings.CutPrefix(name, "AUTH="); ok {
			offers = append(offers, first)
		} else if name != "AUTH" {
			continue
		}
		offers = append(offers, strings.Fields(strings.ToUpper(more))...)
	}
	slices.Sort(offers)
	return slices.Compact(offers)
}

// login logs in, in one way after the other. Nothing is sent over a
// connection that is not encrypted.
func (d *dialogue) login() error {
	d.begin(login, perAnswer)
	offers := d.authOffers()
	if _, encrypted := d.conn.(interface{ ConnectionState() tls.ConnectionState }); !encrypted {
		return &loginError{why: "the connection is not encrypted"}
	}
	if len(offers) == 0 {
		return &loginError{why: "it offers no authentication"}
	}
	who := account{d.settings.Username, d.settings.Password}
	for _, w := range d.ways() {
		err := d.exchange(w, offers)
		if err == nil {
			d.server.accepted(who, w.name)
			return nil
		}
		var answer *textproto.Error
		var broken *exchangeError
		switch {
		case errors.As(err, &answer) && answer.Code >= 400 && answer.Code <= 599:
			d.refused = append(d.refused, refusedWay{name: w.name, answer: answer})
			if answer.Code == 421 {
				return err // and it hangs up
			}
		case errors.As(err, &broken):
			d.refused = append(d.refused, refusedWay{name: w.name, why: broken.Error()})
		default:
			return err
		}
	}
	if len(d.refused) == 0 {
		return &loginError{why: "it offers no way of authentication that is known here", offered: offers}
	}
	return &loginError{why: "it refused each way", refused: d.refused}
}

// exchangeError is an exchange that was broken off here: the server said what
// makes no sense.
type exchangeError struct{ why string }

var _ error = (*exchangeError)(nil)

func (e *exchangeError) Error() string { return e.why }

// exchange logs in in one way.
func (d *dialogue) exchange(w way, offers []string) error {
	name, response, err := w.auth.Start(&smtp.ServerInfo{Name: d.settings.Host, TLS: true, Auth: offers})
	if err != nil {
		return &exchangeError{err.Error()}
	}
	encode := base64.StdEncoding.EncodeToString
	code, said, err := d.ask(login, perAnswer, 0, "%s", strings.TrimSpace("AUTH "+name+" "+encode(response)))
	for err == nil {
		switch code {
		case 235:
			return nil
		case 334:
		default:
			return &textproto.Error{Code: code, Msg: said}
		}
		if response, err = answerChallenge(w.auth, said); err != nil {
			// Whatever it makes of that, the next way begins anew.
			if _, _, cancelled := d.ask(login, perAnswer, 0, "*"); cancelled != nil {
				return cancelled
			}
			return &exchangeError{err.Error()}
		}
		code, said, err = d.ask(login, perAnswer, 0, "%s", encode(response))
	}
	return err
}

// answerChallenge returns what to say to a challenge.
func answerChallenge(auth smtp.Auth, said string) ([]byte, error) {
	challenge, err := base64.StdEncoding.DecodeString(said)
	if err != nil {
		return nil, errors.New("its challenge is not valid base64")
	}
	if bytes.HasPrefix(challenge, []byte("r=")) {
		_, rounds, _ := strings.Cut(string(challenge), ",i=")
		if n, err := strconv.Atoi(rounds); err != nil || n < 1 || n > maxRounds {
			return nil, fmt.Errorf("it asks for %.20q rounds of SCRAM", rounds)
		}
	}
	return auth.Next(challenge, true)
}
