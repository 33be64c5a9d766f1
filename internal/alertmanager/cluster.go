package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// maxStatus bounds the answer about the cluster, which quotes the whole
// configuration of Alertmanager.
const maxStatus = 4 << 20

// place asks how many members of its cluster come before this one. Alertmanager
// has each wait for those before it, so that they tell first.
//
// Source: GET /api/v2/status in the OpenAPI specification of Alertmanager, and
// Peer.Position in its cluster/cluster.go: the members are in the order of their
// names.
func (s Settings) place(ctx context.Context, transport http.RoundTripper) (int, error) {
	a, err := s.ask(ctx, transport, http.MethodGet, "/api/v2/status", nil, maxStatus)
	if err != nil {
		return 0, err
	}
	var status struct {
		Cluster struct {
			Name  string `json:"name"`
			Peers []struct {
				Name string `json:"name"`
			} `json:"peers"`
		} `json:"cluster"`
	}
	if a.Status != http.StatusOK {
		return 0, fmt.Errorf("answered HTTP %d to GET /api/v2/status", a.Status)
	}
	if a.Broken != nil || a.TooLarge || json.Unmarshal(a.Body, &status) != nil {
		return 0, errors.New("gave an answer to GET /api/v2/status that can't be read")
	}
	place := 0
	for _, p := range status.Cluster.Peers {
		if p.Name < status.Cluster.Name {
			place++
		}
	}
	return place, nil
}

// lead returns how much earlier an alert ends for a member that so many come
// before. What a member tells after its wait is what it saw before. So an alert
// has to end for it as much earlier as it waits, or it would tell that the alert
// fires right after another has told its end.
func (s Settings) lead(place int) time.Duration {
	return min(time.Duration(place)*s.PeerTimeout, validity/2)
}
