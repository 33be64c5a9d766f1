package dcs

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/sslwatch/sslwatch/internal/httpclient"
)

// judge turns an answer into a value or an error. It is pure. A code of the
// API decides before the status does; only a 401 is a refused credential
// whatever else it says, because after six in a row the key is locked.
func judge(a answer, asked *url.URL, cred Credential, out *redactor) (SSL, *Error) {
	if a.Status == http.StatusNoContent {
		return SSL{NoInfo: true}, nil
	}
	o, isObject := object(a.Body)
	f := readFault(o)
	e := &Error{
		Status:     a.Status,
		Code:       out.text(f.code, 40),
		Message:    out.text(f.message, maxMessage),
		RequestID:  requestID(a, f, out),
		RetryAfter: httpclient.RetryAfter(a.Header, a.At),
	}
	said := e.said()

	// A 200 that says what went wrong is no state, unless it is one as well.
	if on, _ := boolean(o["enabled"]); a.Status == http.StatusOK && (on || !f.api) {
		problem := "with more than 1 MiB"
		if !a.TooLarge {
			problem = "with " + a.nature(out)
		}
		if isObject && !a.TooLarge {
			var ssl SSL
			if ssl, problem = readSSL(o, instanceOf(asked), out); problem == "" && !ssl.Enabled && a.isPage() {
				problem = "with an empty object as an HTML page"
			}
			if problem == "" {
				return ssl, nil
			}
		}
		advice := lookBetween
		if on {
			advice = "if it stays so, the API has changed, look for a newer sslwatch"
		}
		e.Reason = fmt.Sprintf("%s answered 200 %s: the state of SSL is unknown; %s", asked.Host, problem, advice)
		return SSL{}, e
	}
	if a.Status == http.StatusUnauthorized {
		e.Kind = Unauthenticated
		e.Reason = refusal(a, f, asked, cred, out, said)
		return SSL{}, e
	}
	if 300 <= a.Status && a.Status < 400 {
		e.Reason = redirect(a, asked, out)
		return SSL{}, e
	}

	client := 400 <= a.Status && a.Status < 500
	code := canonical(f.code)
	switch {
	// What is remembered of an instance takes both, the code and a status
	// of its class: a back end that fails can say anything.
	case client && code == "DCS.4201":
		e.Kind = Unsupported
		e.Reason = "this instance can't have SSL " + said + ": only single-node, master/standby and cluster instances of Redis 6.0 and 7.0 can; stop watching it"
	case client && code == "DCS.3022":
		e.Kind = Missing
		e.Reason = "there is no such instance in this project " + said + ": it was deleted, or its ID, project_id or region is wrong"
	case slices.Contains([]string{"APIGW.0301", "APIGW.0303", "APIGW.0305", "APIGW.0307", "APIGW.0311", "DCS.1001", "DCS.1002", "DCS.1003", "DCS.1004"}, code):
		e.Kind = Unauthenticated
		e.Reason = refusal(a, f, asked, cred, out, said)
	case slices.Contains([]string{"APIGW.0304", "APIGW.0306", "APIGW.0310", "DCS.3002"}, code):
		e.Kind = Forbidden
		e.Reason = "the API does not serve this project or account " + said + ": check in the console whether it is frozen, in arrears or restricted, and whether project_id belongs to this region"
	case slices.Contains([]string{"APIGW.0402", "APIGW.0801", "APIGW.0802"}, code):
		e.Kind = Forbidden
		e.Reason = "the API refuses this machine's address or this region " + said + ": check the access rules of the account"
	case slices.Contains([]string{"APIGW.0302", "DCS.2003", "DCS.2007", "DCS.3003"}, code),
		a.Status == http.StatusForbidden && f.api:
		e.Kind = Forbidden
		e.Reason = "the credential was accepted, but may not read the SSL of this instance " + said + ": grant dcs:ssl:get to its user or agency, for this project and the instance's enterprise project"
	case a.Status == http.StatusTooManyRequests, code == "APIGW.0308":
		e.Kind = Throttled
		e.Reason = "the API is asked too often " + said + ": if it stays so, lower check.rate or look for what else uses the account"
	case slices.Contains([]string{"APIGW.0101", "APIGW.0103", "DCS.4001"}, code):
		e.Reason = "the API does not know this address " + said + ": check that endpoint and region are those of DCS where the instance is"
	case code == "DCS.4002":
		e.Reason = "the API can't read the project ID " + said + ": copy project_id from My Credentials in the console, for this region"
	case isBusy(code):
		e.Reason = "the instance is busy with something else, so the API does not tell its SSL " + said + ": this ends by itself, look in the console if it does not"
	case a.Status == http.StatusProxyAuthRequired:
		e.Reason = "the proxy on the way to the API wants a user name and password " + said + ": put them into HTTPS_PROXY, or let this machine through"
	case f.api && a.Status >= 500:
		e.Reason = fmt.Sprintf("the API failed with HTTP %d %s", a.Status, said) + ": this is the cloud's to mend, look at its status page if it stays so"
	case f.api:
		e.Reason = fmt.Sprintf("the API answered HTTP %d and not the SSL of the instance %s", a.Status, said) + ": if it stays so, ask the cloud's support"
	case a.Status == http.StatusNotFound:
		e.Reason = fmt.Sprintf("%s answered 404 with %s: check that endpoint and region are those of DCS where the instance is", asked.Host, a.nature(out))
	case a.Status == http.StatusForbidden:
		e.Reason = fmt.Sprintf("%s answered 403 with %s, which is not the API's way: a proxy or firewall on the way refuses, ask its people to let this machine reach %s",
			asked.Host, a.nature(out), asked.Host)
	case a.Status >= 500:
		e.Reason = fmt.Sprintf("%s answered %d with %s, which is not the API's way: the gateway before the API or a proxy on the way failed", asked.Host, a.Status, a.nature(out))
	default:
		e.Reason = fmt.Sprintf("%s answered %d with %s, which is not the API's way: %s", asked.Host, a.Status, a.nature(out), lookBetween)
	}
	return SSL{}, e
}

