package watch

import (
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/queue"
)

// handshakes decides with which instance hands are shaken next. No project has
// more than its share under way, so that one whose instances hang holds up no
// other; of its instances, the one that has waited for the longest is first.
type handshakes struct {
	projects map[string]*handshaking
	flights  map[check.Key]bool
	most     int // at once
	share    int // of one project
}

// handshaking is a project in which hands are to be shaken, or being shaken.
type handshaking struct {
	waiting *queue.Queue[check.Key] // by since when
	flights int
}

func newHandshakes() *handshakes {
	return &handshakes{projects: map[string]*handshaking{}, flights: map[check.Key]bool{}}
}

// want has hands be shaken with an instance. While they are being shaken
// already it does nothing.
func (h *handshakes) want(key check.Key, now time.Time) {
	if h.flights[key] {
		return
	}
	p := h.projects[key.ProjectID]
	if p == nil {
		p = &handshaking{waiting: queue.New[check.Key]()}
		h.projects[key.ProjectID] = p
	}
	if p.waiting.At(key).IsZero() {
		p.waiting.Set(key, check.Wall(now))
	}
}

// limit bounds how many hands are shaken at once, in so many projects.
func (h *handshakes) limit(most, projects int) {
	h.most, h.share = most, max(1, most/max(1, projects))
}

// next takes the instance with which hands are to be shaken now, if one more
// may be. may reports whether those of a project may be now.
func (h *handshakes) next(may func(projectID string) bool) (key check.Key, ok bool) {
	if len(h.flights) >= h.most {
		return check.Key{}, false
	}
	for id, p := range h.projects {
		if p.waiting.Len() == 0 || p.flights >= h.share || !may(id) {
			continue
		}
		key, _ = p.waiting.Next()
		p.waiting.Set(key, time.Time{})
		p.flights++
		h.flights[key] = true
		return key, true
	}
	return check.Key{}, false
}

// done takes in that a handshake is over.
func (h *handshakes) done(key check.Key) {
	delete(h.flights, key)
	p := h.projects[key.ProjectID]
	if p.flights--; p.flights == 0 && p.waiting.Len() == 0 {
		delete(h.projects, key.ProjectID)
	}
}
