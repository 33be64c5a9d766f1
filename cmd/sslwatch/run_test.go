package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStopEndsWhateverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		hang := make(chan struct{})
		time.AfterFunc(time.Hour, stop)
		start := time.Now()
		err := endWithin(ctx, stopLimit, func(context.Context) error { <-hang; return nil })
		if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "hangs") || took != time.Hour+stopLimit || stopLimit+logPatience >= 5*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		close(hang)
		want := errors.New("why")
		if err := endWithin(t.Context(), stopLimit, func(context.Context) error { return want }); err != want {
			t.Error(err)
		}
	})
}