// instanceOf returns the instance that a request is about.
func instanceOf(asked *url.URL) string { return path.Base(path.Dir(asked.Path)) }

// lookBetween is the advice when something answers that is not the API.
const lookBetween = "look for a proxy, a login portal or a load balancer between this machine and the API, and check endpoint"

// said returns what the API said, in parentheses.
func (e *Error) said() string {
	switch {
	case e.Code != "" && e.Message != "":
		return "(" + e.Code + ": " + e.Message + ")"
	case e.Code != "" || e.Message != "":
		return fmt.Sprintf("(HTTP %d, %s%s)", e.Status, e.Code, e.Message)
	}
	return fmt.Sprintf("(HTTP %d)", e.Status)
}

// isBusy reports whether a code says that the instance is restarting,
// extending, upgrading or the like. Source: facts page 4.
func isBusy(code string) bool {
	return slices.Contains([]string{"DCS.4026", "DCS.4049", "DCS.4096", "DCS.4097", "DCS.4104", "DCS.4111",
		"DCS.4113", "DCS.4114", "DCS.4115", "DCS.4116", "DCS.4117", "DCS.4118", "DCS.4120", "DCS.4121",
		"DCS.4231", "DCS.4975"}, code)
}

// requestID prefers the header, which every gateway sets, to the body.
func requestID(a answer, f fault, out *redactor) string {
	id := a.Header.Get("X-Request-Id")
	if id == "" {
		id = f.requestID
	}
	return out.text(id, 64)
}

// redirect says where an answer pointed.
func redirect(a answer, asked *url.URL, out *redactor) string {
	location := a.Header.Get("Location")
	to, err := asked.Parse(location)
	switch {
	case location == "" || err != nil || to.Host == "":
		return fmt.Sprintf("%s answered %d, a redirect to no readable place: %s", asked.Host, a.Status, lookBetween)
	case to.Hostname() == asked.Hostname() && asked.Scheme == "http" && to.Scheme == "https":
		return fmt.Sprintf("%s answered %d, a redirect to https, which is not followed: write endpoint with https://", asked.Host, a.Status)
	}
	return fmt.Sprintf("%s answered %d, a redirect to %s, which is not followed: %s", asked.Host, a.Status, out.text(to.Host, maxName), lookBetween)
}

// refusal says why a credential was not accepted, as far as can be told.
func refusal(a answer, f fault, asked *url.URL, cred Credential, out *redactor, said string) string {
	message := strings.ToLower(f.message)
	what, do := cred.origin.refused()
	if !cred.expires.IsZero() && !a.At.Before(cred.expires) {
		what += ", which had expired when it was issued,"
		do = "its issuer gives nothing newer and is asked again, ever more rarely; check this machine's clock, and that the agency still exists"
	}
	signed := cred.authToken.IsZero()
	off, isOff := clockOff(a, f.message)
	switch {
	case signed && isOff:
		// The message has both times in it, other ones each time.
		return fmt.Sprintf("the API refused %s because this machine's clock is %s: set the clock, and keep it so with NTP; the credential itself may be right", what, off)
	case signed && strings.Contains(message, "signature expired"):
		return fmt.Sprintf("the API refused %s because the signature has expired by its clock: this machine's clock is probably off by more than 15 minutes, set it, and keep it so with NTP", what)
	case !f.api:
		return fmt.Sprintf("%s answered 401 with %s, so %s was refused or something on the way asks for a login: %s; also %s", asked.Host, a.nature(out), what, do, lookBetween)
	case canonical(f.code) == "DCS.1004":
		return fmt.Sprintf("the API refused %s %s: it is not for this project, check project_id and region", what, said)
	case canonical(f.code) == "APIGW.0307":
		return fmt.Sprintf("the API refused %s %s: it has to be renewed, or belongs to another region than the endpoint, check region and project_id; %s", what, said, do)
	case strings.Contains(message, "reach the limit"):
		return fmt.Sprintf("the API has locked %s for five minutes after several refusals %s: %s, here and wherever else the key is used", what, said, do)
	case signed && strings.Contains(message, "not exist"):
		return fmt.Sprintf("the API does not know %s %s: it was deleted or mistyped, or belongs to another site of the cloud than the endpoint; %s", what, said, do)
	}
	return fmt.Sprintf("the API refused %s %s: %s", what, said, do)
}

// refused names a credential for people, and says how to mend it.
func (o origin) refused() (what, do string) {
	switch o {
	case fromTemporaryKeys:
		return "the temporary access key", "temporary keys end after at most 24 hours, set a new access_key, secret_key and security_token, or let an agency issue them"
	case fromToken:
		return "the token", "a token ends after 24 hours, and before when its user changes, set a new auth_token, or use an access key"
	case fromAgency:
		return "the credential of the ECS agency", "check that the agency still exists and that project_id and region are right"
	case fromPod:
		return "the credential of the pod identity", "check that the agency of the pod's service account still exists and that project_id and region are right"
	}
	return "the access key", "check access_key and secret_key, and that the key is active and belongs to the cloud site of the endpoint"
}
