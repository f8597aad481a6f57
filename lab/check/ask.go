package check

import (
	"context"
	"fmt"
	"time"
)

// ReadySince returns the time at which the last of n nodes became Ready, in
// full seconds.
func (k Kubectl) ReadySince(ctx context.Context, n int) (time.Time, error) {
	nodes, err := k.nodes(ctx)
	if err != nil {
		return time.Time{}, err
	}
	var last time.Time
	ready := 0
	for _, node := range nodes {
		if since := node.readySince(); !since.IsZero() {
			ready++
			if since.After(last) {
				last = since
			}
		}
	}
	if ready != n {
		return time.Time{}, fmt.Errorf("%d of %d nodes are Ready, want %d", ready, len(nodes), n)
	}
	return last, nil
}

// LeaseRenewed returns the time at which a node last renewed its lease.
func (k Kubectl) LeaseRenewed(ctx context.Context, node string) (time.Time, error) {
	var lease struct {
		Spec struct{ RenewTime time.Time }
	}
	err := k.get(ctx, &lease, "lease", "-n", "kube-node-lease", node)
	return lease.Spec.RenewTime, err
}

// Reach lets the pod on one node ask the pod on another node for its name.
func (k Kubectl) Reach(ctx context.Context, from, to string) error {
	pods, err := k.pods(ctx)
	if err != nil {
		return err
	}
	on := make(map[string]pod)
	for _, p := range pods {
		on[p.Spec.NodeName] = p
	}
	if on[from].Status.PodIP == "" || on[to].Status.PodIP == "" {
		return fmt.Errorf("not both of %s and %s run a pod", from, to)
	}
	out, err := k.run(ctx, "", "-n", namespace, "exec", on[from].Metadata.Name, "--", "/web", "get", "http://"+on[to].Status.PodIP+":8080")
	if err == nil && out != on[to].Metadata.Name+"\n" {
		err = fmt.Errorf("%s answered %q", on[to].Metadata.Name, out)
	}
	return err
}
