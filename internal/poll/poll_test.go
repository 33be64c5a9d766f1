package poll_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/poll"
	"github.com/sslwatch/sslwatch/internal/reason"
)

var start = time.Date(2026, 11, 23, 2, 7, 13, 123456789, time.UTC)

// nobody is an API that nobody asks: the tests say what is answered.
type nobody struct{}

func (nobody) SSL(context.Context, string) (dcs.SSL, error) { panic("asked") }

func options(concurrency int, projects ...string) poll.Options {
	o := poll.Options{Concurrency: concurrency, Backoff: poll.Backoff{Initial: time.Second, Max: 15 * time.Minute, Multiplier: 2}}
	for _, id := range projects {
		o.Projects = append(o.Projects, poll.Project{ID: id, API: nobody{}, Rate: 1000, Credential: "key of " + id})
	}
	return o
}

func target(project string, i int) poll.Target {
	id := fmt.Sprint(i)
	return poll.Target{ProjectID: project, InstanceID: id}
}

// answered has a request be answered after so long.
func answered(p *poll.Poller, r poll.Request, err *dcs.Error, took time.Duration, now time.Time) poll.Outcome {
	return p.Answered(poll.Answer{Request: r, Err: err, Took: took}, now)
}

func next(t *testing.T, p *poll.Poller, now time.Time) poll.Request {
	t.Helper()
	r, ok, wake := p.Next(now)
	if !ok {
		t.Fatalf("nothing is asked, and the next at %v", wake)
	}
	return r
}

var hangs = &dcs.Error{Kind: dcs.Failed, Reason: reason.Text("no answer within 15s")}

// It was a division by zero: found by the random lives.
func TestAProjectThatHungAndHasNothingToAskIsNoTrouble(t *testing.T) {
	p := poll.New(options(8, "a", "b"), start)
	p.Set(target("a", 1), start)
	answered(p, next(t, p, start), hangs, 15*time.Second, start.Add(15*time.Second))
	if r, ok, wake := p.Next(start.Add(time.Minute)); ok || !wake.IsZero() {
		t.Errorf("%v is asked, or comes at %v", r.Target, wake)
	}
}

func TestAProjectThatHangsGetsItsShareAndTheOthersTheirs(t *testing.T) {
	p := poll.New(options(8, "a", "b"), start)
	for i := range 20 {
		p.Set(target("a", i), start)
		p.Set(target("b", i), start)
	}
	for range 2 { // their credentials are accepted
		answered(p, next(t, p, start), nil, time.Millisecond, start)
	}
	held := map[string]int{}
	var flying []poll.Request
	for r, ok, _ := p.Next(start); ok; r, ok, _ = p.Next(start) {
		held[r.ProjectID]++
		flying = append(flying, r)
	}
	if held["a"] != 4 || held["b"] != 4 {
		t.Fatalf("held %v", held)
	}
	now := start.Add(3 * time.Second)
	for _, r := range flying {
		if r.ProjectID == "b" {
			answered(p, r, nil, time.Millisecond, now)
		}
	}
	for r, ok, _ := p.Next(now); ok; r, ok, _ = p.Next(now) {
		if r.ProjectID != "b" {
			t.Fatal("the project that hangs got more than its share")
		}
	}
}

func TestOneRequestTriesAfterAPauseThatTheAPIAskedFor(t *testing.T) {
	p := poll.New(options(8, "a"), start)
	for i := range 20 {
		p.Set(target("a", i), start)
	}
	answered(p, next(t, p, start), nil, time.Millisecond, start)
	first, second := next(t, p, start), next(t, p, start)
	throttled := &dcs.Error{Kind: dcs.Throttled, Reason: reason.Text("too often"), RetryAfter: 10 * time.Minute}
	if o := answered(p, first, throttled, time.Millisecond, start); !o.Paused {
		t.Error("no pause began")
	}
	if o := answered(p, second, throttled, time.Millisecond, start.Add(time.Second)); o.Paused {
		t.Error("what was under way began another pause")
	}
	p.Configure(options(8, "a"), start.Add(2*time.Second))
	if r, ok, wake := p.Next(start.Add(3 * time.Second)); ok || !wake.Equal(start.Add(10*time.Minute+time.Second)) {
		t.Errorf("%v is asked in the pause, after a reload; the next at %v", r.Target, wake)
	}
	now := start.Add(11 * time.Minute)
	try := next(t, p, now)
	if _, ok, _ := p.Next(now); ok {
		t.Error("more than one tries")
	}
	answered(p, try, nil, time.Millisecond, now)
	next(t, p, now)
	next(t, p, now)
}

func TestAReloadDoesNotFillTheRateBudget(t *testing.T) {
	o := options(8, "a")
	o.Projects[0].Rate = 5
	p := poll.New(o, start)
	asked := 0
	for i := range 100 {
		p.Set(target("a", i), start)
	}
	for range 10 {
		for r, ok, _ := p.Next(start); ok; r, ok, _ = p.Next(start) {
			asked++
			answered(p, r, nil, time.Millisecond, start)
		}
		p.Configure(o, start)
	}
	if asked != 5 {
		t.Errorf("%d requests at once at a rate of 5", asked)
	}
}
