package simcloud_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
	"github.com/sslwatch/sslwatch/internal/sim/simtest"
)

const (
	project  = "0123456789abcdef0123456789abcdef"
	instance = "553a2516-b865-4159-b774-204dc0a36e37"
)

var me = simtest.Caller{Access: "AK", Secret: "SK"}

// newDCS returns one that listens on the loopback and has one instance, named
// cache.
func newDCS(t *testing.T, change func(*simcloud.Options)) *simcloud.DCS {
	t.Helper()
	o := simcloud.Options{
		Projects: []string{project},
		Keys:     []simcloud.Key{{Access: "AK", Secret: "SK"}},
		Instances: []simcloud.Instance{{
			ID: instance, Name: "cache", IP: "192.168.0.5", IPv6: "::1",
			Enabled: true, Validated: true, ExpiresAt: time.Date(2027, 6, 15, 2, 21, 18, 669e6, time.UTC),
		}},
	}
	if change != nil {
		change(&o)
	}
	d, err := simcloud.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Listen(""); err != nil {
		t.Fatal(err)
	}
	return d
}

func sslURL(d *simcloud.DCS) string {
	return d.URL() + "/v2/" + project + "/instances/" + instance + "/ssl"
}

func readCloser(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }
