package dcs

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslwatch/sslwatch/internal/httpclient"
)

// item is an instance as the API lists it: the documentation's own examples
// have numbers where its tables say string.
func item(n int) string {
	return fmt.Sprintf(`{"instance_id":"instance-%d","name":"orders\n%d","engine":"Redis","engine_version":"6.0","spec_code":"redis.ha.xu1.tiny.r2.128",
		"status":"RUNNING","port":6379,"ip":"192.168.0.1","enable_ssl":true,"maintain_begin":"22:00:00","maintain_end":"soon",
		"tags":[{"key":1,"value":"a"},{"key":"team","value":"payments"},{"value":"x"}],
		"features":{"support_ssl":true,"support_acl":true,"support_transparent_client_ip":false}}`, n, n)
}

// pages serves a list of n instances, with what change does to a page.
func pages(t *testing.T, n int, change func(offset int, total *int, items *[]string)) (*Client, *int) {
	t.Helper()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		offset, err1 := strconv.Atoi(r.FormValue("offset"))
		limit, err2 := strconv.Atoi(r.FormValue("limit"))
		if err1 != nil || err2 != nil || r.URL.Path != "/v2/p/instances" {
			t.Errorf("asked for %s", r.URL)
		}
		total, items := n, []string{}
		for i := offset; i < min(n, offset+limit); i++ {
			items = append(items, item(i))
		}
		if change != nil {
			change(offset, &total, &items)
		}
		if total < 0 {
			w.WriteHeader(-total)
			fmt.Fprint(w, `{"error_code":"DCS.5000","error_msg":"internal"}`)
			return
		}
		fmt.Fprintf(w, `{"instance_num":%d,"instances":[%s]}`, total, strings.Join(items, ","))
	}))
	t.Cleanup(server.Close)
	return client(t, Options{Endpoint: server.URL, ProjectID: "p", Credentials: Keys("AKEXAMPLE", "secret-key-of-tests", "")}), &asked
}

func TestListIsReadToItsEnd(t *testing.T) {
	for n, requests := range map[int]int{0: 1, 1: 1, 100: 1, 101: 2, 2345: 24} {
		c, asked := pages(t, n, nil)
		list, err := c.List(t.Context())
		if err != nil || len(list.Instances) != n || *asked != requests {
			t.Errorf("%d listed as %d after %d requests, want %d: %v", n, len(list.Instances), *asked, requests, err)
		}
	}
	// A server may give fewer at once than it was asked for.
	c, asked := pages(t, 250, func(_ int, _ *int, items *[]string) { *items = (*items)[:min(30, len(*items))] })
	if list, err := c.List(t.Context()); err != nil || len(list.Instances) != 250 || *asked != 9 {
		t.Errorf("%d listed after %d requests: %v", len(list.Instances), *asked, err)
	}
}

// A list is the whole or an error: what is not in it counts as gone.
func TestPartOfAListIsNoList(t *testing.T) {
	for rule, test := range map[string]struct {
		change func(offset int, total *int, items *[]string)
		kind   Kind
		reason string
	}{
		"a page that is empty before the end": {func(offset int, _ *int, items *[]string) {
			if offset == 200 {
				*items = nil
			}
		}, Failed, "lists 200 instances, says that there are 345, and has no more"},
		"an item that comes twice": {func(offset int, _ *int, items *[]string) {
			if offset == 100 {
				(*items)[7] = item(7)
			}
		}, Failed, "has the instance instance-7 in its list twice"},
		"an item that comes twice on one page": {func(_ int, _ *int, items *[]string) { (*items)[1] = (*items)[0] }, Failed, "twice"},
		"a total that changes": {func(offset int, total *int, _ *[]string) {
			if offset == 300 {
				*total = 344
			}
		}, Failed, "changed while it was read, from 345 instances to 344"},
		"more than the total": {func(_ int, total *int, _ *[]string) { *total = 99 }, Failed, "lists 100 instances and says that there are 99"},
		"an error on page 3": {func(offset int, total *int, _ *[]string) {
			if offset == 200 {
				*total = -500
			}
		}, Failed, "the API failed with HTTP 500"},
		"not allowed on page 3": {func(offset int, total *int, _ *[]string) {
			if offset == 200 {
				*total = -403
			}
		}, Forbidden, "may not list the instances of this project (DCS.5000: internal): grant dcs:instance:list"},
		"asked too often": {func(_ int, total *int, _ *[]string) { *total = -429 }, Throttled, "asked too often"},
	} {
		t.Run(rule, func(t *testing.T) {
			c, _ := pages(t, 345, test.change)
			list, err := c.List(t.Context())
			var e *Error
			if errors.As(err, &e); e == nil || e.Kind != test.kind || !strings.Contains(e.Reason.String(), test.reason) || list.Instances != nil {
				t.Errorf("%d listed, %v\nwant %s, %q", len(list.Instances), err, test.kind, test.reason)
			}
			if e != nil && unfilled.MatchString(e.Reason.String()) {
				t.Errorf("reason %q lacks an argument", e.Reason)
			}
		})
	}
}

