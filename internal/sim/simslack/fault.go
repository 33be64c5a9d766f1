package simslack

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// A Fault is something that goes wrong. Some take an argument, see With.
type Fault string

// The faults. A webhook shows each in its own way: plain text, and a status.
const (
	Error       Fault = "error"        // ok:false; argument: its name, default internal_error
	Empty       Fault = "empty"        // 200 {}
	NotOK       Fault = "not-ok"       // 200 {"ok":false}, without an error
	HTML        Fault = "html"         // 200 and a web page, as a captive portal gives
	Redirect    Fault = "redirect"     // 302; argument: the URL
	Throttled   Fault = "throttled"    // 429; argument: Retry-After
	ServerError Fault = "server-error" // argument: the status, default 500
	Hang        Fault = "hang"         // until the client leaves or the server closes
	Reset       Fault = "reset"        // the connection breaks, nothing was taken
	TakenReset  Fault = "taken-reset"  // the message was taken, then the connection breaks
	TakenCut    Fault = "taken-cut"    // as before, in the middle of the answer
	TakenHang   Fault = "taken-hang"   // the message was taken, and no answer comes
	TakenError  Fault = "taken-error"  // the message was taken, and the answer is a 500
	TakenSays   Fault = "taken-says"   // the message was taken, and the answer is 200 with the argument as its body
	TakenSlow   Fault = "taken-slow"   // the message was taken, and the yes comes late: by the argument, default 20s
	TooLong     Fault = "too-long"     // msg_too_long for a text of more bytes than the argument, default 4000
	healthy     Fault = ""
)

// Faults returns every fault.
func Faults() []Fault {
	return []Fault{
		Error, Empty, NotOK, HTML, Redirect, Throttled, ServerError,
		Hang, Reset, TakenReset, TakenCut, TakenHang, TakenError,
		TakenSays, TakenSlow, TooLong,
	}
}

// With gives a fault its argument: Error.With("invalid_auth").
func (f Fault) With(arg string) Fault { return f + ":" + Fault(arg) }

// What Fail can aim at, beside the methods and "#channel".
const webhookMethod = "webhook"

// Fail makes calls go wrong until it is called with "" as the fault. The target
// is a method such as "chat.update", "webhook", "#channel", or "" for all.
func (s *Server) Fail(target string, f Fault) error {
	return s.order(target, []Fault{f}, func() { s.script.Stand(target, f) })
}

// FailNext makes the next calls go wrong, each as told, before what Fail says;
// "" lets one through.
func (s *Server) FailNext(target string, fs ...Fault) error {
	return s.order(target, fs, func() { s.script.Queue(target, fs) })
}

// Heal takes back every fault.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.Heal()
}

func (s *Server) order(target string, fs []Fault, do func()) error {
	switch {
	case target == simserver.Everything, target == webhookMethod, slices.Contains(methods(), target):
	case strings.HasPrefix(target, "#") && s.channel(target) != nil:
	default:
		return fmt.Errorf("sim: Slack has no %q that could fail", target)
	}
	for _, f := range fs {
		mode, arg := simserver.Split(f)
		if mode != healthy && !slices.Contains(Faults(), mode) {
			return fmt.Errorf("sim: Slack has no fault %q", mode)
		}
		if mode == ServerError && arg != "" && simserver.StatusOf(arg, 0) < 500 {
			return fmt.Errorf("sim: %q is not the status of a server error", arg)
		}
		if _, err := time.ParseDuration(arg); mode == TakenSlow && arg != "" && err != nil {
			return fmt.Errorf("sim: %q is not a duration", arg)
		}
		if _, err := strconv.Atoi(arg); mode == TooLong && arg != "" && err != nil {
			return fmt.Errorf("sim: %q is not a number of bytes", arg)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	return nil
}

// failBefore plays a fault in which nothing is taken, and reports whether f is
// one.
func (s *Server) failBefore(w http.ResponseWriter, r *http.Request, a dialect, f Fault) bool {
	mode, arg := simserver.Split(f)
	switch mode {
	case Error:
		if arg == "" {
			arg = "internal_error"
		}
		p := &problem{name: arg}
		if arg == "invalid_blocks" {
			p.messages = []string{"[ERROR] the sim was told to fail [json-pointer:/blocks/0]"}
		}
		a.refuse(w, p)
	case Empty:
		simserver.Reply(w, 200, "application/json", "{}")
	case NotOK:
		simserver.Reply(w, 200, "application/json", `{"ok":false}`)
	case HTML:
		simserver.Reply(w, 200, "text/html", "<html><body>Please log in to use the network.</body></html>")
	case Redirect:
		if arg == "" {
			arg = "http://login.sim.invalid/"
		}
		http.Redirect(w, r, arg, http.StatusFound)
	case Throttled:
		throttle(w, arg)
	case ServerError:
		simserver.Reply(w, simserver.StatusOf(arg, 500), "text/plain", "the sim was told to fail")
	case Hang:
		s.Hang(r)
	case Reset:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// failAfter plays a fault in which the message was taken, and reports whether f
// is one. The answer is the one that the client does not get.
func (s *Server) failAfter(w http.ResponseWriter, r *http.Request, f Fault, answer string) bool {
	switch mode, _ := simserver.Split(f); mode {
	case TakenReset:
		panic(http.ErrAbortHandler)
	case TakenCut:
		simserver.Cut(w, 200, "application/json", answer)
	case TakenHang:
		s.Hang(r)
	case TakenError:
		simserver.Reply(w, 500, "text/plain", "the sim was told to fail")
	case TakenSays:
		_, says := simserver.Split(f)
		simserver.Reply(w, 200, "text/plain", says)
	case TakenSlow:
		_, arg := simserver.Split(f)
		late, err := time.ParseDuration(arg)
		if err != nil {
			late = 20 * time.Second
		}
		select {
		case <-time.After(late):
			simserver.Reply(w, 200, "application/json", answer)
		case <-r.Context().Done():
		case <-s.Context().Done():
		}
	default:
		return false
	}
	return true
}

func throttle(w http.ResponseWriter, retryAfter string) {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	simserver.SendJSON(w, http.StatusTooManyRequests, map[string]any{"ok": false, "error": "ratelimited"})
}

// Health is the fault that stands for simserver.Everything, or "up".
func (s *Server) Health() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.script.Standing(simserver.Everything); f != healthy {
		return string(f)
	}
	return "up"
}
