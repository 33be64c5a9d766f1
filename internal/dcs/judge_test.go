package dcs

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

// documented is the answer of the API's own example.
const documented = `{
	"enabled" : true,
	"ip" : "192.168.0.5",
	"ipv6" : "::1",
	"port" : "6379",
	"domain_name" : "redis-553a2516-b865-4159-b774-204dc0a36e37.dcs.example.com:6379",
	"ssl_expired_at" : "2022-06-15T02:21:18.669Z",
	"ssl_validated" : true
}`

var (
	asked = &url.URL{Scheme: "https", Host: "dcs.example.com", Path: "/v2/p/instances/i/ssl"}
	// clock is ours in these tests.
	clock = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	ends  = time.Date(2022, 6, 15, 2, 21, 18, 669e6, time.UTC)
)

// reply is an answer that came at clock. Headers are name and value in turn.
func reply(status int, body string, headers ...string) answer {
	a := answer{httpclient.Response{Status: status, Header: http.Header{}, Body: []byte(body), At: clock}}
	for i := 0; i < len(headers); i += 2 {
		a.Header.Set(headers[i], headers[i+1])
	}
	return a
}

// unfilled is what the words of a reason have for an argument that it lacks.
var unfilled = regexp.MustCompile(`\{[a-z_]+(\.do)?\}`)

func keys() Credential   { return Keys("AKEXAMPLE", "secret-key-of-tests", "").(static).credential }
func tokens() Credential { return Token("token-of-tests").(static).credential }

