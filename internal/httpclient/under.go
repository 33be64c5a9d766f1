package httpclient

import (
	"net/url"
	"strings"
)

// Under returns the URL of a path under another URL. What is there already
// stays as it was written, its escapes and its query included. The path is
// empty, or begins with a slash and needs no escapes.
func Under(base *url.URL, path string) *url.URL {
	u := *base
	if path == "" {
		return &u
	}
	u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + path
	u.Path, _ = url.PathUnescape(u.RawPath) // what EscapedPath returns can be read
	return &u
}
