package main

import (
	"fmt"
	"strings"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/text"
)

// sayCoverage prints for each project that is discovered what its list says of
// what is watched, and what is not.
func (a *app) sayCoverage(discoveries []check.Discovery, listings map[string]check.Listing) {
	for _, d := range discoveries {
		fmt.Fprintf(a.Stdout, "project %s: %s\n", text.Clean(d.Project.Project), coverageWords(listings[d.Project.ProjectID]))
	}
}

// coverageWords says what a list covers.
func coverageWords(l check.Listing) string {
	if l.Coverage == nil {
		return "its list of instances was not read yet"
	}
	c := *l.Coverage
	s := fmt.Sprintf("%s in the list of %s, %d watched", text.Count(c.Instances, "instance"), text.Stamp(l.Read), c.Watched)
	var why []string
	for _, e := range check.Exclusions() {
		if n := c.Excluded[e]; n > 0 {
			why = append(why, fmt.Sprintf("%d %s", n, exclusionWords(e)))
		}
	}
	if len(why) > 0 {
		s += "; not watched: " + strings.Join(why, ", ")
	}
	if c.Unheard > 0 {
		s += fmt.Sprintf("; of %s no receiver hears, because no match fits their labels", text.Count(c.Unheard, "instance"))
	}
	if len(c.Gone) > 0 {
		s += "; configured, but not in the list: " + text.Clean(strings.Join(c.Gone, ", "))
	}
	return s
}

// exclusionWords says why instances are not watched.
func exclusionWords(e check.Exclusion) string {
	switch e {
	case check.ExcludedIgnored:
		return "ignored (ignore = true)"
	case check.ExcludedName:
		return "of another name (discover_names)"
	case check.ExcludedTags:
		return "without the tags (discover_tags)"
	case check.ExcludedCreating:
		return "being created"
	case check.ExcludedEngine:
		return "not Redis"
	case check.ExcludedVersion:
		return "of a version before 6.0, which has no SSL"
	case check.ExcludedKind:
		return "proxy clusters, which have no SSL"
	case check.ExcludedSSL:
		return "that can't have SSL (features.support_ssl)"
	}
	return string(e)
}