func TestStates(t *testing.T) {
	on := SSL{Enabled: true, Validated: true, ExpiresAt: ends}
	with := func(change func(*SSL)) SSL {
		s := on
		change(&s)
		return s
	}
	// certificate is what makes an answer a state, without the rest.
	const certificate = `"enabled":true,"ssl_validated":true,"ssl_expired_at":"2022-06-15T02:21:18.669Z"`
	tests := []struct {
		rule   string
		status int
		body   string
		want   SSL
	}{
		{"all seven fields", 200, documented, with(func(s *SSL) {
			s.IP, s.IPv6, s.Port = "192.168.0.5", "::1", "6379"
			s.Domain = "redis-553a2516-b865-4159-b774-204dc0a36e37.dcs.example.com"
		})},
		{"only what decides", 200, `{` + certificate + `}`, on},
		{"space around", 200, "\n {" + certificate + "}\r\n", on},
		{"unknown fields are passed over", 200, `{` + certificate + `,"new":[{"a":1}]}`, on},
		{"not valid", 200, `{"enabled":true,"ssl_validated":false,"ssl_expired_at":"2022-06-15T02:21:18.669Z"}`,
			with(func(s *SSL) { s.Validated = false })},
		{"a date in another zone", 200, `{"enabled":true,"ssl_validated":true,"ssl_expired_at":"2022-06-15T10:21:18.669+08:00"}`, on},
		{"the port as a number", 200, `{` + certificate + `,"port":6379}`, with(func(s *SSL) { s.Port = "6379" })},
		{"a port that is none is left out", 200, `{` + certificate + `,"port":"many"}`, on},
		{"a port of another type is left out", 200, `{` + certificate + `,"port":{"a":1}}`, on},
		{"addresses of another type are left out", 200, `{` + certificate + `,"ip":["1.2.3.4"],"ipv6":true,"domain_name":null}`, on},
		{"the port of the name, if there is no other", 200, `{` + certificate + `,"domain_name":"redis.example.com:6380"}`,
			with(func(s *SSL) { s.Domain, s.Port = "redis.example.com", "6380" })},
		{"the port beside the name counts more", 200, `{` + certificate + `,"domain_name":"redis.example.com:6380","port":"6379"}`,
			with(func(s *SSL) { s.Domain, s.Port = "redis.example.com", "6379" })},
		{"a fault beside a readable state", 200, `{` + certificate + `,"error_code":"0","error_msg":"ok"}`, on},

		{"an empty object: off", 200, `{}`, SSL{}},
		{"no enabled, and addresses only: off", 200, `{"ip":"192.168.0.5","ipv6":null,"port":6379,"domain_name":"redis.example.com:6379"}`, SSL{}},
		{"no enabled, and nothing in the rest: off", 200, `{"ip":"","ssl_validated":null,"ssl_expired_at":""}`, SSL{}},
		{"no enabled, and the instance's own ID: off", 200, `{"instance_id":"I"}`, SSL{}},
		{"off, with a field that is new", 200, `{"enabled":false,"ca":{"name":"x"}}`, SSL{}},
		{"behind a byte order mark", 200, "\ufeff{" + certificate + "}", on},
		{"of the instance that was asked for", 200, `{"instance_id":"i",` + certificate + `}`, on},
		{"not valid, without a date", 200, `{"enabled":true,"ssl_validated":false,"port":"6379"}`, SSL{Enabled: true, Port: "6379"}},
		{"not valid, date null", 200, `{"enabled":true,"ssl_validated":false,"ssl_expired_at":null}`, SSL{Enabled: true}},
		{"not valid, date empty", 200, `{"enabled":true,"ssl_validated":false,"ssl_expired_at":""}`, SSL{Enabled: true}},
		{"not valid, date of another type", 200, `{"enabled":true,"ssl_validated":false,"ssl_expired_at":0}`, SSL{Enabled: true}},
		{"not valid, zero date", 200, `{"enabled":true,"ssl_validated":false,"ssl_expired_at":"0001-01-01T00:00:00Z"}`, SSL{Enabled: true}},
		{"enabled false: off", 200, `{"enabled":false,"ssl_expired_at":"rubbish"}`, SSL{}},
		{"enabled null: off", 200, `{"enabled":null}`, SSL{}},
		{"an empty fault is none: off", 200, `{"enabled":false,"error_code":null,"error_msg":""}`, SSL{}},
		{"204: no info", 204, ``, SSL{NoInfo: true}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			got, err := judge(reply(test.status, test.body), asked, keys(), &redactor{})
			if err != nil {
				t.Fatalf("error %v", err)
			}
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for domain, want := range map[string][2]string{
		"redis.example.com":      {"redis.example.com", ""},
		"redis.example.com:6379": {"redis.example.com", "6379"},
		"redis.example.com:":     {"redis.example.com", ""},
		"redis.example.com:abc":  {"redis.example.com:abc", ""},
		"redis.example.com:0":    {"redis.example.com:0", ""},
		"192.168.0.5:6379":       {"192.168.0.5", "6379"},
		"192.168.0.5":            {"192.168.0.5", ""},
		"::1":                    {"::1", ""},
		"2001:db8::6379":         {"2001:db8::6379", ""},
		"[::1]:6379":             {"::1", "6379"},
		"[2001:db8::1]":          {"2001:db8::1", ""},
		"":                       {"", ""},
	} {
		if host, port := splitPort(domain); host != want[0] || port != want[1] {
			t.Errorf("%q is %q and %q, want %q", domain, host, port, want)
		}
	}
}

func TestFailures(t *testing.T) {
	const html = "<!DOCTYPE html>\n<html><head><title>\n Corporate&nbsp;Gateway &amp; Login</title></head><body>blocked</body></html>"
	fault := func(code, message string) string {
		return `{"error_code":"` + code + `","error_msg":"` + message + `","error_ext_msg":null}`
	}
	gateway := func(code, message string) string {
		return `{"error_msg":"` + message + `","error_code":"` + code + `","request_id":"3f0d7c1a"}`
	}
	state := func(fields string) string { return `{"enabled":true,` + fields + `}` }
	tests := []struct {
		rule   string
		answer answer
		cred   Credential
		kind   Kind
		code   string
		reason string // is in the reason
	}{
		// A 200 that can't be believed.
		{"empty body", reply(200, ""), keys(), Failed, "", "with an empty body"},
		{"blank body", reply(200, " \n"), keys(), Failed, "", "with an empty body"},
		{"cut off", reply(200, documented[:len(documented)-9]), keys(), Failed, "", "JSON that is broken or cut off"},
		{"not JSON", reply(200, "OK"), keys(), Failed, "", "text that is not JSON (“OK”)"},
		{"null", reply(200, "null"), keys(), Failed, "", "JSON of another form (“null”)"},
		{"a list", reply(200, "[]"), keys(), Failed, "", "“[]”"},
		{"a list of states", reply(200, "["+documented+"]"), keys(), Failed, "", "another form"},
		{"a string", reply(200, `"enabled"`), keys(), Failed, "", "another form"},
		{"trailing garbage", reply(200, documented+"}"), keys(), Failed, "", "JSON that is broken or cut off"},
		{"two objects", reply(200, documented+documented), keys(), Failed, "", "JSON that is broken or cut off"},
		{"a page of a proxy", reply(200, html, "Content-Type", "text/html; charset=utf-8"), keys(), Failed, "", "an HTML page titled “Corporate Gateway & Login”"},
		{"a page without its type", reply(200, html), keys(), Failed, "", "titled “Corporate Gateway & Login”"},
		{"a page without a title", reply(200, "<html>", "Content-Type", "text/html"), keys(), Failed, "", "an HTML page without a title"},
		{"enabled is a string", reply(200, `{"enabled":"true"}`), keys(), Failed, "", "neither true nor false"},
		{"enabled is a number", reply(200, `{"enabled":1}`), keys(), Failed, "", "neither true nor false"},
		{"a fault for a state", reply(200, fault("DCS.5010", "Failed to operate SSL in database.")), keys(), Failed, "DCS.5010", "and not what was asked for"},
		{"a fault for a state that says off", reply(200, `{"enabled":false,"error_code":"DCS.5010"}`), keys(), Failed, "DCS.5010", "and not what was asked for"},
		{"a missing instance with 200", reply(200, fault("DCS.3022", "gone")), keys(), Failed, "DCS.3022", "and not what was asked for"},
		{"no ssl_validated", reply(200, state(`"ssl_expired_at":"2022-06-15T02:21:18.669Z"`)), keys(), Failed, "", "without ssl_validated"},
		{"ssl_validated null", reply(200, state(`"ssl_validated":null,"ssl_expired_at":"2022-06-15T02:21:18.669Z"`)), keys(), Failed, "", "without ssl_validated"},
		{"ssl_validated is a string", reply(200, state(`"ssl_validated":"true","ssl_expired_at":"2022-06-15T02:21:18.669Z"`)), keys(), Failed, "", "neither true nor false"},
		{"no date", reply(200, state(`"ssl_validated":true`)), keys(), Failed, "", "without ssl_expired_at"},
		{"date null", reply(200, state(`"ssl_validated":true,"ssl_expired_at":null`)), keys(), Failed, "", "without ssl_expired_at"},
		{"empty date", reply(200, state(`"ssl_validated":true,"ssl_expired_at":""`)), keys(), Failed, "", "not a believable date (“”)"},
		{"zero date", reply(200, state(`"ssl_validated":true,"ssl_expired_at":"0001-01-01T00:00:00Z"`)), keys(), Failed, "", "“0001-01-01T00:00:00Z”"},
		{"year 9999", reply(200, state(`"ssl_validated":true,"ssl_expired_at":"9999-12-31T23:59:59Z"`)), keys(), Failed, "", "“9999-12-31T23:59:59Z”"},
		{"the date as a number", reply(200, state(`"ssl_validated":true,"ssl_expired_at":1655259678669`)), keys(), Failed, "", "not a string"},
		{"names in capitals are other names", reply(200, `{"enabled":true,"SSL_VALIDATED":true,"Ssl_Expired_At":"2022-06-15T02:21:18.669Z"}`), keys(), Failed, "", "without ssl_validated"},
		{"too large", answer{httpclient.Response{Status: 200, Header: http.Header{}, Body: []byte("{"), TooLarge: true, At: clock}}, keys(), Failed, "", "more than 1 MiB"},
		// What an object that somebody else wrote has in common with "off" is that
		// enabled is not in it.
		{"an error in the shape of a success", reply(200, `{"message":"maintenance"}`), keys(), Failed, "", "without a field enabled, but with one that the API does not have (“message”)"},
		{"a code", reply(200, `{"code":503}`), keys(), Failed, "", "(“code”)"},
		{"wrapped", reply(200, `{"data":`+documented+`}`), keys(), Failed, "", "(“data”)"},
		{"wrapped, and off", reply(200, `{"data":{"enabled":false}}`), keys(), Failed, "", "(“data”)"},
		{"a list of them", reply(200, `{"instances":[]}`), keys(), Failed, "", "(“instances”)"},
		{"a field beside addresses", reply(200, `{"ip":"192.168.0.5","status":"ok"}`), keys(), Failed, "", "(“status”)"},
		{"enabled in capitals", reply(200, `{"Enabled":false}`), keys(), Failed, "", "(“Enabled”)"},
		{"enabled in capitals, true", reply(200, strings.Replace(documented, "enabled", "ENABLED", 1)), keys(), Failed, "", "(“ENABLED”)"},
		{"an empty name", reply(200, `{"":1}`), keys(), Failed, "", "(“”)"},
		{"a date without enabled", reply(200, `{"ssl_expired_at":"2022-06-15T02:21:18.669Z"}`), keys(), Failed, "", "without a field enabled, but with ssl_expired_at"},
		{"a validity without enabled", reply(200, `{"ssl_validated":true}`), keys(), Failed, "", "without a field enabled, but with ssl_validated"},
		{"no validity without enabled", reply(200, `{"ssl_validated":false}`), keys(), Failed, "", "without a field enabled, but with ssl_validated"},
		{"all but enabled", reply(200, strings.Replace(documented, `"enabled" : true,`, "", 1)), keys(), Failed, "", "without a field enabled"},
		{"enabled null with a date", reply(200, `{"enabled":null,"ssl_expired_at":"2022-06-15T02:21:18.669Z"}`), keys(), Failed, "", "without a field enabled"},
		{"an address that is none", reply(200, `{"ip":{"v4":"192.168.0.5"}}`), keys(), Failed, "", "with a field ip that is not text"},
		{"enabled twice", reply(200, `{"enabled":false,"enabled":true}`), keys(), Failed, "", "JSON of another form"},
		{"the date twice", reply(200, strings.Replace(documented, `"ip"`, `"ssl_expired_at":"2030-06-15T02:21:18.669Z","ip"`, 1)), keys(), Failed, "", "JSON of another form"},
		{"another instance", reply(200, `{"instance_id":"other",`+documented[1:]), keys(), Failed, "", "about another instance (“other”)"},
		{"another instance that is off", reply(200, `{"instance_id":"other"}`), keys(), Failed, "", "about another instance (“other”)"},
		{"an empty object as a page", reply(200, `{}`, "Content-Type", "text/html"), keys(), Failed, "", "as an HTML page"},
		{"off, with an error", reply(200, `{"enabled":false,"message":"backend timeout"}`), keys(), Failed, "", "with a field “message” as in an error"},
		{"off, with a code", reply(200, `{"enabled":false,"resultCode":17}`), keys(), Failed, "", "with a field “resultCode” as in an error"},
		{"enabled is a list", reply(200, `{"enabled":[true]}`), keys(), Failed, "", "neither true nor false"},
		{"enabled is zero", reply(200, `{"enabled":0}`), keys(), Failed, "", "neither true nor false"},
		{"enabled is empty", reply(200, `{"enabled":""}`), keys(), Failed, "", "neither true nor false"},
		{"not valid, with an error", reply(200, state(`"ssl_validated":false,"error_msg":"try later"`)), keys(), Failed, "", "without ssl_expired_at"},

		{"another success", reply(201, documented), keys(), Failed, "", "answered 201"},
		{"a part", reply(206, documented), keys(), Failed, "", "answered 206"},

		// What the API says of an instance.
		{"can't have SSL", reply(400, fault("DCS.4201", "Do not support SSL.")), keys(), Unsupported, "DCS.4201", "this instance can't have SSL (DCS.4201: Do not support SSL.)"},
		{"can't have SSL, code as a number", reply(400, `{"error_code":4201,"error_msg":"Do not support SSL."}`), keys(), Unsupported, "4201", "can't have SSL"},
		{"can't have SSL, code as a number in a string", reply(400, fault("4201", "x")), keys(), Unsupported, "4201", "can't have SSL"},
		{"can't have SSL, older code", reply(400, `{"error_code":111400201}`), keys(), Unsupported, "111400201", "can't have SSL"},
		{"can't have SSL, from a back end that fails", reply(500, fault("DCS.4201", "x")), keys(), Failed, "DCS.4201", "the API failed"},
		{"missing", reply(404, fault("DCS.3022", "This DCS instance does not exist.")), keys(), Missing, "DCS.3022", "there is no such instance"},
		{"missing, whatever the status of the client's fault", reply(400, fault("dcs.3022", "x")), keys(), Missing, "dcs.3022", "there is no such instance"},
		{"missing, v1 shape", reply(404, `{"error":{"code":"111404022","message":"This DCS instance does not exist."}}`), keys(), Missing, "111404022", "does not exist"},
		{"missing, code as a number", reply(404, `{"error_code":111404022,"error_msg":"x"}`), keys(), Missing, "111404022", "there is no such instance"},
		{"busy", reply(400, fault("DCS.4104", "The instance is recovering from an internal fault.")), keys(), Failed, "DCS.4104", "busy"},
		{"restarting", reply(400, fault("DCS.4111", "x")), keys(), Failed, "DCS.4111", "busy"},
		{"another code with 400", reply(400, fault("DCS.4800", "Invalid {0} in the request.")), keys(), Failed, "DCS.4800", "and not what was asked for"},
		{"a bad project ID", reply(400, fault("DCS.4002", "x")), keys(), Failed, "DCS.4002", "project_id"},
		{"400 without a body", reply(400, ""), keys(), Failed, "", "answered 400 with an empty body"},
		{"400 from a server that wants TLS", reply(400, "Client sent an HTTP request to an HTTPS server.\n"), keys(), Failed, "", "HTTPS server."},

		// The wrong address.
		{"404 of the gateway", reply(404, gateway("APIGW.0101", "The API does not exist or has not been published")), keys(), Failed, "APIGW.0101", "endpoint and region"},
		{"404 of the gateway, other name", reply(404, gateway("APIG.0101", "x")), keys(), Failed, "APIG.0101", "endpoint and region"},
		{"404 of the service", reply(404, fault("DCS.4001", "x")), keys(), Failed, "DCS.4001", "endpoint and region"},
		{"404 with a page", reply(404, html), keys(), Failed, "", "answered 404 with an HTML page"},
		{"404 with nothing", reply(404, ""), keys(), Failed, "", "answered 404 with an empty body"},
		{"404 with another code", reply(404, fault("DCS.9999", "x")), keys(), Failed, "DCS.9999", "and not what was asked for"},

		// The credential.
		{"wrong key", reply(401, gateway("APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail")), keys(), Unauthenticated, "APIGW.0301",
			"the API refused the access key (APIGW.0301: Incorrect IAM authentication information: verify aksk signature fail): check access_key and secret_key"},
		{"unknown key", reply(401, gateway("APIGW.0301", "ak AKEXAMPLE not exist")), keys(), Unauthenticated, "APIGW.0301", "does not know the access key"},
		{"locked key", reply(401, gateway("APIGW.0301", "AK access failed to reach the limit,forbidden")), keys(), Unauthenticated, "APIGW.0301", "locked the access key for five minutes"},
		{"expired token", reply(401, gateway("APIGW.0301", "token expires")), tokens(), Unauthenticated, "APIGW.0301", "auth_token"},
		{"wrong project", reply(401, fault("DCS.1004", "x")), keys(), Unauthenticated, "DCS.1004", "check project_id"},
		{"IAM shape", reply(401, `{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}`), keys(), Unauthenticated, "401", "requires authentication"},
		{"IAM shape, title only", reply(401, `{"error":{"code":401,"title":"Unauthorized"}}`), keys(), Unauthenticated, "401", "Unauthorized"},
		{"401 with a page", reply(401, html), keys(), Unauthenticated, "", "titled “Corporate Gateway & Login”"},
		{"401 with nothing", reply(401, ""), keys(), Unauthenticated, "", "answered 401 with an empty body"},
		{"401 cut off", answer{httpclient.Response{Status: 401, Header: http.Header{}, Broken: http.ErrBodyReadAfterClose, At: clock}}, keys(), Unauthenticated, "", "answered 401"},
		{"401 with the code of another kind", reply(401, fault("DCS.3022", "x")), keys(), Unauthenticated, "DCS.3022", "refused the access key"},
		{"the code of a 401 with another status", reply(400, gateway("APIGW.0301", "x")), keys(), Unauthenticated, "APIGW.0301", "refused the access key"},

		// The permission.
		{"not allowed", reply(403, fault("DCS.2007", "Policy does not allow dcs:ssl:get to be performed.")), keys(), Forbidden, "DCS.2007", "grant dcs:ssl:get"},
		{"not allowed, gateway", reply(403, gateway("APIGW.0302", "x")), keys(), Forbidden, "APIGW.0302", "grant dcs:ssl:get"},
		{"not allowed, IAM", reply(403, `{"error_code":"IAM.0013","error_msg":"x","encoded_authorization_message":"y","details":[]}`), keys(), Forbidden, "IAM.0013", "grant dcs:ssl:get"},
		{"not allowed, v1 shape", reply(403, `{"error":{"code":403,"message":"x"}}`), keys(), Forbidden, "403", "grant dcs:ssl:get"},
		{"project unavailable", reply(403, gateway("APIGW.0310", "x")), keys(), Forbidden, "APIGW.0310", "frozen"},
		{"address not allowed", reply(403, gateway("APIGW.0402", "x")), keys(), Forbidden, "APIGW.0402", "address"},
		{"403 with a page is a proxy's", reply(403, html), keys(), Failed, "", "a proxy or firewall on the way"},
		{"403 with nothing is a proxy's", reply(403, ""), keys(), Failed, "", "a proxy or firewall on the way"},
		{"403 with other JSON is a proxy's", reply(403, `{"message":"Forbidden"}`), keys(), Failed, "", "a proxy or firewall on the way"},
		{"407", reply(407, html), keys(), Failed, "", "HTTPS_PROXY"},

		// Too often, and failures of the other side.
		{"throttled", reply(429, gateway("APIGW.0308", "The throttling threshold has been reached")), keys(), Throttled, "APIGW.0308", "too often"},
		{"throttled by something else", reply(429, html), keys(), Throttled, "", "too often (HTTP 429)"},
		{"throttled, another status", reply(400, gateway("APIGW.0308", "x")), keys(), Throttled, "APIGW.0308", "too often"},
		{"500", reply(500, fault("DCS.5010", "Failed to operate SSL in database.")), keys(), Failed, "DCS.5010", "the API failed with HTTP 500 (DCS.5010: Failed to operate SSL in database.)"},
		{"500 with nothing", reply(500, ""), keys(), Failed, "", "answered 500 with an empty body"},
		{"502 with a page", reply(502, html), keys(), Failed, "", "answered 502 with an HTML page titled “Corporate Gateway & Login”"},
		{"503", reply(503, gateway("APIGW.0613", "x")), keys(), Failed, "APIGW.0613", "the API failed"},
		{"405", reply(405, fault("DCS.5001", "x")), keys(), Failed, "DCS.5001", "and not what was asked for"},
		{"418", reply(418, "teapot"), keys(), Failed, "", "answered 418 with text that is not JSON (“teapot”)"},

		// Redirects.
		{"a portal", reply(302, html, "Location", "http://portal.example.net/login?back=x"), keys(), Failed, "", "a redirect to portal.example.net, which is not followed"},
		{"a redirect to a path", reply(301, "", "Location", "/elsewhere"), keys(), Failed, "", "a redirect to dcs.example.com"},
		{"a redirect to nowhere", reply(307, documented), keys(), Failed, "", "no readable place"},
		{"a redirect that can't be read", reply(308, "", "Location", "http://[::bad"), keys(), Failed, "", "no readable place"},
		{"a redirect with a fault in it", reply(302, fault("DCS.3022", "x"), "Location", "http://a.example/"), keys(), Failed, "DCS.3022", "a.example"},
		{"304", reply(304, ""), keys(), Failed, "", "answered 304"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			ssl, err := judge(test.answer, asked, test.cred, &redactor{})
			if err == nil {
				t.Fatalf("%+v, want an error", ssl)
			}
			if ssl != (SSL{}) {
				t.Errorf("%+v beside an error", ssl)
			}
			if err.Kind != test.kind || err.Status != test.answer.Status || err.Code != test.code {
				t.Errorf("kind %s, status %d, code %q; want %s, %d, %q", err.Kind, err.Status, err.Code, test.kind, test.answer.Status, test.code)
			}
			if !strings.Contains(err.Reason.String(), test.reason) {
				t.Errorf("reason %q\nlacks  %q", err.Reason, test.reason)
			}
			if strings.ContainsAny(err.Reason.String(), "\r\n\t\x00") || len(err.Reason.String()) > 1200 {
				t.Errorf("reason %q is not one short line", err.Reason)
			}
			if unfilled.MatchString(err.Reason.String()) {
				t.Errorf("reason %q lacks an argument", err.Reason)
			}
			t.Log(err)
		})
	}
}

func TestHttpEndpointThatRedirectsToHttps(t *testing.T) {
	plain := *asked
	plain.Scheme = "http"
	_, err := judge(reply(301, "", "Location", "https://dcs.example.com/v2/p/instances/i/ssl"), &plain, keys(), &redactor{})
	if err == nil || !strings.Contains(err.Reason.String(), "write endpoint with https://") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsCarryRequestIDAndRetryAfter(t *testing.T) {
	_, err := judge(reply(429, `{"error_code":"APIGW.0308","request_id":"in-body"}`, "Retry-After", "90"), asked, keys(), &redactor{})
	if err.RequestID != "in-body" || err.RetryAfter != 90*time.Second {
		t.Errorf("request ID %q, retry after %s", err.RequestID, err.RetryAfter)
	}
	if !strings.HasSuffix(err.Error(), " (request in-body)") || strings.Contains(err.Reason.String(), "in-body") {
		t.Errorf("text %q, reason %q", err.Error(), err.Reason)
	}
	_, err = judge(reply(503, `{"request_id":"in-body"}`, "X-Request-Id", "in-header", "Retry-After", "5"), asked, keys(), &redactor{})
	if err.RequestID != "in-header" || err.RetryAfter != 5*time.Second || err.Kind != Failed {
		t.Errorf("request ID %q, retry after %s, kind %s", err.RequestID, err.RetryAfter, err.Kind)
	}
}

func TestMessagesAreShortAndOnOneLine(t *testing.T) {
	body := `{"error_code":"DCS.5000","error_msg":"first\nsecond\u0000\u001b[31mred\u202e\u2028` + strings.Repeat("x", 5000) + `"}`
	_, err := judge(reply(500, body), asked, keys(), &redactor{})
	if want := "first second [31mred xxx"; !strings.HasPrefix(err.Message, want) {
		t.Errorf("message %q, want %q…", err.Message, want)
	}
	if n := len([]rune(err.Message)); n != maxMessage {
		t.Errorf("%d characters, want %d", n, maxMessage)
	}
}

// Issue 3: a 401 because of our own clock must say so.
func TestWrongClockIsNamed(t *testing.T) {
	at := func(ahead time.Duration) string { return clock.Add(-ahead).Format(http.TimeFormat) }
	refused := `{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail"}`
	expired := `{"error_code":"APIGW.0301","error_msg":"calc aksk signature fail:signature expired"}`
	times := `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: calc aksk signature fail:signature expired, signature time:20211217T064303Z,server time:20211217T065804Z"}`
	tests := []struct {
		rule       string
		body, date string
		cred       Credential
		want       string // "" means that the clock is not named
	}{
		{"right", refused, at(time.Minute), keys(), ""},
		{"no Date", refused, "", keys(), ""},
		{"14 minutes are let pass", refused, at(14 * time.Minute), keys(), ""},
		{"ahead", refused, at(17 * time.Minute), keys(), "clock is about 15 minutes ahead"},
		{"behind", refused, at(-2*time.Hour - 10*time.Minute), keys(), "clock is about 2 hours behind"},
		{"days", refused, at(73 * time.Hour), keys(), "clock is about 3 days ahead"},
		{"a page with a Date", "<html>", at(time.Hour), keys(), "clock is about 60 minutes ahead"},
		{"the API says so", expired, "", keys(), "clock is probably off by more than 15 minutes"},
		{"the API says so, with times", times, at(time.Minute), keys(), "clock is about 15 minutes behind"},
		{"a token has no time", refused, at(time.Hour), tokens(), ""},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			_, err := judge(reply(401, test.body, "Date", test.date), asked, test.cred, &redactor{})
			if err == nil || err.Kind != Unauthenticated {
				t.Fatalf("got %v", err)
			}
			if test.want == "" && strings.Contains(err.Reason.String(), "clock") || !strings.Contains(err.Reason.String(), test.want) {
				t.Errorf("reason %q, want %q in it", err.Reason, test.want)
			}
		})
	}
}

