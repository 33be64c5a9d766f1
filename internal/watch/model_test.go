package watch_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/watch"
)

var (
	seeds = flag.Int("seeds", 0, "how many random lives are lived; 0 for a few")
	seed  = flag.Uint64("seed", 1, "the first of the random lives")
)

const (
	// forgetful is how long before a kill the daemon may have learnt
	// something, or told it, that is not on disk.
	forgetful = 10 * time.Second
	// settled is how long everything must stay as it is until all is told.
	settled = 4 * time.Hour
	// fallbackAfter is how long one receiver waits until another is told.
	fallbackAfter = 25 * time.Minute

	otherID = "fedcba9876543210fedcba9876543210"
)

// belief is what a daemon holds of something that takes two observations in
// a row to be believed, and two to be believed no longer.
type belief struct {
	so  bool
	run int // contrary observations in a row
}

func (b belief) see(so bool) belief {
	switch {
	case so == b.so:
		return belief{so: b.so}
	case b.run == 1:
		return belief{so: so}
	}
	return belief{b.so, 1}
}

// beliefs are all that a daemon may hold: after a kill it is not known what
// it had written.
type beliefs []struct {
	at  time.Time
	may map[belief]bool
}

func (b *beliefs) set(may map[belief]bool) {
	*b = append(*b, struct {
		at  time.Time
		may map[belief]bool
	}{time.Now(), may})
}

// since returns all that may have been held from then on.
func (b beliefs) since(from time.Time) map[belief]bool {
	may := map[belief]bool{}
	for _, held := range slices.Backward(b) {
		maps.Copy(may, held.may)
		if held.at.Before(from) {
			return may
		}
	}
	may[belief{}] = true // in the beginning
	return may
}

// see is an observation.
func (b *beliefs) see(so bool) {
	may := map[belief]bool{}
	for held := range b.since(time.Now().Add(1)) {
		if len(*b) > 0 || held == (belief{}) {
			may[held.see(so)] = true
		}
	}
	b.set(may)
}

// killed is a kill: what was seen right before it may be forgotten.
func (b *beliefs) killed() { b.set(b.since(time.Now().Add(-forgetful))) }

// may reports whether it may have been believed, or not, at some time from then on.
func (b beliefs) may(so bool, from time.Time) bool {
	for held := range b.since(from) {
		if held.so == so {
			return true
		}
	}
	return false
}

// seen is what the daemon can know of an instance: what the cloud answered.
type seen struct {
	off, invalid, missing, unsupported, denied beliefs
	dates                                      map[int64]bool // in Unix nanoseconds
	answers, good                              []time.Time
	came                                       time.Time // when it last came into the configuration, or the list
	shown                                      time.Time // when a list showed it first since then
	on                                         time.Time // since when it is surely known that SSL was on; zero if it is not
	everOn                                     bool
}

func (s *seen) each(f func(*beliefs)) {
	for _, b := range []*beliefs{&s.off, &s.invalid, &s.missing, &s.unsupported, &s.denied} {
		f(b)
	}
}

// alert is what a receiver holds for true.
type alert struct {
	certificate time.Time
	threshold   check.Duration
	severity    check.Severity
	last        time.Time
	// unsure is set when it is not known at the other end that it was told,
	// refires when it is not known that it was not told to be over.
	unsure, refires bool
}

// reader is a receiver with a memory, which is told off what it hears.
type reader struct {
	*pager
	model    *model
	id       string
	audience ledger.Audience
	open     map[string]*alert // by subject and condition
	ended    map[string]bool   // those of which the end may be told again
	ever     map[string]bool   // those that it has heard of
	over     map[string]bool   // those of which it heard the end last
	doubted  map[string]bool   // those that it may hold for true or not
	stands   []*reader         // those that it stands in for, and may learn from what they knew
	last     notify.Message
	lastAt   time.Time
	filtered time.Time // when its audience changed last
}

func (r *reader) Deliver(ctx context.Context, m notify.Message) (json.RawMessage, error) {
	r.ends(m)
	if r.model.fate.step() {
		return nil, errKilled
	}
	before := r.count()
	receipt, err := r.pager.Deliver(ctx, m)
	if r.count() > before {
		r.take(m, err == nil)
	}
	if r.model.fate.step() {
		return nil, errKilled
	}
	// What follows goes into the thread of what it follows, unless that is gone.
	if r.limits.Threads && err == nil && (m.Thread == nil || m.ID[0] < '2') {
		receipt = json.RawMessage(`"` + m.ID + `"`)
	}
	return receipt, err
}

// ends notes what a message that may arrive tells to be over.
func (r *reader) ends(m notify.Message) {
	r.model.mu.Lock()
	defer r.model.mu.Unlock()
	for _, n := range noticesOf(m) {
		for _, closed := range closes(n) {
			if a := r.open[closed]; a != nil {
				a.refires = true
			}
		}
	}
}

