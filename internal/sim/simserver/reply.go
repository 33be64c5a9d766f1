package simserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// StatusOf reads an HTTP status, and is otherwise if it cannot.
func StatusOf(arg string, otherwise int) int {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 200 || n > 599 {
		return otherwise
	}
	return n
}

// SendJSON sends a value, which is made of maps, strings and numbers.
func SendJSON(w http.ResponseWriter, status int, v any) {
	Reply(w, status, "application/json", ToJSON(v))
}

// ToJSON writes such a value.
func ToJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // what is sent here is made of maps, strings and numbers
	}
	return string(raw)
}

// ParseDuration reads Go's durations, with weeks and days before the rest:
// "1w2d", "36h", "1d12h30m".
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration such as 6d, 1d12h or 90s", s)
	var sum time.Duration
	rest := s
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, ok := strings.Cut(rest, unit.letter)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 12)
		if err != nil {
			return 0, bad
		}
		sum, rest = sum+time.Duration(n)*unit.length, after
	}
	if rest == "" && s != "" {
		return sum, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, bad
	}
	return sum + d, nil
}
