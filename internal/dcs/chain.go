package dcs

import (
	"context"
	"errors"
	"sync"

	"github.com/sslwatch/sslwatch/internal/reason"
)

// The links of the default chain, in its order. It is that of the cloud's SDK.
const (
	LinkEnvironment = "environment"
	LinkProfile     = "profile"
	LinkAgency      = "ECS agency"
	LinkPod         = "pod identity"
)

// Link is what became of a link of the default chain.
type Link struct {
	Name  string
	Taken bool
	// Why says why it was not taken, or what is odd about it where it was;
	// zero where there is nothing to say.
	Why reason.Reason
}

// ChainOptions say what a chain has to go by.
type ChainOptions struct {
	// Environment and Profile say why those links were not taken. They are
	// read where the configuration is, because they change with it only.
	Environment, Profile reason.Reason
	// MetadataURL is the address of the metadata service; empty for the true
	// one.
	MetadataURL string
	// PodURI and PodTokenFile are those of PodIdentity; empty outside of a pod
	// that has one.
	PodURI, PodTokenFile string
	// Taken is told of all links when one of them is taken, which happens
	// once; nil for nobody. It must not block.
	Taken func([]Link)
}

// Chain is the last two links of the default chain: the agency of the ECS, and
// the identity of the pod.
//
// The SDK takes the first link that answers when a program starts, and gives
// up if none does. A daemon may start before the metadata service answers, so
// this goes on asking, at the pace of each issuer, until one link gives a
// credential. Then it keeps to that link, whatever becomes of it: who is
// asked as must not depend on which service had a bad moment. For the same
// reason the pod's identity is not asked for while a metadata service is
// there that fails.
type Chain struct {
	o           ChainOptions
	agency, pod Credentials

	mu      sync.Mutex
	taken   Credentials // nil until a link gave a credential
	outcome [2]Link     // of agency and pod
}

var _ Credentials = (*Chain)(nil)

// NewChain returns a chain that has taken no link yet.
func NewChain(o ChainOptions) *Chain {
	return &Chain{
		o: o, agency: ECSAgency(o.MetadataURL), pod: PodIdentity(o.PodURI, o.PodTokenFile),
		outcome: [2]Link{{Name: LinkAgency, Why: reason.New(reason.LinkNotAsked, nil)}, {Name: LinkPod, Why: reason.New(reason.LinkNotAsked, nil)}},
	}
}

// Credential is that of the link that was taken. Where none is, it tries to
// take one.
func (c *Chain) Credential(ctx context.Context) (Credential, error) {
	if taken := c.link(); taken != nil {
		return taken.Credential(ctx)
	}
	cred, err := c.agency.Credential(ctx)
	if err == nil {
		return c.take(ctx, c.agency, cred)
	}
	agency, ok := errors.AsType[*Error](err)
	if !ok {
		return Credential{}, err // who asked did not wait
	}
	if agency.Kind == Failed && agency.Reason.Code() != reason.MetadataNotReached {
		c.passed(agency.Reason, reason.New(reason.LinkWaits, nil))
		return Credential{}, err
	}
	if c.o.PodURI == "" || c.o.PodTokenFile == "" {
		return Credential{}, c.none(agency, &Error{Kind: Unauthenticated, Reason: reason.New(reason.NoPodVariables, nil)})
	}
	cred, err = c.pod.Credential(ctx)
	if err == nil {
		c.passed(agency.Reason, reason.Reason{})
		return c.take(ctx, c.pod, cred)
	}
	pod, ok := errors.AsType[*Error](err)
	if !ok {
		return Credential{}, err
	}
	return Credential{}, c.none(agency, pod)
}

// Refresh is that of the link that was taken.
func (c *Chain) Refresh(ctx context.Context, refused Credential) (Credential, error) {
	if taken := c.link(); taken != nil {
		return taken.Refresh(ctx, refused)
	}
	return c.Credential(ctx)
}

// Decided reports whether a link was taken.
func (c *Chain) Decided() bool { return c.link() != nil }

// Links returns what became of all links so far.
func (c *Chain) Links() []Link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.links()
}

func (c *Chain) links() []Link {
	return []Link{
		{Name: LinkEnvironment, Why: c.o.Environment}, {Name: LinkProfile, Why: c.o.Profile}, c.outcome[0], c.outcome[1],
	}
}

func (c *Chain) link() Credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken
}

// passed notes why no link was taken, unless one is by now.
func (c *Chain) passed(agency, pod reason.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == nil {
		c.outcome[0].Why, c.outcome[1].Why = agency, pod
	}
}

// take keeps to a link that gave a credential, unless another request took
// another meanwhile: then that one's credential is the answer.
func (c *Chain) take(ctx context.Context, link Credentials, cred Credential) (Credential, error) {
	c.mu.Lock()
	first := c.taken == nil
	if first {
		c.taken = link
		switch link {
		case c.agency:
			c.outcome[0] = Link{Name: LinkAgency, Taken: true}
			c.outcome[1].Why = reason.New(reason.LinkNotAsked, nil)
		default:
			c.outcome[1] = Link{Name: LinkPod, Taken: true}
		}
	}
	taken, links := c.taken, c.links()
	c.mu.Unlock()
	if first && c.o.Taken != nil {
		c.o.Taken(links)
	}
	if taken != link {
		return taken.Credential(ctx)
	}
	return cred, nil
}

// none is the error where no link gives a credential.
func (c *Chain) none(agency, pod *Error) *Error {
	c.passed(agency.Reason, pod.Reason)
	kind := Unauthenticated
	if agency.Kind == Failed || pod.Kind == Failed {
		kind = Failed
	}
	return &Error{Kind: kind, Reason: reason.New(reason.NoLink, reason.Args{
		"environment": c.o.Environment, "profile": c.o.Profile, "agency": agency.Reason, "pod": pod.Reason,
	})}
}

// String returns the kind of credential.
func (c *Chain) String() string { return "default chain" }
