package slack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gotest.tools/v3/golden"

	"github.com/sslwatch/sslwatch/internal/ledger"
	"github.com/sslwatch/sslwatch/internal/notify"
	"github.com/sslwatch/sslwatch/internal/notify/notifytest"
	"github.com/sslwatch/sslwatch/internal/sim/simslack"
)

// utc is the wording of times in UTC alone, and longTimes that of the longest:
// of another day.
var (
	utc       notify.Wording
	longTimes = notify.Wording{Zone: time.FixedZone("", -4*60*60-30*60)}
)

// storm tells a receiver all that a crowd owes, and returns what Slack has.
func storm(t *testing.T, s *simslack.Server, r notify.Sender, owed []ledger.Notice, w notify.Wording) []simslack.Message {
	t.Helper()
	for len(owed) > 0 {
		batch := w.Batch(owed, r.Limits(), notifytest.Now)
		m := w.Compose(batch, nil, notifytest.Now)
		_, err := r.Deliver(t.Context(), m)
		must(t, err)
		told := map[string]bool{}
		for _, n := range batch {
			told[n.ID()] = true
		}
		var rest []ledger.Notice
		for _, n := range owed {
			if !told[n.ID()] {
				rest = append(rest, n)
			}
		}
		if len(owed)-len(rest) != len(batch) {
			t.Fatalf("a message of %d tells %d", len(batch), len(owed)-len(rest))
		}
		owed = rest
	}
	return s.Messages("")
}

// The sim refuses or drops what Slack would.
func TestAStormIsFewMessagesThatSlackTakesAsTheyAre(t *testing.T) {
	for _, tt := range []struct {
		n, most int
		long    bool
		wording notify.Wording
	}{
		{41, 2, false, utc}, {1000, 5, false, utc}, {10_000, 25, false, utc}, {1000, 12, true, utc},
		{41, 2, false, longTimes}, {1000, 5, false, longTimes}, {1000, 12, true, longTimes},
	} {
		for _, webhook := range []bool{false, true} {
			if webhook && tt.n > 1000 {
				continue
			}
			n := toldOnce(t, notifytest.NewCrowd(tt.n+tt.n/5, 1, tt.long).Owed(notifytest.Now)[:tt.n], tt.wording, webhook)
			if n > tt.most {
				t.Errorf("%+v: %d messages", tt, n)
			}
			t.Logf("%d alerts, webhook %v, long names %v, zone %v: %d messages", tt.n, webhook, tt.long, tt.wording.Zone, n)
		}
	}
}

func TestAnyStormNamesEachInstanceOnce(t *testing.T) {
	for seed := range 12 {
		crowd := notifytest.NewCrowd(20+37*seed, uint64(seed), seed%4 == 3)
		toldOnce(t, crowd.Owed(notifytest.Now), []notify.Wording{utc, longTimes}[seed/2%2], seed%2 == 0)
	}
}

// toldOnce tells all that is owed, checks that each instance is named once in
// messages that Slack took at once, and returns how many these are.
func toldOnce(t *testing.T, owed []ledger.Notice, w notify.Wording, webhook bool) int {
	t.Helper()
	s := newSim(t)
	var r notify.Sender = newBot(t, s.APIURL(), "@here")
	if webhook {
		r = newWebhook(t, s.URL())
	}
	all := storm(t, s, r, owed, w)
	if calls := s.Calls()["chat.postMessage"] + s.Calls()["webhook"]; calls != len(all) {
		t.Errorf("%d messages by %d calls", len(all), calls)
	}
	text, shown := map[string]int{}, map[string]int{} // by name and ID
	for _, m := range all {
		within(t, m, webhook)
		count(text, m.Text)
		if m.Attachments == nil { // all in full, the lines as far as there is room
			count(shown, m.Text)
			continue
		}
		count(shown, m.Plain())
	}
	for _, n := range owed {
		for _, of := range []string{n.Instance, n.InstanceID} {
			if text[of] != 1 || shown[of] != 1 {
				t.Errorf("%s of %s is %d times in texts, and shown %d times", of, n.Instance, text[of], shown[of])
			}
		}
	}
	return len(all)
}