// count returns how many messages came.
func (p *pager) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// take checks a message by the rules of DESIGN.
func (r *reader) take(m notify.Message, sure bool) {
	r.model.mu.Lock()
	defer r.model.mu.Unlock()
	r.last, r.lastAt = m, time.Now()
	notices := noticesOf(m)
	// What ended and what fires in one message is read together.
	slices.SortStableFunc(notices, func(a, b ledger.Notice) int { return last(a) - last(b) })
	for _, n := range notices {
		r.model.tell("    %s: %s (%s, %s), at the other end %v %v", r.id, line(n), n.Severity, n.NotAfter.Format(time.TimeOnly), sure, n.Closes)
		if wrong := r.entry(n, sure); wrong != "" {
			r.model.fail("%s: %s", r.id, wrong)
		}
		if n.Fires() && len(r.stands) == 0 && m.Time.After(r.filtered) && !r.audience.Hears(n.Alert) {
			r.model.fail("%s: %s is not for it", r.id, line(n))
		}
		if wrong := r.model.cause(n, m.Time); wrong != "" {
			r.model.fail("%s: %s", r.id, wrong)
		}
	}
}

// last orders what fires after what ended.
func last(n ledger.Notice) int {
	if n.Fires() {
		return 1
	}
	return 0
}

// entry enters a notice into what the receiver holds for true, and tells why
// it may not be told.
func (r *reader) entry(n ledger.Notice, sure bool) string {
	key := n.Key().String() + " " + string(n.Condition)
	a := r.open[key]
	certificate := ofCertificate(n.Condition)
	wrong := ""
	knew := func(other *reader) bool { return other.ever[key] }
	follows := a != nil || r.ended[key] || slices.ContainsFunc(r.stands, knew)
	r.ever[key] = true
	switch n.Kind {
	case ledger.Firing:
		if a != nil && !a.unsure && !a.refires && !r.marked(n) && !(certificate && laterDate(n.NotAfter, a.certificate)) {
			wrong = "fires, and was open"
		}
	case ledger.Escalated:
		switch {
		case a == nil && follows:
		case a == nil:
			wrong = "tightens, and was not open"
		case certificate && laterDate(a.certificate, n.NotAfter) || n.Threshold < a.threshold || n.Severity.Compare(a.severity) > 0 || a.unsure:
		default:
			wrong = "tightens, and is no worse than what was told"
		}
	case ledger.Reminder:
		if !follows {
			wrong = "is reminded of, and was not open"
		} else if a == nil {
			break
		} else if since := time.Since(a.last); since < r.model.opt.Repeat[n.Severity]/2 && !a.unsure {
			wrong = fmt.Sprintf("is reminded of after %v", since)
		}
	case ledger.Resolved:
		if !follows || a == nil && r.over[key] && !r.ended[key] {
			wrong = "is resolved, and was not open"
		} else if a != nil && certificate && n.Ending == check.Renewed && !check.SameCertificate(n.PreviousNotAfter, a.certificate) && !a.unsure {
			wrong = "is resolved, and of another certificate"
		}
	case ledger.Missed:
		if a != nil && !a.unsure {
			wrong = "has passed, and was told"
		}
	}
	r.over[key], r.doubted[key] = !n.Fires(), false
	for _, other := range r.model.readers {
		if slices.Contains(other.stands, r) && n.Fires() {
			other.over[key] = false
		}
	}
	if !n.Fires() {
		if at := slices.Index(check.Conditions(), n.Condition); !n.Condition.Beside() {
			r.doubts(n.Key().String(), check.Conditions()[at:4]) // what it hid ends with it
		}
		for _, c := range append(slices.Clone(n.Closes), n.Condition) {
			closed := n.Key().String() + " " + string(c)
			if a := r.open[closed]; ofCertificate(c) && a != nil && n.Ending == check.Renewed && check.SameCertificate(a.certificate, n.NotAfter) {
				continue // what was told of the new certificate already stands
			}
			delete(r.open, closed)
			r.ended[closed] = !sure
		}
	} else {
		threshold, severity := n.Threshold, n.Severity
		if a != nil && !a.unsure && n.Kind != ledger.Firing && check.SameCertificate(a.certificate, n.NotAfter) { // the worst of what was told stays told
			if a.threshold > 0 {
				threshold = min(threshold, a.threshold)
			}
			if a.severity.Compare(severity) > 0 {
				severity = a.severity
			}
		}
		r.open[key] = &alert{n.NotAfter, threshold, severity, time.Now(), !sure, false}
		r.ended[key] = false
	}
	if wrong != "" {
		return line(n) + " " + wrong
	}
	return ""
}

// marked reports whether it is noted on the disk that an alert may have been told
// to be over: it was about to be when the daemon died, or things changed.
func (r *reader) marked(n ledger.Notice) bool {
	return r.model.life.disk.load(r.model.t).Ledgers[r.id][n.Key()][n.Condition].Tried == ledger.Resolved
}

