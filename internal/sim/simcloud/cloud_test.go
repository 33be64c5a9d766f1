package simcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simserver"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

func TestDCSAnswers(t *testing.T) {
	d := newDCS(t, nil)
	c := simtest.Client(nil)
	const on = `{"enabled":true,"ip":"192.168.0.5","ipv6":"::1","port":"6379",` +
		`"domain_name":"redis-553a2516-b865-4159-b774-204dc0a36e37.dcs.example.com:6379",` +
		`"ssl_expired_at":"2027-06-15T02:21:18.669Z","ssl_validated":true}`
	swap := func(old, new string) string { return strings.Replace(on, old, new, 1) }

	for _, tt := range []struct {
		answer simcloud.Answer
		status int
		body   string // or a part of it
	}{
		{simcloud.AnswerTruth, 200, on},
		{simcloud.AnswerOK, 200, on},
		{simcloud.AnswerOff, 200, `{"enabled":false}`},
		{simcloud.AnswerOffEmpty, 200, `{}`},
		{simcloud.AnswerOff204, 204, ``},
		{simcloud.AnswerUnsupported, 400, `"error_code":"DCS.4201"`},
		{simcloud.AnswerInternal, 500, `"error_code":"DCS.5010"`},
		{simcloud.AnswerMissing, 404, `"error_code":"DCS.3022"`},
		{simcloud.AnswerBusy, 400, `"error_code":"DCS.4104"`},
		{simcloud.AnswerForbidden, 403, `"error_code":"DCS.2007"`},
		{simcloud.AnswerForbiddenIAM, 403, `"error_code":"APIGW.0302"`},
		{simcloud.AnswerUnauthorized, 401, `"error_code":"APIGW.0301"`},
		{simcloud.AnswerThrottled, 429, `"error_code":"APIGW.0308"`},
		{simcloud.AnswerThrottled.With("90"), 429, `"error_code":"APIGW.0308"`},
		{simcloud.AnswerProxy, 502, `<h1>`},
		{simcloud.AnswerProxy.With("504"), 504, `<h1>`},
		{simcloud.AnswerRedirect, 302, ``},
		{simcloud.AnswerRedirect.With("http://127.0.0.1:1/"), 302, `http://127.0.0.1:1/`},
		{simcloud.AnswerReset, 0, ``},
		{simcloud.AnswerCut, 0, ``},
		{simcloud.AnswerEndless, 200, `xxxxxxxx`},
		{simcloud.AnswerSurplus, 200, `"enabled":true`},
		{simcloud.AnswerEmpty, 200, ``},
		{simcloud.AnswerNull, 200, `null`},
		{simcloud.AnswerArray, 200, `[]`},
		{simcloud.AnswerBody.With(`{"enabled":"yes"}`), 200, `{"enabled":"yes"}`},
		{simcloud.AnswerNumberPort, 200, swap(`"6379"`, `6379`)},
		{simcloud.AnswerNumberDate, 200, swap(`"2027-06-15T02:21:18.669Z"`, `1813026078669`)},
		{simcloud.AnswerNoDate, 200, swap(`"ssl_expired_at":"2027-06-15T02:21:18.669Z",`, ``)},
		{simcloud.AnswerZeroDate, 200, `"0001-01-01T00:00:00Z"`},
		{simcloud.AnswerFarDate, 200, `"9999-12-31T23:59:59.999Z"`},
		{simcloud.AnswerGarbageDate, 200, `"next Tuesday"`},
		{simcloud.AnswerSliding, 200, `"enabled":true`},
		{simcloud.AnswerSliding.With("2d"), 200, `"enabled":true`},
		{simcloud.AnswerUndated, 200, swap(`"ssl_expired_at":"2027-06-15T02:21:18.669Z","ssl_validated":true`, `"ssl_validated":false`)},
		{simcloud.AnswerForeign, 200, `{"message":"maintenance"}`},
		{simcloud.AnswerForeign.With(`{"code":503}`), 200, `{"code":503}`},
		{simcloud.AnswerNumericCode, 400, `"error_code":111400800`},
		{simcloud.AnswerErrorObject, 404, `{"error":{"code":"111404022"`},
	} {
		d.Forget()
		simtest.Must(t, d.Answer("cache", tt.answer))
		resp, body, err := simtest.Do(c, me.Request(t, sslURL(d)))
		if tt.status == 0 {
			if err == nil {
				t.Errorf("%s: %d %s, want a broken connection", tt.answer, resp.StatusCode, body)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.answer, err)
			continue
		}
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) || tt.body == "" && tt.status != 302 && body != "" {
			t.Errorf("%s: %d %s, want %d %s", tt.answer, resp.StatusCode, body, tt.status, tt.body)
		}
		if id := resp.Header.Get("X-Request-Id"); len(id) != 32 {
			t.Errorf("%s: X-Request-Id is %q", tt.answer, id)
		}
		mode, arg, _ := strings.Cut(string(tt.answer), ":")
		if tt.answer == simcloud.AnswerTruth {
			mode = "ok"
		}
		if tt.status == 429 && resp.Header.Get("Retry-After") != arg {
			t.Errorf("%s: Retry-After is %q", tt.answer, resp.Header.Get("Retry-After"))
		}
		if n := d.Counts(); n.Total != 1 || n.ByOutcome[mode] != 1 || n.ByInstance[instance] != 1 {
			t.Errorf("%s: counted as %+v", tt.answer, n)
		}
	}
}

