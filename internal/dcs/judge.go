package dcs

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// judge turns an answer about an instance into a value or an error. It is
// pure. A code of the API decides before the status does; only a 401 is a
// refused credential whatever else it says, because after six in a row the
// key is locked.
func judge(a answer, asked *url.URL, cred Credential, out *redactor) (SSL, *Error) {
	if a.Status == http.StatusNoContent {
		return SSL{NoInfo: true}, nil
	}
	o, isObject := object(a.Body)
	f := readFault(o)
	// A 200 that says what went wrong is no state, unless it is one as well.
	on, _ := boolean(o["enabled"])
	if a.Status != http.StatusOK || f.api && !on {
		return SSL{}, explain(a, f, asked, cred, out, reason.MayNotRead)
	}
	problem := reason.New(reason.TooLarge, nil)
	if !a.TooLarge {
		problem = reason.New(reason.With, reason.Args{"body": a.nature(out)})
	}
	if isObject && !a.TooLarge {
		var ssl SSL
		if ssl, problem = readSSL(o, instanceOf(asked), out); problem.IsZero() && !ssl.Enabled && a.isPage() {
			problem = reason.New(reason.EmptyObjectAsPage, nil)
		}
		if problem.IsZero() {
			return ssl, nil
		}
	}
	advice := reason.New(reason.LookBetween, nil)
	if on {
		advice = reason.New(reason.LookForNew, nil)
	}
	e := newError(a, f, out)
	e.Reason = reason.New(reason.Unbelievable, reason.Args{"host": asked.Host, "problem": problem, "advice": advice})
	return SSL{}, e
}

// newError returns an error that has what an answer says, and no reason yet.
func newError(a answer, f fault, out *redactor) *Error {
	return &Error{
		Status:     a.Status,
		Code:       out.text(f.code, 40),
		Message:    out.text(f.message, maxMessage),
		RequestID:  requestID(a, f, out),
		RetryAfter: httpclient.RetryAfter(a.Header, a.At),
	}
}

// explain says what an answer means that is not what was asked for. mayNot is
// the reason where the credential may not ask that.
func explain(a answer, f fault, asked *url.URL, cred Credential, out *redactor, mayNot reason.Code) *Error {
	e := newError(a, f, out)
	said := e.said()
	// fails has the error say what happened, with what the API said about it.
	fails := func(kind Kind, code reason.Code) *Error {
		e.Kind, e.Reason = kind, reason.New(code, reason.Args{"said": said, "status": a.Status})
		return e
	}
	// foreign does so for an answer that something else gave.
	foreign := func(code reason.Code) *Error {
		e.Reason = reason.New(code, reason.Args{"host": asked.Host, "status": a.Status, "body": a.nature(out)})
		return e
	}
	if a.Status == http.StatusUnauthorized {
		e.Kind, e.Reason = Unauthenticated, refusal(a, f, asked, cred, out, said)
		return e
	}
	if 300 <= a.Status && a.Status < 400 {
		e.Reason = redirect(a, asked, out)
		return e
	}

	client := 400 <= a.Status && a.Status < 500
	code := canonical(f.code)
	switch {
	// What is remembered of an instance takes both, the code and a status
	// of its class: a back end that fails can say anything.
	case client && code == "DCS.4201":
		return fails(Unsupported, reason.Unsupported)
	case client && code == "DCS.3022":
		return fails(Missing, reason.Missing)
	case slices.Contains([]string{"APIGW.0301", "APIGW.0303", "APIGW.0305", "APIGW.0307", "APIGW.0311", "DCS.1001", "DCS.1002", "DCS.1003", "DCS.1004"}, code):
		e.Kind, e.Reason = Unauthenticated, refusal(a, f, asked, cred, out, said)
		return e
	case slices.Contains([]string{"APIGW.0304", "APIGW.0306", "APIGW.0310", "DCS.3002"}, code):
		return fails(Forbidden, reason.NotServed)
	case slices.Contains([]string{"APIGW.0402", "APIGW.0801", "APIGW.0802"}, code):
		return fails(Forbidden, reason.AddressRefused)
	case slices.Contains([]string{"APIGW.0302", "DCS.2003", "DCS.2007", "DCS.3003"}, code),
		a.Status == http.StatusForbidden && f.api:
		return fails(Forbidden, mayNot)
	case a.Status == http.StatusTooManyRequests, code == "APIGW.0308":
		return fails(Throttled, reason.Throttled)
	case slices.Contains([]string{"APIGW.0101", "APIGW.0103", "DCS.4001"}, code):
		return fails(Failed, reason.UnknownAddress)
	case code == "DCS.4002":
		return fails(Failed, reason.UnreadableProject)
	case isBusy(code):
		return fails(Failed, reason.Busy)
	case a.Status == http.StatusProxyAuthRequired:
		return fails(Failed, reason.ProxyWantsLoginAnswer)
	case f.api && a.Status >= 500:
		return fails(Failed, reason.APIFailed)
	case f.api:
		return fails(Failed, reason.OtherAnswer)
	case a.Status == http.StatusNotFound:
		return foreign(reason.NotTheAPI404)
	case a.Status == http.StatusForbidden:
		return foreign(reason.NotTheAPI403)
	case a.Status >= 500:
		return foreign(reason.NotTheAPI5xx)
	}
	return foreign(reason.NotTheAPI)
}