// doubts has those alerts be as good as over that are not known at the other
// end to have been told.
func (r *reader) doubts(subject string, conditions []check.Condition) {
	for _, c := range conditions {
		key := subject + " " + string(c)
		if a := r.open[key]; a != nil && a.unsure {
			delete(r.open, key)
			r.ended[key], r.doubted[key] = true, true
		}
	}
}

// killed has what the daemon was told right before be unsure.
func (r *reader) killed() {
	if time.Since(r.lastAt) > forgetful {
		return
	}
	for _, n := range noticesOf(r.last) {
		key := n.Key().String() + " " + string(n.Condition)
		if a := r.open[key]; a != nil {
			a.unsure = true
		}
		for _, closed := range closes(n) {
			r.ended[closed] = true
		}
	}
}

func ofCertificate(c check.Condition) bool {
	return c == check.CertificateExpiring || c == check.CertificateExpired
}

// closes returns the alerts that a notice ends.
func closes(n ledger.Notice) (alerts []string) {
	if n.Fires() {
		return nil
	}
	for _, c := range append(slices.Clone(n.Closes), n.Condition) {
		alerts = append(alerts, n.Key().String()+" "+string(c))
	}
	return alerts
}

// model is a random life.
type model struct {
	*life
	t       *testing.T
	random  *rand.Rand
	fate    *fate
	died    chan struct{}
	all     []check.Watched
	readers []*reader // the last of them comes and goes
	lists   listing   // of the project that is discovered, if one is

	mu    sync.Mutex // guards all below, and what readers hold
	seen  map[string]*seen
	setBy time.Duration // the clock is about to be set
	story []string
	wrong bool
	begin time.Time
	grid  time.Time // of the dates of certificates
}

// date returns a date near another: those of one certificate are at most ten
// hours apart, and those of two at least 38, so that it is never in doubt
// whether the date of one moved or another took its place.
func (m *model) date(near time.Time) time.Time {
	const cell = 48 * time.Hour
	moved := time.Duration(m.random.Int64N(int64(10*time.Hour))) - 5*time.Hour
	return m.grid.Add(near.Sub(m.grid).Round(cell) + moved)
}

// laterDate reports whether a certificate is another one than that of a date,
// and ends later.
func laterDate(a, b time.Time) bool { return a.After(b) && !check.SameCertificate(a, b) }

// SSL answers as the cloud does, and notes it.
func (m *model) SSL(ctx context.Context, id string) (dcs.SSL, error) {
	ssl, err := m.cloud.SSL(ctx, id)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isDeleted(id) {
		ssl, err = dcs.SSL{}, missing
	}
	if ctx.Err() != nil || m.fate.gone() || !m.watches(id) && !m.lists.gone[id] {
		return ssl, err
	}
	s := m.seen[id]
	s.answers = append(s.answers, time.Now())
	kind := dcs.Kind(-1)
	if e, ok := err.(*dcs.Error); ok {
		kind = e.Kind
	}
	switch kind {
	case dcs.Unauthenticated, dcs.Forbidden:
		s.denied.see(true)
		return ssl, err
	case dcs.Failed, dcs.Throttled:
		return ssl, err
	}
	s.denied.set(map[belief]bool{{}: true})
	s.missing.see(kind == dcs.Missing)
	s.unsupported.see(kind == dcs.Unsupported)
	if err != nil {
		return ssl, err
	}
	s.good = append(s.good, time.Now())
	s.off.see(!ssl.Enabled)
	if ssl.Enabled {
		s.seenOn()
		s.invalid.see(!ssl.Validated)
		s.dates[ssl.ExpiresAt.UnixNano()] = true
	}
	return ssl, err
}

// gone reports whether the daemon is dead.
func (f *fate) gone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// cause tells why there is no cause in what the cloud answered for what was
// told in a message composed then.
func (m *model) cause(n ledger.Notice, at time.Time) string {
	if n.IsProject() {
		return m.causeOfProject(n, at)
	}
	s := m.seen[n.InstanceID]
	held := true
	switch {
	case n.Ending == check.Unwatched:
		held = !m.watches(n.InstanceID) || !s.came.Before(at)
	case n.Ending == check.Deleted:
		held = m.lists.gone[n.InstanceID] || s.shown.IsZero() || !s.shown.Before(at)
	case n.Kind == ledger.Missed:
	case !n.Fires():
		switch n.Ending {
		case check.Enabled:
			held = s.off.may(false, at)
		case check.Validated:
			held = s.invalid.may(false, at)
		case check.Renewed:
			held = laterDate(n.NotAfter, n.PreviousNotAfter) && s.dates[n.NotAfter.UnixNano()]
		case check.Checked:
			held = s.missing.may(false, at) && s.unsupported.may(false, at)
		}
	case n.Condition == check.SSLDisabled:
		held = s.off.may(true, at) && (s.everOn || !m.discovers(n.ProjectID))
	case n.Condition == check.SSLInvalid:
		held = s.invalid.may(true, at)
	case n.Condition == check.CertificateExpired:
		held = s.dates[n.NotAfter.UnixNano()] && !at.Before(n.NotAfter)
	case n.Condition == check.CertificateExpiring:
		held = s.dates[n.NotAfter.UnixNano()] && n.NotAfter.Sub(at) <= time.Duration(n.Threshold)
	case n.Cause == check.CauseMissing:
		held = s.missing.may(true, at)
	case n.Cause == check.CauseUnsupported:
		held = s.unsupported.may(true, at)
	case n.Cause == check.CauseForbidden:
		held = s.denied.may(true, at)
	case n.Cause == check.CauseFailed:
		// Told at a failed check, an hour after the first in a row.
		for _, good := range s.good {
			held = held && !(good.After(at.Add(-m.opt.Policy.FailingAfter)) && good.Before(at.Add(-time.Second)))
		}
	}
	if !held {
		return fmt.Sprintf("%s has no cause in what was seen (%s, %s)", line(n), n.Cause, n.Ending)
	}
	return ""
}

