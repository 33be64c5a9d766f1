package check

import "slices"

// Verdict is how an instance stands, in a word.
type Verdict string

// The verdicts, the best first. What is not known is worse than a warning:
// there may be anything behind it.
const (
	VerdictOK       Verdict = "ok"
	VerdictWarning  Verdict = "warning"
	VerdictUnknown  Verdict = "unknown"
	VerdictCritical Verdict = "critical"
)

// Verdicts returns all verdicts, the worst first.
func Verdicts() []Verdict {
	return []Verdict{VerdictCritical, VerdictUnknown, VerdictWarning, VerdictOK}
}

// Compare orders verdicts, the better first.
func (v Verdict) Compare(other Verdict) int {
	return slices.Index(Verdicts(), other) - slices.Index(Verdicts(), v)
}

// VerdictOf returns how an instance stands, of which alerts is what is true.
func VerdictOf(r Record, alerts []Alert) Verdict {
	worst := VerdictOK
	worsen := func(v Verdict) {
		if v.Compare(worst) > 0 {
			worst = v
		}
	}
	if r.Verified.IsZero() {
		worsen(VerdictUnknown)
	}
	for _, a := range alerts {
		if a.State == Stands {
			worsen(Verdict(a.Severity))
		}
	}
	return worst
}
