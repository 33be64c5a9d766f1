package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

// mismatchWords says what the instance itself shows.
func mismatchWords(n ledger.Notice, t telling) string {
	var says []string
	var seen time.Time
	for _, f := range n.Findings {
		says = append(says, findingWords(f, n, t))
		if f.Seen.After(seen) {
			seen = f.Seen
		}
	}
	return fmt.Sprintf("a TLS handshake with %s shows what the API does not say, first seen %s: %s; last shown %s",
		n.Findings[0].Address, t.ago(n.Since), strings.Join(says, "; "), t.ago(seen))
}

// findingWords says what is not as it should be.
func findingWords(f check.Finding, n ledger.Notice, t telling) string {
	verb := "ends"
	if !n.Probed.NotAfter.After(t.now) {
		verb = "ended"
	}
	switch f.Reason.Code() {
	case reason.EndpointOtherDate:
		return fmt.Sprintf("the certificate that it serves %s %s, and the API says %s", verb, t.end(n.Probed.NotAfter), t.stamp(n.NotAfter))
	case reason.ProbeExpired:
		return "the certificate that it serves expired " + t.end(n.Probed.NotAfter)
	}
	return because(t.shown(f.Reason))
}

// unreachableWords says that no handshake succeeds.
func unreachableWords(n ledger.Notice, t telling) string {
	s := fmt.Sprintf("TLS handshakes with it fail, since %s: %s", t.ago(n.Since), because(t.shown(n.Reason)))
	if n.Probed.Reached.IsZero() {
		return s + "; none has ever succeeded"
	}
	return s + "; the last success was " + t.ago(n.Probed.Reached)
}

// agreesWords says that the instance shows nothing else any more.
func agreesWords(n ledger.Notice, t telling) string {
	s := "a TLS handshake shows what the API says, and what clients accept"
	if n.Probed != nil && !n.Probed.NotAfter.IsZero() {
		s += ": a certificate that expires " + t.end(n.Probed.NotAfter)
	}
	return s
}

// shown returns what a reason of a handshake says, with its times in the zone,
// too, and without what to do about it: that is written for those who ask by
// hand.
func (t telling) shown(why reason.Reason) reason.Reason {
	return reason.Text(why.Map(func(arg string) string {
		if at, err := text.ParseStamp(arg); err == nil {
			return t.stamp(at)
		}
		return arg
	}).Says())
}

// unfit says in a few words what is not as it should be.
var unfit = map[reason.Code]string{
	reason.ProbePlainText:       "speaks without TLS",
	reason.ProbeNotYetValid:     "serves a certificate that is not valid yet",
	reason.ProbeOtherName:       "serves a certificate for another name",
	reason.ProbeUntrusted:       "serves a certificate of an unknown authority",
	reason.ProbeUntrustedByFile: "serves a certificate of another authority",
	reason.ProbeCAEndsFirst:     "the authority in the CA file ends first",
	reason.ProbeOldTLS:          "speaks only old TLS",
	reason.ClientCertificate:    "wants a client certificate",
}

// shortMismatch says the worst of what the instance shows in a few words.
func shortMismatch(n ledger.Notice, t telling) string {
	s := "shows what the API does not say"
	switch worst := n.Findings[0]; worst.Reason.Code() {
	case reason.EndpointOtherDate, reason.ProbeExpired:
		switch left := n.Probed.NotAfter.Sub(t.now); {
		case left <= 0:
			s = "serves a certificate that expired " + text.Span(left) + " ago"
		case worst.Critical:
			s = "serves a certificate that ends before the API says, in " + text.Span(left)
		default:
			s = "serves a certificate that ends after the API says"
		}
	default:
		if known, ok := unfit[worst.Reason.Code()]; ok {
			s = known
		}
	}
	if more := len(n.Findings) - 1; more > 0 {
		s += fmt.Sprintf(", and %d more", more)
	}
	return s
}

// mismatchAdvice is what to do about what the instance shows, a paragraph for
// each finding, and at the end how to see it.
func mismatchAdvice(n ledger.Notice, t telling) []string {
	var all []string
	for _, f := range n.Findings {
		all = append(all, findingAdvice(f, n, t)...)
	}
	return compact(append(all, probeIt(n))...)
}

func findingAdvice(f check.Finding, n ledger.Notice, t telling) []string {
	switch f.Reason.Code() {
	case reason.EndpointOtherDate:
		if !f.Critical {
			return []string{"Clients see the certificate that the instance serves, whatever the API says of another: what sslwatch tells by the API's date may come too early. " +
				"If it stays so, ask in a service ticket which one is right."}
		}
		return []string{"Clients see the certificate that the instance serves, whatever the API says of another: from its end on, those that verify it can't connect.",
			"Where a renewal is under way, not every node may have its new certificate yet. If it stays so, open a service ticket for this instance." + window(n, t), adviceTrust}
	case reason.ProbeExpired:
		return []string{adviceEnded, adviceRenew + window(n, t), adviceTrust}
	case reason.ProbePlainText:
		return []string{"Clients that insist on TLS can't connect, and all others speak in clear text. " +
			"Look in the console whether SSL is on, and whether the port is the one that clients use."}
	case reason.ProbeNotYetValid:
		return []string{"Clients that verify the certificate can't connect until it is valid. Check the clock of this machine first."}
	case reason.ProbeOtherName:
		return []string{"Clients that verify the name can't connect by this address. Let them use a name that is in the certificate, or open a service ticket for this instance."}
	case reason.ProbeUntrusted:
		return []string{"This machine does not know the authority. Set ca_file to the ca.crt that the console offers for this instance: clients need it, too."}
	case reason.ProbeUntrustedByFile:
		return []string{"Clients that trust the file of ca_file can't connect. Download ca.crt in the console anew, compare, and bring it to the clients."}
	case reason.ProbeCAEndsFirst:
		return []string{"From the end of the authority in ca_file on, clients that trust that file can't connect, whatever the certificate says. " +
			"Download ca.crt in the console anew, and bring it to the clients before. If it is the same, open a service ticket for this instance."}
	case reason.ProbeOldTLS:
		return []string{"Many clients take TLS 1.2 and newer only. Ask in a service ticket for an instance that speaks it."}
	case reason.ClientCertificate:
		return []string{"Clients without a certificate of their own can't connect. The cloud documents no such setting: ask in a service ticket."}
	}
	return []string{"Clients that verify the certificate may not be able to connect. Open a service ticket for this instance."}
}

// unreachableAdvice is what to do where no handshake succeeds.
func unreachableAdvice(n ledger.Notice) []string {
	return compact("sslwatch connects from its own machine, as a client there would. Try it from a client: if clients can't connect either, the instance is down. "+
		"If only sslwatch can't, let its machine reach the instance (the network, the security group, the IP address whitelist), or set probe = false.", probeIt(n))
}

// probeIt is how to see it by hand; empty if the address is not known.
func probeIt(n ledger.Notice) string {
	a, known := addressOf(n.Endpoint)
	if !known || a.port == "" {
		return ""
	}
	where := a.String()
	if strings.HasPrefix(where, "[") {
		where = "'" + where + "'" // a pattern for some shells
	}
	return "See it as sslwatch does: sslwatch probe " + where + " --ca-file ca.crt"
}

// unlike says by which findings two notices differ, so that advice for one is
// not taken for that of the other.
func unlike(n ledger.Notice) string {
	var codes []string
	for _, f := range n.Findings {
		code := string(f.Reason.Code())
		if f.Critical {
			code += "!"
		}
		codes = append(codes, code)
	}
	return strings.Join(codes, " ")
}