// causeOfProject is cause for what concerns a project.
func (m *model) causeOfProject(n ledger.Notice, at time.Time) string {
	if !n.Fires() || n.Cause == check.CauseUnlisted && m.discovers(n.ProjectID) && m.unlisted(at) {
		return ""
	}
	for _, w := range m.all {
		s := m.seen[w.InstanceID]
		if w.ProjectID != n.ProjectID && n.Cause != check.CauseRefused { // the key may be that of both
			continue
		}
		if n.Cause == check.CauseOverdue {
			if !slices.ContainsFunc(s.answers, at.Add(-m.opt.Policy.FailingAfter).Before) {
				return ""
			}
			continue
		}
		for held := range s.denied.since(at) {
			if held != (belief{}) {
				return ""
			}
		}
	}
	for held := range m.lists.denied.since(at) {
		if m.lists.on && held != (belief{}) {
			return ""
		}
	}
	return fmt.Sprintf("%s has no cause in what was seen (%s)", line(n), n.Cause)
}

// tell adds a line to the story.
func (m *model) tell(format string, args ...any) {
	m.story = append(m.story, fmt.Sprintf("%10v ", time.Since(m.begin).Round(time.Second))+fmt.Sprintf(format, args...))
}

// fail marks the place in the story where a rule was broken.
func (m *model) fail(format string, args ...any) {
	m.wrong = true
	m.tell("WRONG: "+format, args...)
}

func newModel(t *testing.T, seed uint64) *model {
	l := newLife(t, 3)
	m := &model{life: l, t: t, random: rand.New(rand.NewPCG(seed, 0)), fate: &fate{}, seen: map[string]*seen{}, begin: time.Now(), grid: time.Now().Add(123456789)}
	l.disk.slow = 100*time.Millisecond + 1
	l.opt.Interval = 30 * time.Minute
	l.opt.Repeat = map[check.Severity]time.Duration{check.Critical: 5 * time.Hour, check.Warning: 20 * time.Hour}
	// The last instance is in another project, at first with the same key.
	l.opt.Projects[0].API = m
	l.opt.Projects = append(l.opt.Projects, l.opt.Projects[0])
	l.opt.Projects[1].ID = otherID
	l.opt.Watched[2].ProjectID, l.opt.Watched[2].Project = otherID, "beta"
	for i := range l.opt.Watched {
		l.opt.Watched[i].Terms.Expiry, l.opt.Watched[i].Terms.Critical = hours(20, 9, 4), hours(4)[0]
		m.seen[instance(i).InstanceID] = &seen{dates: map[int64]bool{}}
		l.expires(i, m.date(time.Now().Add(100*time.Hour)))
	}
	m.all = slices.Clone(l.opt.Watched)
	l.opt.Receivers = nil
	for i, id := range []string{"critical", "oncall", "oncall/2", "late"} {
		r := &reader{pager: newPager(), model: m, id: id}
		r.limits.Threads = i%2 == 0
		switch {
		case i == 0:
			r.audience.MinSeverity = check.Critical
		case i == 3:
			r.limits.Items = 2
		default: // the recipients of one name
			m.readers[0].stands = append(m.readers[0].stands, r)
		}
		m.readers = append(m.readers, r)
		m.receive(r)
	}
	return m
}

func hours(h ...int) (d []check.Duration) {
	for _, n := range h {
		d = append(d, check.Duration(time.Duration(n)*time.Hour))
	}
	return d
}