func TestPageThatCannotBeBelievedIsNone(t *testing.T) {
	for rule, body := range map[string]string{
		"an empty object":               `{}`,
		"nothing":                       ``,
		"a page of a proxy":             `<html><title>Login</title></html>`,
		"an error in the shape of one":  `{"message":"maintenance"}`,
		"no instances":                  `{"instance_num":0}`,
		"instances null":                `{"instance_num":0,"instances":null}`,
		"instances of another type":     `{"instance_num":1,"instances":{"instance_id":"a"}}`,
		"no number":                     `{"instances":[]}`,
		"a number that is none":         `{"instance_num":"many","instances":[]}`,
		"a number below zero":           `{"instance_num":-1,"instances":[]}`,
		"an instance without ID":        `{"instance_num":1,"instances":[{"name":"a"}]}`,
		"an ID that is none":            `{"instance_num":1,"instances":[{"instance_id":"../a"}]}`,
		"an instance that is no object": `{"instance_num":1,"instances":["a"]}`,
		"cut off":                       `{"instance_num":1,"instances":[`,
		"a fault beside an empty list":  `{"error_code":"DCS.5000","error_msg":"x"}`,
	} {
		t.Run(rule, func(t *testing.T) {
			p, err := judgePage(reply(200, body), asked, keys(), &redactor{})
			if err == nil || err.Kind != Failed || p.instances != nil {
				t.Fatalf("%+v, %v", p, err)
			}
			if unfilled.MatchString(err.Reason.String()) {
				t.Errorf("reason %q lacks an argument", err.Reason)
			}
		})
	}
	tooLarge := answer{httpclient.Response{Status: 200, Header: http.Header{}, Body: []byte(`{"instance_num":0,"instances":[]}`), TooLarge: true, At: clock}}
	if _, err := judgePage(tooLarge, asked, keys(), &redactor{}); err == nil {
		t.Error("a page that is too large is read")
	}
	// 404 says nothing about an instance here.
	if _, err := judgePage(reply(404, `{"error_code":"DCS.3022","error_msg":"x"}`), asked, keys(), &redactor{}); err == nil || err.Kind != Failed {
		t.Errorf("%v", err)
	}
}

func TestWhatAListSaysOfAnInstance(t *testing.T) {
	p, err := judgePage(reply(200, `{"instance_num":"1","instances":[`+item(7)+`]}`), asked, keys(), &redactor{})
	if err != nil {
		t.Fatal(err)
	}
	want := Instance{
		ID: "instance-7", Name: "orders 7", Engine: "Redis", Version: "6.0", Spec: "redis.ha.xu1.tiny.r2.128", Status: "RUNNING",
		SupportsSSL: true, MaintenanceBegin: "22:00:00", Tags: map[string]string{"1": "a", "team": "payments"},
	}
	if diff := cmp.Diff(want, p.instances[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for spec, kind := range map[string]InstanceKind{
		"redis.single.xu1.tiny.128": SingleNode, "redis.ha.xu1.tiny.r2.128": MasterStandby, "redis.cluster.xu1.large.r2.24": Cluster,
		"redis.proxy.xu1.large.16": Proxy, "redis.other.x": "", "redis": "", "": "",
	} {
		if got := (Instance{Spec: spec}).Kind(); got != kind {
			t.Errorf("%q is %q, want %q", spec, got, kind)
		}
	}
}

// FuzzPage: whatever the body, a page is read whole or refused.
func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"instance_num":1,"instances":[` + item(1) + `]}`))
	f.Add([]byte(`{"instance_num":0,"instances":[]}`))
	f.Add([]byte(`{"instance_num":1e9,"instances":[{"instance_id":"a","tags":{}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := judgePage(reply(200, string(body)), asked, keys(), &redactor{})
		if err != nil {
			return
		}
		var o map[string]json.RawMessage
		var items []json.RawMessage
		if o, _ = object(body); json.Unmarshal(o["instances"], &items) != nil || len(items) != len(p.instances) {
			t.Errorf("of %d instances %d are read", len(items), len(p.instances))
		}
		for _, i := range p.instances {
			if !isName(i.ID) {
				t.Errorf("an instance with the ID %q", i.ID)
			}
		}
	})
}
