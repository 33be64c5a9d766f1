package check

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
)

// Origin says how it is known that an instance is to be watched.
type Origin string

// The origins. What is both is listed.
const (
	Listed     Origin = "" // the configuration lists it
	Discovered Origin = "discovered"
)

// Discovery is how instances of a project are found that the configuration
// does not list, and on which terms they are watched.
type Discovery struct {
	// Project is the subject of the project. Its labels are those of each
	// instance, beside its tags.
	Project  Subject
	Terms    Terms
	Interval time.Duration // between complete lists
	// Names are patterns as of path.Match, of which a name has to match one;
	// empty for every name. Tags are what an instance has to have, each with
	// that value.
	Names []string
	Tags  map[string]string
	// Ignored holds the IDs of instances that the configuration ignores.
	Ignored map[string]bool
}

// Exclusion is why an instance of a list is not watched.
type Exclusion string

// The exclusions, in the order in which they are looked for.
const (
	ExcludedIgnored  Exclusion = "ignored"  // the configuration says so
	ExcludedName     Exclusion = "name"     // its name matches no pattern
	ExcludedTags     Exclusion = "tags"     // it has not the tags
	ExcludedCreating Exclusion = "creating" // it is not there yet, or never will be
	ExcludedEngine   Exclusion = "engine"   // it is no Redis
	ExcludedVersion  Exclusion = "version"  // its version can't have SSL
	ExcludedKind     Exclusion = "kind"     // a proxy cluster can't have SSL
	ExcludedSSL      Exclusion = "ssl"      // the API says that it can't have SSL
)

// Exclusions returns all of them.
func Exclusions() []Exclusion {
	return []Exclusion{ExcludedIgnored, ExcludedName, ExcludedTags, ExcludedCreating, ExcludedEngine, ExcludedVersion, ExcludedKind, ExcludedSSL}
}

// Excludes returns why an instance is not watched, "" if it is.
//
// Source for what can have SSL: facts page 5; enable_ssl of the list is no
// witness.
func (d Discovery) Excludes(i dcs.Instance) Exclusion {
	major, _, _ := strings.Cut(i.Version, ".")
	version, err := strconv.Atoi(major)
	switch {
	case d.Ignored[i.ID]:
		return ExcludedIgnored
	case !d.named(i.Name):
		return ExcludedName
	case !d.tagged(i.Tags):
		return ExcludedTags
	case i.Status == "CREATING" || i.Status == "CREATEFAILED":
		return ExcludedCreating
	case !strings.EqualFold(i.Engine, "Redis"):
		return ExcludedEngine
	case err == nil && version < 6:
		return ExcludedVersion
	case i.Kind() == dcs.Proxy:
		return ExcludedKind
	case !i.SupportsSSL:
		return ExcludedSSL
	}
	return ""
}

func (d Discovery) named(name string) bool {
	for _, pattern := range d.Names {
		if matches, err := path.Match(pattern, name); err == nil && matches {
			return true
		}
	}
	return len(d.Names) == 0
}

