package netfault

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	// offered says what a handshake tried that brought no answer.
	offered = "it was offered TLS 1.2 and 1.3 in a first message of about 1.5 kB"
	// smaller is the way round what can't take a message of that size. The
	// key shares that are safe against quantum computers are what makes it so
	// large.
	smaller = "if other programs of this machine reach it, set GODEBUG=tlsmlkem=0 in the environment of sslwatch: it makes that message smaller, which some old load balancers and firewalls need"
)

// isTLS reports whether an error is one of TLS itself, and not of the
// connection beneath.
func isTLS(err error) bool {
	var (
		op       *net.OpError
		verify   *tls.CertificateVerificationError
		hostname x509.HostnameError
		record   tls.RecordHeaderError
	)
	return errors.As(err, &verify) || errors.As(err, &hostname) || errors.As(err, &record) || isPlainHTTP(err) ||
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") ||
		// What crypto/tls refuses itself has no type.
		strings.Contains(err.Error(), "tls: ") && !strings.Contains(err.Error(), "use of closed connection")
}

func explainTLS(err error, peer Peer) Fault {
	who := peer.Name
	var (
		hostname  x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		weak      x509.InsecureAlgorithmError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	errors.As(err, &op)
	const theirs = "it is for those who run that server to renew it"
	intercepted := peer.Setting + " may be wrong, or a proxy on the way opens TLS"
	lasting := func(says, do string) Fault { return Fault{Says: says, Do: do, Lasting: true} }
	switch {
	case errors.As(err, &hostname) && withoutNames(hostname.Certificate):
		return lasting(who+" shows a certificate without subject alternative names, "+commonName(hostname.Certificate)+"which no client accepts any more",
			"it is for those who run that server to have it issued anew, with its host name as a subject alternative name")
	case errors.As(err, &hostname):
		return lasting(who+" shows a certificate for another host"+names(hostname.Certificate), intercepted)
	case errors.As(err, &authority) && selfSigned(authority.Cert):
		return lasting(who+" shows a certificate that it signed itself"+issuer(authority.Cert), trust(peer))
	case errors.As(err, &authority):
		return lasting(who+" shows a certificate of an unknown authority"+issuer(authority.Cert), trust(peer))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil && strings.Contains(invalid.Detail, "is before"):
		return lasting(who+" shows a certificate that is not valid before "+moment(invalid.Cert.NotBefore), "check this machine's clock first; else "+theirs)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return lasting(who+" shows a certificate that expired on "+moment(invalid.Cert.NotAfter), "check this machine's clock first; else "+theirs)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return lasting(who+" shows a certificate that is not made for servers", theirs)
	case errors.As(err, &weak):
		return lasting(who+" shows a certificate with a signature that is too weak ("+show(x509.SignatureAlgorithm(weak).String(), 40)+")", theirs)
	case errors.As(err, &invalid), errors.As(err, &verify):
		return lasting(who+" shows a certificate that can't be trusted ("+show(innermost(err), 100)+")", intercepted)

	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/", isPlainHTTP(err):
		return lasting(who+" speaks plain HTTP where TLS was expected", "check the port and https:// in "+peer.Setting)
	case errors.As(err, &record):
		return lasting(who+" does not speak TLS there", "check the port and the kind of TLS in "+peer.Setting)

	case alert(err, "protocol version"), strings.Contains(err.Error(), "unsupported protocol version"), strings.Contains(err.Error(), "unsupported versions"):
		return lasting(who+" offers only versions of TLS that are too old", "TLS 1.2 is the oldest that is spoken here; it is for those who run that server to switch a newer one on")
	case alert(err, "handshake failure"), alert(err, "insufficient security"),
		strings.Contains(err.Error(), "unconfigured cipher suite"), strings.Contains(err.Error(), "unsupported curve"):
		return lasting(who+" refused the TLS handshake ("+show(innermost(err), 100)+"); it was offered TLS 1.2 and 1.3 with key exchange by ECDHE and strong ciphers",
			"either it knows RSA key exchange or older ciphers only and has to be updated, and until then GODEBUG=tlsrsakex=1,tls3des=1 in the environment of sslwatch allows them; or it wants a client certificate, which sslwatch has not got")
	case alert(err, "unrecognized name"):
		return lasting(who+" does not know the host name that it was asked for", "check "+peer.Setting)
	case alert(err, "certificate required"), alert(err, "bad certificate"), alert(err, "unknown certificate authority"), alert(err, "access denied"):
		return lasting(who+" wants a client certificate, which sslwatch has not got ("+show(innermost(err), 100)+")", "ask those who run that server for a way without")
	case alert(err, "error decoding"), alert(err, "illegal parameter"), alert(err, "record overflow"), alert(err, "unexpected message"), alert(err, "internal error"):
		return Fault{Says: who + " could not read the first message of the TLS handshake (" + show(innermost(err), 100) + "); " + offered, Do: smaller}
	case op != nil && op.Op == "remote error":
		return Fault{Says: who + " ended the TLS handshake (" + show(innermost(err), 100) + ")", Do: "TLS 1.2 or newer is needed; " + intercepted}
	}
	return Fault{Says: "the TLS handshake with " + who + " failed (" + show(innermost(err), 100) + ")", Do: "TLS 1.2 or newer is needed; " + intercepted}
}

// alert reports whether the other side ended TLS with an alert of that name.
// The type of alerts is not exported.
func alert(err error, name string) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && op.Err != nil && strings.Contains(op.Err.Error(), name)
}

// trust is what to do about a certificate whose authority is not known.
func trust(peer Peer) string {
	if peer.CAFile != "" {
		return "put its authority's certificate into a file and name that in " + peer.CAFile
	}
	return "if a proxy opens TLS on the way, add its CA to this machine's or name it in SSL_CERT_FILE; in a container check that there are CA certificates at all"
}

// withoutNames reports whether a certificate has no subject alternative name.
func withoutNames(c *x509.Certificate) bool {
	return c != nil && len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses)+len(c.URIs) == 0
}

func selfSigned(c *x509.Certificate) bool {
	return c != nil && bytes.Equal(c.RawSubject, c.RawIssuer)
}

func commonName(c *x509.Certificate) string {
	if name := show(c.Subject.CommonName, 100); name != "" {
		return "only with the common name " + name + ", "
	}
	return ""
}

// names lists for whom a certificate is, in parentheses.
func names(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	more := ""
	if len(all) > 3 {
		all, more = all[:3], " and others"
	}
	list := show(strings.Join(all, ", "), 150)
	if list == "" {
		return ""
	}
	return " (" + list + more + ")"
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	name := c.Issuer.CommonName
	if name == "" {
		name = strings.Join(c.Issuer.Organization, ", ")
	}
	if name = show(name, 100); name == "" {
		return ""
	}
	return " (" + name + ")"
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