// A log that tells what is new compares reasons.
func TestReasonOfAWrongClockStaysTheSame(t *testing.T) {
	reasonOf := func(signed, server string) reason.Reason {
		body := `{"error_code":"APIGW.0301","error_msg":"signature expired, signature time:` + signed + `,server time:` + server + `"}`
		_, err := judge(reply(401, body), asked, keys(), &redactor{})
		return err.Reason
	}
	if a, b := reasonOf("20211217T064303Z", "20211217T074304Z"), reasonOf("20211217T065303Z", "20211217T075305Z"); a != b {
		t.Errorf("%q, then %q", a, b)
	}
}

func FuzzJudge(f *testing.F) {
	for _, body := range []string{
		documented, `{}`, `null`, `[]`, ``, `{"enabled":true}`, documented + "x",
		`{"enabled":true,"ssl_validated":true,"ssl_expired_at":1655259678669,"port":6379}`,
		`{"error_code":4201,"error_msg":"x"}`, `{"error":{"code":401,"message":"x","title":"y"}}`,
		"<html><title>a&lt;b</title>", "<TITLE", "<title>x", "\xff\xfe", `{"error_msg":"\u0000\ud800 secret-key-of-tests"}`,
	} {
		for _, status := range []int{200, 204, 302, 400, 401, 403, 404, 429, 500} {
			f.Add(status, body, "text/html", "https://elsewhere.example/secret-key-of-tests")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, contentType, location string) {
		a := answer{httpclient.Response{Status: status, Body: []byte(body), At: clock, Header: http.Header{
			"Content-Type": {contentType}, "Location": {location}, "X-Request-Id": {location}, "Date": {contentType},
		}}}
		cred, out := keys(), &redactor{}
		out.add(cred.secrets()...)
		ssl, err := judge(a, asked, cred, out)
		if err == nil {
			switch {
			case status == 204 && ssl == SSL{NoInfo: true}:
			case status != 200:
				t.Errorf("%d %q is a state", status, body)
			case ssl.Enabled && !ssl.Validated && ssl.ExpiresAt.IsZero():
			case ssl.Enabled && (ssl.ExpiresAt.Year() < firstYear || ssl.ExpiresAt.Year() > lastYear):
				t.Errorf("%q ends %v", body, ssl.ExpiresAt)
			case !ssl.Enabled && ssl != SSL{}:
				t.Errorf("%q is off and %+v", body, ssl)
			}
			for _, s := range []string{ssl.IP, ssl.IPv6, ssl.Port, ssl.Domain} {
				shown(t, s)
			}
			return
		}
		if ssl != (SSL{}) || err.Reason.String() == "" || err.Status != status {
			t.Errorf("%+v and %+v", ssl, err)
		}
		if status == 401 && err.Kind != Unauthenticated {
			t.Errorf("401 %q is %s", body, err.Kind)
		}
		for _, s := range []string{err.Error(), err.Code, err.Message, err.RequestID} {
			shown(t, s)
		}
	})
}

// shown fails a test if s is not fit to be shown.
func shown(t *testing.T, s string) {
	t.Helper()
	if strings.Contains(s, "secret-key-of-tests") {
		t.Errorf("a secret is in %q", s)
	}
	if s != text.Clean(s) {
		t.Errorf("%q is not one clean line", s)
	}
	if len([]rune(s)) > 1500 {
		t.Errorf("%d characters are too many", len([]rune(s)))
	}
}
