package email

import (
	"fmt"
	"net/textproto"
	"strings"
)

// advice is what to do about a refusal: by what the server said, since many
// refuse at one step what they dislike about another, and only then by the
// step. What passes by itself needs no advice unless the server names what
// only a person can mend.
func (d *dialogue) advice(no *textproto.Error) string {
	loggedIn := d.settings.Username != ""
	switch {
	case says(no, "starttls", "encryption required", "must use tls", "tls required"):
		if d.settings.Security == None {
			return `set tls = "starttls"`
		}
		return "ask whoever runs the server what it expects of TLS"
	case says(no, "helo ", "helo:", "ehlo ", "ehlo:", "helo/ehlo", "helo name", "helo command"), d.at == hello && no.Code >= 500 && no.Code != 550 && no.Code != 554:
		return d.heloAdvice()
	case no.Code == 530, status(no, "5.7.57"), says(no, "authentication required", "authentication is required", "authenticate first", "must authenticate",
		"auth required", "not authenticated", "must log in", "must login", "please authenticate"):
		if loggedIn {
			return "the server wants another login than the one it accepted: ask whoever runs it"
		}
		return "the server wants a login: set username and password"
	case status(no, "5.2.252", "5.7.60", "5.1.7", "5.1.8"), says(no, "sendas", "send as", "sender address", "not owned by", "sender verify",
		"sender rejected", "sender denied", "sender is not", "permission to send"):
		return d.senderAdvice()
	case status(no, "5.6.7"), says(no, "smtputf8"):
		return "use addresses without letters beyond ASCII in from and to"
	case status(no, "5.7.54"), says(no, "relay"):
		if loggedIn {
			return "check the address in to, and that this account may send to it"
		}
		return "set username and password if the server takes mail for others after a login; else check the address in to"
	case status(no, "5.2.2"), says(no, "mailbox full", "mailbox is full", "over quota", "quota exceeded"):
		return "make room in the mailbox of the address in to"
	case no.Code < 500:
		return ""
	case no.Code == 552, status(no, "5.3.4"), says(no, "too large", "too big", "size limit", "exceeds size"):
		return "ask whoever runs the server to take larger mails"
	case status(no, "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.1"), says(no, "user unknown", "unknown user", "no such user", "no such recipient"):
		return "check the address in to"
	case says(no, "block", "blacklist", "blocklist", "reputation", "spamhaus", "banned"):
		return "ask whoever runs the server to let this machine send"
	}
	switch d.at {
	case welcome, hello:
		return "ask whoever runs the server to let this machine send"
	case startTLS:
		return "ask whoever runs the server why TLS is not available"
	case login:
		return loginAdvice(no)
	case sender:
		return d.senderAdvice()
	case recipient:
		return "check the address in to, and that the server takes mail for it from us"
	}
	return "ask whoever runs the server why it does not take the mail"
}

func (d *dialogue) heloAdvice() string {
	return fmt.Sprintf("sslwatch greeted it as %s: set helo to a name that the server takes, usually the full name of this machine in DNS", d.greeted)
}

func (d *dialogue) senderAdvice() string {
	if d.settings.Username == "" {
		return "check that the server lets us send as the address in from"
	}
	return "check that the account in username may send as the address in from"
}

// loginAdvice is what to do about a login that was refused.
func loginAdvice(no *textproto.Error) string {
	switch {
	case says(no, "application-specific", "app password", "application password"), status(no, "5.7.9"):
		return "put a password made for applications (app password) into password"
	case status(no, "5.7.139", "5.7.3"), says(no, "smtpclientauthentication", "is disabled", "basic authentication"):
		return "have logging in by SMTP (SMTP AUTH) switched on for this account, or use a server that takes a user name and a password"
	case says(no, "locked", "too many"):
		return "wait until the account is unlocked, and check username and password"
	}
	return "check username and password"
}

// status reports whether an answer has one of these enhanced status codes.
func status(no *textproto.Error, codes ...string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(no.Msg), " ")
	for _, c := range codes {
		if first == c {
			return true
		}
	}
	return false
}

// loginRefused says what became of each way to log in.
func (d *dialogue) loginRefused(e *loginError) (what, advice string, refused bool) {
	if len(e.refused) == 0 {
		if len(e.offered) == 0 {
			return "can't be logged in to: " + e.why, "remove username and password, or use a server or a port that takes them", true
		}
		return fmt.Sprintf("can't be logged in to: it offers only %s, and sslwatch knows SCRAM, PLAIN, LOGIN and CRAM-MD5", strings.Join(e.offered, ", ")),
			"have one of those switched on for this account, or use a server or a port that has one", true
	}
	var parts []string
	permanent, wrong := true, false
	for _, r := range e.refused {
		if r.answer == nil {
			parts = append(parts, fmt.Sprintf("AUTH %s came to nothing (%s)", r.name, r.why))
			continue
		}
		parts = append(parts, fmt.Sprintf("answered AUTH %s with %d %s", r.name, r.answer.Code, r.answer.Msg))
		permanent = permanent && r.answer.Code >= 500
		wrong = wrong || r.answer.Code == 535
		if advice == "" || r.answer.Code == 535 {
			advice = loginAdvice(r.answer)
		}
	}
	refused = permanent || wrong
	if !refused {
		advice = ""
	}
	return strings.Join(parts, ", "), advice, refused
}
