// Package sdkchain reads the first two links of the chain in which the cloud's
// SDK looks for a credential: the environment, and the profile of the user. It
// takes what the SDK would take.
//
// Source: facts page 1.5 and its additions; core/auth/provider of the SDK for
// Go, env_provider.go, profile_provider.go and credential_provider.go.
package sdkchain

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sslwatch/sslwatch/internal/dcs"
	"github.com/sslwatch/sslwatch/internal/reason"
	"github.com/sslwatch/sslwatch/internal/secret"
	"github.com/sslwatch/sslwatch/internal/smallfile"
)

// Chain is what the two links came to.
type Chain struct {
	// Found is nil where neither has a credential.
	Found *Found
	// Links are all of the chain where something was found, and else the
	// environment and the profile.
	Links []dcs.Link
}

// Found is what the link that was taken has: an identity provider with the
// path of a token, or else keys.
type Found struct {
	Source dcs.Source
	// Names are the names under which the values stand, for people.
	Names Names

	AccessKey, SecretKey, SecurityToken secret.Text
	// IAMEndpoint may be empty.
	IdpID, IDTokenFile, IAMEndpoint string
	// IAMName is the name under which IAMEndpoint stands.
	IAMName string
	// Mode is that of the profile.
	Mode fs.FileMode
}

// Names are what the values are called in one of the links.
type Names struct{ AccessKey, SecretKey, SecurityToken, IdpID, IDTokenFile, IAMEndpoint string }

var (
	variables = Names{
		"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN",
		"HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE", "HUAWEICLOUD_SDK_IAM_ENDPOINT",
	}
	keys = Names{"ak", "sk", "security_token", "idp_id", "id_token_file", "iam_endpoint"}
)

// section is where a profile has what is for services with projects.
const section = "basic"

// Read looks for a credential. lookup is os.LookupEnv, or stands for it; read
// reads the profile, whose path it is given, and is called if the environment
// has no credential.
func Read(lookup func(string) (string, bool), read func(path string) (smallfile.File, error)) Chain {
	variable := func(name string) string {
		value, _ := lookup(name)
		return strings.TrimSpace(value)
	}
	found, why := variables.choose(variable, "")
	links := []dcs.Link{{Name: dcs.LinkEnvironment, Taken: found != nil, Why: why}}
	if found == nil {
		found, why = profile(variable, read)
		links = append(links, dcs.Link{Name: dcs.LinkProfile, Taken: found != nil, Why: why})
	} else {
		found.Source = dcs.Source{Environment: true}
		links = append(links, notAsked(dcs.LinkProfile))
	}
	if found != nil {
		links = append(links, notAsked(dcs.LinkAgency), notAsked(dcs.LinkPod))
	}
	return Chain{found, links}
}

func notAsked(name string) dcs.Link {
	return dcs.Link{Name: name, Why: reason.New(reason.LinkNotAsked, nil)}
}

// profile looks for a credential in the file in which the SDK does.
func profile(variable func(string) string, read func(string) (smallfile.File, error)) (*Found, reason.Reason) {
	path := variable("HUAWEICLOUD_SDK_CREDENTIALS_FILE")
	if path == "" {
		home := variable("HOME")
		if home == "" { // as under systemd, for a service of the system
			return nil, reason.New(reason.NoHome, nil)
		}
		path = filepath.Join(home, ".huaweicloud", "credentials")
	}
	f, err := read(path)
	if err != nil {
		return nil, unread(path, err)
	}
	values, ok, line := readSection(string(f.Data), section)
	switch {
	case line != 0:
		return nil, reason.New(reason.NotAProfile, reason.Args{"path": path, "line": line})
	case !ok:
		return nil, reason.New(reason.NoBasicSection, reason.Args{"path": path})
	}
	found, why := keys.choose(func(name string) string { return values[name] }, path)
	if found != nil {
		found.Source, found.Mode = dcs.Source{Profile: path}, f.Mode.Perm()
		if found.IAMEndpoint == "" {
			found.IAMEndpoint, found.IAMName = withScheme(variable(variables.IAMEndpoint)), variables.IAMEndpoint
		}
	}
	return found, why
}

// unread says why a profile could not be read.
func unread(path string, err error) reason.Reason {
	in := reason.Args{"path": path}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return reason.New(reason.NoTokenFile, in)
	case errors.Is(err, fs.ErrPermission):
		return reason.New(reason.TokenFileForbidden, in)
	}
	in["detail"] = err.Error()
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		in["detail"] = errno.Error()
	} else if at, ok := errors.AsType[*fs.PathError](err); ok {
		in["detail"] = at.Err.Error()
	}
	return reason.New(reason.TokenFileUnreadable, in)
}

// choose takes what counts of the values of a link: an identity provider with
// its token before keys. Where it takes nothing, it says why, and else what it
// leaves out.
func (n Names) choose(value func(name string) string, path string) (*Found, reason.Reason) {
	where := func(name string) bool { return value(name) != "" }
	provider, token, key, secretKey := where(n.IdpID), where(n.IDTokenFile), where(n.AccessKey), where(n.SecretKey)
	args := reason.Args{"key": n.AccessKey, "secret": n.SecretKey, "provider": n.IdpID, "token": n.IDTokenFile, "path": path}
	half := func(code reason.Code, first bool, a, b string) reason.Reason {
		if !first {
			a, b = b, a
		}
		return reason.New(code, reason.Args{"set": a, "missing": b, "path": path})
	}
	f := &Found{Names: n, IAMName: n.IAMEndpoint}
	switch {
	case provider && token:
		f.IdpID, f.IDTokenFile, f.IAMEndpoint = value(n.IdpID), value(n.IDTokenFile), withScheme(value(n.IAMEndpoint))
		if key && secretKey {
			return f, reason.New(reason.BothSet, args)
		}
	case key && secretKey:
		f.AccessKey, f.SecretKey = secret.New(value(n.AccessKey)), secret.New(value(n.SecretKey))
		f.SecurityToken = secret.New(value(n.SecurityToken))
		if provider || token {
			return f, half(reason.HalfLeftOut, provider, n.IdpID, n.IDTokenFile)
		}
	case key || secretKey:
		return nil, half(reason.HalfSet, key, n.AccessKey, n.SecretKey)
	case provider || token:
		return nil, half(reason.HalfSet, provider, n.IdpID, n.IDTokenFile)
	default:
		return nil, reason.New(reason.NothingSet, args)
	}
	return f, reason.Reason{}
}

// withScheme returns an address as the SDK takes it, which needs no scheme.
func withScheme(address string) string {
	if address == "" || strings.Contains(address, "://") {
		return address
	}
	return "https://" + address
}
