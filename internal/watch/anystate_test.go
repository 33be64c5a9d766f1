package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/state"
	"github.com/sslwatch/sslwatch/internal/watch"
)

var writeStates = flag.Bool("write-states", false, "write the real states that are mutated")

// realStates are states that a daemon wrote, in a day with everything in it.
func realStates(t testing.TB) (states [][]byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "states", "*.json"))
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, data)
	}
	return states
}

// With -write-states they are made anew. They must be sound, and hold of
// everything something.
func TestTheStatesThatAreMutatedAreReal(t *testing.T) {
	if *writeStates {
		synctest.Test(t, writeRealStates)
	}
	var records, told, waits, messages int
	for i, data := range realStates(t) {
		s := readable(t, map[string]string{stateFile: string(data)})
		records += len(s.Records)
		messages += len(s.Messages)
		for _, ledger := range s.Ledgers {
			for _, lines := range ledger {
				for _, line := range lines {
					if line.Told != nil {
						told++
					}
					if line.Pending != nil {
						waits++
					}
				}
			}
		}
		if len(s.Records) == 0 {
			t.Errorf("state %d holds nothing", i)
		}
	}
	if told < 10 || waits < 5 || messages < 5 {
		t.Errorf("%d records, %d told, %d waits, %d messages", records, told, waits, messages)
	}
}

