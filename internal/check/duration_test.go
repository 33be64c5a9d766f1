package check_test

import (
	"testing"

	"github.com/sslwatch/sslwatch/internal/check"
)

func TestDurations(t *testing.T) {
	for in, want := range map[string]string{
		"30d": "30d", "2w": "14d", "1w2d3h": "9d3h", "90s": "1m30s", "0": "0", "1.5h": "1h30m", "250ms": "250ms",
	} {
		d, err := check.ParseDuration(in)
		if err != nil || d.String() != want {
			t.Errorf("%s: %v, %v; want %s", in, d, err, want)
		}
	}
	for _, in := range []string{"", "5", "soon", "-1h", "1d-1h", "d", "1h1d", "99999999999w", "+5d"} {
		if d, err := check.ParseDuration(in); err == nil {
			t.Errorf("%s is taken for %v", in, d)
		}
	}
}

// FuzzParseDuration checks that what is read can be written and read again.
func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30d", "2w", "1w2d3h4m5s", "0", "-1d", "1.5h", "9999999w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := check.ParseDuration(s)
		if err != nil {
			return
		}
		again, err := check.ParseDuration(d.String())
		if err != nil || again != d || d < 0 {
			t.Errorf("%q is %d, written %q, read as %d, %v", s, d, d, again, err)
		}
	})
}
