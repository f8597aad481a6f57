package hostcheck

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/state"
)

// What shows that another installer was at work.
var (
	foreignUnits = []string{"k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service",
		"k0scontroller.service", "k0sworker.service", "snap.microk8s.daemon-kubelite.service"}
	foreignFiles = []string{"/etc/kubernetes/kubelet.conf", "/etc/kubernetes/admin.conf", "/etc/rancher/k3s", "/etc/rancher/rke2"}
	otherUnits   = []string{kubeletUnit, runtimeUnit, etcdUnit, dockerUnit, firewalldUnit}
)

// marker stands in every unit file that pmkctl writes.
const marker = "\n" + change.InputsKey + "="

// member reports whether the host is in this cluster already.
func (p Probe) member(s *seen) bool {
	return s.record != nil && s.broken == nil && s.record.Cluster.Name == p.Cluster && s.record.Cluster.ID == p.ClusterID
}

// others finds other clusters and installations.
func (p Probe) others(s *seen) (out []preflight.Finding) {
	add := func(id, found, expected string) { out = append(out, preflight.NewFinding(id, p.Name, found, expected)) }
	switch c := s.record; {
	case c == nil || s.broken == nil && c.Cluster.ID == "" || p.member(s): // a record without an id is of a run that was interrupted before the host became a member
	case s.broken != nil:
		add(preflight.OtherCluster, fmt.Sprintf("%s cannot be read: %v", state.RecordPath, s.broken), "")
	case c.Cluster.Name != p.Cluster:
		add(preflight.OtherCluster, fmt.Sprintf("the host belongs to the cluster %q", c.Cluster.Name), fmt.Sprintf("%q, or none", p.Cluster))
	default:
		add(preflight.OtherCluster, fmt.Sprintf("the host belongs to another cluster of the name %q, with the id %s", c.Cluster.Name, c.Cluster.ID), "the id "+p.ClusterID)
	}
	if u := s.units[kubeletUnit]; !notFound(u) && !p.ours(s, u) {
		add(preflight.ForeignKubelet, fmt.Sprintf("%s is there (%s, %s)", kubeletUnit, u.Path, u.Active), "none, or pmkctl's own")
	}
	if found := p.foreign(s); len(found) > 0 {
		add(preflight.ForeignInstall, "found "+strings.Join(found, ", "), "none")
	}
	return out
}

func notFound(u host.Unit) bool { return u.Load == "" || u.Load == "not-found" }

// ours reports whether pmkctl wrote a unit.
func (p Probe) ours(s *seen, u host.Unit) bool {
	path := unitDir + u.Name
	if u.Path != path {
		return false
	}
	if p.member(s) {
		if _, owned := s.record.Owns[path]; owned {
			return true
		}
	}
	return strings.Contains(string(s.files[path].Content), marker)
}

// foreign lists units and files of other installers. On a member, static pods
// and the data of an etcd are no sign of one.
func (p Probe) foreign(s *seen) (found []string) {
	member := p.member(s)
	for _, name := range foreignUnits {
		if !notFound(s.units[name]) {
			found = append(found, name)
		}
	}
	for _, path := range foreignFiles {
		if s.files[path].Type != host.Absent {
			found = append(found, path)
		}
	}
	if m := s.files[manifests]; !member && len(m.Entries) > 0 {
		found = append(found, fmt.Sprintf("%s (%s)", manifests, strings.Join(m.Entries, ", ")))
	}
	if dir := memberDir(p.EtcdData); !member && p.EtcdData != "" && s.files[dir].Type != host.Absent {
		found = append(found, dir)
	}
	return found
}

// dockerUnit needs the containerd of its distribution.
const dockerUnit = "docker.service"

// runtime finds an active containerd that ours would replace.
func (p Probe) runtime(s *seen) (out []preflight.Finding) {
	u := s.units[runtimeUnit]
	if notFound(u) || u.Active != "active" || p.ours(s, u) {
		return nil
	}
	found := fmt.Sprintf("%s is not pmkctl's (%s, %s)", runtimeUnit, u.Path, u.Active)
	if s.units[dockerUnit].Active == "active" {
		found += ", and " + dockerUnit + " uses it"
	}
	return append(out, preflight.NewFinding(preflight.ForeignRuntime, p.Name, found, "none: pmkctl's own takes its place"))
}
