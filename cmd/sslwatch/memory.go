package main

import (
	"log/slog"
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// shareOfLimit is how much of the memory that the process may have is for Go;
// the rest is for the kernel's buffers and what the runtime does not count.
const shareOfLimit = 0.85

// boundMemory has Go collect its garbage in time for the limit of the cgroup,
// where there is one, unless GOMEMLIMIT says otherwise.
func boundMemory(log *slog.Logger) {
	if _, err := memlimit.Set(memlimit.WithRatio(shareOfLimit), memlimit.WithProvider(memlimit.FromCgroup)); err != nil {
		log.Debug("memory is not bounded", "err", err)
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		log.Info("memory is bounded", "mib", limit>>20)
	}
}