func TestEveryAnswerCanBeOrdered(t *testing.T) {
	d := newDCS(t, nil)
	for _, a := range simcloud.Answers() {
		simtest.Must(t, d.Answer(instance, a))
		simtest.Must(t, d.Answer(simcloud.Listing, a.With("200")))
	}
	for _, err := range []error{
		d.Answer("cache", "nonsense"), d.Answer("nobody", simcloud.AnswerOff), d.AnswerAll("nonsense"),
		d.AnswerNext("cache", simcloud.AnswerOff, "nonsense"), d.Answer("cache", simcloud.AnswerProxy.With("many")),
	} {
		if err == nil {
			t.Error("an answer that does not exist was ordered")
		}
	}
}

func TestDCSTellsTheTruth(t *testing.T) {
	d := newDCS(t, nil)
	c := simtest.Client(nil)
	ask := func() string {
		t.Helper()
		resp, body, err := simtest.Do(c, me.Request(t, sslURL(d)))
		simtest.Must(t, err)
		return fmt.Sprint(resp.StatusCode, " ", body)
	}
	simtest.Must(t, d.Change("cache", func(i *simcloud.Instance) { i.Validated, i.ID = false, "other" }))
	if got := ask(); !strings.Contains(got, `"ssl_validated":false`) {
		t.Errorf("invalid: %s", got)
	}
	simtest.Must(t, d.Change("cache", func(i *simcloud.Instance) { i.Enabled = false }))
	if got := ask(); got != "200 {}" {
		t.Errorf("off: %s", got)
	}
	simtest.Must(t, d.Change("cache", func(i *simcloud.Instance) { i.Unsupported = true }))
	if got := ask(); !strings.Contains(got, "DCS.4201") {
		t.Errorf("unsupported: %s", got)
	}
	simtest.Must(t, d.Remove("cache"))
	if got := ask(); !strings.Contains(got, "DCS.3022") {
		t.Errorf("removed: %s", got)
	}
	if err := d.Change("cache", func(*simcloud.Instance) {}); err == nil {
		t.Error("a removed instance was changed")
	}
}

func TestDCSAnswersInOrder(t *testing.T) {
	d := newDCS(t, nil)
	c := simtest.Client(nil)
	simtest.Must(t, d.AnswerAll(simcloud.AnswerInternal))
	simtest.Must(t, d.Answer("cache", simcloud.AnswerBusy))
	simtest.Must(t, d.AnswerNext("cache", simcloud.AnswerOff, simcloud.AnswerTruth))
	simtest.Must(t, d.AnswerNextAll(simcloud.AnswerThrottled))
	for range 5 {
		_, _, err := simtest.Do(c, me.Request(t, sslURL(d)))
		simtest.Must(t, err)
	}
	d.Heal()
	_, _, err := simtest.Do(c, me.Request(t, sslURL(d)))
	simtest.Must(t, err)
	var got []string
	for _, r := range d.Requests() {
		got = append(got, r.Outcome)
	}
	if s := strings.Join(got, " "); s != "throttled off ok internal internal ok" {
		t.Errorf("outcomes: %s", s)
	}
}

