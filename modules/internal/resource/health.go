package resource

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A Ready waits until a service serves.
type Ready func(ctx context.Context, h host.Host) error

// Healthy waits until a health endpoint of the host answers 200. A small machine
// that starts a whole control plane at once needs half of the limit.
func Healthy(what string, r host.GetRequest) Ready {
	return Answers(what+" to be healthy", 90*time.Second, r, nil)
}

// Answers waits until an endpoint of the host answers 200 and serves, if it is not
// nil, accepts the body. It returns nil if r has no URL.
func Answers(condition string, limit time.Duration, r host.GetRequest, serves func(body []byte) bool) Ready {
	if r.URL == "" {
		return nil
	}
	return func(ctx context.Context, h host.Host) error {
		return WaitFor(ctx, condition, limit, func(ctx context.Context) error {
			resp, err := h.Get(ctx, r)
			if err != nil {
				return err
			}
			if resp.Status != http.StatusOK || serves != nil && !serves(resp.Body) {
				return fmt.Errorf("%s answers %d: %s", r.URL, resp.Status, firstLines(resp.Body))
			}
			return nil
		})
	}
}

// firstLines returns the part of an answer that shows what failed: /readyz lists its
// checks and marks failed ones with [-].
func firstLines(body []byte) string {
	var bad, all []string
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		all = append(all, line)
		if strings.HasPrefix(line, "[-]") {
			bad = append(bad, line)
		}
	}
	if len(bad) > 0 {
		all = bad
	}
	return strings.Join(all[:min(3, len(all))], "; ")
}

// Secure returns the endpoint of a control-plane service with these flags, which
// serves only TLS.
func Secure(flags map[string]string, path, ca string) host.GetRequest {
	return host.GetRequest{URL: "https://" + Local(flags["bind-address"], flags["secure-port"]) + path, CAPath: ca}
}

// Local returns the address and port at which the host itself reaches a service that
// listens at this address.
func Local(address, port string) string {
	if a := net.ParseIP(address); a == nil || a.IsUnspecified() {
		address = "127.0.0.1"
	}
	return net.JoinHostPort(address, port)
}
