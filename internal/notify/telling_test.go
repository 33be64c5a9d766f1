package notify_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
)

// in is the wording with the times of a zone beside UTC.
func in(t *testing.T, zone string) notify.Wording {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return notify.Wording{Zone: z}
}

func TestTimesInAZoneStandBesideUTC(t *testing.T) {
	var b strings.Builder
	shanghai := in(t, "Asia/Shanghai")
	shown := []string{"expiring, reminder", "expired, replaced by an earlier one", "disabled, of a known kind", "the clock is off", "renewed", "came and went"}
	for _, s := range story() {
		if slices.Contains(shown, s.name) {
			fmt.Fprintf(&b, "== %s\n%s", s.name, plain(shanghai.Compose(s.notices, nil, now)))
		}
	}
	fmt.Fprintf(&b, "== a test message\n%s", plain(shanghai.Test("1", now)))
	golden.Assert(t, b.String(), "zone.golden")
}

// stamps are times in UTC, and beside is what stands behind them of Shanghai.
var (
	stamps = regexp.MustCompile(`\d\d:\d\d:\d\d UTC`)
	beside = regexp.MustCompile(` \((?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?: to \d\d:\d\d)? UTC\+8\)`)
	both   = regexp.MustCompile(stamps.String() + beside.String())
)

// A zone adds its times to what is said in UTC, to each of them, and changes
// nothing else.
func TestAZoneChangesNothingButTimes(t *testing.T) {
	shanghai := in(t, "Asia/Shanghai")
	of := func(m notify.Message) string { return plain(m) + m.Stamp }
	for _, s := range story() {
		alone, zoned := utc.Compose(s.notices, nil, now), shanghai.Compose(s.notices, nil, now)
		if got, want := beside.ReplaceAllString(of(zoned), ""), of(alone); got != want {
			t.Errorf("%s: without the zone\n%s\nwant\n%s", s.name, got, want)
		}
		if alone.ID != zoned.ID || alone.Time != zoned.Time {
			t.Errorf("%s: the message has another identity or time in a zone", s.name)
		}
		if s.name == "overdue, and why" {
			continue // what the API said is shown as it was said
		}
		if n, m := len(stamps.FindAllString(of(zoned), -1)), len(both.FindAllString(of(zoned), -1)); n != m || n == 0 {
			t.Errorf("%s: %d of %d times have that of the zone beside them:\n%s", s.name, m, n, of(zoned))
		}
	}
}

func TestATitleNamesTheDayOfTheZoneWhereItIsAnotherOne(t *testing.T) {
	before := seen(record("orders-cache"), now.Add(5*check.Day), now.Add(-time.Hour))
	for until, want := range map[string]string{
		"2027-12-01T23:30:00.123456789Z": "RESOLVED prod/orders-cache: certificate renewed until 2027-12-01 UTC (2027-12-02 UTC+1)",
		"2027-12-01T22:30:00.123456789Z": "RESOLVED prod/orders-cache: certificate renewed until 2027-12-01",
	} {
		at, err := time.Parse(time.RFC3339Nano, until)
		if err != nil {
			t.Fatal(err)
		}
		over := owed(seen(before, at, now.Add(-time.Minute)), told(before, now.Add(-time.Hour)), now)
		if got := in(t, "Europe/Berlin").Compose(over, nil, now).Title; got != want {
			t.Errorf("%s: %q, want %q", until, got, want)
		}
	}
}

