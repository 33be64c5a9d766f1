package probe

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// LargestCAs bounds a file of certificates to trust.
const LargestCAs = 1 << 20

// ParseCAs reads the certificates of a PEM file, such as the ca.crt that the
// console offers. There is at least one if there is no error.
func ParseCAs(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("holds a certificate that can't be read: %s", strings.TrimPrefix(err.Error(), "x509: "))
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("holds no certificate: it must be a PEM file, such as the ca.crt of the console")
	}
	return all, nil
}
