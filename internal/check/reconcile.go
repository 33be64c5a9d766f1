package check

import "time"

// Watched is an instance as the configuration wants it watched.
type Watched struct {
	Subject
	Terms Terms
}

// Reconcile brings the configuration into the records: new instances get a
// record that is due at once, known ones get their names and terms, and
// those that the configuration no longer has are marked as left, unless their
// project is discovered: then its next list decides. The records themselves
// are not changed. told are the keys of the subjects that
// ledgers have lines about, to find those whose record was lost, so that they
// too get their last word.
func Reconcile(records map[Key]Record, told []Key, want []Watched, discoveries map[string]Discovery, now time.Time) map[Key]Record {
	now = Wall(now)
	out := make(map[Key]Record, len(want))
	for _, w := range want {
		r, ok := records[w.Key()]
		if !ok {
			r.Due = now
		}
		r = r.under(w.Terms)
		r.Subject, r.Left, r.Origin = w.Subject, "", Listed
		out[w.Key()] = r.clone()
	}
	for key, r := range records {
		if _, ok := out[key]; ok {
			continue
		}
		switch d, discovers := discoveries[key.ProjectID]; {
		case r.Left != "":
		case discovers && !d.Ignored[key.InstanceID]:
			r = r.under(d.Terms)
			r.Origin = Discovered
			r.Project, r.Region, r.Console = d.Project.Project, d.Project.Region, d.Project.Console
		default:
			r.Left = Unwatched
		}
		out[key] = r.clone()
	}
	projects := map[string]bool{}
	for _, r := range out {
		projects[r.ProjectID] = true
	}
	for _, key := range told {
		if _, ok := out[key]; ok || key.IsProject() && projects[key.ProjectID] {
			continue
		}
		r := Record{Subject: orphan(key), Left: Unwatched}
		out[r.Key()] = r
		projects[r.ProjectID] = true
	}
	return out
}

// orphan makes a subject of nothing but its key.
func orphan(key Key) Subject {
	if key.IsProject() {
		return Subject{ProjectID: key.ProjectID, InstanceID: "unknown"}
	}
	return Subject{ProjectID: key.ProjectID, InstanceID: key.InstanceID, Instance: key.InstanceID}
}
