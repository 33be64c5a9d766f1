package sim

import (
	"context"
	"strings"
	"sync"
)

// everything is the target that a script consults for whatever is asked.
const everything = ""

// A script holds the faults that were ordered: those that stand until taken
// back, and those that happen once. It has no lock; its owner has.
type script[F ~string] struct {
	standing map[string]F
	once     map[string][]F
}

func (s *script[F]) stand(target string, f F) {
	if s.standing == nil {
		s.standing = make(map[string]F)
	}
	if f == "" {
		delete(s.standing, target)
		return
	}
	s.standing[target] = f
}

func (s *script[F]) queue(target string, fs []F) {
	if s.once == nil {
		s.once = make(map[string][]F)
	}
	s.once[target] = append(s.once[target], fs...)
}

// heal takes back all that was ordered.
func (s *script[F]) heal() {
	s.standing, s.once = nil, nil
}

// take says what happens now to something that goes by the given targets, the
// most telling first. What happens once goes before what stands.
func (s *script[F]) take(targets ...string) F {
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

// split cuts "mode:argument" in two.
func split[F ~string](f F) (mode F, arg string) {
	m, arg, _ := strings.Cut(string(f), ":")
	return F(m), arg
}

// A bell rings for everybody who waits for a change.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// await looks again at each ring until look is satisfied or ctx is done.
func (b *bell) await(ctx context.Context, look func() bool) error {
	for {
		ch := b.wait() // before the look, or a ring between the two is lost
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