// The window is one of each day in UTC. What the clocks of a zone show then is
// judged on the next one that begins.
func TestTheMaintenanceWindowInAZone(t *testing.T) {
	for rule, test := range map[string]struct {
		now, begin, end, zone, want string
	}{
		"winter":                             {"2026-12-01T10:00:00.123456789Z", "22:00:00", "02:00:00", "Europe/Berlin", "22:00 to 02:00 UTC (23:00 to 03:00 UTC+1)."},
		"summer":                             {"2026-07-01T10:00:00.123456789Z", "22:00:00", "02:00:00", "Europe/Berlin", "22:00 to 02:00 UTC (00:00 to 04:00 UTC+2)."},
		"the clocks are set within the next": {"2027-03-27T21:59:59.123456789Z", "22:00:00", "02:00:00", "Europe/Berlin", "22:00 to 02:00 UTC (23:00 UTC+1 to 04:00 UTC+2)."},
		"one is under way, and the next is another": {"2027-03-27T22:00:00.123456789Z", "22:00:00", "02:00:00", "Europe/Berlin", "22:00 to 02:00 UTC (00:00 to 04:00 UTC+2)."},
		"one begins this moment":                    {"2027-03-27T22:00:00Z", "22:00:00", "02:00:00", "Europe/Berlin", "22:00 to 02:00 UTC (23:00 UTC+1 to 04:00 UTC+2)."},
		"of the same day":                           {"2027-03-28T00:30:00.123456789Z", "02:30:00", "06:30:00", "Europe/Berlin", "02:30 to 06:30 UTC (04:30 to 08:30 UTC+2)."},
		"that is over for today":                    {"2027-10-30T07:00:00.123456789Z", "02:30:00", "06:30:00", "Europe/Berlin", "02:30 to 06:30 UTC (03:30 to 07:30 UTC+1)."},
		"half an hour":                              {"2026-12-01T10:00:00.123456789Z", "18:00:00", "22:00:00", "Asia/Kolkata", "18:00 to 22:00 UTC (23:30 to 03:30 UTC+5:30)."},
		"behind UTC":                                {"2026-12-01T10:00:00.123456789Z", "18:00:00", "22:00:00", "America/St_Johns", "18:00 to 22:00 UTC (14:30 to 18:30 UTC-3:30)."},
		"as UTC at that time":                       {"2026-12-01T10:00:00.123456789Z", "18:00:00", "22:00:00", "Europe/London", "18:00 to 22:00 UTC (18:00 to 22:00 UTC+0)."},
		"of 24 hours":                               {"2027-03-27T10:00:00.123456789Z", "22:00:00", "22:00:00", "Europe/Berlin", "22:00 to 22:00 UTC (23:00 UTC+1 to 00:00 UTC+2)."},
		"UTC alone":                                 {"2026-12-01T10:00:00.123456789Z", "22:00:00", "02:00:00", "", "22:00 to 02:00 UTC."},
		"that can't be read":                        {"2026-12-01T10:00:00.123456789Z", "22:00:00", "late", "Asia/Shanghai", "22:00 to late UTC."},
	} {
		t.Run(rule, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, test.now)
			if err != nil {
				t.Fatal(err)
			}
			w := utc
			if test.zone != "" {
				w = in(t, test.zone)
			}
			r := seen(record("orders-cache"), at.Add(5*check.Day), at.Add(-time.Minute))
			r.About = check.About{MaintenanceBegin: test.begin, MaintenanceEnd: test.end}
			advice := strings.Join(w.Compose(owed(r, nil, at), nil, at).Groups[0].Advice, "\n")
			_, got, _ := strings.Cut(advice, "Its maintenance window is ")
			if got, _, _ = strings.Cut(got, "\n"); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// A message is as long as it is shown: a batch that fits in UTC alone may be
// too much with a zone.
func TestABatchIsPlannedWithTheTimesOfTheZone(t *testing.T) {
	var notices []ledger.Notice
	size := 0
	for i := range 5 {
		r := record(fmt.Sprintf("cache-%d", i))
		r.InstanceID = fmt.Sprintf("%08d-b865-4159-b774-204dc0a36e37", i)
		notices = append(notices, owed(seen(r, now.Add(5*check.Day), now.Add(-time.Minute)), nil, now)...)
	}
	for _, g := range utc.Compose(notices, nil, now).Groups {
		for _, i := range g.Items {
			size += len(i.Line)
		}
	}
	limits := notify.Limits{Items: 100, Bytes: size}
	if n, m := len(utc.Batch(notices, limits, now)), len(in(t, "Asia/Shanghai").Batch(notices, limits, now)); n != 5 || m != 4 {
		t.Errorf("%d in UTC alone, %d with a zone", n, m)
	}
}
