package config

import (
	"strings"
	"time"
	"unicode"
)

// timezone reads the time zone that is shown beside UTC. It is nil for UTC
// alone.
func (t *table) timezone(def *time.Location) *time.Location {
	if _, ok := t.Ask("timezone"); !ok {
		return def
	}
	name := t.Line("timezone")
	if name == "" {
		return nil
	}
	zone := zoneOf(name)
	if zone == nil {
		t.Problem("timezone", "%s is not a time zone%s", quote(name), zoneHint(name))
		return nil
	}
	if hours, ok := strings.CutPrefix(name, "Etc/GMT"); ok && len(hours) > 1 && hours != "+0" && hours != "-0" {
		usual := strings.NewReplacer("+", "-", "-", "+").Replace(hours)
		t.Warn("timezone", "%s is UTC%s: the sign in such a name is the opposite of the usual one", quote(name), usual)
	}
	if at, _ := time.Unix(0, 0).In(zone).Zone(); at == "UTC" {
		return nil // another name of UTC, which is shown anyway
	}
	return zone
}

// zoneOf returns the time zone of that name in the database of IANA, nil if
// there is none. What the machine keeps beside them, such as posixrules,
// right/Europe/Berlin or localtime, does not begin with a capital letter, and
// is not everywhere the same; neither is Local.
func zoneOf(name string) *time.Location {
	if name == "Local" || name == "" || name[0] > 'Z' {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

// zoneHint says what to write in place of a name that is not a time zone's.
func zoneHint(name string) string {
	// As the names of zones are spelt, for the most part: Asia/Ho_Chi_Minh.
	begins := true
	spelt := strings.Map(func(r rune) rune {
		if r == ' ' {
			r = '_'
		}
		if begins {
			r = unicode.ToUpper(r)
		} else {
			r = unicode.ToLower(r)
		}
		begins = !unicode.IsLetter(r)
		return r
	}, name)
	place := spelt[strings.LastIndexByte(spelt, '/')+1:]
	if place == "Beijing" { // the zone of all of China has the name of its largest city
		place = "Shanghai"
	}
	candidates := []string{spelt}
	for _, area := range []string{"Europe", "Asia", "America", "Africa", "Australia", "Pacific", "Atlantic", "Indian", "Antarctica"} {
		candidates = append(candidates, area+"/"+place)
	}
	for _, c := range candidates {
		if zoneOf(c) != nil {
			return ": did you mean " + quote(c) + "?"
		}
	}
	return `: write the name of one as the database of IANA has it, such as "Europe/Berlin" or "Asia/Shanghai", and not an abbreviation or an offset`
}
