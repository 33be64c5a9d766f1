package state

import "encoding/json"

// upgrade gives what a state of version 1 holds the names of version 2, each
// part by itself. What is not what it should be is left as it is: whoever
// reads it says so.
func (raw *rawState) upgrade() {
	for key, r := range raw.Records {
		raw.Records[key] = upgraded(r, names{"expires": "not_after", "identity": "certificate_id", "was": "previous_not_after"}, parts{
			"off": flagV1, "invalid": flagV1, "missing": flagV1, "unsupported": flagV1, "denied": flagV1,
			"comeback": func(raw json.RawMessage) json.RawMessage {
				return upgraded(raw, names{"expires": "not_after", "run": "streak"}, nil)
			},
		})
	}
	raw.Projects = each(raw.Projects, func(p json.RawMessage) json.RawMessage {
		return upgraded(p, nil, parts{"refused": flagV1})
	})
	for id, ledger := range raw.Ledgers {
		raw.Ledgers[id] = each(ledger, func(lines json.RawMessage) json.RawMessage { return each(lines, lineV1) })
	}
}

type (
	names map[string]string                                // new ones by old ones
	parts map[string]func(json.RawMessage) json.RawMessage // how to upgrade a member
)

func flagV1(raw json.RawMessage) json.RawMessage {
	return upgraded(raw, names{"run": "streak", "from": "streak_since"}, nil)
}

// lineV1 upgrades a line of a ledger. That its beginning or its end was tried
// stood in two places.
func lineV1(raw json.RawMessage) json.RawMessage {
	var was struct {
		Ended bool `json:"ended"`
		Waits *struct {
			Tried bool `json:"tried"`
		} `json:"waits"`
	}
	if json.Unmarshal(raw, &was) != nil {
		return raw
	}
	dates := names{"certificate": "not_after", "identity": "certificate_id", "anchor": "news"}
	raw = upgraded(raw, names{"waits": "pending"}, parts{
		"told":  func(raw json.RawMessage) json.RawMessage { return upgraded(raw, dates, nil) },
		"waits": func(raw json.RawMessage) json.RawMessage { return upgraded(raw, dates, nil) },
	})
	switch {
	case was.Ended:
		return with(raw, "tried", `"resolved"`)
	case was.Waits != nil && was.Waits.Tried:
		return with(raw, "tried", `"firing"`)
	}
	return raw
}

// each upgrades every member of an object.
func each(raw json.RawMessage, upgrade func(json.RawMessage) json.RawMessage) json.RawMessage {
	return changed(raw, func(members map[string]json.RawMessage) {
		for key, member := range members {
			members[key] = upgrade(member)
		}
	})
}

// upgraded upgrades some members of an object, and gives some other names.
func upgraded(raw json.RawMessage, to names, upgrade parts) json.RawMessage {
	return changed(raw, func(members map[string]json.RawMessage) {
		for name, part := range upgrade {
			if member, ok := members[name]; ok {
				members[name] = part(member)
			}
		}
		for old, name := range to {
			if member, ok := members[old]; ok {
				delete(members, old)
				members[name] = member
			}
		}
	})
}

// with sets a member of an object.
func with(raw json.RawMessage, name, value string) json.RawMessage {
	return changed(raw, func(members map[string]json.RawMessage) { members[name] = json.RawMessage(value) })
}

// changed changes the members of an object, if it is one.
func changed(raw json.RawMessage, change func(map[string]json.RawMessage)) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return raw
	}
	change(members)
	out, err := json.Marshal(members)
	if err != nil {
		return raw // a member is no JSON, which can't be: it was read as such
	}
	return out
}
