package dcs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/sslwatch/sslwatch/internal/text"
)

// trouble says in words what went wrong with an exchange that brought no
// answer, and what to do. who is the other side. No address that a name
// stood for is in the words: it may be another one each time.
func trouble(err error, who string, timeout time.Duration, out *redactor) (says, do string) {
	place := "endpoint and region"
	const inside = "endpoint is wrong, or a proxy on the way opens TLS"

	var op *net.OpError
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		who = "the proxy of this machine (HTTPS_PROXY or HTTP_PROXY)"
		place = "those variables and NO_PROXY"
	}
	reach := "check " + place + ", and that this machine may reach it"
	var (
		refused   *proxyRefusal
		dns       *net.DNSError
		hostname  x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		network   net.Error
	)
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusProxyAuthRequired:
		return "the proxy " + out.text(refused.proxy, maxName) + " wants a user name and password", "put them into HTTPS_PROXY, or let this machine through"
	case errors.As(err, &refused):
		return fmt.Sprintf("the proxy %s does not connect to %s (HTTP %d)", out.text(refused.proxy, maxName), who, refused.status), "ask its people to let this machine through, or put the host into NO_PROXY"

	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no host " + out.text(dns.Name, maxName) + " to be found for " + who, "check " + place + ", and this machine's DNS"
	case errors.As(err, &dns):
		return "the name " + out.text(dns.Name, maxName) + " could not be looked up", "this machine's DNS does not answer, check /etc/resolv.conf and the name server"

	case errors.As(err, &hostname):
		return who + " shows a certificate for another host" + certificateNames(hostname.Certificate, out), inside
	case errors.As(err, &authority):
		return who + " shows a certificate of an unknown authority" + issuer(authority.Cert, out), "if a proxy opens TLS on the way, add its CA to this machine's or name it in SSL_CERT_FILE; in a container check that there are CA certificates at all"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return fmt.Sprintf("%s shows a certificate that is valid from %s to %s only", who, text.Date(invalid.Cert.NotBefore), text.Date(invalid.Cert.NotAfter)), "check this machine's clock first; then it is for those who run that server"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return who + " shows a certificate that can't be trusted (" + out.text(plain(err), 100) + ")", inside
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/", errors.Is(err, http.ErrSchemeMismatch):
		return who + " speaks plain HTTP where TLS was expected", "check the port and https:// in endpoint"
	case errors.As(err, &record):
		return who + " does not speak TLS", "check the port and https:// in endpoint"
	// crypto/tls has no type for an alert of the other side.
	case op != nil && (op.Op == "remote error" || op.Op == "local error"), strings.Contains(err.Error(), "tls: "):
		return who + " ended the TLS handshake (" + out.text(plain(err), 100) + ")", "TLS 1.2 or newer is needed; " + inside

	// A timeout of the network passes for one of the context, too, so it
	// comes first.
	case errors.Is(err, syscall.ETIMEDOUT), op != nil && op.Op != "read" && op.Timeout(), strings.HasSuffix(err.Error(), "handshake timeout"):
		return "no connection to " + who + " came about in time", "a firewall or a missing route swallows it; " + reach
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("%s did not answer in full within %s", who, timeout), "it is overloaded, or something on the way swallows the answer"

	case errors.Is(err, syscall.ECONNREFUSED):
		return who + " refused the connection", "nothing listens there; " + reach
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no route to " + who, "check this machine's network"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		strings.Contains(err.Error(), "server closed idle connection"):
		return who + " cut the connection before its answer was complete", "look for a proxy or firewall on the way if it stays so"
	case strings.Contains(err.Error(), "malformed "):
		return who + " does not answer in HTTP", "check endpoint and its port"
	}
	return "the exchange with " + who + " failed (" + out.text(plain(err), 100) + ")", reach
}

// plain returns the innermost text of an error, without the names of Go's
// packages.
func plain(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	s := err.Error()
	for _, prefix := range []string{"net/http: ", "http: ", "tls: ", "x509: "} {
		s = strings.TrimPrefix(s, prefix)
	}
	return s
}

// certificateNames lists for whom a certificate is, in parentheses.
func certificateNames(c *x509.Certificate, out *redactor) string {
	if c == nil {
		return ""
	}
	names := c.DNSNames
	if len(names) == 0 && c.Subject.CommonName != "" {
		names = []string{c.Subject.CommonName}
	}
	if len(names) == 0 {
		return ""
	}
	more := ""
	if len(names) > 3 {
		names, more = names[:3], " and others"
	}
	return " (" + out.text(strings.Join(names, ", "), 150) + more + ")"
}

func issuer(c *x509.Certificate, out *redactor) string {
	if c == nil {
		return ""
	}
	name := c.Issuer.CommonName
	if name == "" {
		name = strings.Join(c.Issuer.Organization, ", ")
	}
	if name = out.text(name, 100); name == "" {
		return ""
	}
	return " (" + name + ")"
}
