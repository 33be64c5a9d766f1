package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/sslwatch/sslwatch/internal/check"
	"github.com/sslwatch/sslwatch/internal/text"
)

// Test returns a message that says that it is a test. unique tells one test
// from another.
func Test(unique string, now time.Time) Message {
	now = check.Wall(now)
	sum := sha256.Sum256([]byte("test " + unique))
	return Message{
		ID:    hex.EncodeToString(sum[:12]),
		Time:  now,
		Title: "TEST: sslwatch can reach you here",
		Groups: []Group{{
			Heading: "Test",
			Advice: []string{
				"This is a test message of sslwatch, sent by hand at " + text.Stamp(now) + ". Nothing is wrong.",
				"When something is, you will be told here, once each time something changes.",
			},
		}},
	}
}