// receive takes a receiver into the configuration, which knows nothing yet.
func (m *model) receive(r *reader) {
	r.open, r.ended, r.ever, r.over, r.doubted, r.lastAt = map[string]*alert{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, time.Time{}
	to := watch.Receiver{Receiver: ledger.Receiver{ID: r.id, Audience: r.audience}, Sender: r}
	to.Name, _, _ = strings.Cut(r.id, "/")
	if to.Name == "oncall" {
		to.Fallback, to.FallbackAfter = "critical", fallbackAfter
	}
	m.opt.Receivers = append(slices.Clone(m.opt.Receivers), to)
}

// begins starts the daemon.
func (m *model) begins() {
	m.fate.rebirth()
	m.died = make(chan struct{})
	m.fate.died = m.died
	m.mu.Lock()
	m.setBy = 0 // it died before
	m.mu.Unlock()
	m.turn = m.turns
	m.startOn(mortalStore{m.life.disk, m.fate})
}

// passes lets time pass, in which the daemon may die and be started again.
func (m *model) passes(d time.Duration) {
	until := time.Now().Add(d)
	select {
	case <-time.After(d):
	case <-m.died:
		m.dies()
		time.Sleep(time.Until(until)) // fake time, away
		m.begins()
	}
	synctest.Wait()
}

// dies is the end of a daemon that was killed.
func (m *model) dies() {
	m.fate.kill()
	_ = m.stop() // what it does now has no effect
	m.forgets()
}

// forgets is what a kill does to what is known of the daemon.
func (m *model) forgets() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell("it was killed")
	m.lists.denied.killed()
	for _, s := range m.seen {
		s.each((*beliefs).killed)
		if time.Since(s.on) < forgetful {
			s.on = time.Time{}
		}
		s.good = slices.DeleteFunc(s.good, time.Now().Add(-forgetful).Before)
	}
	for _, r := range m.readers {
		r.killed()
	}
}

// stops is a clean end.
func (m *model) stops() {
	err := m.stop()
	if m.fate.gone() { // before, or meanwhile
		m.forgets()
	} else if err != nil {
		m.fail("stop: %v", err)
	}
}

// turns is called in each turn of the loop.
func (m *model) turns() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.setBy != 0 && !m.fate.gone() && m.watch.SetClock(m.setBy) {
		m.setClock(m.setBy)
		m.setBy = 0
	}
}

// setClock sets the clock. The clock of a bubble can't be set; so all that
// is told by it is moved the other way: the dates of the cloud, and what is
// on the disk.
func (m *model) setClock(by time.Duration) {
	m.life.disk.shift(m.t, -by)
	m.cloud.set(func(c *cloud) {
		for id, ssl := range c.ssl {
			ssl.ExpiresAt = ssl.ExpiresAt.Add(-by)
			c.ssl[id] = ssl
		}
	})
	m.grid = m.grid.Add(-by)
	for _, s := range m.seen {
		moved := map[int64]bool{}
		for date := range s.dates {
			moved[date-int64(by)] = true
		}
		s.dates, s.good = moved, nil
	}
	for _, r := range m.readers {
		for _, a := range r.open {
			if !a.certificate.IsZero() {
				a.certificate = a.certificate.Add(-by)
			}
			if a.last = a.last.Add(-by); a.last.After(time.Now()) {
				a.last = time.Now() // nothing was told in the future
			}
		}
	}
}

// someTime returns a duration of some of many sizes, never a round one.
func (m *model) someTime() time.Duration {
	most := []time.Duration{10 * time.Second, 10 * time.Minute, time.Hour, 10 * time.Hour}[m.random.IntN(4)]
	return time.Duration(m.random.Int64N(int64(most))) + 7
}

