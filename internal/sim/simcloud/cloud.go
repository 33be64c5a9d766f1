// Package simcloud is the DCS API, simulated: it verifies signatures and tokens,
// tells the truth about its instances, and answers wrongly where that was
// ordered.
package simcloud

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// Options say what a DCS is made of. All of it but Echo and LogLimit can be
// changed later.
type Options struct {
	Projects  []string // project IDs; one at least
	Keys      []Key
	Tokens    []string // what X-Auth-Token may be
	Instances []Instance

	// Echo makes a 401 repeat the canonical request and the headers, as the real
	// gateway was seen to do: a security token is among them.
	Echo bool

	// LogLimit is how many requests Requests remembers. Default 10,000.
	LogLimit int
}

// A Key is an access key. With a SecurityToken it is a temporary one, and
// requests must carry and sign that token.
type Key struct {
	Access, Secret, SecurityToken string
}

// An Instance is a Redis of the simulated cloud.
type Instance struct {
	ProjectID string // may be empty where there is one project only
	ID        string
	Name      string

	Enabled   bool // SSL is on
	Validated bool
	ExpiresAt time.Time

	IP, IPv6 string
	Port     string // default 6379
	Domain   string // with the port, as the API has it; default from the ID

	// Unsupported makes it a Redis that cannot have SSL.
	Unsupported bool
}

// A DCS is the part of Huawei Cloud's DCS API that is about the SSL of Redis
// instances, behind a gateway that verifies every signature by itself. It
// listens nowhere until Listen or Serve, and is an http.Handler as well.
type DCS struct {
	simserver.Endpoint
	bell simserver.Bell

	echo     bool
	logLimit int

	mu        sync.Mutex
	projects  map[string]bool
	keys      map[string]*keyState
	tokens    []string
	instances []*Instance // in the order in which they came
	script    simserver.Script[Answer]
	window    window
	log       []Request
	counts    Counts
	inFlight  int
	serial    int // of request IDs
	ahead     time.Duration
}

// SetClock sets the cloud's own clock ahead of the machine's by so much, or
// back. Its Date, its judgement of signatures and of when a certificate ends
// go by it, so that a client sees a cloud whose clock is right and its own wrong.
func (d *DCS) SetClock(ahead time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ahead = ahead
}

// Now returns the time by the cloud's own clock.
func (d *DCS) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Round(0).Add(d.ahead)
}

var _ http.Handler = (*DCS)(nil)

// New returns a DCS that does not listen yet.
func New(o Options) (*DCS, error) {
	if len(o.Projects) == 0 {
		return nil, fmt.Errorf("sim: a DCS needs a project")
	}
	d := &DCS{
		echo:     o.Echo,
		logLimit: cmp.Or(o.LogLimit, 10_000),
		projects: make(map[string]bool),
		keys:     make(map[string]*keyState),
		tokens:   slices.Clone(o.Tokens),
		counts:   newCounts(),
	}
	d.Init(d)
	for _, p := range o.Projects {
		d.projects[p] = true
	}
	for _, k := range o.Keys {
		d.SetKey(k)
	}
	for _, i := range o.Instances {
		if err := d.Put(i); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Put adds an instance, or replaces the one with the same project and ID.
func (d *DCS) Put(i Instance) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i.ProjectID == "" && len(d.projects) == 1 {
		for p := range d.projects {
			i.ProjectID = p
		}
	}
	if !d.projects[i.ProjectID] {
		return fmt.Errorf("sim: instance %q: no project %q", i.ID, i.ProjectID)
	}
	if i.ID == "" || i.ID == Listing {
		return fmt.Errorf("sim: %q cannot be the ID of an instance", i.ID)
	}
	i.Name = cmp.Or(i.Name, i.ID)
	i.Port = cmp.Or(i.Port, "6379")
	i.Domain = cmp.Or(i.Domain, "redis-"+i.ID+".dcs.example.com:"+i.Port)
	at := slices.IndexFunc(d.instances, func(o *Instance) bool {
		return o.ID == i.ID && o.ProjectID == i.ProjectID
	})
	if at >= 0 {
		*d.instances[at] = i
	} else {
		d.instances = append(d.instances, &i)
	}
	return nil
}

// Change lets f change an instance, which is named by its name or ID. The
// project and the ID stay as they are.
func (d *DCS) Change(instance string, f func(*Instance)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(instance)
	if err != nil {
		return err
	}
	changed := *i
	f(&changed)
	changed.ProjectID, changed.ID = i.ProjectID, i.ID
	*i = changed
	return nil
}

// Remove deletes an instance from the cloud.
func (d *DCS) Remove(instance string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(instance)
	if err != nil {
		return err
	}
	d.instances = slices.DeleteFunc(d.instances, func(o *Instance) bool { return o == i })
	d.script.Stand(i.ID, AnswerTruth)
	return nil
}

// Instances returns all instances, in the order in which they were put.
func (d *DCS) Instances() []Instance {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Instance, 0, len(d.instances))
	for _, i := range d.instances {
		all = append(all, *i)
	}
	return all
}

// find looks for an ID first, then for a name that is nobody else's.
func (d *DCS) find(instance string) (*Instance, error) {
	var named []*Instance
	for _, i := range d.instances {
		if i.ID == instance {
			return i, nil
		}
		if i.Name == instance {
			named = append(named, i)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		names := make([]string, 0, len(d.instances))
		for _, i := range d.instances {
			names = append(names, i.Name)
		}
		return nil, fmt.Errorf("no instance %q, but there are: %s", instance, strings.Join(names, ", "))
	default:
		return nil, fmt.Errorf("%d instances are named %q: use the ID", len(named), instance)
	}
}

// Wait returns when until is satisfied with the counts, which it is asked each
// time that they grow, or with the cause when ctx is done.
func (d *DCS) Wait(ctx context.Context, until func(Counts) bool) error {
	return d.bell.Await(ctx, func() bool { return until(d.Counts()) })
}

// Instance returns the instance of that name or ID.
func (d *DCS) Instance(instance string) (Instance, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(instance)
	if err != nil {
		return Instance{}, err
	}
	return *i, nil
}
