package config

import (
	"time"

	"github.com/BurntSushi/toml"

	"github.com/sslwatch/sslwatch/internal/check"
)

// examine warns of what is only odd when seen as a whole.
func (c *Config) examine(d *document, fleet []site) {
	c.unheard(d, fleet)
	c.untagged(d)
	c.idle(d)
	c.overload(d, fleet)
}

// unheard warns of instances that nobody would hear about. A fallback counts
// for nothing: it hears only what another owes.
func (c *Config) unheard(d *document, fleet []site) {
	for _, s := range fleet {
		heard := s.ignored
		for _, r := range c.Receivers {
			heard = heard || r.Audience.Concerns(check.Alert{Subject: s.watched.Subject})
		}
		if !heard {
			d.Warn(s.path, "no receiver would hear about this instance: none has a match that fits its labels, project and region")
		}
	}
}

// untagged warns of discovered instances that nobody would hear about unless
// they have certain tags.
func (c *Config) untagged(d *document) {
	for _, discovery := range c.Discoveries {
		heard := false
		for _, r := range c.Receivers {
			heard = heard || r.Audience.Concerns(check.Alert{Subject: instanceOf(discovery)})
		}
		if !heard {
			d.Warn(toml.Key{"project", discovery.Project.Project, "discover"}, "no receiver would hear about an instance without tags: each has a match that its project, region and labels do not fit")
		}
	}
}

// instanceOf returns a discovered instance that has no tags.
func instanceOf(d check.Discovery) check.Subject {
	s := d.Project
	s.InstanceID = "any"
	return s
}

// idle warns of receivers that would hear of nothing.
func (c *Config) idle(d *document) {
	done := map[string]bool{}
	for _, r := range c.Receivers {
		concerned := done[r.Name]
		for _, w := range c.Watched {
			concerned = concerned || r.Audience.Concerns(check.Alert{Subject: w.Subject})
		}
		for _, d := range c.Discoveries { // whose instances may have any labels
			concerned = concerned || r.Audience.Concerns(check.Alert{Subject: d.Project})
		}
		done[r.Name] = true
		if !concerned && !c.isFallback(r.Name) {
			d.Warn(toml.Key{r.Kind(), r.Name, "match"}, "no instance fits it, so this receiver would hear of nothing")
		}
	}
}

func (c *Config) isFallback(name string) bool {
	for _, r := range c.Receivers {
		if r.Fallback == name {
			return true
		}
	}
	return false
}

// overload warns of projects whose instances can't all be checked in time.
func (c *Config) overload(d *document, fleet []site) {
	count := map[string]int{}
	for _, s := range fleet {
		if !s.ignored {
			count[s.watched.Project]++
		}
	}
	for _, p := range c.Projects {
		pass := time.Duration(float64(count[p.Name]) / c.Loop.Rate * float64(time.Second))
		if pass > c.Loop.Interval {
			d.Warn(toml.Key{"project", p.Name}, "to check all of its instances (%d) takes %s at check.rate = %g, longer than check.interval, %q: raise one of the two",
				count[p.Name], pass.Round(time.Second), c.Loop.Rate, check.Duration(c.Loop.Interval).String())
		}
	}
}
