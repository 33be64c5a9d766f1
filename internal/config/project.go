package config

import (
	"crypto/x509"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/probe"
)

// site is an instance in the file.
type site struct {
	path toml.Key
	id   string
	// watched is what becomes of it, unless it is ignored.
	watched check.Watched
	ignored bool
}

// reserved are what a receiver's match and the labels of an alert know an
// instance by already.
var reserved = []string{"alertname", "severity", "project", "region", "instance", "instance_id"}

// readProjects reads all projects with their instances. terms are those of
// an instance that has none of its own.
func (c *Config) readProjects(root *table, terms check.Terms) []site {
	tables := root.Named("project", "prod")
	if len(tables) == 0 && !root.Holds("project") {
		root.Problem("project", "there is none, so nothing would be watched: add [project.NAME] with region, project_id and credentials, and either discover = true or [project.NAME.instance.NAME] with id")
		return nil
	}
	var fleet []site
	byID := map[string]toml.Key{}
	watched := false
	for _, t := range tables {
		p := t.project()
		if other, ok := byID[p.ID]; ok && p.ID != "" {
			t.doc.Twice(other, t.Key("project_id"), "is the same as %s: give each project once, with all of its instances")
		}
		byID[p.ID] = t.Key("project_id")
		own := terms
		own.Probe = t.Boolean("probe", false)
		c.trust(t, check.Key{ProjectID: p.ID})
		discovery := t.discovery(p, own)
		sites := c.sites(t, p, own, discovery != nil)
		if t.Given("ca_file") && !own.Probe && !slices.ContainsFunc(sites, func(s site) bool { return s.watched.Terms.Probe }) {
			t.Warn("ca_file", "has no effect without probe = true")
		}
		for _, s := range sites {
			watched = watched || !s.ignored
			if !s.ignored {
				c.Watched = append(c.Watched, s.watched)
			} else if discovery != nil {
				discovery.Ignored[s.id] = true
			}
		}
		if discovery != nil {
			c.Discoveries = append(c.Discoveries, *discovery)
		}
		c.Projects = append(c.Projects, p)
		fleet = append(fleet, sites...)
	}
	if len(fleet) > 0 && !watched && len(c.Discoveries) == 0 {
		root.Problem("project", "every instance is ignored, so nothing would be watched: remove ignore from one")
	}
	return fleet
}

// project reads what is said of a project itself.
func (t *table) project() Project {
	p := Project{Name: t.Name()}
	p.Region = t.Line("region")
	switch {
	case p.Region == "":
		t.Need("region", `"eu-west-101", or whichever it is in`)
	case strings.Trim(p.Region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		t.Problem("region", `%s is not a valid region: write its ID, such as "eu-west-101"`, quote(p.Region))
		p.Region = ""
	}
	p.ID = t.id("project_id", `"0123456789abcdef0123456789abcdef", as the console shows it under My Credentials`)
	if p.ID != "" && !projectIDShape.MatchString(p.ID) {
		t.Warn("project_id", "%s does not look like the ID of a project, which has 32 digits 0-9 and a-f: if it is the name, look the ID up in the console under My Credentials", quote(p.ID))
	}
	p.Endpoint = t.endpoint("endpoint")
	if p.Endpoint == "" {
		var doubt string
		if p.Endpoint, doubt = dcs.Endpoint(p.Region); doubt != "" && p.Region != "" {
			t.Warn("region", "%s is taken to be at %s; %s", quote(p.Region), p.Endpoint, doubt)
		}
	}
	p.Credentials = t.credentials(p.Endpoint)
	return p
}

// discovery reads how instances are discovered, nil if they are not.
func (t *table) discovery(p Project, terms check.Terms) *check.Discovery {
	on := t.Boolean("discover", false)
	d := check.Discovery{
		Project: check.Subject{
			ProjectID: p.ID, Project: p.Name, Region: p.Region, Labels: t.ownLabels("labels"), Console: console(p.Region, p.Endpoint),
		},
		Terms:    terms,
		Interval: t.duration("discover_interval", time.Hour, shortest, check.Week),
		Names:    t.Texts("discover_names", `["orders-*"]`),
		Tags:     t.tags("discover_tags"),
		Ignored:  map[string]bool{},
	}
	for _, pattern := range d.Names {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			t.Problem("discover_names", `%s is not a valid pattern: * stands for any letters, ? for one, [a-z] for one of some`, quote(pattern))
		}
	}
	if d.Names != nil && len(d.Names) == 0 {
		t.Problem("discover_names", "is an empty list, which no name matches: write patterns, or remove it")
	}
	if !on {
		for _, name := range []string{"discover_interval", "discover_names", "discover_tags"} {
			if t.Present(name) {
				t.Warn(name, "has no effect without discover = true")
			}
		}
		return nil
	}
	return &d
}

// tags reads a table of texts whose keys are tags of the cloud.
func (t *table) tags(name string) map[string]string {
	v, ok := t.Ask(name)
	if !ok {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		t.WrongType(name, v, `a table, such as { team = "payments" }`)
		return nil
	}
	out := map[string]string{}
	inside := t.Inside(name)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if s, ok := m[k].(string); ok {
			out[k] = s
		} else {
			inside.WrongType(k, m[k], "text in double quotes")
		}
	}
	return out
}

// id reads an ID of the cloud.
func (t *table) id(name, example string) string {
	s := t.Line(name)
	if s == "" {
		t.Need(name, example)
		return ""
	}
	if !isID(s) {
		t.Problem(name, "%s is not a valid ID: it has letters, digits and -_.~ only, as in %s", quote(s), example)
		return ""
	}
	return s
}

