package dcs

import (
	"net/http"

	"github.com/sslwatch/sslwatch/internal/httpclient"
)

const (
	// maxBody is how much of an answer is read. A true one has under 1 KiB.
	maxBody = 1 << 20
	// maxErrorBody is the same for answers other than 200. The code and the
	// message are at the start; what lies behind can be lost.
	maxErrorBody = 64 << 10
)

// answer is what came back, of whatever kind.
type answer struct{ httpclient.Response }

// exchange sends a request and reads the answer. A 200 whose body was cut off
// is an error, and has its status; any other answer keeps its meaning.
func exchange(transport http.RoundTripper, r *http.Request) (answer, error) {
	response, err := httpclient.Do(transport, r, func(status int) int64 {
		if status == http.StatusOK {
			return maxBody
		}
		return maxErrorBody
	})
	if err == nil && response.Status == http.StatusOK {
		err = response.Broken
	}
	return answer{response}, err
}
