package simserver

import (
	"context"
	"strings"
	"sync"
)

// Everything is the target that a Script consults for whatever is asked.
const Everything = ""

// A Script holds the faults that were ordered: those that stand until taken
// back, and those that happen once. It has no lock; its owner has.
type Script[F ~string] struct {
	standing map[string]F
	once     map[string][]F
}

// Stand has a fault happen from now on; "" takes it back.
func (s *Script[F]) Stand(target string, f F) {
	if s.standing == nil {
		s.standing = make(map[string]F)
	}
	if f == "" {
		delete(s.standing, target)
		return
	}
	s.standing[target] = f
}

// Queue has faults happen once each, in their order.
func (s *Script[F]) Queue(target string, fs []F) {
	if s.once == nil {
		s.once = make(map[string][]F)
	}
	s.once[target] = append(s.once[target], fs...)
}

// Heal takes back all that was ordered.
func (s *Script[F]) Heal() {
	s.standing, s.once = nil, nil
}

// Take says what happens now to something that goes by the given targets, the
// most telling first. What happens once goes before what stands.
func (s *Script[F]) Take(targets ...string) F {
	for _, t := range targets {
		if q := s.once[t]; len(q) > 0 {
			s.once[t] = q[1:]
			return q[0]
		}
	}
	for _, t := range targets {
		if f := s.standing[t]; f != "" {
			return f
		}
	}
	return ""
}

// Standing returns the fault that stands for a target, "" if none does.
func (s *Script[F]) Standing(target string) F { return s.standing[target] }

// Split cuts "mode:argument" in two.
func Split[F ~string](f F) (mode F, arg string) {
	m, arg, _ := strings.Cut(string(f), ":")
	return F(m), arg
}

// A Bell rings for everybody who waits for a change.
type Bell struct {
	mu sync.Mutex
	ch chan struct{}
}

// Wait returns what is closed at the next ring.
func (b *Bell) Wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// Ring has everybody look who waits.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// Await looks again at each ring until look is satisfied or ctx is done.
func (b *Bell) Await(ctx context.Context, look func() bool) error {
	for {
		ch := b.Wait() // before the look, or a ring between the two is lost
		if look() {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
