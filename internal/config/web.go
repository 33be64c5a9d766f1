package config

import (
	"net"
	"strconv"

	"github.com/prometheus/exporter-toolkit/web"

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
	c.HTTP = HTTP{Listen: t.text("listen", defaultListen), WebConfigFile: t.file("web_config_file")}
	if c.HTTP.Listen == "" {
		return
	}
	host, port, err := net.SplitHostPort(c.HTTP.Listen)
	if n, atoi := strconv.Atoi(port); err != nil || atoi != nil || n < 0 || n > 65535 {
		t.problem("listen", "%s is no address: write host:port, such as %q, or \"\" for none", quote(c.HTTP.Listen), defaultListen)
		return
	}
	if c.HTTP.WebConfigFile != "" {
		if err := web.Validate(c.HTTP.WebConfigFile); err != nil {
			t.problem("web_config_file", "can't be used: %s", cause(err))
		}
		return
	}
	if !isLoopback(host) {
		t.warn("listen", "others can reach it, and it has neither TLS nor a password: set web_config_file, or see to it that only your monitoring gets there")
	}
}

// readHeartbeat reads whom to give signs of life.
func (c *Config) readHeartbeat(t *table) {
	c.Heartbeat = t.secret("url") // whoever knows it can feign life
	if c.Heartbeat.IsZero() {
		return
	}
	u, why := parseURL(c.Heartbeat.Reveal())
	if why != "" {
		t.problem("url", "%s", why)
		c.Heartbeat = secret.Text{}
		return
	}
	t.warnPlain("url", u)
}
