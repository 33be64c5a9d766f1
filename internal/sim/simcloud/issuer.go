package simcloud

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// IssuerOptions say what an Issuer gives, and to whom. All of it but the DCS
// can be changed later.
type IssuerOptions struct {
	// DCS takes the keys that are issued, each with its own security token
	// only.
	DCS *DCS
	// Life is how long a credential lives. Default one hour.
	Life time.Duration
	// Sessions has the metadata service give sessions, and want one.
	Sessions bool
	// Agency is bound to the ECS.
	Agency bool
	// PodToken is what the agent of pod identity takes; empty for nothing.
	PodToken string
	// IdpID is the identity provider that IAM knows, and IDToken what it takes.
	IdpID, IDToken string
}

// An Issuer is each service of the cloud that issues temporary keys: the
// metadata service of an ECS, the agent of pod identity (under
// /v1/credentials) and IAM. Each time it issues other keys.
type Issuer struct {
	simserver.Endpoint

	mu       sync.Mutex
	o        IssuerOptions
	n        int
	issued   []string        // the access keys that the DCS takes
	sessions map[string]bool // of the metadata service
	unscoped map[string]bool // tokens of IAM
	asked    map[string]int
	inFlight int
	most     int
}

var _ http.Handler = (*Issuer)(nil)

// NewIssuer returns an issuer that does not listen yet.
func NewIssuer(o IssuerOptions) (*Issuer, error) {
	if o.DCS == nil {
		return nil, errors.New("sim: an issuer needs a DCS")
	}
	i := &Issuer{o: o, sessions: map[string]bool{}, unscoped: map[string]bool{}, asked: map[string]int{}}
	i.Init(i)
	return i, nil
}

// Set changes what it gives, and to whom. Sessions that it gave end.
func (i *Issuer) Set(change func(*IssuerOptions)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(&i.o)
	clear(i.sessions)
}

// Revoke has the DCS no longer know any key that was issued.
func (i *Issuer) Revoke() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, access := range i.issued {
		i.o.DCS.RemoveKey(access)
	}
	i.issued = nil
}

// Issued returns how many credentials it gave.
func (i *Issuer) Issued() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.n
}

// Asked returns how many requests there were for a method and a path.
func (i *Issuer) Asked(method, path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[method+" "+path]
}

// Most returns how many requests it had in flight at once at most.
func (i *Issuer) Most() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.most
}

// ServeHTTP answers one request.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	i.enter(r)
	defer i.leave()
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "PUT /meta-data/latest/api/token":
		i.session(w, r)
	case "GET /openstack/latest/securitykey":
		i.securityKey(w, r)
	case "POST /v1/credentials":
		i.pod(w, r, string(body))
	case "POST /v3.0/OS-AUTH/id-token/tokens":
		i.exchange(w, r, body)
	case "POST /v3.0/OS-CREDENTIAL/securitytokens":
		i.keysOfToken(w, body)
	default:
		http.NotFound(w, r)
	}
}

func (i *Issuer) enter(r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[r.Method+" "+r.URL.Path]++
	i.inFlight++
	i.most = max(i.most, i.inFlight)
}

func (i *Issuer) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inFlight--
}

// issue makes the next credential, which the DCS takes from now on.
func (i *Issuer) issue() (k Key, end string) {
	i.n++
	life := i.o.Life
	if life == 0 {
		life = time.Hour
	}
	k = Key{
		Access:        "ISSUED" + rand.Text()[:14],
		Secret:        strings.ToLower(rand.Text()) + rand.Text()[:14],
		SecurityToken: "security-token-" + rand.Text(),
	}
	i.o.DCS.SetKey(k)
	i.issued = append(i.issued, k.Access)
	return k, i.o.DCS.Now().Add(life).UTC().Format("2006-01-02T15:04:05.000000Z")
}

func (i *Issuer) session(w http.ResponseWriter, r *http.Request) {
	switch {
	case !i.o.Sessions:
		http.NotFound(w, r)
	case r.Header.Get("X-Metadata-Token-Ttl-Seconds") == "":
		http.Error(w, "Bad Request", http.StatusBadRequest)
	default:
		token := "session-" + rand.Text()
		i.sessions[token] = true
		io.WriteString(w, token)
	}
}

