package slack

import (
	"regexp"
	"strings"
)

// ids are the shapes of those who can be mentioned by ID: a person, and a
// user group.
var (
	personID = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)
	groupID  = regexp.MustCompile(`^S[A-Z0-9]{6,20}$`)
)

// Mention returns Slack's markup that wakes somebody, and reports whether it
// can be written: "@here", "@channel", "@everyone", a person's ID or a user
// group's.
func Mention(who string) (markup string, valid bool) {
	switch {
	case who == "@here" || who == "@channel" || who == "@everyone":
		return "<!" + who[1:] + ">", true
	case personID.MatchString(who):
		return "<@" + who + ">", true
	case groupID.MatchString(who):
		return "<!subteam^" + who + ">", true
	}
	return "", false
}

// mentions returns the markup that wakes all of them.
func mentions(who []string) string {
	var all []string
	for _, w := range who {
		if markup, valid := Mention(w); valid {
			all = append(all, markup)
		}
	}
	return strings.Join(all, " ")
}
