package hosttest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// An ensemble is the members of etcd by the names of their hosts. A host
// becomes a member when its etcd starts. A removed member stays removed,
// because its id does.
type ensemble struct {
	ids     map[string]string
	removed map[string]bool
}

func newEnsemble() ensemble { return ensemble{map[string]string{}, map[string]bool{}} }

func (e ensemble) update(name string, runs bool) {
	if runs && !e.removed[name] {
		sum := fnv.New32a()
		sum.Write([]byte("etcd " + name))
		e.ids[name] = strconv.FormatUint(uint64(sum.Sum32()), 10)
	}
}

// runEtcd starts an etcd with a configuration file. It makes its data, unless
// the running members refuse it.
func (m *machine) runEtcd(f *unitFile) error {
	config := m.configText(splitWords(f.last("Service.ExecStart")))
	data := etcdField(config, "data-dir")
	if data == "" {
		return nil
	}
	fresh := m.tree.open(data+"/member") == nil
	if err := m.cluster.etcdStarts(m.name, fresh); err != nil {
		return err
	}
	if !fresh {
		return nil
	}
	user := f.last("Service.User")
	return m.makeDir(host.DirSpec{Path: data + "/member", Mode: 0o700, Owner: user, Group: user})
}

func etcdField(config, name string) string {
	match := regexp.MustCompile(`(?m)^` + name + `: "?([^"\n]*)`).FindStringSubmatch(config)
	if match == nil {
		return ""
	}
	return match[1]
}

// etcdStarts returns an error if a member cannot start. fresh means that it
// has no data. The first member begins a new ensemble.
func (c *Cluster) etcdStarts(name string, fresh bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	runs, expected := false, false
	for other := range c.etcd.ids {
		if s := c.states[other]; other != name && s.Etcd {
			runs = true
			expected = expected || strings.Contains(","+s.EtcdPeers, ","+name+"=")
		}
	}
	switch {
	case !runs && fresh:
		c.etcd = newEnsemble()
	case !runs:
	case c.etcd.removed[name]:
		return errors.New("the member has been permanently removed from the cluster")
	case fresh && c.etcd.ids[name] != "":
		return fmt.Errorf("member %s has already been bootstrapped", name)
	case fresh && !expected:
		return errors.New("request cluster ID mismatch: no majority answers")
	}
	return nil
}

// quorum reports whether a majority of the members runs.
func (c *Cluster) quorum() bool {
	up := 0
	for name := range c.etcd.ids {
		if c.states[name].Etcd {
			up++
		}
	}
	return up > len(c.etcd.ids)/2
}

// EtcdMembers implements host.Reader.
func (h *Host) EtcdMembers(ctx context.Context, r host.EtcdRequest) ([]host.EtcdMember, error) {
	var members []host.EtcdMember
	err := h.read(ctx, "EtcdMembers", "", func() error {
		if err := h.asksEtcd(r); err != nil {
			return err
		}
		members = h.cluster.etcdMembers()
		return nil
	})
	return members, err
}

// EtcdRemove implements host.Writer. It refuses to remove a member if no
// majority would remain, as strict-reconfig-check does.
func (h *Host) EtcdRemove(ctx context.Context, r host.EtcdRequest, id string) error {
	return h.change(ctx, "EtcdRemove", id, func() error {
		if err := h.asksEtcd(r); err != nil {
			return err
		}
		return h.cluster.etcdRemove(id)
	})
}

// asksEtcd returns an error if no endpoint answers, or if this host lacks
// what it needs to ask.
func (m *machine) asksEtcd(r host.EtcdRequest) error {
	for _, p := range []string{r.CAPath, r.CertPath, r.KeyPath} {
		if _, err := m.content(p); err != nil {
			return err
		}
	}
	for _, e := range r.Endpoints {
		if u, err := url.Parse(e); err == nil && m.answers(u) == "etcd" {
			return nil
		}
	}
	return fmt.Errorf("ask etcd: connection refused: %w", host.ErrUnavailable)
}

func (c *Cluster) etcdMembers() []host.EtcdMember {
	c.mu.Lock()
	defer c.mu.Unlock()
	var members []host.EtcdMember
	for _, name := range sortedKeys(c.etcd.ids) {
		m := host.EtcdMember{ID: c.etcd.ids[name], Name: name, Healthy: c.states[name].Etcd}
		for _, a := range c.states[name].Addresses {
			if ip := net.ParseIP(a); !ip.IsLoopback() {
				m.Clients = append(m.Clients, "https://"+net.JoinHostPort(a, "2379"))
			}
		}
		if !m.Healthy {
			m.Why = "connection refused"
		}
		members = append(members, m)
	}
	return members
}

func (c *Cluster) etcdRemove(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.quorum() {
		return errors.New("etcdserver: request timed out")
	}
	for name, have := range c.etcd.ids {
		if have != id {
			continue
		}
		delete(c.etcd.ids, name)
		if !c.quorum() {
			c.etcd.ids[name] = id
			return errors.New("etcdserver: re-configuration failed due to not enough started members")
		}
		c.etcd.removed[name] = true
	}
	return nil
}
