package notify_test

import (
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
)

// What a restart costs depends on how an instance is built, which the list of
// instances says.
func TestWhatSwitchingSSLWouldDoToThisOne(t *testing.T) {
	ends := now.Add(6*check.Day + 123456789)
	of := func(name string, about check.About) ledger.Notice {
		r := seen(record(name), ends, now)
		r.About = about
		return owed(r, nil, now)[0]
	}
	single := check.About{Kind: dcs.SingleNode, MaintenanceBegin: "22:00:00", MaintenanceEnd: "02:30:00"}
	for rule, test := range map[string]struct {
		of  []ledger.Notice
		has []string
		not []string
	}{
		"not known":      {[]ledger.Notice{of("a", check.About{})}, []string{"loses the data of a single-node instance or one without AOF."}, []string{"maintenance window is"}},
		"single-node":    {[]ledger.Notice{of("a", single)}, []string{"loses its data: this is a single-node instance.", "Its maintenance window is 22:00 to 02:30 UTC."}, nil},
		"master/standby": {[]ledger.Notice{of("a", check.About{Kind: dcs.MasterStandby})}, []string{"loses its data unless AOF is on: this is a master/standby instance."}, []string{"maintenance window is"}},
		"cluster":        {[]ledger.Notice{of("a", check.About{Kind: dcs.Cluster})}, []string{"this is a Redis Cluster instance."}, nil},
		"several, which differ": {[]ledger.Notice{of("a", single), of("b", check.About{Kind: dcs.Cluster})},
			[]string{"loses the data of a single-node instance or one without AOF."}, []string{"this is a", "Its maintenance window"}},
		"several alike": {[]ledger.Notice{of("a", single), of("b", single)}, []string{"this is a single-node instance."}, nil},
	} {
		t.Run(rule, func(t *testing.T) {
			m := utc.Compose(test.of, nil, now)
			advice := strings.Join(m.Groups[0].Advice, "\n")
			for _, s := range test.has {
				if !strings.Contains(advice, s) {
					t.Errorf("%s\nlacks %q", advice, s)
				}
			}
			for _, s := range test.not {
				if strings.Contains(advice, s) {
					t.Errorf("%s\nhas %q", advice, s)
				}
			}
		})
	}
}
