package simcloud

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// An Answer overrides the truth about an instance. Some take an argument, see
// With.
type Answer string

// The answers: first the rows of the API page, then what goes wrong.
const (
	AnswerTruth       Answer = ""            // what the Instance says
	AnswerOK          Answer = "ok"          // on, valid, until Instance.ExpiresAt
	AnswerOff         Answer = "off"         // 200 {"enabled":false}
	AnswerOffEmpty    Answer = "off-empty"   // 200 {}
	AnswerOff204      Answer = "off-204"     // 204, no SSL info
	AnswerUnsupported Answer = "unsupported" // 400 DCS.4201
	AnswerInternal    Answer = "internal"    // 500 DCS.5010

	AnswerMissing      Answer = "missing"       // 404 DCS.3022; leaves listings, too
	AnswerBusy         Answer = "busy"          // 400 DCS.4104
	AnswerForbidden    Answer = "forbidden"     // 403 DCS.2007
	AnswerForbiddenIAM Answer = "forbidden-iam" // 403 APIGW.0302
	AnswerUnauthorized Answer = "unauthorized"  // 401 APIGW.0301; does not count towards a key's lock
	AnswerThrottled    Answer = "throttled"     // 429 APIGW.0308; argument: Retry-After
	AnswerProxy        Answer = "proxy"         // 502 and HTML; argument: another status
	AnswerRedirect     Answer = "redirect"      // 302 to another host; argument: the URL

	AnswerHang    Answer = "hang"    // nothing, until the client leaves or the server closes
	AnswerReset   Answer = "reset"   // the connection breaks; net/http repeats a GET by itself if the connection was not a fresh one
	AnswerCut     Answer = "cut"     // the connection breaks in the middle of the truth
	AnswerEndless Answer = "endless" // a body that goes on until the client leaves
	AnswerSurplus Answer = "surplus" // the truth, and after its end more bytes on the same connection; argument: the bytes

	AnswerEmpty       Answer = "empty" // 200 without a body
	AnswerNull        Answer = "null"
	AnswerArray       Answer = "array"
	AnswerBody        Answer = "body"        // 200; argument: the body
	AnswerNumberPort  Answer = "number-port" // port is a number
	AnswerNumberDate  Answer = "number-date" // ssl_expired_at is a number
	AnswerNoDate      Answer = "no-date"     // enabled, without ssl_expired_at
	AnswerZeroDate    Answer = "zero-date"
	AnswerFarDate     Answer = "far-date" // the year 9999
	AnswerGarbageDate Answer = "garbage-date"
	AnswerSliding     Answer = "sliding"      // ends so long from now, worked out at each request; argument: how long, 5d if none
	AnswerUndated     Answer = "undated"      // enabled and not valid, without ssl_expired_at
	AnswerForeign     Answer = "foreign"      // 200 and JSON that the API did not write; argument: the JSON
	AnswerNumericCode Answer = "numeric-code" // 400, error_code is a number
	AnswerErrorObject Answer = "error-object" // 404 in the shape of the v1 API
)

// Answers returns every answer but AnswerTruth.
func Answers() []Answer {
	return []Answer{
		AnswerOK, AnswerOff, AnswerOffEmpty, AnswerOff204, AnswerUnsupported, AnswerInternal,
		AnswerMissing, AnswerBusy, AnswerForbidden, AnswerForbiddenIAM, AnswerUnauthorized,
		AnswerThrottled, AnswerProxy, AnswerRedirect,
		AnswerHang, AnswerReset, AnswerCut, AnswerEndless, AnswerSurplus,
		AnswerEmpty, AnswerNull, AnswerArray, AnswerBody, AnswerNumberPort, AnswerNumberDate,
		AnswerNoDate, AnswerZeroDate, AnswerFarDate, AnswerGarbageDate,
		AnswerSliding, AnswerUndated, AnswerForeign,
		AnswerNumericCode, AnswerErrorObject,
	}
}

// Listing stands for the listing of instances where an instance is asked for.
const Listing = "instances"

// With gives an answer its argument.
func (a Answer) With(arg string) Answer { return a + ":" + Answer(arg) }

// Answer makes a the answer about one instance (or the Listing) from now on;
// AnswerTruth ends that.
func (d *DCS) Answer(instance string, a Answer) error {
	return d.order(instance, []Answer{a}, func(target string) { d.script.Stand(target, a) })
}

// AnswerAll makes a the answer to every request that authenticates. It goes
// before what Answer says about one instance.
func (d *DCS) AnswerAll(a Answer) error {
	return d.order(simserver.Everything, []Answer{a}, func(target string) { d.script.Stand(target, a) })
}

// AnswerNext gives one answer each to the next requests about an instance (or
// the Listing), before all that stands.
func (d *DCS) AnswerNext(instance string, as ...Answer) error {
	return d.order(instance, as, func(target string) { d.script.Queue(target, as) })
}

// AnswerNextAll is AnswerNext for requests about whatever.
func (d *DCS) AnswerNextAll(as ...Answer) error {
	return d.order(simserver.Everything, as, func(target string) { d.script.Queue(target, as) })
}

// Heal makes every answer the truth again, and ends the gateway's limit.
func (d *DCS) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.script.Heal()
	d.window = window{}
}

func (d *DCS) order(instance string, as []Answer, do func(target string)) error {
	for _, a := range as {
		mode, arg := simserver.Split(a)
		if mode != AnswerTruth && !slices.Contains(Answers(), mode) {
			return fmt.Errorf("sim: no answer %q", mode)
		}
		if mode == AnswerProxy && arg != "" && simserver.StatusOf(arg, 0) == 0 {
			return fmt.Errorf("sim: %q is not an HTTP status", arg)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if instance != simserver.Everything && instance != Listing {
		i, err := d.find(instance)
		if err != nil {
			return err
		}
		instance = i.ID
	}
	do(instance)
	return nil
}

// sslBody is the body of GET …/ssl. What is any can be of the wrong type.
type sslBody struct {
	Enabled   *bool  `json:"enabled,omitempty"`
	IP        string `json:"ip,omitempty"`
	IPv6      string `json:"ipv6,omitempty"`
	Port      any    `json:"port,omitempty"`
	Domain    string `json:"domain_name,omitempty"`
	ExpiresAt any    `json:"ssl_expired_at,omitempty"`
	Validated *bool  `json:"ssl_validated,omitempty"`
}

// apiDate is how the API writes a time.
func apiDate(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func bodyOf(i Instance) sslBody {
	return sslBody{
		Enabled: new(true), IP: i.IP, IPv6: i.IPv6, Port: i.Port, Domain: i.Domain,
		ExpiresAt: apiDate(i.ExpiresAt), Validated: new(i.Validated),
	}
}

// truth is the answer that an instance gives by itself.
func truth(i *Instance) Answer {
	switch {
	case i == nil:
		return AnswerMissing
	case i.Unsupported:
		return AnswerUnsupported
	case !i.Enabled:
		// "enabled" is documented to be there with true only.
		return AnswerOffEmpty
	default:
		return AnswerTruth
	}
}

// sendSSL answers a request about i, which is the zero Instance if there is
// none.
func (d *DCS) sendSSL(w http.ResponseWriter, a Answer, i Instance) {
	body := bodyOf(i)
	switch mode, arg := simserver.Split(a); mode {
	case AnswerTruth:
	case AnswerOK:
		body.Validated = new(true)
	case AnswerOff:
		body = sslBody{Enabled: new(false)}
	case AnswerOffEmpty:
		body = sslBody{}
	case AnswerNumberPort:
		body.Port = 6379
	case AnswerNumberDate:
		body.ExpiresAt = i.ExpiresAt.UnixMilli()
	case AnswerNoDate:
		body.ExpiresAt = nil
	case AnswerZeroDate:
		body.ExpiresAt = "0001-01-01T00:00:00Z"
	case AnswerFarDate:
		body.ExpiresAt = "9999-12-31T23:59:59.999Z"
	case AnswerGarbageDate:
		body.ExpiresAt = "next Tuesday"
	case AnswerSliding:
		body.ExpiresAt = sliding(d.Now(), arg)
	case AnswerUndated:
		body.ExpiresAt, body.Validated = nil, new(false)
	case AnswerBody:
		simserver.Reply(w, http.StatusOK, "application/json", arg)
		return
	case AnswerSurplus:
		d.sendSurplus(w, simserver.ToJSON(body), arg)
		return
	case AnswerCut:
		simserver.Cut(w, http.StatusOK, "application/json", simserver.ToJSON(body))
	default:
		panic("sim: answer " + mode + " is not about SSL")
	}
	simserver.Reply(w, http.StatusOK, "application/json", simserver.ToJSON(body))
}

// sendFault answers in a way that does not depend on what was asked, and
// reports whether a is such an answer.
func (d *DCS) sendFault(w http.ResponseWriter, r *http.Request, a Answer) bool {
	mode, arg := simserver.Split(a)
	switch mode {
	case AnswerOff204:
		w.WriteHeader(http.StatusNoContent)
	case AnswerUnsupported:
		apiError(w, 400, "DCS.4201", "Do not support SSL.")
	case AnswerInternal:
		apiError(w, 500, "DCS.5010", "Failed to operate SSL in database.")
	case AnswerMissing:
		apiError(w, 404, "DCS.3022", "This DCS instance does not exist.")
	case AnswerBusy:
		apiError(w, 400, "DCS.4104", "The instance is recovering from an internal fault.")
	case AnswerForbidden:
		apiError(w, 403, "DCS.2007", "Policy does not allow dcs:ssl:get to be performed.")
	case AnswerForbiddenIAM:
		gatewayError(w, 403, "APIGW.0302", "The IAM user is not allowed to access the API.")
	case AnswerUnauthorized:
		gatewayError(w, 401, "APIGW.0301", incorrectIAM+"verify aksk signature fail")
	case AnswerThrottled:
		if arg != "" {
			w.Header().Set("Retry-After", arg)
		}
		gatewayError(w, 429, "APIGW.0308", "The throttling threshold has been reached.")
	case AnswerProxy:
		simserver.Reply(w, simserver.StatusOf(arg, http.StatusBadGateway), "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>")
	case AnswerRedirect:
		to := arg
		if to == "" {
			to = "http://login.sim.invalid/"
		}
		http.Redirect(w, r, to, http.StatusFound)
	case AnswerForeign:
		sendForeign(w, arg)
	case AnswerHang:
		d.Hang(r)
	case AnswerReset:
		panic(http.ErrAbortHandler)
	case AnswerEndless:
		d.sendEndless(w)
	case AnswerEmpty:
		w.WriteHeader(http.StatusOK)
	case AnswerNull:
		simserver.Reply(w, 200, "application/json", "null")
	case AnswerArray:
		simserver.Reply(w, 200, "application/json", "[]")
	case AnswerNumericCode:
		simserver.Reply(w, 400, "application/json", `{"error_code":111400800,"error_msg":"Invalid {0} in the request."}`)
	case AnswerErrorObject:
		simserver.Reply(w, 404, "application/json", `{"error":{"code":"111404022","message":"This DCS instance does not exist.","title":"Not Found"}}`)
	default:
		return false
	}
	return true
}

// sendEndless opens a JSON string and never closes it.
func (d *DCS) sendEndless(w http.ResponseWriter) {
	// A client that stops reading without leaving must not keep Close waiting.
	stop := context.AfterFunc(d.Context(), func() {
		http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
	})
	defer stop()
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat("x", 4096))
	_, err := w.Write([]byte(`{"enabled":true,"domain_name":"`))
	for err == nil && d.Context().Err() == nil {
		_, err = w.Write(chunk)
	}
	panic(http.ErrAbortHandler)
}

// sendSurplus sends more than it announces, and keeps the connection.
func (d *DCS) sendSurplus(w http.ResponseWriter, body, surplus string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	stop := context.AfterFunc(d.Context(), func() { conn.Close() })
	defer stop()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n")
	_ = w.Header().Write(conn)
	fmt.Fprintf(conn, "\r\n%s%s", body, cmp.Or(surplus, "surplus"))
	_, _ = io.Copy(io.Discard, conn) // until the client leaves
}

// Standing is the answer that stands for a target, AnswerTruth if none does.
func (d *DCS) Standing(target string) Answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.script.Standing(target)
}