// happens has something happen, and returns what.
func (m *model) happens() string {
	i := m.random.IntN(len(m.all))
	r := m.readers[m.random.IntN(len(m.readers))]
	name := instance(i).Instance
	if m.lists.on && m.random.IntN(5) == 0 {
		return m.listHappens()
	}
	switch m.random.IntN(21) {
	case 17:
		slow := []time.Duration{7, 50*time.Millisecond + 7, 3*time.Second + 7, 14*time.Second + 7}[m.random.IntN(4)]
		m.cloud.set(func(c *cloud) { c.slow = slow })
		return fmt.Sprintf("the API takes %v", slow)
	case 0, 1:
		on := m.random.IntN(2) == 0
		m.enabled(i, on)
		return fmt.Sprintf("SSL of %s is %v", name, on)
	case 2:
		valid := m.random.IntN(2) == 0
		m.valid(i, valid)
		return fmt.Sprintf("the certificate of %s is valid: %v", name, valid)
	case 3, 4, 5:
		left := time.Duration(m.random.IntN(40))*time.Hour + m.someTime()
		if m.random.IntN(3) == 0 {
			left += 1000 * time.Hour
		}
		date := m.date(time.Now().Add(left))
		m.expires(i, date)
		return fmt.Sprintf("the certificate of %s ends in %v", name, time.Until(date))
	case 6, 7:
		err := []*dcs.Error{nil, nil, failed, missing, unsupported, forbidden}[m.random.IntN(6)]
		if err == missing && m.discovers(m.all[i].ProjectID) {
			err = failed // where the list lacks it as well, it is deleted
		}
		m.fails(i, err)
		return fmt.Sprintf("requests about %s fail: %v", name, err)
	case 8:
		errs := []error{
			nil, failed, &dcs.Error{Kind: dcs.Unauthenticated, Status: 401, Reason: reason.Text("refused")},
			&dcs.Error{Kind: dcs.Forbidden, Status: 403, Reason: reason.Text("forbidden")},
			&dcs.Error{Kind: dcs.Throttled, Status: 429, Reason: reason.Text("throttled"), RetryAfter: 20 * time.Minute},
		}
		err := errs[m.random.IntN(len(errs))]
		m.cloud.set(func(c *cloud) { c.err = err })
		return fmt.Sprintf("all requests fail: %v", err)
	case 9:
		m.cloud.set(func(c *cloud) { c.err, c.fails = nil, nil })
		return "all requests succeed"
	case 10, 11, 12:
		slow := []time.Duration{0, 3, 2*time.Second + 3, 40 * time.Second}[m.random.IntN(4)]
		err := []error{
			nil, nil, &notify.Failure{Reason: "HTTP 503"}, &notify.Failure{Reason: "HTTP 429", RetryAfter: 20 * time.Minute},
			&notify.Failure{Reason: "invalid_auth", Refused: true},
		}[m.random.IntN(5)]
		took := err != nil && m.random.IntN(3) == 0
		r.set(func(p *pager) { p.slow, p.err, p.took = slow, err, took })
		return fmt.Sprintf("%s answers after %v with %v, took it all the same: %v", r.id, slow, err, took)
	case 13:
		m.stops()
		away := m.someTime()
		time.Sleep(away) // fake time
		m.begins()
		return fmt.Sprintf("it was stopped for %v", away)
	case 14, 15:
		// Doomed to die at one of the next operations, wherever that is.
		m.fate.mu.Lock()
		defer m.fate.mu.Unlock()
		if m.fate.killAt <= m.fate.n {
			m.fate.killAt = m.fate.n + 1 + m.random.IntN(12)
		}
		return "it will be killed"
	case 16:
		by := time.Duration(m.random.IntN(2)*2-1) * m.someTime()
		if m.random.IntN(2) == 0 {
			m.mu.Lock()
			m.setBy = by
			m.mu.Unlock()
			m.passes(2*time.Minute + 3)
			return fmt.Sprintf("the clock was set by %v while it ran", by)
		}
		m.stops()
		m.mu.Lock()
		m.setClock(by)
		m.mu.Unlock()
		m.begins()
		return fmt.Sprintf("the clock was set by %v", by)
	}
	return m.configures(i)
}

// configures changes the configuration, by a reload.
func (m *model) configures(i int) string {
	if m.fate.gone() {
		return "nothing"
	}
	name := instance(i).Instance
	var what string
	m.mu.Lock()
	switch m.random.IntN(7) {
	case 6:
		late := m.readers[len(m.readers)-1]
		late.audience.MinSeverity = []check.Severity{"", check.Critical}[m.random.IntN(2)]
		late.filtered = time.Now()
		m.opt.Receivers = slices.Clone(m.opt.Receivers)
		for i := range m.opt.Receivers {
			if m.opt.Receivers[i].ID == late.id {
				m.opt.Receivers[i].Audience = late.audience
			}
		}
		what = fmt.Sprintf("%s hears %q", late.id, late.audience.MinSeverity)
	case 5:
		w := &m.all[i]
		w.Instance, w.Project = fmt.Sprint("renamed-", m.random.IntN(1000)), fmt.Sprint("prod-", m.random.IntN(1000))
		w.Labels = map[string]string{"team": w.Instance}
		what = fmt.Sprintf("%s is called %s of %s", name, w.Instance, w.Project)
		m.opt.Watched = m.listed()
	case 0:
		terms := m.all[i].Terms
		terms.Expiry = [][]check.Duration{hours(20, 9, 4), hours(30, 9), hours(1), hours(25, 20, 15, 10, 5, 2)}[m.random.IntN(4)]
		terms.Critical = hours(4, 10, 1)[m.random.IntN(3)]
		terms.RequireSSL = m.random.IntN(4) > 0
		m.setTerms(i, terms)
		what = fmt.Sprintf("%s has the terms %v", name, terms)
		m.opt.Watched = m.listed()
	case 1:
		m.opt.Repeat = map[check.Severity]time.Duration{
			check.Critical: time.Duration(m.random.IntN(3)) * 5 * time.Hour, check.Warning: time.Duration(m.random.IntN(3)) * 20 * time.Hour,
		}
		what = fmt.Sprintf("reminders come every %v", m.opt.Repeat)
	case 2:
		late := m.readers[len(m.readers)-1]
		if len(m.opt.Receivers) == len(m.readers) {
			m.opt.Receivers = slices.Clone(m.opt.Receivers[:len(m.readers)-1])
			what = "a receiver goes"
		} else {
			m.receive(late)
			what = "a receiver comes"
		}
	case 3:
		id := instance(i).InstanceID
		if m.discovers(m.all[i].ProjectID) {
			what = "nothing"
		} else if m.watches(id) {
			m.opt.Watched = slices.DeleteFunc(slices.Clone(m.opt.Watched), func(w check.Watched) bool { return w.InstanceID == id })
			what = name + " goes"
		} else {
			m.returns(id)
			m.opt.Watched = append(slices.Clone(m.opt.Watched), m.all[i])
			what = name + " comes"
		}
	case 4:
		m.opt.Projects = slices.Clone(m.opt.Projects)
		m.opt.Projects[0].Credential = fmt.Sprint(m.random.Int())
		what = "another key"
		if m.random.IntN(2) == 0 {
			m.opt.Projects[1].Credential = m.opt.Projects[0].Credential
			what = "another key for both"
		}
	}
	m.mu.Unlock()
	m.reload()
	return what
}