func TestDCSRefuses(t *testing.T) {
	d := newDCS(t, func(o *simcloud.Options) { o.Tokens = []string{"iam"} })
	c := simtest.Client(nil)
	url := sslURL(d)
	now := time.Now()
	for name, tt := range map[string]struct {
		r    *http.Request
		want string // of the detail
	}{
		"no authentication": {func() *http.Request {
			r := me.Request(t, url)
			r.Header.Del("Authorization")
			return r
		}(), "neither"},
		"unknown key":        {simtest.Caller{Access: "KA", Secret: "SK"}.Request(t, url), "unknown access key"},
		"wrong secret":       {simtest.Caller{Access: "AK", Secret: "KS"}.Request(t, url), "does not match"},
		"clock behind":       {simtest.Caller{Access: "AK", Secret: "SK", Now: now.Add(-16 * time.Minute)}.Request(t, url), "off by"},
		"clock ahead":        {simtest.Caller{Access: "AK", Secret: "SK", Now: now.Add(16 * time.Minute)}.Request(t, url), "off by"},
		"host not signed":    {simtest.Caller{Access: "AK", Secret: "SK", Signed: []string{"x-sdk-date"}}.Request(t, url), "host is not signed"},
		"date not signed":    {simtest.Caller{Access: "AK", Secret: "SK", Signed: []string{"host"}}.Request(t, url), "x-sdk-date is not signed"},
		"header not sent":    {simtest.Caller{Access: "AK", Secret: "SK", Signed: []string{"host", "x-more", "x-sdk-date"}}.Request(t, url), "not in the request"},
		"token for nothing":  {simtest.Caller{Access: "AK", Secret: "SK", Token: "tok"}.Request(t, url), "does not belong"},
		"wrong X-Project-Id": {simtest.Caller{Access: "AK", Secret: "SK", Project: "other"}.Request(t, url), "X-Project-Id"},
		"unknown project":    {me.Request(t, strings.Replace(url, project, "other", 1)), "unknown project"},
		"wrong X-Auth-Token": {withToken(t, url, "mai"), "unknown X-Auth-Token"},
	} {
		d.SetKey(simcloud.Key{Access: "AK", Secret: "SK"}) // no lock from the case before
		d.Forget()
		resp, body, err := simtest.Do(c, tt.r)
		simtest.Must(t, err)
		var e struct{ ErrorCode, ErrorMsg, RequestID string }
		simtest.Must(t, json.Unmarshal([]byte(strings.NewReplacer("error_code", "ErrorCode", "error_msg", "ErrorMsg", "request_id", "RequestID").Replace(body)), &e))
		if resp.StatusCode != 401 || e.ErrorCode != "APIGW.0301" || e.RequestID != resp.Header.Get("X-Request-Id") || e.RequestID == "" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
		if log := d.Requests(); len(log) != 1 || !strings.Contains(log[0].Detail, tt.want) || log[0].Outcome != simcloud.OutcomeUnauthenticated {
			t.Errorf("%s: logged as %+v, want %q", name, log, tt.want)
		}
	}

	resp, body, err := simtest.Do(c, withToken(t, url, "iam"))
	simtest.Must(t, err)
	if resp.StatusCode != 200 {
		t.Errorf("right X-Auth-Token: %d %s", resp.StatusCode, body)
	}
	resp, body, err = simtest.Do(c, me.Request(t, strings.TrimSuffix(url, "ssl")+"configs"))
	simtest.Must(t, err)
	if resp.StatusCode != 404 || !strings.Contains(body, "APIGW.0101") {
		t.Errorf("unknown path: %d %s", resp.StatusCode, body)
	}
}

func withToken(t *testing.T, url, token string) *http.Request {
	r := me.Request(t, url)
	r.Header.Del("Authorization")
	r.Header.Set("X-Auth-Token", token)
	return r
}

