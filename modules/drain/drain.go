// Package drain empties the Node of a departing host: no pod is scheduled there
// any more, and the pods there are evicted as far as their disruption budgets
// allow. Pods of DaemonSets and of the kubelet itself stay until the host stops.
// It owns nothing.
package drain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// Module empties one Node. It runs on a control-plane host.
type Module struct {
	Node      string
	Limit     time.Duration // for all pods to go
	APIServer address.Addr  // address of the step that starts the API server
}

func (m Module) item() string { return "pods on node/" + m.Node }

// nodeState is a Node, and the pods that are to be evicted from it.
type nodeState struct {
	deleted  bool // there is no such Node
	cordoned bool
	silent   bool // its kubelet has stopped reporting, so its pods cannot end
	pods     []pod
}

// pod is a pod that is to be evicted.
type pod struct {
	name    string // namespace/name
	path    string
	ending  bool // it was deleted and still runs
	managed bool // a controller starts another one in its place
}

// Check reads the Node and its pods.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	c := change.Change{Kind: change.Object, Action: change.Remove, Item: m.item()}
	s, err := m.read(ctx, h)
	switch {
	case errors.Is(err, host.ErrUnavailable):
		c.Until = m.APIServer
	case err != nil:
		return nil, err
	case s.deleted || s.cordoned && len(s.pods) == 0:
		return nil, nil
	default:
		c.Why = s.describe()
	}
	return change.Diff{c}, nil
}

func (m Module) read(ctx context.Context, h host.KubeClient) (*nodeState, error) {
	node, err := kube.Get(ctx, h, "/api/v1/nodes/"+m.Node)
	if kube.NotFound(err) {
		return &nodeState{deleted: true}, nil
	}
	if err != nil {
		return nil, err
	}
	s := &nodeState{silent: kube.ConditionOf(node, "Ready").Status == "Unknown"}
	s.cordoned, _ = kube.Field(node, "spec", "unschedulable").(bool)
	pods, err := kube.PodsOn(ctx, h, m.Node)
	if err != nil {
		return nil, err
	}
	for _, o := range pods {
		if p := newPod(o); evictable(o) && !(s.silent && p.ending) {
			s.pods = append(s.pods, p)
		}
	}
	slices.SortFunc(s.pods, func(a, b pod) int { return strings.Compare(a.name, b.name) })
	return s, nil
}

func newPod(o kube.Object) pod {
	namespace, name := kube.Text(o, "metadata", "namespace"), kube.Text(o, "metadata", "name")
	return pod{name: namespace + "/" + name, path: "/api/v1/namespaces/" + namespace + "/pods/" + name,
		ending: kube.Text(o, "metadata", "deletionTimestamp") != "", managed: controller(o) != ""}
}

// evictable reports whether a pod is to be evicted. Not evicted are pods that have
// ended, the kubelet's own pods, and those that a DaemonSet would start again.
func evictable(o kube.Object) bool {
	_, mirror := kube.Field(o, "metadata", "annotations", "kubernetes.io/config.mirror").(string)
	phase := kube.Text(o, "status", "phase")
	return !mirror && phase != "Succeeded" && phase != "Failed" && controller(o) != "DaemonSet"
}

// controller returns the kind of the object that controls a pod; "" if none does.
func controller(o kube.Object) string {
	owners, _ := kube.Field(o, "metadata", "ownerReferences").([]any)
	for _, owner := range owners {
		if is, _ := kube.Field(owner, "controller").(bool); is {
			return kube.Text(owner, "kind")
		}
	}
	return ""
}

// most is how many pods a text names one by one.
const most = 8

// describe returns which pods are evicted, and which of them nothing replaces.
func (s *nodeState) describe() string {
	var all, alone []string
	for _, p := range s.pods {
		all = append(all, p.name)
		if !p.managed {
			alone = append(alone, p.name)
		}
	}
	if len(all) == 0 {
		return "cordoned; no pod is to be evicted"
	}
	text := "cordoned; evicted: " + some(all)
	if len(alone) > 0 {
		text += "; nothing starts these again: " + some(alone)
	}
	return text
}

func some(names []string) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// Apply cordons the Node and evicts pods until none remains. It may be repeated. A
// Node that was not emptied in time stays cordoned.
func (m Module) Apply(ctx context.Context, h host.Host, _ change.Diff) error {
	held := map[string]string{} // why a pod is still there, by its name
	var final error
	err := resource.WaitFor(ctx, "the pods on node "+m.Node+" to go", m.Limit, func(ctx context.Context) error {
		err := m.round(ctx, h, held)
		if err != nil && len(held) == 0 && !kube.Passing(err) {
			final = err
			return nil
		}
		return err
	})
	if final != nil || err == nil || len(held) == 0 || ctx.Err() != nil || errors.Is(err, host.ErrLost) {
		return errors.Join(final, err)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(held)) {
		lines = append(lines, fmt.Sprintf("\n  %s: %s", name, held[name]))
	}
	return fmt.Errorf("node %s is cordoned, and after %s still has pods:%s\nRun it again to go on; drain_timeout in the cluster block gives them more time",
		m.Node, m.Limit, strings.Join(lines, ""))
}

// round cordons the Node, evicts the pods that were not evicted yet, and returns an
// error while pods remain. held then says why. If the time ends within a round,
// held stays as it was.
func (m Module) round(ctx context.Context, h host.KubeClient, held map[string]string) error {
	remaining := map[string]string{}
	err := m.evictAll(ctx, h, remaining)
	if err != nil && len(held) > 0 && ctx.Err() != nil {
		return err
	}
	clear(held)
	if err != nil {
		return err
	}
	maps.Copy(held, remaining)
	if len(held) > 0 {
		return fmt.Errorf("%d pods are left", len(held))
	}
	return nil
}

func (m Module) evictAll(ctx context.Context, h host.KubeClient, remaining map[string]string) error {
	s, err := m.read(ctx, h)
	if err != nil || s.deleted {
		return err
	}
	if !s.cordoned {
		if err := kube.Merge(ctx, h, "/api/v1/nodes/"+m.Node, kube.Object{"spec": kube.Object{"unschedulable": true}}); err != nil {
			return err
		}
	}
	for _, p := range s.pods {
		why, err := evict(ctx, h, p)
		if err != nil {
			return fmt.Errorf("evict pod %s: %w", p.name, err)
		}
		if why != "" {
			remaining[p.name] = why
		}
	}
	return nil
}

// evict asks for the eviction of a pod, and returns why the pod is still there.
func evict(ctx context.Context, h host.KubeClient, p pod) (why string, err error) {
	if p.ending {
		return "it was told to end and has not", nil
	}
	namespace, name, _ := strings.Cut(p.name, "/")
	err = kube.Create(ctx, h, p.path+"/eviction", kube.Object{"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata": kube.Object{"namespace": namespace, "name": name}})
	switch {
	case kube.NotFound(err):
		return "", nil
	case kube.Refused(err):
		return kube.Message(err), nil
	case err != nil:
		return "", err
	}
	return "it was told to end and has not", nil
}
