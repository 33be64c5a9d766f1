package watch

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
)

// Beat is a sign of life for a dead-man service.
type Beat string

// The signs. The names are those that such services use.
const (
	BeatStart   Beat = "start"   // a pass over the fleet begins
	BeatSuccess Beat = "success" // it was clean
	BeatFail    Beat = "fail"    // it was not
)

// owedTooLong is how long something may be owed in a pass that is clean.
const owedTooLong = 15 * time.Minute

// beat gives a sign of life after each pass over the fleet: all asked, with
// or without an answer. It was clean if the state is on disk and nobody is
// owed anything for long. Whether instances can be checked is no matter
// here: that is told.
func (w *Watch) beat(now time.Time) {
	if w.opt.Beat == nil {
		return
	}
	if w.pass.IsZero() {
		w.startPass(now)
		return
	}
	if !w.fleet.Passed() {
		return
	}
	sign, why := BeatSuccess, ""
	if w.disk.failure != "" {
		sign, why = BeatFail, "the state can't be written: "+w.disk.failure
	}
	for _, r := range w.receivers {
		if _, since := w.book.Owed(r.ID); !since.IsZero() && check.Wall(now).Sub(since) > owedTooLong {
			sign, why = BeatFail, "receiver "+r.ID+" has been owed alerts since "+since.Format(time.RFC3339)
		}
	}
	for _, o := range w.absent() {
		if check.Wall(now).Sub(o.Since) > owedTooLong {
			sign, why = BeatFail, "receiver "+o.Name+" can't be shown what stands since "+o.Since.Format(time.RFC3339)
		}
	}
	w.opt.Beat(sign, why)
	w.startPass(now)
}

func (w *Watch) startPass(now time.Time) {
	w.pass = check.Wall(now)
	w.fleet.Pass(now)
	w.opt.Beat(BeatStart, "")
}