// Whatever is to be named, and however it grows as it is escaped.
func TestTheListsOfADigestFit(t *testing.T) {
	for _, of := range []string{"x", "&", "_", "😀", "\xff", " ", "`&😀<ж", "<!channel>", "*a*"} {
		for _, most := range []int{1, 30, 1000} {
			s := newSim(t)
			b := newBot(t, s.APIURL())
			m, next, room := notifytest.Firing(), 0, b.Limits().Names
			for next < b.Limits().Items && room > 0 {
				g := notify.Group{Brief: true, Firing: true, Heading: fmt.Sprintf("FIRING critical x, project %s: %d", strings.Repeat(of, 20), next)}
				room -= len(g.Heading)
				for range min(most, b.Limits().Items-next) {
					it := notifytest.Item(fmt.Sprintf("c%04d", next))
					it.Name += strings.Repeat(of, 64/len(of))
					g.Items = append(g.Items, it)
					room -= len(it.Short())
					next++
				}
				m.Groups = append(m.Groups, g)
			}
			_, err := b.Deliver(t.Context(), m)
			must(t, err)
			got := s.Messages("")[0]
			within(t, got, false)
			if n := strings.Count(got.Plain(), "\nc0") + strings.Count(got.Plain(), "\nc1"); n != next {
				t.Errorf("%q, lists of %d: %d of %d named", of, most, n, next)
			}
			lists := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(got.Attachments))
			if strings.Contains(lists, "<!") || strings.Contains(lists, "*a*") || strings.Contains(lists, "`") {
				t.Errorf("%q acts in %.300s", of, lists)
			}
		}
	}
}

// count counts the names and IDs of instances in the lines that tell of them.
func count(in map[string]int, text string) {
	for _, l := range strings.Split(text, "\n") {
		_, whole, isLine := strings.Cut(l, "ING ") // FIRING
		if !isLine {
			_, whole, isLine = strings.Cut(l, "RESOLVED ")
		}
		before, _, named := strings.Cut(whole, ": ")
		words := strings.Fields(l)
		switch {
		case isLine && named && strings.Contains(l, ", instance "):
			_, id, _ := strings.Cut(l, ", instance ")
			fields := strings.Fields(before)
			in[fields[len(fields)-1]]++
			in[strings.TrimSuffix(id, ")")]++
		case len(words) == 2 && strings.Count(words[1], "-") == 4:
			in[words[0]]++
			in[words[1]]++
		}
	}
}

// within checks what Slack would not say: whether it drops or hides a part.
func within(t *testing.T, m simslack.Message, webhook bool) {
	t.Helper()
	var lists []struct{ Text, Color string }
	if m.Attachments != nil {
		must(t, json.Unmarshal(m.Attachments, &lists))
	}
	for _, l := range lists {
		if len(l.Text) > 7_500 || l.Color == "" {
			t.Errorf("a list of %d bytes, colour %q", len(l.Text), l.Color)
		}
	}
	if len(lists) > 20 || m.Blocks == nil {
		t.Errorf("%d lists, blocks %s", len(lists), m.Blocks)
	}
	var blocks []struct {
		Text     struct{ Text string }
		Elements []struct{ Text string }
	}
	must(t, json.Unmarshal(m.Blocks, &blocks))
	sum := 60 * len(blocks) // what each of them costs beside its text
	for _, b := range blocks {
		sum += utf8.RuneCountInString(b.Text.Text)
		for _, e := range b.Elements {
			sum += utf8.RuneCountInString(e.Text)
		}
	}
	if sum > 12_600 {
		t.Errorf("%d blocks of %d characters", len(blocks), sum)
	}
	if n := utf8.RuneCountInString(m.Text); n > 40_000 || len(m.Text) > 39_500 {
		t.Errorf("a text of %d characters", n)
	}
	if !webhook && m.Metadata == nil {
		t.Error("the metadata was too large for Slack")
	}
}

