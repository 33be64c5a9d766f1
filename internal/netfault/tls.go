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

	"github.com/sslwatch/sslwatch/internal/reason"
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
	switch {
	case errors.As(err, &hostname) && withoutNames(hostname.Certificate):
		return peer.lasting(reason.NoSubjectAltNames, reason.Args{"name": show(hostname.Certificate.Subject.CommonName, 100)})
	case errors.As(err, &hostname):
		return peer.lasting(reason.AnotherHost, reason.Args{"names": names(hostname.Certificate)})
	case errors.As(err, &authority) && selfSigned(authority.Cert):
		return peer.lasting(reason.SelfSigned, reason.Args{"issuer": issuer(authority.Cert), "trust": trust(peer)})
	case errors.As(err, &authority):
		return peer.lasting(reason.UnknownAuthority, reason.Args{"issuer": issuer(authority.Cert), "trust": trust(peer)})
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil && strings.Contains(invalid.Detail, "is before"):
		return peer.lasting(reason.NotYetValid, reason.Args{"time": moment(invalid.Cert.NotBefore)})
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return peer.lasting(reason.CertificateExpired, reason.Args{"time": moment(invalid.Cert.NotAfter)})
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return peer.lasting(reason.NotForServers, nil)
	case errors.As(err, &weak):
		return peer.lasting(reason.WeakSignature, reason.Args{"algorithm": show(x509.SignatureAlgorithm(weak).String(), 40)})
	case errors.As(err, &invalid), errors.As(err, &verify):
		return peer.lasting(reason.NotTrusted, detail(err))

	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/", isPlainHTTP(err):
		return peer.lasting(reason.HTTPForTLS, nil)
	case errors.As(err, &record):
		return peer.lasting(reason.NoTLS, nil)

	case alert(err, "protocol version"), strings.Contains(err.Error(), "unsupported protocol version"), strings.Contains(err.Error(), "unsupported versions"):
		return peer.lasting(reason.OldTLS, nil)
	case alert(err, "handshake failure"), alert(err, "insufficient security"),
		strings.Contains(err.Error(), "unconfigured cipher suite"), strings.Contains(err.Error(), "unsupported curve"):
		return peer.lasting(reason.HandshakeRefused, detail(err))
	case alert(err, "unrecognized name"):
		return peer.lasting(reason.UnknownName, nil)
	case alert(err, "certificate required"), alert(err, "bad certificate"), alert(err, "unknown certificate authority"), alert(err, "access denied"):
		return peer.lasting(reason.ClientCertificate, detail(err))
	case alert(err, "error decoding"), alert(err, "illegal parameter"), alert(err, "record overflow"), alert(err, "unexpected message"), alert(err, "internal error"):
		return peer.fault(reason.HelloNotRead, detail(err))
	case op != nil && op.Op == "remote error":
		return peer.fault(reason.HandshakeEnded, detail(err))
	}
	return peer.fault(reason.HandshakeFailed, detail(err))
}

// alert reports whether the other side ended TLS with an alert of that name.
// The type of alerts is not exported.
func alert(err error, name string) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && op.Err != nil && strings.Contains(op.Err.Error(), name)
}

// trust is what to do about a certificate whose authority is not known.
func trust(peer Peer) reason.Reason {
	if peer.CAFile != "" {
		return reason.New(reason.AddToCAFile, reason.Args{"setting": peer.CAFile})
	}
	return reason.New(reason.AddToSystem, nil)
}

// withoutNames reports whether a certificate has no subject alternative name.
func withoutNames(c *x509.Certificate) bool {
	return c != nil && len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses)+len(c.URIs) == 0
}

func selfSigned(c *x509.Certificate) bool {
	return c != nil && bytes.Equal(c.RawSubject, c.RawIssuer)
}

// names lists for whom a certificate is, or returns "".
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
	return list + more
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	name := c.Issuer.CommonName
	if name == "" {
		name = strings.Join(c.Issuer.Organization, ", ")
	}
	return show(name, 100)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