func (d Discovery) tagged(tags map[string]string) bool {
	for key, value := range d.Tags {
		if has, ok := tags[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// Watch returns an instance of the list as it is to be watched. Its tags are
// labels; those of the project count more.
func (d Discovery) Watch(i dcs.Instance) Watched {
	w := Watched{Subject: d.Project, Terms: d.Terms}
	w.InstanceID, w.Instance = i.ID, i.Name
	if w.Instance == "" {
		w.Instance = i.ID
	}
	if len(i.Tags) > 0 {
		w.Labels = maps.Clone(i.Tags)
		maps.Copy(w.Labels, d.Project.Labels)
	}
	return w
}

// The kinds of instances that can have SSL.
const (
	SingleNode    = dcs.SingleNode
	MasterStandby = dcs.MasterStandby
	Cluster       = dcs.Cluster
)

// About is what the list of a project's instances says of one.
type About struct {
	Kind dcs.InstanceKind `json:"kind,omitempty"`
	// MaintenanceBegin and MaintenanceEnd are in UTC, as "22:00:00".
	MaintenanceBegin string `json:"maintenance_begin,omitempty"`
	MaintenanceEnd   string `json:"maintenance_end,omitempty"`
	// PassesClientIP is set where SSL and the pass-through of client IPs
	// exclude one another.
	PassesClientIP bool `json:"passes_client_ip,omitempty"`
}

// Describe returns what an instance of the list is about.
func Describe(i dcs.Instance) About {
	return About{Kind: i.Kind(), MaintenanceBegin: i.MaintenanceBegin, MaintenanceEnd: i.MaintenanceEnd, PassesClientIP: i.PassesClientIP}
}

// misses is in how many complete lists in a row an instance has to be missing
// before that counts.
const misses = 2

// Appear returns the record of an instance that a complete list has and that
// is to be watched, and whether it is another one than r. r is the zero record
// for one that is new.
func (r Record) Appear(w Watched, about About, now time.Time) (after Record, changed bool) {
	own := r.Origin == Discovered || r.InstanceID == "" || r.Left != ""
	if r.Left == "" && r.Absent == 0 && r.About == about && (!own || r.Subject.equal(w.Subject) && r.Terms.equal(w.Terms)) {
		return r, false
	}
	if r.InstanceID == "" || r.Left != "" {
		r.Due = Wall(now)
	}
	if own {
		r = r.under(w.Terms)
		r.Origin, r.Subject, r.Left = Discovered, w.Subject, ""
	}
	r.Absent, r.About = 0, about
	return r.clone(), true
}

func (s Subject) equal(other Subject) bool {
	return s.Key() == other.Key() && s.Project == other.Project && s.Region == other.Region && s.Instance == other.Instance &&
		s.Console == other.Console && maps.Equal(s.Labels, other.Labels)
}

func (t Terms) equal(other Terms) bool {
	return t.Critical == other.Critical && t.RequireSSL == other.RequireSSL && t.Probe == other.Probe && slices.Equal(t.Expiry, other.Expiry)
}

// Miss returns the record of a discovered instance that is not among those of
// a complete list that are to be watched. listed is set where the list has it:
// it does not match any more. One that is not in the list is deleted if its
// own address says so too: a credential that may no longer see it gets a list
// without it as well.
func (r Record) Miss(listed bool) Record {
	if r.Origin != Discovered || r.Left != "" {
		return r
	}
	r = r.clone()
	r.Absent++
	switch {
	case r.Absent < misses:
	case listed:
		r.Left = Unwatched
	case r.Failing.Count > 0 && r.Failing.Cause == CauseMissing:
		r.Left = Deleted
	}
	return r
}

// RequiresSSL reports whether SSL that is off is an alert: for an instance
// that nobody listed, once it has been seen on.
func (r Record) RequiresSSL() bool {
	return r.Terms.RequireSSL && (r.Origin == Listed || r.SeenOn)
}

// Coverage is what a complete list says of what is watched.
type Coverage struct {
	Instances int `json:"instances"` // in the list
	Watched   int `json:"watched"`   // of them
	// Excluded counts those that are not, by why.
	Excluded map[Exclusion]int `json:"excluded,omitempty"`
	// Unheard counts those that are watched and that no receiver hears of.
	Unheard int `json:"unheard,omitempty"`
	// Gone are the IDs of instances that the configuration lists, and the
	// project does not have.
	Gone []string `json:"gone,omitempty"`
}

// Listing is what is known of the list of a project's instances.
type Listing struct {
	// Due is when it is to be read next; zero for a project that is not
	// discovered.
	Due  time.Time `json:"due,omitzero"`
	Read time.Time `json:"read,omitzero"` // when it was read whole last
	// Failing is the run of failures that the last try belongs to.
	Failing  Failing   `json:"failing,omitzero"`
	Coverage *Coverage `json:"coverage,omitempty"` // is not changed
}

// Fail takes in that the list could not be read.
func (l Listing) Fail(o Observation, now time.Time) Listing {
	now = Wall(now)
	if l.Failing.Count == 0 {
		l.Failing.Since = now
	}
	l.Failing.Last, l.Failing.Cause, l.Failing.Reason = now, o.Cause, o.Reason
	l.Failing.Count++
	return l
}

// Succeed takes in that it was read whole.
func (l Listing) Succeed(c Coverage, now time.Time) Listing {
	return Listing{Due: l.Due, Read: Wall(now), Coverage: &c}
}

// blind reports whether it has been unknown for so long which instances there
// are that it is told, since when, and why; and whether it is unknown at all.
func (l Listing) blind(p Policy, now time.Time) (since time.Time, long, unknown bool) {
	f := l.Failing
	switch {
	case l.Due.IsZero():
		return time.Time{}, false, false
	case f.Count > 0 && f.Cause == CauseForbidden && f.Count >= p.Confirm:
		return f.Since, true, true
	case f.Count > 0 && !f.Cause.denied() && f.Last.Sub(f.Since) >= p.FailingAfter:
		return f.Since, true, true
	case now.Sub(l.Due) >= p.FailingAfter && now.Sub(p.Awake) >= p.FailingAfter:
		return l.Due, true, true
	}
	return time.Time{}, false, f.Count > 0 || l.Read.IsZero()
}

// sound returns what is wrong with a listing.
func (l Listing) sound() error {
	if err := count("failing", l.Failing.Count); err != nil {
		return err
	}
	return SoundTimes(l.Due, l.Read, l.Failing.Since, l.Failing.Last)
}
