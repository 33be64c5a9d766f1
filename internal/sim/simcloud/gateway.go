package simcloud

import (
	"net/http"
	"strconv"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simserver"
)

// window is a gateway's limit: so many requests of a project in so long a
// time, of which the first begins with the first request.
type window struct {
	most int // 0: no limit
	per  time.Duration

	began map[string]time.Time // by project
	used  map[string]int
}

// Window lets the gateway answer 429 to more than so many requests of a project
// in so long a time, with a Retry-After for the end of that time. Requests that
// are refused count, too. With 0 there is no limit.
func (d *DCS) Window(most int, per time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.window = window{most: most, per: per, began: map[string]time.Time{}, used: map[string]int{}}
}

// full counts a request, and reports whether it is one too many and how long
// it is to the end of the window.
func (w *window) full(project string, now time.Time) (wait time.Duration, full bool) {
	if w.most == 0 {
		return 0, false
	}
	if began := w.began[project]; began.IsZero() || now.Sub(began) >= w.per {
		w.began[project], w.used[project] = now, 0
	}
	w.used[project]++
	return w.began[project].Add(w.per).Sub(now), w.used[project] > w.most
}

// AnswerProject makes a the answer to every request about a project, which
// others do not feel; AnswerTruth ends that.
func (d *DCS) AnswerProject(project string, a Answer) error {
	return d.order(simserver.Everything, []Answer{a}, func(string) { d.script.Stand(ofProject(project), a) })
}

// ofProject is the target of a script that stands for a project.
func ofProject(id string) string { return "project " + id }

// throttled is the answer to one request too many.
func throttled(wait time.Duration) Answer {
	return AnswerThrottled.With(strconv.Itoa(int((wait + time.Second - 1) / time.Second)))
}

// foreign is what something on the way says in the shape of a success.
const foreign = `{"message":"maintenance"}`

// sendForeign answers 200 with JSON that the API did not write.
func sendForeign(w http.ResponseWriter, body string) {
	if body == "" {
		body = foreign
	}
	simserver.Reply(w, http.StatusOK, "application/json", body)
}

// sliding is the date of a certificate that is worked out anew at each request.
func sliding(now time.Time, left string) string {
	d, err := simserver.ParseDuration(left)
	if err != nil {
		d = 5 * 24 * time.Hour
	}
	return apiDate(now.Add(d))
}
