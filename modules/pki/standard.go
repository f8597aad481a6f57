package pki

import (
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/host"
)

// ControlPlane has the names of a control-plane host for its certificates.
type ControlPlane struct {
	Name      string
	Addresses []string // inside the cluster's network
	ServiceIP string   // of the Service kubernetes: see FirstServiceIP
	Domain    string   // cluster.local
	Endpoint  string   // name or address that clients use; "" if they use Addresses
	ExtraSANs []string // names or addresses
}

// Leaves returns the certificates of a control-plane host, without those of a node.
func (m ControlPlane) Leaves() []Leaf {
	apiserver := sans(append([]string{m.Name, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + m.Domain, "localhost",
		m.ServiceIP, "127.0.0.1", m.Endpoint}, append(slices.Clone(m.Addresses), m.ExtraSANs...)...))
	apiserver.CommonName, apiserver.Server = "kube-apiserver", true
	return []Leaf{
		leaf("apiserver", Cluster, "kube", apiserver),
		// Not in system:masters: RBAC gives this name its permissions on
		// kubelets.
		leaf("apiserver-kubelet-client", Cluster, "kube", named("kube-apiserver-kubelet-client")),
		leaf("apiserver-etcd-client", Etcd, "kube", named("kube-apiserver-etcd-client")),
		leaf("front-proxy-client", FrontProxy, "kube", named("front-proxy-client")),
		leaf("kube-controller-manager", Cluster, "kube", m.serving(named("system:kube-controller-manager"))),
		leaf("kube-scheduler", Cluster, "kube", m.serving(named("system:kube-scheduler"))),
		// It works when RBAC is broken, and makes the first RBAC objects: its
		// group is not subject to authorization. Only root on this host can
		// read the key.
		leaf("admin", Cluster, "", named("kubernetes-admin", "system:masters")),
	}
}

// EtcdLeaves returns the certificates of an etcd member. Its server certificate is
// a client certificate too, because etcd's gateway dials its own server with it.
func EtcdLeaves(name string, addresses []string) []Leaf {
	p := sans(append([]string{name, "localhost", "127.0.0.1"}, addresses...))
	p.CommonName, p.Server, p.Client = name, true, true
	return []Leaf{leaf("etcd/server", Etcd, "etcd", p), leaf("etcd/peer", Etcd, "etcd", p)}
}

// NodeLeaves returns the certificates of a node. The kubelet begins with
// kubelet-client, and then rotates it by itself.
func NodeLeaves(name string, addresses []string) []Leaf {
	serving := sans(append([]string{name}, addresses...))
	serving.CommonName, serving.Organizations, serving.Server = "system:node:"+name, []string{"system:nodes"}, true
	return []Leaf{
		leaf("kubelet-client", Cluster, "", named("system:node:"+name, "system:nodes")),
		leaf("kubelet-server", Cluster, "", serving),
		leaf("kube-proxy", Cluster, "", named("system:kube-proxy")),
		leaf("flannel", Cluster, "", named("system:flannel")),
	}
}

// FirstServiceIP returns the address of the Service kubernetes: the first of the
// service CIDR.
func FirstServiceIP(services netip.Prefix) string { return services.Masked().Addr().Next().String() }

// leaf returns a certificate whose key only user can read; "" is root.
func leaf(file, ca, user string, p host.CertProfile) Leaf {
	p.Lifetime = leafLife
	return Leaf{Key: host.KeySpec{Path: Dir + file + ".key", Mode: 0o600, Owner: user, Group: user}, Cert: Dir + file + ".crt", CA: ca, Profile: p}
}

// named returns the profile of a client with a name and groups.
func named(cn string, groups ...string) host.CertProfile {
	return host.CertProfile{CommonName: cn, Organizations: groups, Client: true}
}

// serving makes a client certificate a server certificate too, for health and
// metrics: so their answers can be verified.
func (m ControlPlane) serving(p host.CertProfile) host.CertProfile {
	names := sans(append([]string{m.Name, "localhost", "127.0.0.1"}, m.Addresses...))
	p.Server, p.DNSNames, p.IPs = true, names.DNSNames, names.IPs
	return p
}

// sans separates names and addresses, each once and in order.
func sans(all []string) host.CertProfile {
	var p host.CertProfile
	for _, s := range all {
		a, err := netip.ParseAddr(s)
		switch {
		case s == "":
		case err != nil && !slices.Contains(p.DNSNames, s):
			p.DNSNames = append(p.DNSNames, s)
		case err == nil && !slices.Contains(p.IPs, a.Unmap().String()):
			p.IPs = append(p.IPs, a.Unmap().String())
		}
	}
	return p
}