func writeRealStates(t *testing.T) {
	l := dayOfMutants(t)
	disk := newRAM()
	start := func() {
		t.Helper()
		if err := l.startOnFile(mount{disk, func(string) error { return nil }}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	start()
	n := 0
	for _, event := range day[:len(day)-2] {
		event.what(l)
		l.pager.set(func(p *pager) {
			if p.err = nil; n%2 == 1 {
				p.err = &notify.Failure{Reason: "HTTP 503"}
			}
		})
		l.pass(90*time.Minute + 123456789)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join("testdata", "states", fmt.Sprintf("%d.json", n))
		if err := os.WriteFile(name, []byte(disk.files()[stateFile]), 0o644); err != nil {
			t.Fatal(err)
		}
		n++
		start()
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
}

// dayOfMutants is a life of seven instances with two receivers.
func dayOfMutants(t *testing.T) *life {
	l := newLife(t, 7)
	l.opt.Interval = 5 * time.Minute
	l.expires(0, time.Now().Add(8*time.Hour+123456789))
	l.expires(6, time.Now().Add(5*check.Day))
	l.pager.limits.Threads = true
	l.opt.Receivers[0].Sender = threaded{l.pager}
	l.opt.Receivers = append(l.opt.Receivers, watch.Receiver{Receiver: ledger.Receiver{ID: "mail", Name: "mail"}, Sender: newPager()})
	l.opt.Receivers[0].Fallback, l.opt.Receivers[0].FallbackAfter = "mail", 5*time.Minute
	return l
}

// threaded is a pager that keeps what belongs together in threads.
type threaded struct{ *pager }

func (p threaded) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	receipt, err := p.pager.Deliver(ctx, m)
	if err == nil && m.Thread == nil {
		receipt = json.RawMessage(`{"channel":"C0","ts":"1.0","id":"` + m.ID + `"}`)
	}
	return receipt, err
}

// oddValues are what stands in a state where something else should.
var oddValues = []string{
	`null`, `true`, `false`, `0`, `-1`, `1e99`, `9223372036854775807`, `-9223372036854775808`, `""`, `"x/"`, `"/"`, `"\u001b[2J"`, `{}`, `[]`, `[{}]`,
	`"0001-01-01T00:00:00Z"`, `"1970-01-01T00:00:00Z"`, `"1999-12-31T00:00:00Z"`, `"2000-01-02T00:00:00Z"`, `"2199-12-31T23:59:59Z"`, `"9999-12-31T23:59:59Z"`,
	`"0"`, `"100000d"`, `"1ns"`, `"-1h"`, `"critical"`, `"warning"`, `"certificate_expired"`, `"unwatched"`, `{"":{}}`, `{"told":{}}`, `{"waits":{}}`,
}

// mutate changes a few places of a state, as source says.
func mutate(data []byte, source *rand.Rand) []byte {
	var root any
	if err := json.Unmarshal(data, &root); err != nil {
		panic(err)
	}
	for range 1 + source.IntN(6) {
		at, key := somewhere(root, source)
		if at == nil {
			break
		}
		old := at[key]
		switch source.IntN(6) {
		case 0:
			delete(at, key)
		case 1: // under a key of another place
			other, k := somewhere(root, source)
			if other != nil {
				other[k] = copied(old)
			}
		case 2: // under a key that nothing has
			at[[]string{"", "x/", "/", "a/b/c", "x", "x/y", key + "/"}[source.IntN(7)]] = copied(old)
		default:
			var v any
			if err := json.Unmarshal([]byte(oddValues[source.IntN(len(oddValues))]), &v); err != nil {
				panic(err)
			}
			at[key] = v
		}
	}
	out, err := json.Marshal(root)
	if err != nil {
		panic(err)
	}
	if source.IntN(20) == 0 {
		out = out[:source.IntN(len(out))]
	}
	return out
}

func copied(v any) (out any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

// somewhere returns a member of an object in v, all about as likely.
func somewhere(v any, source *rand.Rand) (at map[string]any, key string) {
	seen := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if seen++; source.IntN(seen) == 0 {
					at, key = v, k
				}
				walk(v[k])
			}
		case []any:
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(v)
	return at, key
}

// Whatever stands in the state file, a daemon that starts on it lives: it
// does not crash, it floods nobody, and what it can't read it sets aside and
// says so.
func FuzzAnyState(f *testing.F) {
	states := realStates(f)
	for i := range states {
		f.Add(uint8(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, which uint8, seed uint64) {
		source := rand.New(rand.NewPCG(seed, uint64(which)))
		data := mutate(states[int(which)%len(states)], source)
		synctest.Test(t, func(t *testing.T) { liveOnAnyState(t, data, source.IntN(4)) })
	})
}

// liveOnAnyState lives ten minutes, with a stop and a start, and one more.
func liveOnAnyState(t *testing.T, data []byte, world int) {
	l := dayOfMutants(t)
	time.Sleep(time.Until(lastTime(data).Add(time.Minute))) // fake time
	l.cloud.set(func(c *cloud) {
		switch world {
		case 0:
			c.err = failed
		case 1:
			c.fails = map[string]*dcs.Error{instance(1).InstanceID: missing, instance(2).InstanceID: failed}
		}
	})
	disk := newRAM()
	disk.names[stateFile] = string(data)
	for i := range 2 {
		notes, err := l.startOnAny(mount{disk, func(string) error { return nil }}, slog.New(slog.DiscardHandler))
		if errors.As(err, new(*state.FutureError)) {
			return
		}
		if err != nil || i > 0 && len(notes) > 0 {
			t.Fatal(notes, err)
		}
		l.pass(5 * time.Minute)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		readable(t, disk.files())
	}
	for i, p := range []*pager{l.pager, l.opt.Receivers[1].Sender.(*pager)} {
		r := l.opt.Receivers[i]
		fired, over := map[string]int{}, map[string]int{}
		for _, m := range p.got {
			for _, n := range noticesOf(m) {
				if n.Fires() {
					fired[n.Key().String()+" "+string(n.Condition)]++
				} else {
					over[n.Key().String()+" "+string(n.Condition)]++
				}
			}
		}
		for what, told := range map[string]map[string]int{"fires": fired, "ends": over} {
			for alert, n := range told {
				if n > 2 {
					t.Errorf("%s: %s %s %d times in ten minutes", r.ID, alert, what, n)
				}
			}
		}
		if alerts := len(fired) + len(over); len(p.got) > 2*alerts {
			t.Errorf("%s: %d messages about %d alerts", r.ID, len(p.got), alerts)
		}
	}
}

// lastTime returns when a state was written last, if that can be read.
func lastTime(data []byte) time.Time {
	var s state.State
	var at struct {
		Written time.Time `json:"written"`
	}
	if json.Unmarshal(data, &at) != nil || at.Written.Year() > 2100 {
		return s.Written
	}
	return at.Written
}

// The sums of times can't overflow, and whatever stands in a ledger, nobody
// is flooded: not even where the state file's own checks did not see it.
func TestALedgerWithoutTimesFloodsNobody(t *testing.T) {
	for name, lines := range map[string]string{
		"no times":           `"told":{"severity":"critical","not_after":"2000-01-05T00:00:00Z"}`,
		"no times, a wait":   `"told":{"severity":"critical","not_after":"2000-01-05T00:00:00Z"},"pending":{"severity":"critical"}`,
		"no anchor":          `"told":{"severity":"critical","not_after":"2000-01-05T00:00:00Z","first":"2000-01-01T00:00:00Z","last":"2000-01-01T00:00:00Z"}`,
		"the year 9999":      `"told":{"severity":"critical","not_after":"2000-01-05T00:00:00Z","first":"9999-01-01T00:00:00Z","news":"9999-01-01T00:00:00Z","last":"9999-01-01T00:00:00Z"}`,
		"from one to 9999":   `"told":{"severity":"critical","not_after":"2000-01-05T00:00:00Z","first":"0001-01-01T00:00:00Z","news":"0001-01-02T00:00:00Z","last":"9999-01-01T00:00:00Z"}`,
		"a wait without end": `"pending":{"severity":"critical","since":"9999-01-01T00:00:00Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(l *life) {
				l.expires(0, time.Now().Add(4*check.Day))
				line := `{"` + instance(0).Key().String() + `":{"certificate_expiring":{` + lines + `}}}`
				var s state.State
				if err := json.Unmarshal([]byte(`{"ledgers":{"oncall":`+line+`}}`), &s); err != nil {
					t.Fatal(err)
				}
				l.startFrom(s, l.disk)
				l.pass(10 * time.Minute)
				if n := l.pager.tried(); n > 2 {
					t.Errorf("%d messages in ten minutes about one alert", n)
				}
			})
		})
	}
}

func TestNoReceiverIsFlooded(t *testing.T) {
	bubble(t, 300, func(l *life) {
		l.opt.Projects[0].Rate, l.pager.limits.Items = 1000, 1
		for i := range 300 {
			l.expires(i, time.Now().Add(3*check.Day))
		}
		l.start()
		l.pass(70 * time.Second)
		if n := l.pager.tried(); n < 60 || n > 85 {
			t.Errorf("%d messages in the first minute", n)
		}
		l.pass(10 * time.Minute)
		if n := len(l.pager.lines()); n != 300 {
			t.Errorf("%d of 300 are told", n)
		}
	})
}
