package httpclient

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/sslwatch/sslwatch/internal/netfault"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
)

// Proxies is what the environment says about proxies, read once.
type Proxies struct {
	choose    func(*url.URL) (*url.URL, error)
	bad       map[string]*ProxyVariableError // by the scheme of the requests that it is for
	passwords []secret.Text
	// Warnings says what of it has no effect, or not the one that is meant.
	Warnings []string
}

// ProxyVariableError is a variable that names a proxy and can't be read. Its
// text does not hold the value, in which there may be a password.
type ProxyVariableError struct {
	Variable string
	why      string
}

var _ error = (*ProxyVariableError)(nil)

// Error says which variable it is, why it can't be read, and what is right.
func (e *ProxyVariableError) Error() string { return e.Fault().String() }

// Fault says which variable it is and what to do.
func (e *ProxyVariableError) Fault() netfault.Fault {
	return netfault.Fault{
		Reason:  reason.New(reason.ProxyVariable, reason.Args{"variable": e.Variable, "why": e.why}),
		Lasting: true,
	}
}

// unreadable stands for a proxy that can't be read, where NO_PROXY is judged.
const unreadable = "http://unreadable.invalid"

// ReadProxies reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in capitals first,
// then in small letters, as other programs do.
//
// net/http drops a variable that it can't read and connects without a proxy,
// or to a host that is made of a piece of a password. Here nothing is sent.
func ReadProxies(getenv func(string) string) *Proxies {
	p := &Proxies{bad: map[string]*ProxyVariableError{}}
	one := func(scheme, variable string) string {
		name, value := first(getenv, variable)
		if value == "" {
			return ""
		}
		u, why := parseProxy(value)
		if why != "" {
			p.bad[scheme] = &ProxyVariableError{name, why}
			return unreadable
		}
		if u.User != nil {
			p.passwords = append(p.passwords, secretsOf(u.User)...)
		}
		return u.String()
	}
	noName, no := first(getenv, "NO_PROXY")
	c := httpproxy.Config{HTTPSProxy: one("https", "HTTPS_PROXY"), HTTPProxy: one("http", "HTTP_PROXY"), NoProxy: no}
	p.choose = c.ProxyFunc()
	for _, entry := range strings.Split(no, ",") {
		if problem := oddExemption(strings.TrimSpace(entry)); problem != "" {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s has an entry that %s: it is a list of hosts with commas between them, such as localhost,10.0.0.0/8,.example.com", noName, problem))
		}
	}
	if name, value := first(getenv, "ALL_PROXY"); value != "" && c.HTTPSProxy == "" {
		p.Warnings = append(p.Warnings, name+" is not read, so https is spoken without a proxy: name it in HTTPS_PROXY, too")
	}
	return p
}

// Problems returns the variables that can't be read, of https first.
func (p *Proxies) Problems() []error {
	var all []error
	for _, scheme := range []string{"https", "http"} {
		if e := p.bad[scheme]; e != nil {
			all = append(all, e)
		}
	}
	return all
}

// For names the proxy of a request, for Options.Proxy. A nil p knows none.
func (p *Proxies) For(r *http.Request) (*url.URL, error) {
	if p == nil {
		return nil, nil
	}
	proxy, err := p.choose(r.URL)
	if bad := p.bad[r.URL.Scheme]; bad != nil && proxy != nil {
		return nil, bad
	}
	return proxy, err
}

// Passwords returns what proxies know and no text may repeat, in a slice of
// the caller's own.
func (p *Proxies) Passwords() []secret.Text {
	if p == nil {
		return nil
	}
	return slices.Clone(p.passwords)
}

func first(getenv func(string) string, variable string) (name, value string) {
	for _, name := range []string{variable, strings.ToLower(variable)} {
		if value := getenv(name); value != "" {
			return name, value
		}
	}
	return variable, ""
}

// parseProxy reads the value of a variable, or says why not.
func parseProxy(value string) (u *url.URL, why string) {
	if !strings.Contains(value, "://") {
		value = "http://" + value // as curl and Go have it
	}
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return nil, "a character in it has to be escaped"
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme):
		return nil, "it must begin with http://, https:// or socks5://"
	case u.Hostname() == "":
		return nil, "it has no host"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, "there is more behind the host and port"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, "its port is not from 1 to 65535"
		}
	}
	return &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}, ""
}

// oddExemption says what is wrong with an entry of NO_PROXY.
func oddExemption(entry string) string {
	switch {
	case strings.Contains(entry, "://"):
		return "is a URL"
	case strings.ContainsAny(entry, " \t;"):
		return "has a space or a semicolon in it"
	case strings.Contains(entry, "/"):
		if _, err := netip.ParsePrefix(entry); err != nil {
			return "has a slash and is not a network"
		}
	case strings.Contains(strings.TrimPrefix(entry, "*."), "*") && entry != "*":
		return "has an asterisk where it means nothing"
	}
	return ""
}

// secretsOf returns the forms in which a proxy has seen a password.
func secretsOf(user *url.Userinfo) []secret.Text {
	password, ok := user.Password()
	if !ok || password == "" {
		return nil
	}
	return []secret.Text{
		secret.New(password),
		secret.New(url.QueryEscape(password)),
		secret.New(base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))),
	}
}

// Fault says what the refusal means.
func (e *ProxyRefusal) Fault() netfault.Fault {
	code := reason.ProxyRefused
	switch {
	case e.Status == http.StatusProxyAuthRequired && e.LoggedIn:
		code = reason.ProxyWrongLogin
	case e.Status == http.StatusProxyAuthRequired:
		code = reason.ProxyWantsLogin
	case e.Status >= 500:
		code = reason.ProxyCouldNotReach
	}
	return netfault.Fault{
		Reason:  reason.New(code, reason.Args{"proxy": e.Proxy, "host": e.Host, "status": e.Status}),
		Lasting: e.Status < 500,
	}
}