// sites reads the instances of a project.
func (c *Config) sites(t *table, p Project, terms check.Terms, discovers bool) []site {
	shared := t.ownLabels("labels")
	tables := t.Named("instance", "orders-cache")
	if len(tables) == 0 && !t.Holds("instance") && !discovers {
		t.Problem("instance", "there is none, so nothing of this project would be watched: add [%s] with id, or set discover = true",
			append(t.Key("instance"), "NAME"))
	}
	var out []site
	byID := map[string]toml.Key{}
	for _, it := range tables {
		s := it.site(p, terms, shared)
		c.trust(it, s.watched.Key())
		if it.Given("ca_file") && !s.watched.Terms.Probe {
			it.Warn("ca_file", "has no effect without probe = true")
		}
		// The API does not mind the case of a UUID, so neither may we.
		id := strings.ToLower(s.id)
		if other, ok := byID[id]; ok && id != "" {
			t.doc.Twice(other, it.Key("id"), "is the same as %s: give each instance once")
		}
		byID[id] = it.Key("id")
		out = append(out, s)
	}
	return out
}

// site reads an instance.
func (t *table) site(p Project, terms check.Terms, shared map[string]string) site {
	s := site{path: t.Path()}
	s.id = t.id("id", `"553a2516-b865-4159-b774-204dc0a36e37", as the console shows it`)
	if s.id != "" && !isUUID(s.id) {
		t.Warn("id", "%s is not a UUID, and instances have one: if it is the name, look the ID up in the console", quote(s.id))
	}
	own := check.Terms{
		Expiry:     t.ladder("expiry", terms.Expiry),
		Critical:   check.Duration(t.duration("critical", time.Duration(terms.Critical), 0, century)),
		RequireSSL: t.Boolean("require_ssl", terms.RequireSSL),
		Probe:      t.Boolean("probe", terms.Probe),
	}
	if t.AnyGiven("expiry", "critical") {
		t.oddTerms(own)
	}
	labels := maps.Clone(shared)
	maps.Copy(labels, t.ownLabels("labels"))
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	s.ignored = t.Boolean("ignore", false)
	s.watched = check.Watched{
		Subject: check.Subject{
			ProjectID: p.ID, InstanceID: s.id,
			Project: p.Name, Region: p.Region, Instance: t.Name(), Labels: labels,
			Console: console(p.Region, p.Endpoint),
		},
		Terms: own,
	}
	return s
}

// ownLabels reads labels that people give to instances.
func (t *table) ownLabels(name string) map[string]string {
	labels := t.labels(name)
	inside := t.Inside(name)
	for _, r := range reserved {
		if _, ok := labels[r]; ok {
			inside.Problem(r, "every alert has a label of this name already: choose another")
		}
	}
	return labels
}

// trust reads by which authorities the certificates of a project's instances,
// or of one instance, are to be trusted. Those of the machine are an entry, too,
// where they are asked for.
func (c *Config) trust(t *table, key check.Key) {
	path := t.file("ca_file")
	if !t.Present("ca_file") || path != "" && !t.needed() {
		return
	}
	if c.Trust == nil {
		c.Trust = map[check.Key][]*x509.Certificate{}
	}
	if path == "" {
		c.Trust[key] = nil
		return
	}
	f, err := t.doc.read(path, probe.LargestCAs)
	if err != nil {
		t.Passing("ca_file", "can't read it: %s", cause(err))
		return
	}
	cas, err := probe.ParseCAs(f.Data)
	if err != nil {
		t.Passing("ca_file", "%v", err)
		return
	}
	c.Trust[key] = cas
}

// endpoint reads the base URL of an API, without a slash at its end. The
// problems don't repeat it, since it may hold a password.
func (t *table) endpoint(name string) string {
	s := t.OrNone(name, "")
	if s == "" {
		return ""
	}
	u, why := parseURL(s)
	switch {
	case why != "":
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		why = "must have no query and no fragment"
	}
	if why != "" {
		t.Problem(name, "%s", why)
		return ""
	}
	t.warnPlain(name, u)
	if name == "endpoint" && strings.Trim(u.Path, "/") != "" {
		why := "has a path, after which sslwatch puts that of the API, /v2/…: that is right for a proxy only"
		if apiPath.MatchString(u.Path) {
			why = "has a path that looks like one of the API, which sslwatch adds by itself: write https://HOST alone"
		}
		t.Warn(name, "%s", why)
	}
	return strings.TrimRight(s, "/")
}

// parseURL takes a URL apart, or says why it is none, without repeating it.
func parseURL(s string) (u *url.URL, why string) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, "is not a URL: write https://HOST"
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "must begin with https:// (or http://)"
	case u.Hostname() == "":
		return nil, "has no host: write https://HOST"
	case u.User != nil:
		return nil, "holds a user name or a password: there are other keys for credentials"
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }):
		return nil, "has a host that is not plain ASCII: write an international name in its xn-- form"
	}
	return u, ""
}

// warnPlain warns of a URL that sends credentials in the clear.
func (t *table) warnPlain(name string, u *url.URL) (warned bool) {
	if u.Scheme != "http" || isLoopback(u.Hostname()) {
		return false
	}
	t.Warn(name, "is plain http to another machine: what is sent there, credentials included, can be read on the way; use https")
	return true
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
