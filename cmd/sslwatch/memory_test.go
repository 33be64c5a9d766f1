package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

var (
	fleet = flag.Int("fleet", 0, "how many instances TestAStormFitsTheMemoryThatIsShipped watches; 0 skips it")
	limit = flag.Int64("limit", 0, "its limit in MiB; 0 for the one of deploy/kubernetes")
)

// The memory that deploy/kubernetes allows is enough, in a real cgroup: for a
// fleet of which more than half expires at once, while it is scraped, asked by
// many at once, and its connections are held.
func TestAStormFitsTheMemoryThatIsShipped(t *testing.T) {
	if *fleet == 0 {
		t.Skip("it takes minutes: see -fleet")
	}
	group := newMemoryCgroup(t, shippedLimit(t))
	var instances []simcloud.Instance
	for i := range *fleet {
		in := well(fmt.Sprintf("c%05d", i), 300*days)
		if i%5 < 3 {
			in = well(fmt.Sprintf("c%05d", i), -time.Hour)
		}
		instances = append(instances, in)
	}
	pace := strings.NewReplacer(`"300ms"`+"\ntimeout     = \"300ms\"", `"1m"`+"\ntimeout     = \"10s\"", "200.0", "2000.0").Replace(quick)
	p := newPlace(t, pace, instances...)
	listen := freeAddress(t)
	p.replace("127.0.0.1:0", listen)

	d := p.command("run")
	d.Args = append([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, group.procs}, append([]string{d.Path}, d.Args[1:]...)...)
	d.Path = "/bin/sh"
	d.Stderr = p.output
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	died := make(chan error, 1)
	go func() { died <- d.Wait() }()
	t.Cleanup(func() { d.Process.Kill() })

	scrape := func() (n int) {
		resp, err := http.Get("http://" + listen + "/metrics")
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return len(body)
	}
	var held []net.Conn
	storm := time.Now()
	rounds, expired := 0, (*fleet*3+4)/5
	for done := false; !done; rounds++ {
		select {
		case err := <-died:
			log := p.output.String()
			t.Fatalf("ended after %v, at %s MiB: %v\n%s", time.Since(storm), group.peak(), err, log[max(0, len(log)-4000):])
		case <-time.After(5 * time.Second):
		}
		switch {
		case rounds%4 == 2: // fifty at once
			all := make(chan int)
			for range 50 {
				go func() { all <- scrape() }()
			}
			for range 50 {
				<-all
			}
		case rounds == 3:
			for range 10_000 {
				c, err := net.DialTimeout("tcp", listen, time.Second)
				if err != nil {
					break
				}
				held = append(held, c)
			}
			t.Logf("%d connections were opened and left open", len(held))
		default:
			scrape()
		}
		done = true
		for _, channel := range channels {
			n := p.toldOf(channel, "certificate_expired")
			done = done && n >= expired
			t.Logf("%3.0f s: %s was told of %d of %d, peak %s MiB", time.Since(storm).Seconds(), channel, n, expired, group.peak())
		}
		if time.Since(storm) > 15*time.Minute {
			t.Fatal("not everyone was told within 15 minutes")
		}
	}
	for _, c := range held {
		c.Close()
	}
	if stdout, stderr, code := p.run("healthcheck"); code != 0 {
		t.Errorf("healthcheck: exit %d: %s%s", code, stdout, stderr)
	}
	t.Logf("%d instances, %d expired, two recipients, a page of %d bytes: %s MiB at most, of %d", *fleet, expired, scrape(), group.peak(), group.limit>>20)
}

// shippedLimit returns the limit of deploy/kubernetes.
func shippedLimit(t *testing.T) int64 {
	t.Helper()
	if *limit != 0 {
		return *limit << 20
	}
	data, err := os.ReadFile("../../deploy/kubernetes/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`limits: \{memory: (\d+)Mi\}`).FindSubmatch(data)
	if m == nil {
		t.Fatal("the manifest has no limit")
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 20
}

// memoryCgroup is a cgroup with a limit, of either version.
type memoryCgroup struct {
	procs    string
	peakFile string
	limit    int64
}

func newMemoryCgroup(t *testing.T, limit int64) *memoryCgroup {
	t.Helper()
	for _, v := range []struct{ root, sign, limit, peak string }{
		{"/sys/fs/cgroup", "cgroup.controllers", "memory.max", "memory.peak"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.limit_in_bytes", "memory.max_usage_in_bytes"},
	} {
		if _, err := os.Stat(filepath.Join(v.root, v.sign)); err != nil {
			continue // not that version, or without the controller
		}
		dir := filepath.Join(v.root, "sslwatch-test-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(dir) })
		if os.WriteFile(filepath.Join(dir, v.limit), []byte(strconv.FormatInt(limit, 10)), 0) != nil {
			continue
		}
		return &memoryCgroup{procs: filepath.Join(dir, "cgroup.procs"), peakFile: filepath.Join(dir, v.peak), limit: limit}
	}
	t.Skip("no cgroup with a limit of memory can be made here: it needs root and the memory controller")
	return nil
}

// peak returns the most that was used, in MiB.
func (c *memoryCgroup) peak() string {
	data, err := os.ReadFile(c.peakFile)
	n, atoi := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil || atoi != nil {
		return "?"
	}
	return strconv.FormatInt(n>>20, 10)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
