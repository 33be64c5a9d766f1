package simcloud

import (
	"crypto/hmac"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxSkew      = 15 * time.Minute // how wrong a client's clock may be
	maxFailures  = 5                // in a row; one more locks the key
	lockDuration = 5 * time.Minute
)

// keyState is an access key and how its latest authentications went.
type keyState struct {
	Key
	failures    int
	lockedUntil time.Time
}

// SetKey adds an access key, or replaces the one with the same Access. A lock
// on it is gone.
func (d *DCS) SetKey(k Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[k.Access] = &keyState{Key: k}
}

// RemoveKey makes an access key unknown.
func (d *DCS) RemoveKey(access string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.keys, access)
}

// SetTokens replaces what X-Auth-Token may be.
func (d *DCS) SetTokens(tokens ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens = slices.Clone(tokens)
}

// A refusal is the gateway's no.
type refusal struct {
	outcome string
	message string // what the client is told
	detail  string // what is really wrong, for the log
}

func refuse(message, detail string, args ...any) *refusal {
	return &refusal{OutcomeUnauthenticated, message, fmt.Sprintf(detail, args...)}
}

// authenticate decides whether a request is let through to a project, and says
// which access key it named.
func (d *DCS) authenticate(r *http.Request, project string, now time.Time) (access string, no *refusal) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", d.checkToken(r, project)
	}
	auth, err := parseAuthorization(header)
	if err != nil {
		return "", refuse("verify aksk signature fail", "%v", err)
	}
	// The limit is the gateway's own for signed bodies.
	body, err := io.ReadAll(io.LimitReader(r.Body, 12<<20))
	if err != nil {
		return auth.access, refuse("verify aksk signature fail", "read body: %v", err)
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	key := d.keys[auth.access]
	if key == nil {
		return auth.access, refuse("Get secretKey failed,ak:"+auth.access+",err:ak not exist", "unknown access key")
	}
	if now.Before(key.lockedUntil) {
		return auth.access, &refusal{OutcomeLocked, "AK access failed to reach the limit,forbidden", "the access key is locked"}
	}
	if no := d.verify(r, auth, key.Key, body, now); no != nil {
		key.failures++
		if key.failures > maxFailures {
			key.failures, key.lockedUntil = 0, now.Add(lockDuration)
		}
		return auth.access, no
	}
	key.failures = 0
	return auth.access, d.checkProject(r, project, true)
}

// verify checks a signature and all that it has to cover.
func (d *DCS) verify(r *http.Request, auth authorization, key Key, body []byte, now time.Time) *refusal {
	date := r.Header.Get(dateHeader)
	at, err := time.Parse(dateLayout, date)
	if err != nil {
		return refuse("verify aksk signature fail", "%s %q is not in the form %s", dateHeader, date, dateLayout)
	}
	if skew := now.Sub(at).Abs(); skew > maxSkew {
		return refuse("calc ak sk signature fail:signature expired", "%s is off by %v", dateHeader, skew)
	}
	must := []string{"host", "x-sdk-date"}
	token := r.Header.Get("X-Security-Token")
	if token != "" {
		must = append(must, "x-security-token")
	}
	for _, name := range must {
		if !slices.Contains(auth.signed, name) {
			return refuse("verify aksk signature fail", "%s is not signed", name)
		}
	}
	if token != key.SecurityToken {
		return refuse("verify securityToken fail", "X-Security-Token does not belong to the access key")
	}
	canonical, err := canonicalRequest(r, auth.signed, body)
	if err != nil {
		return refuse("verify aksk signature fail", "%v", err)
	}
	if !hmac.Equal([]byte(signature(key.Secret, date, canonical)), []byte(auth.signature)) {
		no := refuse("verify aksk signature fail", "the signature does not match the request")
		if d.echo {
			no.message += ", canonicalRequest:" + strings.ReplaceAll(canonical, "\n", "|") + ", headers:" + flat(r.Header)
		}
		return no
	}
	return nil
}

func (d *DCS) checkToken(r *http.Request, project string) *refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	token := r.Header.Get("X-Auth-Token")
	if token == "" {
		return refuse("x-auth-token not found", "neither Authorization nor X-Auth-Token")
	}
	if !slices.Contains(d.tokens, token) {
		message := "decrypt token fail"
		if d.echo {
			message += ", headers:" + flat(r.Header)
		}
		return refuse(message, "unknown X-Auth-Token")
	}
	return d.checkProject(r, project, false)
}

// checkProject holds X-Project-Id against the path. A token knows its project;
// an access key does not.
func (d *DCS) checkProject(r *http.Request, project string, required bool) *refusal {
	if !d.projects[project] {
		return refuse("project id is invalid", "unknown project %q", project)
	}
	sent := r.Header.Get("X-Project-Id")
	if sent != project && (required || sent != "") {
		return refuse("x-project-id does not match", "X-Project-Id is %q, the path has %q", sent, project)
	}
	return nil
}

// flat writes headers in one line, in order.
func flat(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s=%s;", name, strings.Join(h[name], ","))
	}
	return b.String()
}
