package simcloud

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// incorrectIAM is how the gateway begins each refusal of a signature or token.
const incorrectIAM = "Incorrect IAM authentication information: "

// ServeHTTP answers one request. It is authenticated before anything else, so
// that no fault hides a wrong signature.
func (d *DCS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	id := d.enter()
	defer d.leave()
	w.Header().Set("X-Request-Id", id)

	now := d.Now()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	seen := Request{
		Time: now, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone(),
	}
	project, instance, known := route(r)
	if !known {
		seen.Outcome = OutcomeUnknownPath
		d.record(seen)
		gatewayError(w, 404, "APIGW.0101", "The API does not exist or has not been published in the environment.")
		return
	}
	seen.ProjectID = project
	if instance != Listing {
		seen.InstanceID = instance
	}
	access, no := d.authenticate(r, project, seen.Time)
	seen.Access = access
	if no != nil {
		seen.Outcome, seen.Detail = no.outcome, no.detail
		d.record(seen)
		gatewayError(w, 401, "APIGW.0301", incorrectIAM+no.message)
		return
	}

	answer, i := d.decide(&seen, project, instance)
	switch {
	case d.sendFault(w, r, answer):
	case instance == Listing:
		d.sendListing(w, r, answer, project)
	default:
		d.sendSSL(w, answer, i)
	}
}

// route takes a path apart. The instance is Listing for a listing.
func route(r *http.Request) (project, instance string, ok bool) {
	p := strings.Split(r.URL.Path, "/")
	if r.Method != http.MethodGet || len(p) < 4 || p[0] != "" || p[1] != "v2" || p[3] != "instances" {
		return "", "", false
	}
	switch {
	case len(p) == 4:
		return p[2], Listing, true
	case len(p) == 6 && p[4] != "" && p[5] == "ssl":
		return p[2], p[4], true
	}
	return "", "", false
}

// decide picks the answer, and logs it in the same breath, so that the log has
// the order in which a script was consumed.
func (d *DCS) decide(seen *Request, project, instance string) (Answer, Instance) {
	defer d.bell.Ring()
	d.mu.Lock()
	defer d.mu.Unlock()
	var of *Instance
	for _, i := range d.instances {
		if i.ID == instance && i.ProjectID == project {
			of = i
		}
	}
	// A world-wide answer stands before that of an instance, as a gateway does.
	answer := d.script.Take(simserver.Everything, ofProject(project), instance)
	if wait, full := d.window.full(project, seen.Time); full {
		answer = throttled(wait)
	}
	if answer == AnswerTruth && instance != Listing {
		answer = truth(of)
	}
	mode, _ := simserver.Split(answer)
	seen.Outcome = string(mode)
	switch {
	case answer == AnswerTruth && instance == Listing:
		seen.Outcome = OutcomeListed
	case answer == AnswerTruth:
		seen.Outcome = string(AnswerOK)
	}
	d.note(*seen)
	if of == nil {
		return answer, Instance{ProjectID: project, ID: instance}
	}
	return answer, *of
}

func (d *DCS) record(r Request) {
	defer d.bell.Ring()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(r)
}

// apiError answers as DCS does.
func apiError(w http.ResponseWriter, status int, code, message string) {
	simserver.SendJSON(w, status, map[string]any{"error_code": code, "error_msg": message, "error_ext_msg": nil})
}

// gatewayError answers as the gateway before DCS does.
func gatewayError(w http.ResponseWriter, status int, code, message string) {
	simserver.SendJSON(w, status, map[string]any{
		"error_code": code, "error_msg": message, "request_id": w.Header().Get("X-Request-Id"),
	})
}

// sendListing answers GET …/instances, one page of it. Answers that are about
// an instance mean nothing to it.
func (d *DCS) sendListing(w http.ResponseWriter, r *http.Request, a Answer, project string) {
	q := r.URL.Query()
	offset, err1 := strconv.Atoi(cmp.Or(q.Get("offset"), "0"))
	limit, err2 := strconv.Atoi(cmp.Or(q.Get("limit"), "10"))
	if err1 != nil || err2 != nil || offset < 0 || limit < 1 || limit > 1000 {
		apiError(w, 400, "DCS.4800", "Invalid offset or limit in the request.")
		return
	}
	all := d.listed(project)
	page := all[min(offset, len(all)):]
	page = page[:min(limit, len(page))]
	answer := map[string]any{"instance_num": len(all), "instances": page}
	switch mode, arg := simserver.Split(a); mode {
	case AnswerBody:
		simserver.Reply(w, 200, "application/json", arg)
	case AnswerCut:
		simserver.Cut(w, 200, "application/json", simserver.ToJSON(answer))
	default:
		simserver.SendJSON(w, 200, answer)
	}
}

// listed are the instances of a project as a listing has them. Types and values
// are those of the documentation's example, contradictions included.
func (d *DCS) listed(project string) []map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []map[string]any{}
	for _, i := range d.instances {
		if i.ProjectID != project || d.script.Standing(i.ID) == AnswerMissing {
			continue
		}
		version := "6.0"
		if i.Unsupported {
			version = "5.0"
		}
		port, _ := strconv.Atoi(i.Port)
		all = append(all, map[string]any{
			"instance_id": i.ID, "name": i.Name, "status": "RUNNING",
			"engine": "Redis", "engine_version": version, "spec_code": "redis.ha.xu1.tiny.r2.128",
			"ip": i.IP, "port": port, "domain_name": i.Domain,
			"no_password_access": true, "enterprise_project_id": 0, "enable_ssl": i.Enabled,
			"tags":     []any{},
			"features": map[string]any{"support_acl": true, "support_ssl": !i.Unsupported},
		})
	}
	return all
}
