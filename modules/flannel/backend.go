package flannel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// A module is the service, with the change from one backend to another.
type module struct {
	resource.Service
	flannel Flannel
}

// Check compares like the service, and explains what another backend means.
func (m module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	d, err := m.Service.Check(ctx, h)
	return markReplacement(d), err
}

// Apply waits for the pod CIDR and removes what the former backend made, before the
// service starts.
func (m module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if err := m.flannel.waitForPodCIDR(ctx); err != nil {
		return err
	}
	for _, c := range d {
		if c.Item == netConfPath && c.Gap {
			if err := m.clear(ctx, h); err != nil {
				return fmt.Errorf("clear the former backend: %w", err)
			}
		}
	}
	return m.Service.Apply(ctx, h, d)
}

// waitForPodCIDR waits for the same as flanneld itself, but its error has the
// reason.
func (f Flannel) waitForPodCIDR(ctx context.Context) error {
	if f.API == nil {
		return nil
	}
	what := "a pod CIDR of node " + f.Node + " (kube-controller-manager gives it with allocate-node-cidrs)"
	return resource.WaitFor(ctx, what, 30*time.Second, func(ctx context.Context) error {
		node, err := kube.Get(ctx, f.API, "/api/v1/nodes/"+f.Node)
		if err == nil && kube.Text(node, "spec", "podCIDR") == "" {
			err = fmt.Errorf("node %s has none", f.Node)
		}
		return err
	})
}

// markReplacement explains in d what another backend means.
func markReplacement(d change.Diff) change.Diff {
	for i, c := range d {
		if c.Item != netConfPath || !c.IsText() {
			continue
		}
		have, want := backendType(c.Have), backendType(c.Want)
		if have != "" && have != want {
			d[i].Action, d[i].Gap = change.Replace, true
			d[i].Why = fmt.Sprintf("the backend %s replaces %s: traffic between pods is interrupted until all hosts have it", want, have)
		}
	}
	return d
}

// backendType returns the type in a net-conf.json; "" if it cannot be read.
func backendType(netConf string) string {
	var conf struct{ Backend struct{ Type string } }
	_ = json.Unmarshal([]byte(netConf), &conf)
	return conf.Backend.Type
}

// links are the interfaces of backends that remain when flanneld stops.
var links = []string{"flannel.1", "flannel-v6.1", "flannel-wg", "flannel-wg-v6", "flannel.ipip"}

// clear stops flanneld and deletes the links and routes of a former backend. Its
// routes are more specific than the new ones and would take their traffic.
func (m module) clear(ctx context.Context, h host.Host) error {
	if err := m.Stop(ctx, h); err != nil {
		return err
	}
	for _, l := range links {
		if err := h.DeleteLink(ctx, l); err != nil {
			return err
		}
	}
	network, err := h.Network(ctx)
	for _, r := range network.Routes {
		if m.flannel.remotePods(r) {
			err = errors.Join(err, h.DeleteRoute(ctx, r))
		}
	}
	return err
}

// remotePods reports whether a route leads to the pods of another host.
func (f Flannel) remotePods(r host.NetRoute) bool {
	dst, err := netip.ParsePrefix(r.Dst)
	return err == nil && r.Via != "" && dst.Bits() >= f.PodCIDR.Bits() && f.PodCIDR.Contains(dst.Addr())
}
