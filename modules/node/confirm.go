package node

import (
	"context"
	"fmt"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// enoughRenewals is how often the kubelet must renew its lease before a
// status that it did not send again counts as its own. The first renewal may
// come before it has looked at itself; a kubelet looks as often as it renews.
const enoughRenewals = 2

// Confirm waits until the kubelet has reported anew that the Node is Ready,
// see modules.Confirmer. A Node shows what its kubelet said last, for 40 s
// after the kubelet has stopped. What tells reports apart is that they
// change, because the clock of the host may not be ours.
func (m Module) Confirm(ctx context.Context, h host.Host) error {
	var reports reports
	err := resource.WaitFor(ctx, "node "+m.Name+" to report Ready again", m.limit(), func(ctx context.Context) error {
		lease, err := kube.Get(ctx, m.api(h), "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+m.Name)
		if err != nil {
			return err
		}
		o, err := kube.Get(ctx, m.api(h), m.path())
		if err != nil {
			return err
		}
		if err := reports.add(kube.Text(lease, "spec", "renewTime"), kube.ConditionOf(o, "Ready").Heartbeat); err != nil {
			return err
		}
		return notReady(o)
	})
	if err != nil {
		return resource.WithJournal(ctx, h, "kubelet.service", err)
	}
	return nil
}

// reports is what a kubelet has reported since the first look.
type reports struct {
	renewed, status string
	seen            bool
	renewals        int
}

// add returns an error as long as the Node's status may be an old one.
func (r *reports) add(renewed, status string) error {
	if !r.seen {
		r.renewed, r.status, r.seen = renewed, status, true
	}
	if renewed != r.renewed {
		r.renewed = renewed
		r.renewals++
	}
	if status != r.status || r.renewals >= enoughRenewals {
		return nil
	}
	return fmt.Errorf("the kubelet has not reported since the change: it renewed its lease last at %s by its own clock", r.renewed)
}