// The server's clock says what vector D says, so the vector itself must pass;
// and any one change to what arrives must not.
func TestDCSVerifiesVectorD(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		time.Sleep(time.Until(at))
		d, err := simcloud.New(simcloud.Options{
			Projects: []string{project, "other"}, Instances: []simcloud.Instance{{ProjectID: project, ID: instance}},
		})
		simtest.Must(t, err)
		p := simserver.NewPipe("dcs.sim:80")
		simtest.Must(t, d.Serve(p))
		defer d.Close()
		c := simtest.Client(p.DialContext)

		send := func(change func(*http.Request)) int {
			t.Helper()
			d.SetKey(simcloud.Key{Access: "AK", Secret: "SK", SecurityToken: "tok"})
			r, err := http.NewRequest("GET", "http://dcs.cn-north-4.myhuaweicloud.com/v2/"+project+"/instances/"+instance+"/ssl", nil)
			simtest.Must(t, err)
			r.Header.Set("X-Sdk-Date", "20260101T000000Z")
			r.Header.Set("X-Project-Id", project)
			r.Header.Set("X-Security-Token", "tok")
			r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-project-id;x-sdk-date;x-security-token, "+
				"Signature=a5606e2e880bc3747b4ba8ca6a13594720da84958c5cfb4ecf88fae5e90616c0")
			change(r)
			resp, _, err := simtest.Do(c, r)
			simtest.Must(t, err)
			return resp.StatusCode
		}
		replace := func(r *http.Request, old, new string) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
		if got := send(func(*http.Request) {}); got != 200 {
			t.Fatalf("vector D: %d, %+v", got, d.Requests())
		}
		for name, change := range map[string]func(*http.Request){
			"host":           func(r *http.Request) { r.Host = "dcs.cn-north-1.myhuaweicloud.com" },
			"path":           func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "553a", "553b", 1) },
			"project":        func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, project, "other", 1) },
			"listing":        func(r *http.Request) { r.URL.Path = "/v2/" + project + "/instances" },
			"query":          func(r *http.Request) { r.URL.RawQuery = "a=b" },
			"date":           func(r *http.Request) { r.Header.Set("X-Sdk-Date", "20260101T000001Z") },
			"date, its form": func(r *http.Request) { r.Header.Set("X-Sdk-Date", "2026-01-01T00:00:00Z") },
			"X-Project-Id":   func(r *http.Request) { r.Header.Set("X-Project-Id", "other") },
			"token":          func(r *http.Request) { r.Header.Set("X-Security-Token", "kot") },
			"no token":       func(r *http.Request) { r.Header.Del("X-Security-Token") },
			"body":           func(r *http.Request) { r.Body = readCloser("x"); r.ContentLength = 1 },
			"signature":      func(r *http.Request) { replace(r, "Signature=a", "Signature=b") },
			"short":          func(r *http.Request) { replace(r, "0616c0", "0616c") },
			"key":            func(r *http.Request) { replace(r, "Access=AK", "Access=BK") },
			"fewer headers":  func(r *http.Request) { replace(r, "x-project-id;", "") },
			"algorithm":      func(r *http.Request) { replace(r, "SDK-HMAC-SHA256", "SDK-HMAC-SM3") },
		} {
			if got := send(change); got != 401 {
				t.Errorf("%s changed: %d", name, got)
			}
		}

		// Fifteen minutes are allowed, in both directions, and not a second more.
		time.Sleep(15 * time.Minute)
		if got := send(func(*http.Request) {}); got != 200 {
			t.Errorf("15 minutes later: %d", got)
		}
		time.Sleep(time.Second)
		if got := send(func(*http.Request) {}); got != 401 {
			t.Errorf("a second after that: %d", got)
		}
	})
}

func TestDCSLocksAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := simcloud.New(simcloud.Options{
			Projects: []string{project}, Keys: []simcloud.Key{{Access: "AK", Secret: "SK"}},
			Instances: []simcloud.Instance{{ID: instance}},
		})
		simtest.Must(t, err)
		n := simserver.NewNet()
		l, err := n.Listen("tcp", "dcs.sim:80")
		simtest.Must(t, err)
		simtest.Must(t, d.Serve(l))
		defer d.Close()
		c := simtest.Client(n.DialContext)
		ask := func(who simtest.Caller) string {
			t.Helper()
			_, body, err := simtest.Do(c, who.Request(t, sslURL(d)))
			simtest.Must(t, err)
			return body
		}
		wrong := simtest.Caller{Access: "AK", Secret: "KS"}
		const locked = "AK access failed to reach the limit,forbidden"

		for range 5 {
			ask(wrong)
		}
		if got := ask(me); strings.Contains(got, "error") {
			t.Fatalf("five failures: %s", got)
		}
		for range 6 { // the success in between made them count from zero
			if got := ask(wrong); strings.Contains(got, locked) {
				t.Fatalf("locked too soon: %s", got)
			}
		}
		if got := ask(me); !strings.Contains(got, locked) {
			t.Fatalf("six failures in a row: %s", got)
		}
		time.Sleep(5*time.Minute - time.Second)
		if got := ask(me); !strings.Contains(got, locked) {
			t.Fatalf("within five minutes: %s", got)
		}
		time.Sleep(time.Second)
		if got := ask(me); strings.Contains(got, "error") {
			t.Fatalf("after five minutes: %s", got)
		}
		if n := d.Counts().ByOutcome; n[simcloud.OutcomeLocked] != 2 || n[simcloud.OutcomeUnauthenticated] != 11 {
			t.Errorf("counts: %v", n)
		}
	})
}

func TestDCSEchoesSecretsWhenTold(t *testing.T) {
	for _, echo := range []bool{false, true} {
		d := newDCS(t, func(o *simcloud.Options) {
			o.Echo = echo
			o.Keys = []simcloud.Key{{Access: "AK", Secret: "SK", SecurityToken: "very-secret"}}
		})
		_, body, err := simtest.Do(simtest.Client(nil), simtest.Caller{Access: "AK", Secret: "KS", Token: "very-secret"}.Request(t, sslURL(d)))
		simtest.Must(t, err)
		if strings.Contains(body, "very-secret") != echo || strings.Contains(body, "canonicalRequest") != echo {
			t.Errorf("echo %t: %s", echo, body)
		}
	}
}

