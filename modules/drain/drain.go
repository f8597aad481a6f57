// Package drain empties the Node of a host that leaves: no pod is scheduled
// there any more, and those that run there are evicted, as far as their
// disruption budgets allow. Pods of DaemonSets and of the kubelet itself stay:
// they end with the host. It owns nothing.
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
	APIServer address.Step  // address of the step that starts the API server
}

func (m Module) item() string { return "pods on node/" + m.Node }

// nodeState is a Node with what is to leave it.
type nodeState struct {
	gone     bool // there is no such Node
	cordoned bool
	silent   bool // its kubelet reports no more: nobody ends its pods
	pods     []pod
}

// pod is one that is to go.
type pod struct {
	name    string // namespace/name
	path    string
	ending  bool // it was told to
	managed bool // somebody starts another in its place
}

// Check reads the Node and its pods.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	c := change.Change{Kind: change.Object, Action: change.Remove, Item: m.item()}
	s, err := m.look(ctx, h)
	switch {
	case errors.Is(err, host.ErrUnavailable):
		c.Until = m.APIServer
	case err != nil:
		return nil, err
	case s.gone || s.cordoned && len(s.pods) == 0:
		return nil, nil
	default:
		c.Why = s.describe()
	}
	return change.Diff{c}, nil
}

func (m Module) look(ctx context.Context, h host.Host) (*nodeState, error) {
	node, err := kube.Get(ctx, h, "/api/v1/nodes/"+m.Node)
	if kube.NotFound(err) {
		return &nodeState{gone: true}, nil
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
		if p := newPod(o); leaves(o) && !(s.silent && p.ending) {
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

// leaves tells if a pod is to be evicted: not one that has ended, that is the
// kubelet's own, or that a DaemonSet would start again at once.
func leaves(o kube.Object) bool {
	_, mirror := kube.Field(o, "metadata", "annotations", "kubernetes.io/config.mirror").(string)
	phase := kube.Text(o, "status", "phase")
	return !mirror && phase != "Succeeded" && phase != "Failed" && controller(o) != "DaemonSet"
}

// controller is the kind of what keeps a pod running; "" if nothing does.
func controller(o kube.Object) string {
	owners, _ := kube.Field(o, "metadata", "ownerReferences").([]any)
	for _, owner := range owners {
		if is, _ := kube.Field(owner, "controller").(bool); is {
			return kube.Text(owner, "kind")
		}
	}
	return ""
}

// most is how many pods are named one by one.
const most = 8

// describe says what is evicted, and what is lost by it.
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

// Apply cordons the Node and evicts until no pod is left. It may be repeated;
// a Node that could not be emptied in time stays cordoned.
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

// round cordons, evicts every pod that was not told to go yet, and fails
// while one is left. Where the time is up within a round, held stays as the
// one before told.
func (m Module) round(ctx context.Context, h host.Host, held map[string]string) error {
	left := map[string]string{}
	err := m.evictAll(ctx, h, left)
	if err != nil && len(held) > 0 && ctx.Err() != nil {
		return err
	}
	clear(held)
	if err != nil {
		return err
	}
	maps.Copy(held, left)
	if len(held) > 0 {
		return fmt.Errorf("%d pods are left", len(held))
	}
	return nil
}

func (m Module) evictAll(ctx context.Context, h host.Host, left map[string]string) error {
	s, err := m.look(ctx, h)
	if err != nil || s.gone {
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
			left[p.name] = why
		}
	}
	return nil
}

// evict asks for the end of a pod, and tells why it is not gone yet.
func evict(ctx context.Context, h host.Host, p pod) (why string, err error) {
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
