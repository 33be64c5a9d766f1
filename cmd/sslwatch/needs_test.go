package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sslwatch/sslwatch/internal/sim/simcloud"
)

var (
	needs = flag.Int("needs", 0, "of how many instances TestWhatADaemonNeeds measures a daemon; 0 skips it")
	quiet = flag.Duration("quiet", 80*time.Second, "how long it takes to ask about all of them once, 200 a second, and then some")
)

// TestWhatADaemonNeeds is a measurement, made where -needs is given: what
// memory and CPU a daemon of its own takes, built as it is shipped, while it is
// scraped: to ask about all once and then be quiet, and for a thousand alerts at
// once.
func TestWhatADaemonNeeds(t *testing.T) {
	if *needs == 0 {
		t.Skip("a measurement: needs -needs")
	}
	const crossing = 1000 // instances that cross a threshold
	storm := time.Now().Add(*quiet)
	var instances []simcloud.Instance
	for i := range *needs {
		in := well(fmt.Sprintf("c%05d", i), 300*days)
		if i < crossing {
			in.ExpiresAt = storm.Add(30 * days)
		}
		instances = append(instances, in)
	}
	p := newPlace(t, quick, instances...)
	p.discovers("")
	p.replace(`interval    = "300ms"`, `interval    = "10m"`)
	p.replace(`timeout     = "300ms"`, `timeout     = "10s"`)
	p.replace("100000.0", "200.0")
	listen := freeAddress(t)
	p.replace("127.0.0.1:0", listen)

	binary := filepath.Join(t.TempDir(), "sslwatch")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-trimpath", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := exec.Command(binary, "run", "--config", p.config)
	d.Stderr = p.output
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Process.Kill(); d.Wait() })
	pid := d.Process.Pid

	writes := 0
	var last os.FileInfo
	// lookOn counts the writes of the state file until a time, and scrapes.
	lookOn := func(end time.Time, scrape bool) {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for next := time.Now(); time.Now().Before(end); <-ticker.C {
			if scrape && time.Now().After(next) {
				if resp, err := http.Get("http://" + listen + "/metrics"); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				next = next.Add(15 * time.Second)
			}
			if now, err := os.Stat(p.state()); err == nil && (last == nil || !os.SameFile(last, now)) {
				last = now
				writes++
			}
		}
	}
	lookOn(storm.Add(-time.Second), true)
	took := processCPU(t, pid)
	t.Logf("%d instances, all asked once, then quiet, in %v: %v of CPU, %d writes, %s", *needs, *quiet, took, writes, processMemory(t, pid))
	writes = 0
	for ready := false; !ready; {
		lookOn(time.Now().Add(500*time.Millisecond), false)
		ready = true
		for _, channel := range channels {
			ready = ready && p.toldOf(channel, "certificate_expiring") == crossing
		}
		if time.Since(storm) > time.Minute {
			t.Fatalf("not everyone was told:\n%s", p.output)
		}
	}
	lookOn(time.Now().Add(2*time.Second), false)
	t.Logf("%d alerts at once: told to both within %v, %v of CPU, %d writes, %s", crossing, time.Since(storm).Round(time.Second), processCPU(t, pid)-took, writes, processMemory(t, pid))
}

// processCPU returns the time that a process has had of the processors.
func processCPU(t *testing.T, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// processMemory describes what memory a process has, and had at most.
func processMemory(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`(VmHWM|VmRSS|RssAnon):\s+(\d+) kB`).FindAllStringSubmatch(string(data), -1) {
		n, _ := strconv.Atoi(m[2])
		out = append(out, fmt.Sprintf("%s %d MB", m[1], n>>10))
	}
	return strings.Join(out, ", ")
}