func TestDCSLists(t *testing.T) {
	d := newDCS(t, nil)
	for n := range 12 {
		simtest.Must(t, d.Put(simcloud.Instance{ID: fmt.Sprint("id-", n), Unsupported: n == 3}))
	}
	simtest.Must(t, d.Answer("id-0", simcloud.AnswerMissing))
	c := simtest.Client(nil)
	list := func(query string) (num int, ids []string) {
		t.Helper()
		_, body, err := simtest.Do(c, me.Request(t, d.URL()+"/v2/"+project+"/instances"+query))
		simtest.Must(t, err)
		var page struct {
			Num       int `json:"instance_num"`
			Instances []struct {
				ID       string `json:"instance_id"`
				Features struct {
					SSL bool `json:"support_ssl"`
				} `json:"features"`
			} `json:"instances"`
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for _, i := range page.Instances {
			ids = append(ids, i.ID)
			if i.Features.SSL == (i.ID == "id-3") {
				t.Errorf("%s: support_ssl is %t", i.ID, i.Features.SSL)
			}
		}
		return page.Num, ids
	}
	if num, ids := list(""); num != 12 || len(ids) != 10 || ids[0] != instance || ids[1] != "id-1" {
		t.Errorf("first page: %d %v", num, ids)
	}
	if num, ids := list("?limit=5&offset=10"); num != 12 || len(ids) != 2 || ids[1] != "id-11" {
		t.Errorf("last page: %d %v", num, ids)
	}
	if num, ids := list("?limit=5&offset=100"); num != 12 || len(ids) != 0 {
		t.Errorf("beyond: %d %v", num, ids)
	}
	resp, body, err := simtest.Do(c, me.Request(t, d.URL()+"/v2/"+project+"/instances?limit=1001"))
	simtest.Must(t, err)
	if resp.StatusCode != 400 || !strings.Contains(body, "DCS.4800") {
		t.Errorf("too many: %d %s", resp.StatusCode, body)
	}
	simtest.Must(t, d.Answer(simcloud.Listing, simcloud.AnswerCut))
	if _, body, err := simtest.Do(c, me.Request(t, d.URL()+"/v2/"+project+"/instances")); err == nil {
		t.Errorf("cut: %s", body)
	}
	if n := d.Counts().ByOutcome; n[simcloud.OutcomeListed] != 4 || n["cut"] != 1 {
		t.Errorf("counts: %v", n)
	}
}

func TestDCSDownAndUp(t *testing.T) {
	d := newDCS(t, nil)
	c := &http.Client{Transport: &http.Transport{}} // keeps its connection
	defer c.CloseIdleConnections()
	for range 2 {
		_, _, err := simtest.Do(c, me.Request(t, sslURL(d)))
		simtest.Must(t, err)
		d.Down()
		if _, body, err := simtest.Do(c, me.Request(t, sslURL(d))); err == nil || !d.IsDown() {
			t.Fatalf("down: %s", body)
		}
		d.Up()
	}
	if n := d.Counts().Total; n != 2 {
		t.Errorf("%d requests came through, want 2", n)
	}
}

// Hanging and endless answers must end with the client's patience, and with
// Close.
func TestDCSCloseLeavesNothing(t *testing.T) {
	for _, a := range []simcloud.Answer{simcloud.AnswerHang, simcloud.AnswerEndless} {
		d := newDCS(t, nil)
		simtest.Must(t, d.AnswerAll(a))
		c := simtest.Client(nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for n := range 4 {
			r := me.Request(t, sslURL(d))
			if n%2 == 0 {
				r = r.WithContext(ctx)
			}
			wg.Go(func() {
				if _, body, err := simtest.Do(c, r); err == nil && a == simcloud.AnswerHang {
					t.Errorf("%s: got an answer: %s", a, body)
				}
			})
		}
		simtest.Must(t, d.Wait(t.Context(), func(n simcloud.Counts) bool { return n.Total == 4 }))
		cancel()
		simtest.Must(t, d.Close())
		wg.Wait()
		if n := d.Counts(); a == simcloud.AnswerHang && n.Peak != 4 {
			t.Errorf("%s: %d in flight at once, want 4", a, n.Peak)
		}
		if err := d.Listen(""); err == nil {
			t.Error("a closed server listens")
		}
	}
}

func TestDCSMountedUnderTLS(t *testing.T) {
	d := newDCS(t, nil)
	s := httptest.NewTLSServer(d)
	defer s.Close()
	url := s.URL + "/v2/" + project + "/instances/" + instance + "/ssl"
	if _, body, err := simtest.Do(s.Client(), me.Request(t, url)); err != nil || !strings.Contains(body, `"enabled":true`) {
		t.Fatalf("%s, %v", body, err)
	}
	simtest.Must(t, d.AnswerAll(simcloud.AnswerCut))
	if _, body, err := simtest.Do(s.Client(), me.Request(t, url)); err == nil {
		t.Errorf("cut: %s", body)
	}
	d.Close()
	if _, body, err := simtest.Do(s.Client(), me.Request(t, url)); err == nil {
		t.Errorf("closed: %s", body)
	}
}

func TestDCSLogIsBounded(t *testing.T) {
	d := newDCS(t, func(o *simcloud.Options) { o.LogLimit = 3 })
	for n := range 5 {
		_, _, err := simtest.Do(simtest.Client(nil), me.Request(t, sslURL(d)+"?n="+fmt.Sprint(n)))
		simtest.Must(t, err)
	}
	log := d.Requests()
	if len(log) != 3 || log[0].Query != "n=2" || log[2].Query != "n=4" || d.Counts().Total != 5 {
		t.Errorf("log: %+v", log)
	}
	if log[0].Access != "AK" || log[0].InstanceID != instance || log[0].Header.Get("X-Project-Id") != project || log[0].Time.IsZero() {
		t.Errorf("logged: %+v", log[0])
	}
}

func TestWaitGivesTheCause(t *testing.T) {
	d := newDCS(t, nil)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := d.Wait(ctx, func(simcloud.Counts) bool { return false }); !errors.Is(err, why) {
		t.Errorf("Wait: %v", err)
	}
}

func TestNewDCSRefuses(t *testing.T) {
	for name, o := range map[string]simcloud.Options{
		"no project":      {},
		"unknown project": {Projects: []string{"a"}, Instances: []simcloud.Instance{{ID: "i", ProjectID: "b"}}},
		"no ID":           {Projects: []string{"a"}, Instances: []simcloud.Instance{{Name: "i"}}},
		"which project":   {Projects: []string{"a", "b"}, Instances: []simcloud.Instance{{ID: "i"}}},
	} {
		if _, err := simcloud.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
