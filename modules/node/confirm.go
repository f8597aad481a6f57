package node

import (
	"context"
	"fmt"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// enoughRenewals is how often the kubelet must renew its lease before an unchanged
// status counts as a new report. The first renewal may come before the kubelet has
// computed its status, which it does as often as it renews.
const enoughRenewals = 2

// Confirm waits until the kubelet has reported again that the Node is Ready, see
// modules.Confirmer. A Node keeps the last report of its kubelet for 40 s after the
// kubelet has stopped. A new report is recognized by a change of its time, not by
// its age, because the clock of the host may differ from ours.
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

// reports are the reports of a kubelet since the first query.
type reports struct {
	renewed, status string
	seen            bool
	renewals        int
}

// add returns an error while the status of the Node may be an old one.
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
