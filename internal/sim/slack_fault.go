package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A SlackFault is something that goes wrong. Some take an argument, see With.
type SlackFault string

// The faults. A webhook shows each in its own way: plain text, and a status.
const (
	SlackError       SlackFault = "error"        // ok:false; argument: its name, default internal_error
	SlackEmpty       SlackFault = "empty"        // 200 {}
	SlackNotOK       SlackFault = "not-ok"       // 200 {"ok":false}, without an error
	SlackHTML        SlackFault = "html"         // 200 and a web page, as a captive portal gives
	SlackRedirect    SlackFault = "redirect"     // 302; argument: the URL
	SlackThrottled   SlackFault = "throttled"    // 429; argument: Retry-After
	SlackServerError SlackFault = "server-error" // argument: the status, default 500
	SlackHang        SlackFault = "hang"         // until the client leaves or the server closes
	SlackReset       SlackFault = "reset"        // the connection breaks, nothing was taken
	SlackTakenReset  SlackFault = "taken-reset"  // the message was taken, then the connection breaks
	SlackTakenCut    SlackFault = "taken-cut"    // as before, in the middle of the answer
	SlackTakenHang   SlackFault = "taken-hang"   // the message was taken, and no answer comes
	SlackTakenError  SlackFault = "taken-error"  // the message was taken, and the answer is a 500
	SlackTakenSays   SlackFault = "taken-says"   // the message was taken, and the answer is 200 with the argument as its body
	SlackTakenSlow   SlackFault = "taken-slow"   // the message was taken, and the yes comes late: by the argument, default 20s
	SlackTooLong     SlackFault = "too-long"     // msg_too_long for a text of more bytes than the argument, default 4000
	slackHealthy     SlackFault = ""
)

// SlackFaults returns every fault.
func SlackFaults() []SlackFault {
	return []SlackFault{
		SlackError, SlackEmpty, SlackNotOK, SlackHTML, SlackRedirect, SlackThrottled, SlackServerError,
		SlackHang, SlackReset, SlackTakenReset, SlackTakenCut, SlackTakenHang, SlackTakenError,
		SlackTakenSays, SlackTakenSlow, SlackTooLong,
	}
}

// With gives a fault its argument: SlackError.With("invalid_auth").
func (f SlackFault) With(arg string) SlackFault { return f + ":" + SlackFault(arg) }

// What Fail can aim at, beside the methods and "#channel".
const webhookMethod = "webhook"

// Fail makes calls go wrong until it is called with "" as the fault. The target
// is a method such as "chat.update", "webhook", "#channel", or "" for all.
func (s *Slack) Fail(target string, f SlackFault) error {
	return s.order(target, []SlackFault{f}, func() { s.script.stand(target, f) })
}

// FailNext makes the next calls go wrong, each as told, before what Fail says;
// "" lets one through.
func (s *Slack) FailNext(target string, fs ...SlackFault) error {
	return s.order(target, fs, func() { s.script.queue(target, fs) })
}

// Heal takes back every fault.
func (s *Slack) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.heal()
}

func (s *Slack) order(target string, fs []SlackFault, do func()) error {
	switch {
	case target == everything, target == webhookMethod, slices.Contains(slackMethods(), target):
	case strings.HasPrefix(target, "#") && s.channel(target) != nil:
	default:
		return fmt.Errorf("sim: Slack has no %q that could fail", target)
	}
	for _, f := range fs {
		mode, arg := split(f)
		if mode != slackHealthy && !slices.Contains(SlackFaults(), mode) {
			return fmt.Errorf("sim: Slack has no fault %q", mode)
		}
		if mode == SlackServerError && arg != "" && statusOf(arg, 0) < 500 {
			return fmt.Errorf("sim: %q is not the status of a server error", arg)
		}
		if _, err := time.ParseDuration(arg); mode == SlackTakenSlow && arg != "" && err != nil {
			return fmt.Errorf("sim: %q is not a duration", arg)
		}
		if _, err := strconv.Atoi(arg); mode == SlackTooLong && arg != "" && err != nil {
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
func (s *Slack) failBefore(w http.ResponseWriter, r *http.Request, a slackAnswerer, f SlackFault) bool {
	mode, arg := split(f)
	switch mode {
	case SlackError:
		if arg == "" {
			arg = "internal_error"
		}
		p := &slackProblem{name: arg}
		if arg == "invalid_blocks" {
			p.messages = []string{"[ERROR] the sim was told to fail [json-pointer:/blocks/0]"}
		}
		a.refuse(w, p)
	case SlackEmpty:
		reply(w, 200, "application/json", "{}")
	case SlackNotOK:
		reply(w, 200, "application/json", `{"ok":false}`)
	case SlackHTML:
		reply(w, 200, "text/html", "<html><body>Please log in to use the network.</body></html>")
	case SlackRedirect:
		if arg == "" {
			arg = "http://login.sim.invalid/"
		}
		http.Redirect(w, r, arg, http.StatusFound)
	case SlackThrottled:
		throttle(w, arg)
	case SlackServerError:
		reply(w, statusOf(arg, 500), "text/plain", "the sim was told to fail")
	case SlackHang:
		s.hang(r)
	case SlackReset:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// failAfter plays a fault in which the message was taken, and reports whether f
// is one. The answer is the one that the client does not get.
func (s *Slack) failAfter(w http.ResponseWriter, r *http.Request, f SlackFault, answer string) bool {
	switch mode, _ := split(f); mode {
	case SlackTakenReset:
		panic(http.ErrAbortHandler)
	case SlackTakenCut:
		cut(w, 200, "application/json", answer)
	case SlackTakenHang:
		s.hang(r)
	case SlackTakenError:
		reply(w, 500, "text/plain", "the sim was told to fail")
	case SlackTakenSays:
		_, says := split(f)
		reply(w, 200, "text/plain", says)
	case SlackTakenSlow:
		_, arg := split(f)
		late, err := time.ParseDuration(arg)
		if err != nil {
			late = 20 * time.Second
		}
		select {
		case <-time.After(late):
			reply(w, 200, "application/json", answer)
		case <-r.Context().Done():
		case <-s.ctx.Done():
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
	sendJSON(w, http.StatusTooManyRequests, map[string]any{"ok": false, "error": "ratelimited"})
}

// health is the fault that stands for everything, or "up".
func (s *Slack) health() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.script.standing[everything]; f != slackHealthy {
		return string(f)
	}
	return "up"
}
