package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/sslwatch/sslwatch/internal/config"
	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/httpclient"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/text"
)

// credentials makes what a project of a configuration authenticates with.
func (a *app) credentials(c *config.Config, of config.Credentials, proxies *httpclient.Proxies) dcs.Credentials {
	switch of.Kind {
	case config.Token:
		return dcs.Token(of.AuthToken.Reveal())
	case config.ECSAgency:
		return dcs.ECSAgency(a.metadata)
	case config.PodIdentity:
		return dcs.PodIdentity(a.podIdentity())
	case config.OIDC:
		return dcs.OIDC(dcs.OIDCOptions{IAM: of.IAMEndpoint, IdpID: of.IdpID, TokenFile: of.IDTokenFile, Proxies: proxies, Source: of.Source})
	case config.Default:
		return a.lastLinks(c)
	}
	return dcs.KeysOf(of.Source, of.AccessKey.Reveal(), of.SecretKey.Reveal(), of.SecurityToken.Reveal())
}

// podIdentity returns what CCE puts into the environment of a pod that has an
// identity.
func (a *app) podIdentity() (uri, tokenFile string) {
	uri, _ = a.Getenv("HC_CONTAINER_CREDENTIALS_FULL_URI")
	tokenFile, _ = a.Getenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	return uri, tokenFile
}

// lastLinks returns the chain of what is decided while sslwatch runs. A reload
// goes on with the one that took a link, or it could take another.
func (a *app) lastLinks(c *config.Config) *dcs.Chain {
	if a.chain != nil && a.chain.Decided() {
		return a.chain
	}
	o := dcs.ChainOptions{MetadataURL: a.metadata}
	o.PodURI, o.PodTokenFile = a.podIdentity()
	if c.Chain != nil {
		o.Environment, o.Profile = c.Chain.Links[0].Why, c.Chain.Links[1].Why
	}
	if a.log != nil {
		o.Taken = func(links []dcs.Link) { logLinks(a.log.Logger, links) }
	}
	a.chain = dcs.NewChain(o)
	return a.chain
}

// logChain says in the log which link was taken when the configuration was
// read, unless it has said so before. What is decided later says so itself.
func (a *app) logChain(c *config.Config) {
	if c.Chain == nil || c.Chain.Found == nil {
		a.links = ""
		return
	}
	if links := fmt.Sprint(c.Chain.Links); links != a.links {
		a.links = links
		logLinks(a.log.Logger, c.Chain.Links)
	}
}

// logLinks says which link of the chain was taken, and why those before it
// were not.
func logLinks(log *slog.Logger, links []dcs.Link) {
	var passed []string
	for _, l := range links {
		if l.Taken {
			said := []any{"link", l.Name, "passed", strings.Join(passed, "; ")}
			if !l.Why.IsZero() {
				said = append(said, "note", l.Why)
			}
			log.Info("credential link taken", said...)
			return
		}
		passed = append(passed, l.Name+": "+l.Why.Says())
	}
}

// explainChain prints what became of each link of the chain, if a project
// needs it. What is decided while sslwatch runs is decided as it would be now.
func (a *app) explainChain(ctx context.Context, c *config.Config) {
	asDefault := false
	for _, p := range c.Projects {
		asDefault = asDefault || p.Credentials.Kind == config.Default
	}
	switch {
	case c.Chain == nil && asDefault:
		fmt.Fprintf(a.Stdout, "\nWhich link of auth = \"default\" would be taken was not looked at.\n")
		return
	case c.Chain == nil:
		return
	}
	links := c.Chain.Links
	if c.Chain.Found == nil {
		chain := a.lastLinks(c)
		// What comes of it is said of the links.
		_, _ = chain.Credential(ctx)
		links = chain.Links()
	}
	fmt.Fprintf(a.Stdout, "\nauth = \"default\" takes the first link that has a credential:\n")
	t := table{head: []string{"LINK", "OUTCOME"}}
	for _, l := range links {
		what, why := outcome(l)
		t.add(why, l.Name, what)
	}
	t.print(a.Stdout, a.width(), 0)
}

// outcome says what became of a link, and why.
func outcome(l dcs.Link) (what, why string) {
	switch code := l.Why.Code(); {
	case l.Taken:
		return "taken", l.Why.String()
	case code == reason.LinkNotAsked:
		return "not asked", ""
	case code == reason.LinkWaits:
		return "not asked", l.Why.String()
	}
	return "not taken", l.Why.String()
}

// credentialInWords says what kind of credential it is, and where it stands.
func credentialInWords(c config.Credentials) string {
	of := ""
	switch {
	case c.Source.Environment:
		of = " of the environment"
	case c.Source.Profile != "":
		of = " of the profile " + text.Clean(c.Source.Profile)
	}
	switch {
	case c.Kind == config.Keys && !c.SecurityToken.IsZero():
		return "a temporary access key" + of
	case c.Kind == config.Keys:
		return "an access key" + of
	case c.Kind == config.Token:
		return "a token of IAM"
	case c.Kind == config.ECSAgency:
		return "the agency of this server"
	case c.Kind == config.PodIdentity:
		return "the identity of this pod"
	case c.Kind == config.OIDC:
		return fmt.Sprintf("the identity provider %s%s, at %s", c.IdpID, of, c.IAMEndpoint)
	case c.Kind == config.Default:
		return `what auth = "default" finds`
	}
	return string(c.Kind)
}
