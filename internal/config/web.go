package config

import (
	"errors"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"

	"github.com/sslwatch/sslwatch/internal/secret"
)

// HTTP says where to serve metrics and health.
type HTTP struct {
	Listen string // host:port; empty for nowhere
	// WebConfigFile is the path of a file in the format of Prometheus'
	// exporter-toolkit, for TLS and basic auth; empty for neither.
	WebConfigFile string
}

// defaultListen is reachable from this machine alone.
const defaultListen = "127.0.0.1:9943"

// readHTTP reads where to serve.
func (c *Config) readHTTP(t *table) {
	c.HTTP = HTTP{Listen: t.OrNone("listen", defaultListen), WebConfigFile: t.file("web_config_file")}
	if c.HTTP.Listen == "" {
		if c.HTTP.WebConfigFile != "" {
			t.Warn("web_config_file", "has no effect while listen is \"\"")
		}
		return
	}
	host, port, err := net.SplitHostPort(c.HTTP.Listen)
	if n, atoi := strconv.Atoi(port); err != nil || atoi != nil || n < 0 || n > 65535 {
		t.Problem("listen", "%s is not a valid address: write host:port, such as %q, or \"\" for none", quote(c.HTTP.Listen), defaultListen)
		return
	}
	if c.HTTP.WebConfigFile != "" {
		if t.needed() {
			t.checkWebConfig(c.HTTP.WebConfigFile)
		}
		return
	}
	if !isLoopback(host) {
		t.Warn("listen", "others can reach it, and it has neither TLS nor a password: set web_config_file, or see to it that only your monitoring gets there")
	}
}

// checkWebConfig notes what is wrong with a file of exporter-toolkit's.
func (t *table) checkWebConfig(file string) {
	// The library opens and reads whatever is there. So it is looked at first.
	f, err := t.doc.read(file, largestCertificate)
	if err != nil {
		t.Passing("web_config_file", "can't read it: %s", cause(err))
		return
	}
	if !t.checkWebCertificates(f.Data, filepath.Dir(file)) {
		return
	}
	for _, what := range examineWebConfig(file) {
		t.Problem("web_config_file", "can't be used: %s", what)
	}
}

// examineWebConfig says what is wrong with a file of exporter-toolkit's, a line
// for each problem. The values in it are not shown: they may be passwords.
func examineWebConfig(file string) []string {
	err := web.Validate(file)
	if err == nil {
		return nil
	}
	said := []string{cause(err)}
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		said = e.Errors
	}
	for i := range said {
		said[i] = webProblem(said[i])
	}
	return said
}

// checkWebCertificates notes which of the files that are named in such a
// file can't be read, and reports whether all can. What is no YAML names none.
func (t *table) checkWebCertificates(data []byte, dir string) bool {
	var named struct {
		TLS struct {
			Certificate string `yaml:"cert_file"`
			Key         string `yaml:"key_file"`
			ClientCA    string `yaml:"client_ca_file"`
		} `yaml:"tls_server_config"`
	}
	if yaml.Unmarshal(data, &named) != nil {
		return true
	}
	all := true
	for _, f := range []struct{ key, path string }{
		{"cert_file", named.TLS.Certificate}, {"key_file", named.TLS.Key}, {"client_ca_file", named.TLS.ClientCA},
	} {
		if f.path == "" {
			continue
		}
		if !filepath.IsAbs(f.path) {
			f.path = filepath.Join(dir, f.path)
		}
		if _, err := t.doc.read(f.path, largestCertificate); err != nil {
			t.Passing("web_config_file", "can't read its %s: %s", f.key, cause(err))
			all = false
		}
	}
	return all
}

// The words of yaml.
var (
	wrongType    = regexp.MustCompile(`(?s)^(line \d+: )cannot unmarshal .* into \S+$`)
	unknownField = regexp.MustCompile(`(?s)^(line \d+: )field (.*) not found in type \S+$`)
	shownValue   = regexp.MustCompile("(?s)`.*`|'.*'|invalid map key: .*")
)

// webProblem says in one line, and without values, what was said of a
// web_config_file.
func webProblem(said string) string {
	if strings.HasPrefix(said, "crypto/bcrypt: ") {
		return "a password in basic_auth_users is not hashed with bcrypt: htpasswd -nB NAME makes what belongs there"
	}
	if m := wrongType.FindStringSubmatch(said); m != nil {
		return m[1] + "the value has the wrong type"
	}
	if m := unknownField.FindStringSubmatch(said); m != nil {
		return m[1] + "unknown key " + quote(m[2])
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, shownValue.ReplaceAllString(said, "…"))
}

// readHeartbeat reads whom to give signs of life.
func (c *Config) readHeartbeat(t *table) {
	c.Heartbeat = t.secret("url") // whoever knows it can feign life
	if c.Heartbeat.IsZero() {
		return
	}
	u, why := parseURL(c.Heartbeat.Reveal())
	if why != "" {
		t.Problem("url", "%s", why)
		c.Heartbeat = secret.Text{}
		return
	}
	t.warnPlain("url", u)
}