// instanceOf returns the instance that a request is about.
func instanceOf(asked *url.URL) string { return path.Base(path.Dir(asked.Path)) }

// said returns what the API said, in parentheses.
func (e *Error) said() reason.Reason {
	switch {
	case e.Code != "" && e.Message != "":
		return reason.New(reason.SaidBoth, reason.Args{"code_said": e.Code, "message": e.Message})
	case e.Code != "" || e.Message != "":
		return reason.New(reason.SaidOne, reason.Args{"status": e.Status, "message": e.Code + e.Message})
	}
	return reason.New(reason.SaidStatus, reason.Args{"status": e.Status})
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
func redirect(a answer, asked *url.URL, out *redactor) reason.Reason {
	args := reason.Args{"host": asked.Host, "status": a.Status}
	location := a.Header.Get("Location")
	to, err := asked.Parse(location)
	switch {
	case location == "" || err != nil || to.Host == "":
		return reason.New(reason.RedirectNowhere, args)
	case to.Hostname() == asked.Hostname() && asked.Scheme == "http" && to.Scheme == "https":
		return reason.New(reason.RedirectToHTTPS, args)
	}
	args["to"] = out.text(to.Host, maxName)
	return reason.New(reason.RedirectElsewhere, args)
}

// refusal says why a credential was not accepted, as far as can be told.
func refusal(a answer, f fault, asked *url.URL, cred Credential, out *redactor, said reason.Reason) reason.Reason {
	message := strings.ToLower(f.message)
	credential := cred.origin
	if !cred.expires.IsZero() && !a.At.Before(cred.expires) {
		credential = reason.New(reason.ExpiredWhenIssued, reason.Args{"credential": credential})
	}
	args := reason.Args{"credential": credential, "said": said}
	signed := cred.authToken.IsZero()
	off, isOff := clockOff(a, f.message)
	code := reason.CredentialRefused
	switch {
	case signed && isOff:
		// The message has both times in it, other ones each time.
		code, args = reason.ClockOff, reason.Args{"credential": credential, "off": off}
	case signed && strings.Contains(message, "signature expired"):
		code, args = reason.ClockProbablyOff, reason.Args{"credential": credential}
	case !f.api:
		code, args = reason.CredentialRefusedHow, reason.Args{"credential": credential, "host": asked.Host, "body": a.nature(out)}
	case canonical(f.code) == "DCS.1004":
		code = reason.CredentialElsewhere
	case canonical(f.code) == "APIGW.0307":
		code = reason.CredentialRenew
	case strings.Contains(message, "reach the limit"):
		code = reason.CredentialLocked
	case signed && strings.Contains(message, "not exist"):
		code = reason.CredentialUnknown
	}
	return reason.New(code, args)
}
