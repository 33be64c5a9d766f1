package dcs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/reason"
)

const (
	// pageSize is how many instances are asked for at once. The API gives up
	// to 1000, which may be more than maxBody; without it, it gives 10.
	pageSize = 100
	// maxPages bounds a list that does not come to its end.
	maxPages = 500
)

// Instance is what the list of a project's instances says of one. What is
// text in it is from people, and fit to be shown.
//
// Source: GET /v2/{project_id}/instances, "Querying All Instances in a
// Project" in the DCS API reference.
type Instance struct {
	ID, Name string
	// Engine is "Redis" or "Memcached", Version such as "6.0".
	Engine, Version string
	// Spec is spec_code, such as "redis.ha.xu1.large.r2.2".
	Spec string
	// Status is such as "RUNNING" or "CREATING".
	Status string
	// SupportsSSL is features.support_ssl: whether SSL can be switched on.
	SupportsSSL bool
	// PassesClientIP is features.support_transparent_client_ip.
	PassesClientIP bool
	// MaintenanceBegin and MaintenanceEnd are the window for maintenance, in
	// UTC as "22:00:00"; empty where it is not known.
	MaintenanceBegin, MaintenanceEnd string
	Tags                             map[string]string
}

// InstanceKind is how an instance is built.
type InstanceKind string

// The kinds, as the second part of spec_code names them.
const (
	SingleNode    InstanceKind = "single"
	MasterStandby InstanceKind = "ha"
	Cluster       InstanceKind = "cluster"
	Proxy         InstanceKind = "proxy"
)

// Kind returns how the instance is built, "" if its specification does not
// say.
func (i Instance) Kind() InstanceKind {
	parts := strings.Split(i.Spec, ".")
	if len(parts) < 2 {
		return ""
	}
	switch kind := InstanceKind(parts[1]); kind {
	case SingleNode, MasterStandby, Cluster, Proxy:
		return kind
	}
	return ""
}

// List is the complete list of a project's instances.
type List struct {
	Instances []Instance
	// Clock is what the answers say of this machine's clock.
	Clock Clock
}

// List asks for all instances of the project, page by page, and returns all of
// them or an error, never a part. Errors are as those of SSL. A list that
// changes while it is read is one: what moved from one page to another would
// be missing.
func (c *Client) List(ctx context.Context) (List, error) {
	if ctx.Err() != nil {
		return List{}, ended(ctx)
	}
	var list List
	seen, total := map[string]bool{}, 0
	for range maxPages {
		u := c.address("")
		u.RawQuery = url.Values{"offset": {strconv.Itoa(len(list.Instances))}, "limit": {strconv.Itoa(pageSize)}}.Encode()
		p, clock, err := ask(ctx, c, u, func(a answer, cred Credential, out *redactor) (page, *Error) { return judgePage(a, u, cred, out) })
		if err != nil {
			return List{}, err
		}
		inconsistent := func(code reason.Code, args reason.Args) (List, error) {
			args["host"] = u.Host
			return List{}, &Error{Kind: Failed, Status: http.StatusOK, Reason: reason.New(code, args), Clock: clock}
		}
		first := len(list.Instances) == 0
		list.Clock = clock
		for _, i := range p.instances {
			if seen[i.ID] {
				return inconsistent(reason.ListRepeats, reason.Args{"instance": i.ID})
			}
			seen[i.ID] = true
		}
		list.Instances = append(list.Instances, p.instances...)
		switch {
		case !first && p.total != total:
			return inconsistent(reason.ListChanged, reason.Args{"before": total, "after": p.total})
		case len(list.Instances) > p.total:
			return inconsistent(reason.ListTooLong, reason.Args{"n": len(list.Instances), "total": p.total})
		case len(list.Instances) == p.total:
			return list, nil
		case len(p.instances) == 0:
			return inconsistent(reason.ListTooShort, reason.Args{"n": len(list.Instances), "total": p.total})
		}
		total = p.total
	}
	return List{}, &Error{Kind: Failed, Status: http.StatusOK, Reason: reason.New(reason.ListEndless, reason.Args{"host": c.base.Host, "n": maxPages}), Clock: list.Clock}
}

// page is one part of a list.
type page struct {
	total     int
	instances []Instance
}

// judgePage turns an answer into a page of the list or an error.
func judgePage(a answer, asked *url.URL, cred Credential, out *redactor) (page, *Error) {
	o, _ := object(a.Body)
	f := readFault(o)
	_, listed := o["instances"]
	if a.Status != http.StatusOK || f.api && !listed {
		e := explain(a, f, asked, cred, out, reason.MayNotList)
		if e.Kind == Missing || e.Kind == Unsupported {
			e.Kind = Failed // these are about an instance, and none was asked for
		}
		return page{}, e
	}
	p, problem := readPage(a, o, out)
	if !problem.IsZero() {
		e := newError(a, f, out)
		e.Reason = reason.New(reason.ListUnbelievable, reason.Args{"host": asked.Host, "problem": problem})
		return page{}, e
	}
	return p, nil
}

// readPage reads the body of a 200, or says why it can't be believed. What
// decides is read strictly: how many there are, and each instance's ID. The
// rest is left empty where it can't be read.
func readPage(a answer, o map[string]json.RawMessage, out *redactor) (p page, problem reason.Reason) {
	if a.TooLarge {
		return page{}, reason.New(reason.TooLarge, nil)
	}
	var items []map[string]json.RawMessage
	if o == nil || json.Unmarshal(o["instances"], &items) != nil || items == nil {
		return page{}, reason.New(reason.With, reason.Args{"body": a.nature(out)})
	}
	total, err := strconv.Atoi(scalar(o["instance_num"]))
	if err != nil || total < 0 {
		return page{}, reason.New(reason.ListWithoutNumber, nil)
	}
	p.total = total
	for _, item := range items {
		i, ok := readInstance(item, out)
		if !ok {
			return page{}, reason.New(reason.ListWithoutID, nil)
		}
		p.instances = append(p.instances, i)
	}
	return p, reason.Reason{}
}

func readInstance(o map[string]json.RawMessage, out *redactor) (i Instance, ok bool) {
	text := func(name string, limit int) string { return out.text(scalar(o[name]), limit) }
	i = Instance{
		ID: scalar(o["instance_id"]), Name: text("name", maxName), Engine: text("engine", 40), Version: text("engine_version", 40),
		Spec: text("spec_code", 100), Status: text("status", 40),
		MaintenanceBegin: timeOfDay(o["maintain_begin"]), MaintenanceEnd: timeOfDay(o["maintain_end"]),
	}
	features, _ := object(o["features"])
	i.SupportsSSL, _ = boolean(features["support_ssl"])
	i.PassesClientIP, _ = boolean(features["support_transparent_client_ip"])
	var tags []map[string]json.RawMessage
	if json.Unmarshal(o["tags"], &tags) == nil {
		for _, tag := range tags {
			if key := out.text(scalar(tag["key"]), maxTag); key != "" {
				if i.Tags == nil {
					i.Tags = map[string]string{}
				}
				i.Tags[key] = out.text(scalar(tag["value"]), maxTag)
			}
		}
	}
	return i, isName(i.ID)
}

// maxTag is how many characters of a tag's key or value are kept. The cloud
// allows 128 and 255.
const maxTag = 255

// timeOfDay reads a time such as 22:00:00, "" where it is none.
func timeOfDay(raw json.RawMessage) string {
	s := scalar(raw)
	if _, err := time.Parse(time.TimeOnly, s); err != nil {
		return ""
	}
	return s
}
