package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
)

// Delete deletes the Node of a host whose kubelet does not run any more. It runs on
// a control-plane host.
type Delete struct {
	Name      string
	Dead      bool         // the host was not stopped: its pods are deleted too, so that others replace them at once
	APIServer address.Addr // address of the step that starts the API server
}

// Check queries the Node.
func (d Delete) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	c := change.Change{Kind: change.Object, Action: change.Remove, Item: "node/" + d.Name}
	_, err := kube.Get(ctx, h, d.path())
	switch {
	case errors.Is(err, host.ErrUnavailable):
		c.Until = d.APIServer
	case kube.NotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return change.Diff{c}, nil
}

func (d Delete) path() string { return "/api/v1/nodes/" + d.Name }

// Apply deletes the pods of a dead host before its Node. So after an interruption
// the next Check still finds the Node.
func (d Delete) Apply(ctx context.Context, h host.Host, _ change.Diff) error {
	if d.Dead {
		if err := d.endPods(ctx, h); err != nil {
			return err
		}
	}
	return kube.Delete(ctx, h, d.path())
}

// endPods keeps new pods away, and deletes the pods that are there without a
// kubelet.
func (d Delete) endPods(ctx context.Context, h host.KubeClient) error {
	err := kube.Merge(ctx, h, d.path(), kube.Object{"spec": kube.Object{"unschedulable": true}})
	if kube.NotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	pods, err := kube.PodsOn(ctx, h, d.Name)
	if err != nil {
		return err
	}
	for _, p := range pods {
		namespace, name := kube.Text(p, "metadata", "namespace"), kube.Text(p, "metadata", "name")
		if err := kube.Delete(ctx, h, "/api/v1/namespaces/"+namespace+"/pods/"+name+"?gracePeriodSeconds=0"); err != nil {
			return fmt.Errorf("delete pod %s/%s: %w", namespace, name, err)
		}
	}
	return nil
}