// What Slack drops it drops without an error.
func TestMetadataIsAsMuchAsSlackKeeps(t *testing.T) {
	for _, n := range []int{1, 13, 40, 300} {
		s := newSim(t)
		m, _ := notifytest.Storm(n, nil)
		_, err := newBot(t, s.APIURL()).Deliver(t.Context(), m)
		must(t, err)
		var got struct {
			Payload struct {
				Alerts []map[string]string `json:"alerts"`
				More   int                 `json:"more"`
			} `json:"event_payload"`
		}
		raw := s.Messages("")[0].Metadata
		if raw == nil {
			t.Fatalf("of %d, Slack kept nothing", n)
		}
		must(t, json.Unmarshal(raw, &got))
		a := got.Payload.Alerts
		if len(a) == 0 || len(a)+got.Payload.More != n || a[0]["id"] != m.Groups[0].Items[0].Notice.ID() || a[0]["instance_id"] == "" {
			t.Errorf("of %d: %s", n, raw)
		}
		t.Logf("%d alerts: %d in %d bytes", n, len(a), len(raw))
	}
}

// Somebody who reads it in Slack has nothing but what is shown.
func TestAShortenedLineKeepsTheID(t *testing.T) {
	s := newSim(t)
	m, _ := notifytest.Storm(notify.InFull, nil)
	_, err := newBot(t, s.APIURL()).Deliver(t.Context(), m)
	must(t, err)
	shown := s.Messages("")[0].Plain()
	within(t, s.Messages("")[0], false)
	if !strings.Contains(shown, "…, instance ") {
		t.Error("no line is shortened")
	}
	for _, i := range m.Groups[0].Items {
		if !strings.Contains(shown, " "+i.Name+": the certificate expires ") || strings.Count(shown, i.ID) != 1 {
			t.Errorf("%s is not shown with its ID", i.Line)
		}
	}
}

// Its lists say how things stand, too.
func TestWhatFollowsADigestIsOneInItsThread(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL())
	c := notifytest.NewCrowd(420, 4, false)
	tell := func(at time.Time) notify.Message {
		m, batch := c.Next(b.Limits(), at)
		receipt, err := b.Deliver(t.Context(), m)
		must(t, err)
		c.Took(m, batch, receipt, at)
		return m
	}
	first := tell(notifytest.Now)
	for len(c.Owed(notifytest.Now)) > 0 {
		tell(notifytest.Now)
	}
	later := notifytest.Now.Add(49 * time.Hour)
	c.Renew(2, later)
	var reply notify.Message
	for len(c.Owed(later)) > 0 {
		if m := tell(later); m.Thread != nil && m.Thread.ID == first.ID {
			reply = m
		}
	}
	if reply.ID == "" || !reply.Groups[len(reply.Groups)-1].Brief {
		t.Fatalf("no digest follows the first: %+v", reply)
	}
	for _, then := range c.Stale(later) {
		must(t, b.Edit(t.Context(), then))
	}
	all := s.Messages("")
	if all[0].Edits == nil || all[0].Metadata == nil {
		t.Fatal("the first message is not edited")
	}
	for _, m := range all {
		within(t, m, m.ThreadTS != "")
	}
	told := map[string]int{}
	count(told, all[0].Plain())
	for _, then := range c.Stale(later) {
		if then.ID != first.ID {
			continue
		}
		for _, e := range then.Entries {
			if told[e.Key.InstanceID] != 1 {
				t.Errorf("%s is named %d times in the edited message", e.Name, told[e.Key.InstanceID])
			}
		}
	}
	if calls := s.Calls(); calls["chat.postMessage"] != len(all) || calls["chat.update"] != len(c.Stale(later)) {
		t.Errorf("Slack was tried again: %v", calls)
	}
}

func TestAnEditTakesAwayWhatWasListed(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL())
	m, _ := notifytest.Storm(60, nil)
	receipt, err := b.Deliver(t.Context(), m)
	must(t, err)
	_, then := notifytest.Storm(60, receipt)
	if s.Messages("")[0].Attachments == nil {
		t.Fatal("nothing is listed")
	}
	then.Entries = then.Entries[:30]
	must(t, b.Edit(t.Context(), then))
	if got := s.Messages("")[0]; got.Attachments != nil {
		t.Errorf("still listed: %s", got.Attachments)
	}
}

