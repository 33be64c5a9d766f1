package watch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
)

// project is what is true of the instances of a project, and what its cloud
// says of them: a list that lacks some, or fails.
type project struct {
	l         *life
	r         *rand.Rand
	instances []dcs.Instance
	gone      map[string]bool // deleted
	hidden    map[string]bool // not in the list, and there
	expiring  map[string]bool
	fault     string
	open      map[string]bool // what the receiver holds for so, by ID
	told      int
}

// TestRandomListsKeepTheRules lives projects whose instances come, go, hide
// from the list and change their names, whose list fails or is empty, with
// restarts and reloads: no alert of an instance that is there ends, each is told
// once, and what is deleted ends once.
func TestRandomListsKeepTheRules(t *testing.T) {
	n := 12
	if *long {
		n = 1000
	}
	if *seeds > 0 {
		n = *seeds
	}
	for s := *seed; s < *seed+uint64(n); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liveProject(t, rand.New(rand.NewPCG(s, 5))) })
		})
	}
}

func liveProject(t *testing.T, r *rand.Rand) {
	l := discovering(t, 0)
	l.opt.Terms.Repeat = nil
	p := &project{l: l, r: r, gone: map[string]bool{}, hidden: map[string]bool{}, expiring: map[string]bool{}, open: map[string]bool{}}
	l.cloud.set(func(c *cloud) { c.list = p.list })
	for range 3 + r.IntN(6) {
		p.create()
	}
	l.start()
	for range 60 {
		before := map[string]bool{}
		for id := range p.gone {
			before[id] = true
		}
		p.step()
		l.pass(time.Duration(1+r.IntN(90)) * time.Minute)
		p.check(t, before)
	}
	// All is well, and everything is told.
	p.set("", nil)
	l.pass(8 * time.Hour)
	p.check(t, p.gone)
	for _, i := range p.instances {
		want := p.expiring[i.ID] && !p.gone[i.ID]
		if p.open[i.ID] != want {
			t.Errorf("%s: an alert is open: %t, want %t (deleted %t)", i.Name, p.open[i.ID], want, p.gone[i.ID])
		}
	}
	records := l.disk.load(t).Records
	for _, i := range p.instances {
		if _, known := records[check.Key{ProjectID: projectID, InstanceID: i.ID}]; known == p.gone[i.ID] {
			t.Errorf("%s is known: %t, deleted: %t", i.Name, known, p.gone[i.ID])
		}
	}
	if err := l.stop(); err != nil {
		t.Error(err)
	}
}

// set changes what the list is like: the fault, and what hides from it.
func (p *project) set(fault string, hidden map[string]bool) {
	p.l.cloud.set(func(*cloud) { p.fault, p.hidden = fault, hidden })
}

// list is what the cloud answers.
func (p *project) list() ([]dcs.Instance, error) {
	p.l.cloud.mu.Lock()
	defer p.l.cloud.mu.Unlock()
	switch p.fault {
	case "fails":
		return nil, &dcs.Error{Kind: dcs.Failed, Reason: reason.New(reason.APIFailed, reason.Args{"status": 500, "said": "(no)"})}
	case "empty":
		return nil, nil
	}
	var all []dcs.Instance
	for _, i := range p.instances {
		if !p.gone[i.ID] && !p.hidden[i.ID] {
			all = append(all, i)
		}
	}
	return all, nil
}

func (p *project) create() {
	p.l.cloud.set(func(c *cloud) {
		i := listed(len(p.instances))
		p.instances = append(p.instances, i)
		p.expiring[i.ID] = p.r.IntN(3) > 0
		ends := time.Now().Add(300 * check.Day)
		if p.expiring[i.ID] {
			ends = time.Now().Add(6*check.Day + 123456789)
		}
		c.ssl[i.ID] = dcs.SSL{Enabled: true, Validated: true, ExpiresAt: ends}
	})
}

// one returns one that is there, if there is any.
func (p *project) one() (*dcs.Instance, bool) {
	for range 20 {
		if i := &p.instances[p.r.IntN(len(p.instances))]; !p.gone[i.ID] {
			return i, true
		}
	}
	return nil, false
}

func (p *project) step() {
	switch p.r.IntN(12) {
	case 0:
		p.create()
	case 1, 2:
		if i, ok := p.one(); ok {
			p.l.cloud.set(func(c *cloud) {
				p.gone[i.ID] = true
				delete(c.ssl, i.ID)
			})
		}
	case 3, 4:
		hidden := map[string]bool{}
		for range p.r.IntN(4) {
			if i, ok := p.one(); ok {
				hidden[i.ID] = true
			}
		}
		p.set(p.fault, hidden)
	case 5:
		if i, ok := p.one(); ok {
			p.l.cloud.set(func(*cloud) { i.Name = fmt.Sprint("renamed-", p.r.IntN(100)) })
		}
	case 6:
		p.set([]string{"fails", "empty"}[p.r.IntN(2)], p.hidden)
	case 7, 8:
		p.set("", nil)
	case 9:
		if err := p.l.stop(); err != nil {
			p.l.t.Error(err)
		}
		p.l.start()
	case 10:
		p.l.reload()
	}
}

// check goes through what was told since it last looked. gone are those that
// were deleted before: only their alerts may have ended.
func (p *project) check(t *testing.T, gone map[string]bool) {
	p.l.pager.mu.Lock()
	defer p.l.pager.mu.Unlock()
	for ; p.told < len(p.l.pager.got); p.told++ {
		for _, n := range noticesOf(p.l.pager.got[p.told]) {
			if n.IsProject() || n.Condition == check.CheckFailing {
				continue // a list that fails, and what is missing and not gone for sure
			}
			switch {
			case n.Fires() && p.open[n.InstanceID]:
				t.Errorf("%s was told twice", n.Instance)
			case n.Fires():
				p.open[n.InstanceID] = true
			case !p.gone[n.InstanceID] && !gone[n.InstanceID]:
				t.Errorf("%s is there, and its alert ended: %s", n.Instance, n.Ending)
			default:
				delete(p.open, n.InstanceID)
			}
		}
	}
}
