package heartbeat_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sslwatch/sslwatch/internal/heartbeat"
	"github.com/sslwatch/sslwatch/internal/secret"
)

func TestSignsArriveInTheirOrder(t *testing.T) {
	got := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.RequestURI + " " + string(body)
	}))
	defer s.Close()
	h := heartbeat.New(secret.New(s.URL+"/ping/hunter2/a%2Fb%25?key=x%26y"), nil, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go h.Run(ctx)
	h.Start()
	h.Success()
	h.Fail("the disk is full")
	for _, want := range []string{"/ping/hunter2/a%2Fb%25/start?key=x%26y ", "/ping/hunter2/a%2Fb%25?key=x%26y ", "/ping/hunter2/a%2Fb%25/fail?key=x%26y the disk is full"} {
		if sign := <-got; sign != want {
			t.Errorf("got %q, want %q", sign, want)
		}
	}
}

func TestAURLThatEndsInASlashIsAskedSo(t *testing.T) {
	got := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.RequestURI }))
	defer s.Close()
	h := heartbeat.New(secret.New(s.URL+"/ping%2F1/"), nil, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go h.Run(ctx)
	h.Success()
	h.Start()
	for _, want := range []string{"/ping%2F1/", "/ping%2F1/start"} {
		if asked := <-got; asked != want {
			t.Errorf("asked %q, want %q", asked, want)
		}
	}
}

func TestAFailureIsLoggedWhenItChangesAndWithoutTheURL(t *testing.T) {
	answers := make(chan int, 10)
	done := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := <-answers
		if status == http.StatusFound {
			http.Redirect(w, r, "http://elsewhere.invalid/", status)
		} else {
			w.WriteHeader(status)
		}
		done <- struct{}{}
	}))
	defer s.Close()
	var log bytes.Buffer
	h := heartbeat.New(secret.New(s.URL+"/ping/hunter2"), nil, slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { h.Run(ctx); close(ended) }()
	for _, status := range []int{500, 500, 302, 200, 200} {
		answers <- status
		h.Success()
		<-done
	}
	// One more, so that the last answer has been taken in before the stop.
	answers <- 200
	h.Success()
	<-done
	cancel()
	<-ended
	text := log.String()
	if n := strings.Count(text, "heartbeat failed"); n != 2 {
		t.Errorf("%d failures logged, want 2:\n%s", n, text)
	}
	if n := strings.Count(text, "arrives again"); n != 1 {
		t.Errorf("%d recoveries logged, want 1:\n%s", n, text)
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("the URL shows:\n%s", text)
	}
}
