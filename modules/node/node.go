// Package node gives a Node its labels and taints and waits until it is
// Ready. It owns the labels and taints that it has set. Their names are in two
// annotations of the Node. It does not change others.
package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/kube"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// Taint keeps pods off a node.
type Taint struct{ Key, Value, Effect string }

const controlPlane = "node-role.kubernetes.io/control-plane"

// ControlPlaneLabel marks a host of the control plane. A kubelet may not set it.
func ControlPlaneLabel() (key, value string) { return controlPlane, "" }

// ControlPlaneTaint keeps ordinary pods off a control-plane host that is no worker.
func ControlPlaneTaint() Taint { return Taint{Key: controlPlane, Effect: "NoSchedule"} }

// Module is the Node of the step's host.
type Module struct {
	Name   string
	Labels map[string]string
	Taints []Taint
	API    host.Host // a control-plane host; nil is the step's own
	// Addresses of the steps that start the API server, and the kubelet that
	// registers the Node.
	APIServer, Kubelet address.Addr
	Limit              time.Duration // of the wait for Ready; 0 is 120 s
}

func (m Module) api(h host.Host) host.Host {
	if m.API != nil {
		return m.API
	}
	return h
}

func (m Module) path() string { return "/api/v1/nodes/" + m.Name }

func (m Module) item() string { return "node/" + m.Name }

// Check reads the Node, compares the labels and taints that are ours, and returns a
// change if it is not Ready.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	have, err := kube.Get(ctx, m.api(h), m.path())
	switch {
	case errors.Is(err, host.ErrUnavailable):
		action, err := kube.WhileDown(ctx, m.api(h))
		return m.unknown(action, m.APIServer), err
	case kube.NotFound(err):
		return m.unknown(change.Add, m.Kubelet), nil
	case err != nil:
		return nil, err
	}
	d := m.diff(have)
	if why := notReady(have); why != nil {
		d = append(d, change.Change{Kind: change.Object, Action: change.Update, Item: m.item(),
			Have: "not Ready", Want: "Ready", Why: why.Error(), Volatile: true, Host: m.Name})
	}
	return d, nil
}

// unknown returns the changes of a Node that cannot be read yet.
func (m Module) unknown(action change.Action, until address.Addr) change.Diff {
	d := m.diff(nil)
	d = append(d, change.Change{Kind: change.Object, Action: change.Add, Item: m.item(), Want: "Ready", Volatile: true, Host: m.Name})
	for i := range d {
		d[i].Action, d[i].Until = action, until
	}
	return d
}

// notReady returns the reason; nil if the Node is Ready.
func notReady(o kube.Object) error {
	switch c := kube.ConditionOf(o, "Ready"); {
	case c.Status == "True":
		return nil
	case c.Status == "":
		return errors.New("the kubelet has reported no condition yet")
	default:
		return fmt.Errorf("%s: %s", c.Reason, c.Message)
	}
}

func (m Module) limit() time.Duration { return cmp.Or(m.Limit, 120*time.Second) }

// Apply sets labels and taints and waits until the Node is Ready. If that takes too
// long, the error has the last report of the kubelet.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	limit := m.limit()
	deadline := time.Now().Add(limit)
	if err := m.label(ctx, h, limit); err != nil {
		return resource.WithJournal(ctx, h, "kubelet.service", err)
	}
	err := resource.WaitFor(ctx, "node "+m.Name+" to be Ready", time.Until(deadline), func(ctx context.Context) error {
		o, err := kube.Get(ctx, m.api(h), m.path())
		if err != nil {
			return err
		}
		return notReady(o)
	})
	if err != nil {
		return resource.WithJournal(ctx, h, "kubelet.service", err)
	}
	return nil
}

// label waits for the Node and patches it. It tries again if the Node has changed
// meanwhile.
func (m Module) label(ctx context.Context, h host.Host, limit time.Duration) error {
	var final error
	err := resource.WaitFor(ctx, "node "+m.Name+" to be registered", limit, func(ctx context.Context) error {
		o, err := kube.Get(ctx, m.api(h), m.path())
		if err == nil {
			if patch := m.patch(o); patch != nil {
				err = kube.Merge(ctx, m.api(h), m.path(), patch)
			}
		}
		if err != nil && !kube.Passing(err) {
			final = err
			return nil
		}
		return err
	})
	return errors.Join(final, err)
}
