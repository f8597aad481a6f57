package oshost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// memberLimit is how long a member may take to report its health.
const memberLimit = 3 * time.Second

// EtcdMembers lists the members through etcd's JSON gateway. The list is the
// one that the answering member has, so it is available without a majority
// too.
func (h *Host) EtcdMembers(ctx context.Context, r host.EtcdRequest) ([]host.EtcdMember, error) {
	var list struct {
		Members []struct {
			ID         string   `json:"ID"`
			Name       string   `json:"name"`
			ClientURLs []string `json:"clientURLs"`
			IsLearner  bool     `json:"isLearner"`
		} `json:"members"`
	}
	answer, err := h.etcd(ctx, r, "/v3/cluster/member/list", `{"linearizable": false}`)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, etcdError("list etcd's members", answer)
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return nil, fmt.Errorf("list etcd's members: read the answer: %w", err)
	}
	members := make([]host.EtcdMember, len(list.Members))
	var wg sync.WaitGroup
	for i, m := range list.Members {
		wg.Go(func() {
			why := h.etcdTrouble(ctx, r, m.ClientURLs)
			members[i] = host.EtcdMember{ID: m.ID, Name: m.Name, Clients: m.ClientURLs, Learner: m.IsLearner, Healthy: why == "", Why: why}
		})
	}
	wg.Wait()
	return members, ctx.Err()
}

// etcdTrouble returns what is wrong with a member; "" if it answers and is
// healthy.
func (h *Host) etcdTrouble(ctx context.Context, r host.EtcdRequest, urls []string) string {
	ctx, cancel := context.WithTimeout(ctx, memberLimit)
	defer cancel()
	why := "it has never been started"
	for _, url := range urls {
		answer, err := h.Get(ctx, host.GetRequest{URL: strings.TrimRight(url, "/") + "/health?serializable=true", CAPath: r.CAPath, CertPath: r.CertPath, KeyPath: r.KeyPath})
		if err != nil {
			why = err.Error()
			continue
		}
		var health struct{ Health, Reason string }
		if err := json.Unmarshal(answer.Body, &health); err == nil && health.Health == "true" {
			return ""
		}
		why = strings.TrimSpace("it is not healthy: " + health.Reason)
	}
	return why
}

// EtcdRemove removes a member.
func (h *Host) EtcdRemove(ctx context.Context, r host.EtcdRequest, id string) error {
	body, err := json.Marshal(map[string]string{"ID": id})
	if err != nil {
		return err
	}
	answer, err := h.etcd(ctx, r, "/v3/cluster/member/remove", string(body))
	if err != nil || answer.Status == http.StatusOK || answer.Status == http.StatusNotFound && strings.Contains(string(answer.Body), "member not found") {
		return err
	}
	return etcdError("remove etcd's member "+id, answer)
}

// etcd sends a request to the first endpoint that answers.
func (h *Host) etcd(ctx context.Context, r host.EtcdRequest, path, body string) (host.KubeResponse, error) {
	err := fmt.Errorf("ask etcd: no endpoint: %w", host.ErrUnavailable)
	for _, e := range r.Endpoints {
		var answer host.KubeResponse
		answer, err = h.request(ctx, http.MethodPost, strings.TrimRight(e, "/")+path, "application/json", []byte(body), identity{r.CAPath, r.CertPath, r.KeyPath})
		if !errors.Is(err, host.ErrUnavailable) {
			return answer, err
		}
	}
	return host.KubeResponse{}, err
}

func etcdError(what string, answer host.KubeResponse) error {
	var e struct{ Message string }
	if err := json.Unmarshal(answer.Body, &e); err != nil || e.Message == "" {
		e.Message = string(answer.Body)
	}
	return fmt.Errorf("%s: etcd says %d %s: %s", what, answer.Status, http.StatusText(answer.Status), strings.TrimSpace(e.Message))
}
