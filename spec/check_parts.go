package spec

import (
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// CNIPlugins are the components that containerd expects in a folder of their
// own.
var CNIPlugins = []string{"bridge", "host-local", "loopback", "portmap"}

// parts are the components, with the hosts that get them.
var parts = []struct {
	where string // for docs/spec.md
	names []string
	on    func(c *Cluster, h *Host) bool
}{
	{"Every host", append([]string{"containerd", "containerd-shim-runc-v2", "ctr", "flanneld", "kube-proxy", "kubelet", "runc"}, CNIPlugins...),
		func(*Cluster, *Host) bool { return true }},
	{"Control plane", controlPlane, func(_ *Cluster, h *Host) bool { return h.Has(ControlPlane) }},
	{"Etcd", []string{"etcd"}, func(_ *Cluster, h *Host) bool { return h.Has(Etcd) }},
	{"Allowed, and not installed", []string{"crictl", "etcdctl", "etcdutl", "kubectl"}, func(*Cluster, *Host) bool { return false }},
}

var (
	controlPlane = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	imageKeys    = []string{"coredns", "pause"}
)

// AllComponents returns the names that a component may have.
func AllComponents() []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.names...)
	}
	return out
}

func known(name string) bool { return slices.Contains(AllComponents(), name) }

// ComponentsOf returns the names of the components that a host gets.
func (c *Cluster) ComponentsOf(h *Host) []string {
	var out []string
	for _, p := range parts {
		if p.on(c, h) {
			out = append(out, p.names...)
		}
	}
	return out
}

func (l *loader) checkParts(d *decoded) {
	if d.partial || len(d.hosts) == 0 {
		return
	}
	l.checkMissing(d, "component", d.missingComponents(), "version = \"...\"\n  source  = \"...\"\n  sha256  = \"...\"")
	var images []string
	for _, k := range imageKeys {
		if d.image(k) == nil {
			images = append(images, k)
		}
	}
	l.checkMissing(d, "image", images, "name   = \"...\"\n  source = \"...\"\n  sha256 = \"...\"")
}

func (d *decoded) missingComponents() []string {
	missing := map[string]bool{}
	for _, h := range d.Hosts {
		for _, c := range d.ComponentsOf(h) {
			if _, ok := d.Components[c]; !ok {
				missing[c] = true
			}
		}
	}
	return keys(missing)
}

func (l *loader) checkMissing(d *decoded, kind string, names []string, body string) {
	if len(names) == 0 {
		return
	}
	l.add(problem(d.Range, "Missing "+kind+"s", "The roles of the hosts need %ss that the spec does not have: %s. Add a block for each, or one with for_each for all:\n\n%s %q {\n  %s\n}",
		kind, strings.Join(names, ", "), kind, names[0], body))
}

// checkComponentVersion compares the version of a component with
// kubernetes_version. For containerd there is a lowest version.
func (l *loader) checkComponentVersion(d *decoded, c Component, n *node) {
	at := n.attrs["version"].at
	if kubernetes := slices.Contains(controlPlane, c.Name) || c.Name == "kubelet" || c.Name == "kube-proxy"; kubernetes {
		if c.Version != "" && d.Version != "" && c.Version != d.Version {
			l.add(problem(at, "Component of another version", "%s is %s, but kubernetes_version is %s (%s). Write the same in both.", c.Name, c.Version, d.Version, place(d.cluster.attrs["kubernetes_version"].at)))
		}
		return
	}
	v, err := semver.NewVersion(c.Version)
	if c.Name == "containerd" && err == nil && (v.Major() < 2 || v.Major() == 2 && v.Minor() < minContainerd(d.Version)) {
		l.add(problem(at, "Component of another version", "Kubernetes %s needs containerd 2.%d or newer, not %s.", d.Version, minContainerd(d.Version), c.Version))
	}
}

func minContainerd(kubernetes string) uint64 {
	if strings.HasPrefix(kubernetes, "1.36.") {
		return 2
	}
	return 0
}
