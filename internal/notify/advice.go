package notify

import (
	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// The honest part: what happens to clients, what a person can do, and what
// that costs. Source: the DCS user guide and API reference, which document no
// renewal.
const (
	adviceEnd = "When it ends, clients that verify the certificate can't connect any more."

	adviceEnded = "Clients that verify the certificate can't connect any more."

	adviceRenew = "The cloud documents no way to renew this certificate, and gives no warning before it ends. " +
		"Open a service ticket for this instance, and agree on a maintenance window."

	adviceTrust = "After any change of certificate, download the new ca.crt and bring it to the clients " +
		"before they reconnect: clients that pin the old one will refuse the new one."
)

// advice is what to do about what a notice tells, in paragraphs: first what
// happens to clients.
func advice(n ledger.Notice, t telling) []string {
	switch n.Condition {
	case check.SSLDisabled:
		return []string{
			"Clients that insist on TLS can't connect, and others now speak in clear text. " +
				"If SSL was on before, find out who switched it off: look in Cloud Trace Service, source DCS, " +
				"for this instance ID (its console keeps 7 days).",
			"Switching SSL on again " + restart(n) + passThrough(n) + window(n, t) +
				" If SSL is meant to be off, set require_ssl = false for this instance.",
			adviceTrust,
		}
	case check.CertificateExpired:
		return compact(adviceEnded, adviceRenew+window(n, t), toggle(n), adviceTrust, look(n))
	case check.SSLInvalid:
		return compact(
			"Clients that verify the certificate may not be able to connect. What the cloud tests is not documented. "+verify(n),
			adviceRenew+window(n, t), toggle(n), adviceTrust)
	case check.CertificateExpiring:
		return compact(adviceEnd, adviceRenew+window(n, t), toggle(n), adviceTrust, look(n))
	case check.EndpointMismatch:
		return mismatchAdvice(n, t)
	case check.EndpointUnreachable:
		return unreachableAdvice(n)
	}
	switch n.Cause {
	case check.CauseMissing:
		return []string{"If the instance was deleted on purpose, take it out of the configuration. If not, check its ID, project_id and region."}
	case check.CauseUnsupported:
		return []string{"Only single-node, master/standby and Cluster instances of Redis 6.0 and 7.0 basic edition have SSL. " +
			"Take the instance out of the configuration, or set ignore = true for it."}
	case check.CauseRefused:
		return []string{"Until this is mended, sslwatch sees nothing of this project, and warns only of the dates that it already knows. " +
			"Check the access key, its secret and the clock of this machine. " +
			"sslwatch tries again with one request every few minutes, since six failures in a row lock an access key."}
	case check.CauseForbidden:
		return []string{"Grant the IAM user dcs:ssl:get for these instances, and nothing that writes. " +
			"Until then, sslwatch warns only of the dates that it already knows."}
	case check.CauseClock:
		return []string{"Set the clock of the machine that sslwatch runs on, and keep it right with NTP. " +
			"Until then no expiry is told, and while the clock is off by more than 15 minutes the API refuses each request that is signed with an access key."}
	case check.CauseUnlisted:
		return []string{"Until the list can be read again, instances that are new are not watched, and ones that are deleted are not noticed. " +
			"Those that are known are still checked."}
	case check.CauseOverdue:
		return []string{"Until these checks are made, sslwatch warns only of the dates that it already knows. " +
			"If the API is well and nothing is paused, raise check.rate or check.interval."}
	}
	return []string{"Until checks succeed again, sslwatch warns only of the dates that it already knows, and can't see a renewal or a change."}
}

// toggle says what switching SSL off and on would do to an instance.
func toggle(n ledger.Notice) string {
	return "Switching SSL off and on " + restart(n) +
		" Whether it brings a new certificate is not documented: try it first on an instance that holds no data you need."
}

// restart says what a restart does to an instance, as far as its kind is known.
func restart(n ledger.Notice) string {
	const restarts = "restarts the instance, which can take minutes (the cloud says 1 to 30), and loses "
	switch n.About.Kind {
	case check.SingleNode:
		return restarts + "its data: this is a single-node instance."
	case check.MasterStandby:
		return restarts + "its data unless AOF is on: this is a master/standby instance."
	case check.Cluster:
		return restarts + "its data unless AOF is on: this is a Redis Cluster instance."
	}
	return restarts + "the data of a single-node instance or one without AOF."
}

// passThrough says what SSL excludes, where that concerns the instance.
func passThrough(n ledger.Notice) string {
	if !n.About.PassesClientIP {
		return ""
	}
	return " SSL and client IP pass-through exclude one another, and this instance can do both: check which one it is meant to do."
}

// window says when the instance may be restarted, where that is known.
func window(n ledger.Notice, t telling) string {
	begin, end := n.About.MaintenanceBegin, n.About.MaintenanceEnd
	if begin == "" || end == "" {
		return ""
	}
	return " Its maintenance window is " + t.hours(begin, end) + "."
}

// look is how to see the certificate that an instance shows to its clients;
// empty if its address is not known.
func look(n ledger.Notice) string {
	a, known := addressOf(n.Endpoint)
	command := a.command("")
	if !known || command == "" {
		return ""
	}
	return "See what " + called(n.Subject) + " itself shows to clients: " + command +
		" 2>/dev/null | openssl x509 -noout -subject -enddate (notAfter is when it ends)"
}

// verify is how to try what a client sees.
func verify(n ledger.Notice) string {
	command := "openssl s_client -connect HOST:PORT -CAfile ca.crt </dev/null"
	if a, known := addressOf(n.Endpoint); known && a.port != "" {
		command = a.command(" -CAfile ca.crt")
	}
	return "Try it as a client of " + called(n.Subject) + " does, with the ca.crt that clients use: " + command +
		` (good is "Verify return code: 0 (ok)"; any other says what is wrong)`
}

// compact returns the paragraphs that say something.
func compact(paragraphs ...string) []string {
	var out []string
	for _, p := range paragraphs {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}