func TestADigestWithoutItsListsIsWholeInItsText(t *testing.T) {
	s := newSim(t)
	m, _ := notifytest.Storm(300, nil)
	no := simslack.Error.With("attachment_payload_limit_exceeded")
	must(t, s.FailNext("chat.postMessage", no, no))
	_, err := newBot(t, s.APIURL()).Deliver(t.Context(), m)
	must(t, err)
	got := s.Messages("")[0]
	told := map[string]int{}
	count(told, got.Text)
	if len(told) != 2*300 || got.Blocks != nil || got.Attachments != nil {
		t.Errorf("%d named: %s", len(told)/2, got.Text)
	}
	// A text that is too long costs it nothing: the names are in the lists.
	must(t, s.FailNext("chat.postMessage", simslack.TooLong))
	_, err = newBot(t, s.APIURL()).Deliver(t.Context(), m)
	must(t, err)
	got, told = s.Messages("")[1], map[string]int{}
	count(told, got.Plain())
	if len(told) != 2*300 || len(got.Text) > 4000 {
		t.Errorf("%d named: %s", len(told)/2, got.Plain())
	}
}

// What can't be told in one message is told in several, and nothing of it is
// taken for told before.
func TestWhoTakesNoDigestGetsSmallerMessages(t *testing.T) {
	m, _ := notifytest.Storm(300, nil)
	for name, make := range map[string]func(*simslack.Server) (notify.Sender, string){
		"bot":     func(s *simslack.Server) (notify.Sender, string) { return newBot(t, s.APIURL()), "chat.postMessage" },
		"webhook": func(s *simslack.Server) (notify.Sender, string) { return newWebhook(t, s.URL()), "webhook" },
	} {
		s := newSim(t)
		r, method := make(s)
		no := simslack.Error.With("msg_too_long")
		must(t, s.FailNext(method, no, no, no))
		before := r.Limits()
		_, err := r.Deliver(t.Context(), m)
		if f := failure(t, err); f.Refused || f.Unknown {
			t.Errorf("%s: %+v", name, f)
		}
		if after := r.Limits(); before.Items <= notify.InFull || after.Items != notify.InFull {
			t.Errorf("%s: limits %+v, then %+v", name, before, after)
		}
		all := storm(t, s, r, notifytest.NewCrowd(100, 3, false).Owed(notifytest.Now), utc)
		for _, m := range all {
			if m.Attachments != nil {
				t.Errorf("%s: a digest again", name)
			}
		}
	}
}

// Read a difference as someone woken at three.
func TestADigestAsSent(t *testing.T) {
	s := newSim(t)
	b := newBot(t, s.APIURL(), "@here")
	c := notifytest.NewCrowd(70, 6, false)
	m, batch := c.Next(b.Limits(), notifytest.Now)
	receipt, err := b.Deliver(t.Context(), m)
	must(t, err)
	c.Took(m, batch, receipt, notifytest.Now)
	var out bytes.Buffer
	fmt.Fprintf(&out, "== a message\n%s", asSent(t, s.Messages("")[0]))
	later := notifytest.Now.Add(49 * time.Hour)
	c.Renew(2, later)
	for {
		m, batch := c.Next(b.Limits(), later)
		if len(batch) == 0 {
			break
		}
		c.Took(m, batch, nil, later)
	}
	for _, then := range c.Stale(later) {
		must(t, b.Edit(t.Context(), then))
	}
	fmt.Fprintf(&out, "== the first message, edited\n%s", asSent(t, s.Messages("")[0]))
	golden.Assert(t, out.String(), "digest-of-many.golden")
}

func TestAStormAsRead(t *testing.T) {
	s := newSim(t)
	var out bytes.Buffer
	for i, m := range storm(t, s, newBot(t, s.APIURL(), "@here"), notifytest.NewCrowd(1000, 1, false).Owed(notifytest.Now), utc) {
		fmt.Fprintf(&out, "== message %d\n%s\n", i+1, m.Plain())
	}
	golden.Assert(t, out.String(), "storm.golden")
}
