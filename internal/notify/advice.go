package notify

import "github.com/sslwatch/sslwatch/internal/check"

// The honest part: what a person can do, and what it costs. Source: the DCS
// user guide and API reference, which document no renewal.
const (
	adviceRenew = "The cloud documents no way to renew this certificate, and will not remind you. " +
		"Open a service ticket for this instance and agree on a maintenance window."
	adviceToggle = "Switching SSL off and on restarts the instance, and loses the data of a single-node instance " +
		"or one without AOF. Whether it brings a new certificate is not documented: don't try it on production data first."
	adviceTrust = "After any change of certificate, download the new ca.crt and bring it to the clients " +
		"before they reconnect: clients that pin the old one will refuse the new one."
)

// advice is what to do about a condition, in paragraphs.
func advice(c check.Condition, cause check.Cause) []string {
	switch c {
	case check.SSLDisabled:
		return []string{
			"Clients that insist on TLS can't connect, and others now speak in clear text. " +
				"Find out who switched SSL off, and when: Cloud Trace Service records it as UpdateSslSwitch.",
			"Switching SSL on again restarts the instance, and loses the data of a single-node instance or one without AOF. " +
				"If SSL is meant to be off, set require_ssl = false for this instance.",
			adviceTrust,
		}
	case check.CertificateExpired:
		return []string{"Clients that verify the certificate can't connect any more. " + adviceRenew, adviceToggle, adviceTrust}
	case check.SSLInvalid:
		return []string{
			"What the cloud tests is not documented. Try a client with the ca.crt that it uses: openssl s_client -connect HOST:PORT -CAfile ca.crt",
			adviceRenew, adviceToggle, adviceTrust,
		}
	case check.CertificateExpiring:
		return []string{adviceRenew, adviceToggle, adviceTrust}
	}
	switch cause {
	case check.CauseMissing:
		return []string{"If it was deleted on purpose, take it out of the configuration. If not, check its ID, project_id and region."}
	case check.CauseUnsupported:
		return []string{"Only single-node, master/standby and Cluster instances of Redis 6.0 and 7.0 basic edition have SSL. " +
			"Take it out of the configuration, or set ignore = true for it."}
	case check.CauseRefused:
		return []string{"Until this is mended, sslwatch sees nothing of this project, and warns only of the dates that it already knows. " +
			"Check the access key, its secret and the clock of this machine. " +
			"sslwatch tries again with one request every few minutes, since six failures in a row lock an access key."}
	case check.CauseForbidden:
		return []string{"Grant the IAM user dcs:ssl:get for these instances, and nothing that writes. " +
			"Until then, sslwatch warns only of the dates that it already knows."}
	case check.CauseOverdue:
		return []string{"See the log for why the project is paused. If it is not, raise check.rate or check.interval."}
	}
	return []string{"Until checks succeed again, sslwatch warns only of the dates that it already knows, and can't see a renewal or a change."}
}