// settles lets all that holds up telling end, and all else be as it is for
// long enough. Then each receiver must hold for true what is.
func (m *model) settles() {
	m.rests(nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell("settled")
	for _, r := range m.readers[:len(m.opt.Receivers)] {
		for _, wrong := range m.wrongs(r, r.audience.MinSeverity, time.Minute) {
			m.fail("%s was not told that %s", r.id, wrong)
		}
	}
}

// settlesWithout does so while a receiver can't be reached. What that one was
// not told, its fallback must have been.
func (m *model) settlesWithout(down, fallback *reader) {
	m.rests(down)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell("settled without %s", down.id)
	late := fallbackAfter + time.Minute
	others := m.wrongs(fallback, "", late)
	for _, wrong := range m.wrongs(down, down.audience.MinSeverity, late) {
		if slices.Contains(others, wrong) {
			m.fail("neither %s nor its fallback was told that %s", down.id, wrong)
		}
	}
}

// rests lets time pass in which nothing happens and everybody but one can be
// reached.
func (m *model) rests(down *reader) {
	m.fate.mu.Lock()
	m.fate.killAt = 0
	m.fate.mu.Unlock()
	if m.fate.gone() {
		m.stops()
		m.begins()
	}
	m.listsWell()
	for _, r := range m.readers {
		var err error
		if r == down {
			err = &notify.Failure{Reason: "HTTP 503"}
		}
		r.set(func(p *pager) { p.slow, p.err, p.took = 3, err, false })
	}
	m.passes(settled)
}

// wrongs returns what a receiver does not hold for true, although it is so,
// and would be told of from a severity on. What came to be so only lately may
// yet be on its way.
func (m *model) wrongs(r *reader, from check.Severity, lately time.Duration) (wrongs []string) {
	for i := range m.all {
		wrongs = append(wrongs, m.wrongsOf(r, i, from, lately)...)
	}
	blind, _ := m.cloud.err.(*dcs.Error)
	for _, p := range m.opt.Projects {
		_, told := r.open[p.ID+" "+string(check.CheckFailing)]
		watched := m.watchedIn(p.ID)
		denied := blind != nil && (blind.Kind == dcs.Unauthenticated || blind.Kind == dcs.Forbidden) && len(watched) > 0
		if denied && !told && from != check.Critical {
			wrongs = append(wrongs, "the project "+p.ID+" is denied")
		}
		// Only an instance that is seen shows that not all are forbidden.
		unknown := !slices.ContainsFunc(watched, func(w check.Watched) bool {
			err := m.cloud.fails[w.InstanceID]
			return err != failed && err != forbidden
		})
		if (blind == nil || len(watched) == 0) && told && !unknown {
			wrongs = append(wrongs, "the project "+p.ID+" is asked again")
		}
	}
	return wrongs
}

// wrongsOf is wrongs about an instance.
func (m *model) wrongsOf(r *reader, i int, from check.Severity, lately time.Duration) (wrongs []string) {
	wrong := func(format string, args ...any) { wrongs = append(wrongs, fmt.Sprintf(format, args...)) }
	s := m.all[i].Subject
	s.Instance = instance(i).Instance
	told := func(c check.Condition) *alert { return r.open[s.Key().String()+" "+string(c)] }
	silent := func(c check.Condition) bool { return told(c) == nil && !r.doubted[s.Key().String()+" "+string(c)] }
	if !m.watches(s.InstanceID) {
		for _, c := range check.Conditions() {
			if told(c) != nil && (m.cloud.err == nil || !m.discovers(s.ProjectID)) { // else it can't be seen that it is deleted
				wrong("%s is not watched any more: %s", s.Instance, c)
			}
		}
		return wrongs
	}
	if m.cloud.err != nil {
		return nil // see the project; and what was known may be told on
	}
	if m.cloud.fails[s.InstanceID] != nil {
		project := r.open[s.ProjectID+" "+string(check.CheckFailing)]
		if silent(check.CheckFailing) && project == nil && from != check.Critical {
			wrong("%s can't be checked", s.Instance)
		}
		return wrongs
	}
	if told(check.CheckFailing) != nil {
		wrong("%s can be checked", s.Instance)
	}
	ssl, terms := m.cloud.ssl[s.InstanceID], m.all[i].Terms
	left := time.Until(ssl.ExpiresAt) + lately
	if left > 0 && left <= lately {
		return wrongs
	}
	off, invalid := !ssl.Enabled, ssl.Enabled && !ssl.Validated
	mustBeOn, mayHaveToBeOn := m.mustBeOn(i)
	if told(check.SSLDisabled) != nil && (!off || !mayHaveToBeOn) {
		wrong("SSL of %s is on, or may be off", s.Instance)
	}
	if told(check.SSLInvalid) != nil && ssl.Enabled && !invalid && left > 0 { // else it ends with what hides it
		wrong("%s is valid", s.Instance)
	}
	switch {
	case off && mustBeOn:
		if silent(check.SSLDisabled) {
			wrong("SSL of %s is off", s.Instance)
		}
		return wrongs
	case off && mayHaveToBeOn:
		return wrongs // it is not known whether it is remembered that it was on
	case off:
		for _, c := range check.Conditions() {
			if told(c) != nil {
				wrong("%s may be off: %s", s.Instance, c)
			}
		}
		return wrongs
	}
	for _, c := range []check.Condition{check.CertificateExpired, check.CertificateExpiring} {
		// One that ends earlier is told when its own time comes.
		if a := told(c); a != nil && laterDate(ssl.ExpiresAt, a.certificate) {
			wrong("the %s of %s is not that of %v", c, s.Instance, a.certificate)
		}
		if invalid || left <= 0 {
			break // what is hidden may be about the certificate before
		}
	}
	critical := left <= time.Duration(terms.Critical)
	var tightest check.Duration
	for _, threshold := range append(slices.Clone(terms.Expiry), terms.Critical) {
		if left <= time.Duration(threshold) && (tightest == 0 || threshold < tightest) {
			tightest = threshold
		}
	}
	expiring := told(check.CertificateExpiring)
	switch {
	case left <= 0:
		if silent(check.CertificateExpired) {
			wrong("%s has expired", s.Instance)
		}
	case invalid:
		if silent(check.SSLInvalid) {
			wrong("%s is invalid", s.Instance)
		}
	case tightest == 0 || from == check.Critical && !critical:
	case expiring == nil && !silent(check.CertificateExpiring):
	case expiring == nil && told(check.CertificateExpired) != nil: // its date moved
	case expiring == nil, !check.SameCertificate(expiring.certificate, ssl.ExpiresAt), expiring.threshold > tightest, critical && expiring.severity != check.Critical:
		wrong("%s has %v left", s.Instance, left)
	}
	return wrongs
}

// ends makes all well. Nothing may be left.
func (m *model) ends() {
	m.settles()
	m.mu.Lock()
	for i, w := range m.all {
		if m.lists.gone[w.InstanceID] {
			delete(m.lists.gone, w.InstanceID)
			m.returns(w.InstanceID)
		}
		w.Terms.RequireSSL = true
		m.setTerms(i, w.Terms)
	}
	m.opt.Watched = slices.DeleteFunc(slices.Clone(m.all), func(w check.Watched) bool { return m.discovers(w.ProjectID) })
	m.mu.Unlock()
	for i := range m.all {
		m.enabled(i, true)
		m.valid(i, true)
		m.expires(i, m.date(time.Now().Add(5000*time.Hour)))
	}
	m.cloud.set(func(c *cloud) { c.err, c.fails = nil, nil })
	m.reload()
	m.settles()
	m.stops()
	for _, r := range m.readers[:len(m.opt.Receivers)] {
		if len(r.open) > 0 {
			m.fail("all is well, and %s holds for true %v", r.id, slices.Sorted(maps.Keys(r.open)))
		}
	}
	s := m.life.disk.load(m.t)
	for id, ledger := range s.Ledgers {
		if len(ledger) > 0 || len(s.Messages[id]) > 0 {
			m.fail("all is well, and in the ledger of %s is %v", id, ledger)
		}
	}
}

// Random lives are held against the rules of DESIGN: nothing without a
// cause, nothing twice, no end without a beginning, never silent, and nothing
// left in the end. A seed decides what happens; the jitter of the loop and
// the order of goroutines are not the seed's, so a rare failure may take some
// runs to show again.
func TestRandomLivesKeepTheRules(t *testing.T) {
	n := *seeds
	if n == 0 {
		n = 6
		if *long {
			n = 1000
		}
	}
	for s := *seed; s < *seed+uint64(n); s++ {
		t.Run(fmt.Sprint("seed ", s), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { randomLife(t, s) }) })
	}
}

func randomLife(t *testing.T, seed uint64) {
	m := newModel(t, seed)
	if seed%3 == 0 {
		m.discover()
	}
	m.begins()
	for range 30 {
		what := m.happens()
		m.mu.Lock()
		m.tell("%s", what)
		m.mu.Unlock()
		m.passes(m.someTime())
		switch m.random.IntN(12) {
		case 0, 1:
			m.settles()
		case 2:
			m.settlesWithout(m.readers[1+m.random.IntN(2)], m.readers[0])
		}
	}
	m.ends()
	if m.wrong {
		t.Errorf("-seed %d -seeds 1:\n%s", seed, strings.Join(m.story, "\n"))
	}
}
