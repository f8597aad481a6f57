package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// RemoveMember removes a member from etcd. It runs on a control-plane host and uses
// the certificate of its API server.
type RemoveMember struct {
	Name      string       // of the member
	Before    []string     // members that are removed before it
	Endpoints []string     // client URLs of members that remain, to be asked
	Server    address.Addr // address of the step that starts an etcd to ask
}

// Check queries the members. It returns an error if the healthy members among those
// that remain would be no majority.
func (r RemoveMember) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	c := change.Change{Kind: change.Object, Action: change.Remove, Item: "etcd member " + r.Name}
	members, err := h.EtcdMembers(ctx, r.request())
	switch {
	case errors.Is(err, host.ErrUnavailable):
		c.Until = r.Server
		return change.Diff{c}, nil
	case err != nil || !slices.ContainsFunc(members, named(r.Name)):
		return nil, err
	}
	for _, name := range append(slices.Clone(r.Before), r.Name) {
		if err := mayRemove(members, name); err != nil {
			return nil, err
		}
		members = slices.DeleteFunc(members, named(name))
	}
	return change.Diff{c}, nil
}

func (r RemoveMember) request() host.EtcdRequest {
	return host.EtcdRequest{Endpoints: r.Endpoints, CAPath: pki + "ca.crt",
		CertPath: "/etc/kubernetes/pki/apiserver-etcd-client.crt", KeyPath: "/etc/kubernetes/pki/apiserver-etcd-client.key"}
}

func named(name string) func(host.EtcdMember) bool {
	return func(m host.EtcdMember) bool { return m.Name == name }
}

// mayRemove counts healthy voters: they must be a majority now, to agree on the
// removal, and a majority of the members that remain after it.
func mayRemove(members []host.EtcdMember, name string) error {
	voters := slices.DeleteFunc(slices.Clone(members), func(m host.EtcdMember) bool { return m.Learner })
	i := slices.IndexFunc(voters, named(name))
	if i < 0 {
		return nil
	}
	well, ill := 0, ""
	for _, m := range voters {
		if m.Healthy {
			well++
		} else {
			ill += fmt.Sprintf("\n  %s: %s", cmp.Or(m.Name, "the member "+m.ID), m.Why)
		}
	}
	votes, remain, wellAfter := len(voters), len(voters)-1, well
	if voters[i].Healthy {
		wellAfter--
	}
	switch {
	case remain == 0:
		return fmt.Errorf("%s is the last member of etcd: all that the cluster holds would go with it", name)
	case well <= votes/2:
		return fmt.Errorf("%d of etcd's %d members are well, which is no majority, so none can be removed%s", well, votes, ill)
	case wellAfter <= remain/2:
		return fmt.Errorf("without %s only %d of etcd's %d members would be well, which is no majority: mend the others first, as apply -exclude=%s may do%s", name, wellAfter, remain, name, ill)
	}
	return nil
}

// Apply removes the member, whose etcd then ends by itself. It tries again if etcd
// refuses, as it may shortly after the removal of another member.
func (r RemoveMember) Apply(ctx context.Context, h host.Host, _ change.Diff) error {
	return resource.WaitFor(ctx, "etcd to let its member "+r.Name+" go", 30*time.Second, func(ctx context.Context) error {
		members, err := h.EtcdMembers(ctx, r.request())
		i := slices.IndexFunc(members, named(r.Name))
		if err != nil || i < 0 {
			return err
		}
		if err := mayRemove(members, r.Name); err != nil {
			return err
		}
		return h.EtcdRemove(ctx, r.request(), members[i].ID)
	})
}