func (i *Issuer) securityKey(w http.ResponseWriter, r *http.Request) {
	switch {
	case i.o.Sessions && !i.sessions[r.Header.Get("X-Metadata-Token")]:
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
	case !i.o.Agency:
		simserver.SendJSON(w, http.StatusUnauthorized, map[string]any{"message": "Please configure Cloud Service Agency first"})
	default:
		i.writeCredential(w, http.StatusOK)
	}
}

// writeCredential writes the form of the metadata service and IAM.
func (i *Issuer) writeCredential(w http.ResponseWriter, status int) {
	k, end := i.issue()
	simserver.SendJSON(w, status, map[string]any{"credential": map[string]any{
		"access": k.Access, "secret": k.Secret, "securitytoken": k.SecurityToken, "expires_at": end,
	}})
}

func (i *Issuer) pod(w http.ResponseWriter, r *http.Request, body string) {
	if i.o.PodToken == "" || r.Header.Get("Authorization") != i.o.PodToken || body != "{}" {
		simserver.SendJSON(w, http.StatusForbidden, map[string]any{"error_code": "PI.0001", "error_msg": "no association for this service account"})
		return
	}
	k, end := i.issue()
	simserver.SendJSON(w, http.StatusOK, map[string]any{"credentials": map[string]any{
		"accessKeyId": k.Access, "secretAccessKey": k.Secret, "securityToken": k.SecurityToken, "expiration": end,
	}})
}

func (i *Issuer) exchange(w http.ResponseWriter, r *http.Request, body []byte) {
	var b struct {
		Auth struct {
			IDToken struct {
				ID string `json:"id"`
			} `json:"id_token"`
		} `json:"auth"`
	}
	switch err := json.Unmarshal(body, &b); {
	case err != nil:
		iamError(w, http.StatusBadRequest, "The request body is invalid.")
	case i.o.IdpID == "" || r.Header.Get("X-Idp-Id") != i.o.IdpID:
		iamError(w, http.StatusNotFound, "Could not find identity provider: "+r.Header.Get("X-Idp-Id")+".")
	case i.o.IDToken == "" || b.Auth.IDToken.ID != i.o.IDToken:
		iamError(w, http.StatusUnauthorized, "Failed to verify the id token "+b.Auth.IDToken.ID+".")
	default:
		token := "unscoped-" + rand.Text()
		i.unscoped[token] = true
		w.Header().Set("X-Subject-Token", token)
		simserver.SendJSON(w, http.StatusCreated, map[string]any{"token": map[string]any{
			"methods": []string{"mapped"}, "expires_at": i.o.DCS.Now().Add(24 * time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z"),
		}})
	}
}

func (i *Issuer) keysOfToken(w http.ResponseWriter, body []byte) {
	var b struct {
		Auth struct {
			Identity struct {
				Methods []string `json:"methods"`
				Token   struct {
					ID       string `json:"id"`
					Duration int    `json:"duration_seconds"`
				} `json:"token"`
			} `json:"identity"`
		} `json:"auth"`
	}
	err := json.Unmarshal(body, &b)
	identity := b.Auth.Identity
	switch {
	case err != nil, len(identity.Methods) != 1, identity.Methods[0] != "token", identity.Token.Duration < 900, identity.Token.Duration > 86400:
		iamError(w, http.StatusBadRequest, "The request body is invalid.")
	case !i.unscoped[identity.Token.ID]:
		iamError(w, http.StatusUnauthorized, "The token "+identity.Token.ID+" must be updated.")
	default:
		i.writeCredential(w, http.StatusCreated)
	}
}

// iamError writes an error in the form of IAM.
func iamError(w http.ResponseWriter, status int, message string) {
	simserver.SendJSON(w, status, map[string]any{"error": map[string]any{"code": status, "message": message, "title": http.StatusText(status)}})
}
