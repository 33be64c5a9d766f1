package config

import (
	"fmt"
	"strings"

	"github.com/sslwatch/sslwatch/internal/text"
)

// quote shows a value that is not a secret, shortened. It shows no more than the
// beginning of what may be a secret under the wrong key.
func quote(s string) string {
	if isKeyOrToken(s) {
		return fmt.Sprintf("%q", strings.TrimSpace(s)[:4]+"…")
	}
	return fmt.Sprintf("%q", text.Cut(s, 61))
}

// isLabel reports whether a name can be a label's in Prometheus and
// Alertmanager, where it ends up.
func isLabel(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// isID reports whether a text can be an ID of the cloud: it becomes a part of
// a URL's path, and of a key in the state file.
func isID(s string) bool {
	ok := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.~", r)
	}
	return s != "" && len(s) <= 128 && strings.Trim(s, ".") != "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

// isUUID reports whether a text has the form of a UUID.
func isUUID(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 5 {
		return false
	}
	for i, n := range []int{8, 4, 4, 4, 12} {
		if len(parts[i]) != n || strings.Trim(parts[i], "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return true
}
