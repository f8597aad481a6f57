package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// Leave takes a member out of etcd, as others are told by it. It runs on a
// control-plane host, with the API server's certificate.
type Leave struct {
	Name   string       // of the member
	Before []string     // members that leave before it
	Others []Member     // that stay, to be asked
	Server address.Step // address of the step that starts an etcd to ask
}

// leaveLimit is how long the others may take to be well again after a member
// before this one has left.
const leaveLimit = 30 * time.Second

// Check looks for the member, and refuses where the others would be no
// majority of those that are left.
func (l Leave) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	c := change.Change{Kind: change.Object, Action: change.Remove, Item: "etcd member " + l.Name}
	members, err := h.EtcdMembers(ctx, l.request())
	if errors.Is(err, host.ErrUnavailable) {
		c.Until = l.Server
		return change.Diff{c}, nil
	}
	if err != nil {
		return nil, err
	}
	if find(members, l.Name) == nil {
		return nil, nil
	}
	for _, name := range l.Before {
		if err := mayLeave(members, name); err != nil {
			return nil, err
		}
		members = slices.DeleteFunc(members, func(m host.EtcdMember) bool { return m.Name == name })
	}
	return change.Diff{c}, mayLeave(members, l.Name)
}

func (l Leave) request() host.EtcdRequest {
	const dir = "/etc/kubernetes/pki/"
	r := host.EtcdRequest{CAPath: pki + "ca.crt", CertPath: dir + "apiserver-etcd-client.crt", KeyPath: dir + "apiserver-etcd-client.key"}
	for _, m := range l.Others {
		r.Endpoints = append(r.Endpoints, m.ClientURL())
	}
	return r
}

func find(members []host.EtcdMember, name string) *host.EtcdMember {
	for i := range members {
		if members[i].Name == name {
			return &members[i]
		}
	}
	return nil
}

// mayLeave counts votes: a majority must be well to agree on it, and a
// majority of those that are left must be well after it.
func mayLeave(members []host.EtcdMember, name string) error {
	leaver := find(members, name)
	if leaver == nil || leaver.Learner {
		return nil
	}
	votes, well := 0, 0
	var ill []string
	for _, m := range members {
		switch {
		case m.Learner:
		case m.Healthy:
			votes, well = votes+1, well+1
		default:
			votes, ill = votes+1, append(ill, fmt.Sprintf("%s: %s", called(m), m.Why))
		}
	}
	left, wellAfter := votes-1, well
	if leaver.Healthy {
		wellAfter--
	}
	switch {
	case left == 0:
		return fmt.Errorf("%s is the last member of etcd: all that the cluster holds would go with it", name)
	case well <= votes/2:
		return fmt.Errorf("%d of etcd's %d members are well, which is no majority, so none can be removed%s", well, votes, list(ill))
	case wellAfter <= left/2:
		return fmt.Errorf("without %s only %d of etcd's %d members would be well, which is no majority: mend the others first, as apply -exclude=%s may do%s", name, wellAfter, left, name, list(ill))
	}
	return nil
}

func called(m host.EtcdMember) string {
	if m.Name == "" {
		return "the member " + m.ID
	}
	return m.Name
}

func list(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "\n  " + strings.Join(lines, "\n  ")
}

// Apply removes the member. Its etcd ends by itself. Right after another
// member left etcd may refuse for a moment.
func (l Leave) Apply(ctx context.Context, h host.Host, _ change.Diff) error {
	return resource.WaitFor(ctx, "etcd to let its member "+l.Name+" go", leaveLimit, func(ctx context.Context) error {
		members, err := h.EtcdMembers(ctx, l.request())
		if err != nil {
			return err
		}
		m := find(members, l.Name)
		if m == nil {
			return nil
		}
		if err := mayLeave(members, l.Name); err != nil {
			return err
		}
		return h.EtcdRemove(ctx, l.request(), m.ID)
	})
}
