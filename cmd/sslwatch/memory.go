package main

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// shareOfLimit is how much of the memory that the process may have is for Go;
// the rest is for the kernel's buffers and what the runtime does not count.
const shareOfLimit = 0.85

// growth is by how much of what is in use the heap may grow, in percent,
// before garbage is collected: a quarter of Go's default. The daemon makes little
// garbage, so the collector has little to do, and memory is what it is
// measured by on the hosts that it shares.
const growth = 25

// boundMemory has Go collect its garbage in time for the limit of the cgroup,
// where there is one, unless GOMEMLIMIT says otherwise; and early, unless GOGC
// does.
func boundMemory(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	if _, err := memlimit.Set(memlimit.WithRatio(shareOfLimit), memlimit.WithProvider(memlimit.FromCgroup)); err != nil {
		log.Debug("memory is not bounded", "err", err)
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		log.Info("memory is bounded", "mib", limit>>20)
	}
}
