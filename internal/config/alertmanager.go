package config

import (
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/alertmanager"
	"github.com/sslwatch/sslwatch/internal/config/tomlfile"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// alertmanager reads the addresses of an Alertmanager, or of the members of its
// cluster, each of which is a receiver: alerts don't spread in a cluster.
func (t *table) alertmanager() []Receiver {
	s := alertmanager.Settings{
		Username: t.Line("username"), Password: t.secret("password"), Token: t.secret("bearer_token"),
		PeerTimeout: t.duration("peer_timeout", 15*time.Second, 0, time.Minute), // Alertmanager's default
	}
	t.checkBasicAuth(s)
	ca := t.file("ca_file")
	list := t.Texts("urls", `["http://alertmanager-0:9093"]`)
	if v, isList := t.Value("urls").([]any); len(list) == 0 && (t.Value("urls") == nil || isList && len(v) == 0) {
		t.Problem("urls", `is missing: write urls = ["http://alertmanager-0:9093"], with each member of a cluster`)
	}
	var out []Receiver
	seen, secure, warned := map[string]bool{}, false, false
	for _, address := range list {
		u, why := parseURL(address)
		if why == "" {
			why = tomlfile.Unfit(address)
		}
		if why == "" && (u.RawQuery != "" || u.Fragment != "") {
			why = "has a query or a fragment: write the address alone"
		}
		if why != "" {
			shown := quote(address)
			if strings.Contains(address, "@") { // there may be a password before it
				shown = "one with an @"
			}
			t.Problem("urls", "%s %s", shown, why)
			continue
		}
		path := strings.TrimSuffix(strings.TrimSuffix(u.EscapedPath(), "/"), "/api/v2/alerts")
		if path != strings.TrimSuffix(u.EscapedPath(), "/") {
			t.Problem("urls", "%s: leave the path of the API out, it is added", quote(address))
			continue
		}
		id := t.Name() + "/" + strings.ToLower(u.Host) + path
		if seen[id] {
			t.Problem("urls", "%s is in the list twice", quote(address))
			continue
		}
		seen[id] = true
		secure = secure || u.Scheme == "https"
		if !warned {
			warned = t.warnPlain("urls", u)
		}
		one := s
		one.URL = address
		out = append(out, Receiver{Receiver: ledger.Receiver{ID: id}, Alertmanager: &one})
	}
	if t.Given("peer_timeout") && len(list) == 1 {
		t.Warn("peer_timeout", "has no effect with one address: write each member of the cluster into urls")
	}
	if ca != "" && len(out) > 0 && !secure {
		t.Problem("ca_file", "has no use without an address that begins with https://: remove it")
	} else if ca != "" {
		roots := string(t.authorities(ca, "Alertmanager"))
		for _, r := range out {
			r.Alertmanager.Roots = roots
		}
	}
	return out
}

// checkBasicAuth checks what goes with what, where a user name and a password
// or a token are given.
func (t *table) checkBasicAuth(s alertmanager.Settings) {
	switch user, password := t.Given("username"), t.Given("password"); {
	case t.Given("bearer_token"):
		t.ExcludeAll([]string{"username", "password"}, "bearer_token")
	case user && !password:
		t.Need("password", `"credential:alertmanager-password", or remove username`)
	case password && !user:
		t.Need("username", `"sslwatch", or remove password`)
	case user && isReference(s.Username):
		t.Problem("username", "only secrets can be kept elsewhere: write the user name itself")
	case strings.Contains(s.Username, ":"):
		t.Problem("username", "holds a colon, which basic auth can't carry")
	}
}

// isReference reports whether a value looks as if it were kept elsewhere.
func isReference(s string) bool {
	return strings.HasPrefix(s, "env:") || strings.HasPrefix(s, "file:") || strings.HasPrefix(s, "credential:")
}
