package spec

import (
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// CNIPlugins are the components that containerd expects in a folder of their
// own.
var CNIPlugins = []string{"bridge", "host-local", "loopback", "portmap"}

// The components that each role needs. The optional ones may be declared, but
// are not installed.
var (
	everyHost     = append([]string{"containerd", "containerd-shim-runc-v2", "ctr", "flanneld", "kube-proxy", "kubelet", "runc"}, CNIPlugins...)
	controlPlane  = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	etcdHost      = []string{"etcd"}
	optionalParts = []string{"crictl", "etcdctl", "etcdutl", "kubectl"}
	imageKeys     = []string{"coredns", "pause"}
)

// allComponents returns the names that a component may have.
func allComponents() []string { return slices.Concat(everyHost, controlPlane, etcdHost, optionalParts) }

func known(name string) bool { return slices.Contains(allComponents(), name) }

// ComponentsOf returns the names of the components that a host gets by its
// roles.
func ComponentsOf(h *Host) []string {
	out := slices.Clone(everyHost)
	if h.Has(ControlPlane) {
		out = append(out, controlPlane...)
	}
	if h.Has(Etcd) {
		out = append(out, etcdHost...)
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
		for _, c := range ComponentsOf(h) {
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
