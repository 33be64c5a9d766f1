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

	adviceToggle = "Switching SSL off and on restarts the instance, which can take minutes (the cloud says 1 to 30), " +
		"and loses the data of a single-node instance or one without AOF. " +
		"Whether it brings a new certificate is not documented: try it first on an instance that holds no data you need."

	adviceTrust = "After any change of certificate, download the new ca.crt and bring it to the clients " +
		"before they reconnect: clients that pin the old one will refuse the new one."
)

// advice is what to do about what a notice tells, in paragraphs: first what
// happens to clients.
func advice(n ledger.Notice) []string {
	switch n.Condition {
	case check.SSLDisabled:
		return []string{
			"Clients that insist on TLS can't connect, and others now speak in clear text. " +
				"If SSL was on before, find out who switched it off: look in Cloud Trace Service, source DCS, " +
				"for this instance ID (its console keeps 7 days).",
			"Switching SSL on again restarts the instance, which can take minutes (the cloud says 1 to 30), " +
				"and loses the data of a single-node instance or one without AOF. " +
				"If SSL is meant to be off, set require_ssl = false for this instance.",
			adviceTrust,
		}
	case check.CertificateExpired:
		return compact(adviceEnded, adviceRenew, adviceToggle, adviceTrust, look(n))
	case check.SSLInvalid:
		return compact(
			"Clients that verify the certificate may not be able to connect. What the cloud tests is not documented. "+verify(n),
			adviceRenew, adviceToggle, adviceTrust)
	case check.CertificateExpiring:
		return compact(adviceEnd, adviceRenew, adviceToggle, adviceTrust, look(n))
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
	case check.CauseOverdue:
		return []string{"Until these checks are made, sslwatch warns only of the dates that it already knows. " +
			"If the API is well and nothing is paused, raise check.rate or check.interval."}
	}
	return []string{"Until checks succeed again, sslwatch warns only of the dates that it already knows, and can't see a renewal or a change."}
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
